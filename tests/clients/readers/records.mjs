// Records that are odd, by what is odd about them: further members of one, as JSON text.

const deep = (levels) => `"x":${"[".repeat(levels)}${"]".repeat(levels)}`;
export const HUGE = "integers beyond 64 bits";
export const HUGE_INTEGERS = ["18446744073709551616", "-9223372036854775809", `1${"0".repeat(30)}`, "9".repeat(308)];

const raw = (text) => `"x":${text}`;

export const TAKEN = {
  "nothing": raw("0"),
  "names that mean something elsewhere": '"__proto__":{"a":1},"constructor":1,"toString":null,"length":3,"class":"x","":0,"$ref":"#"',
  "names that look like numbers": '"0":1,"1":2,"01":3,"-1":4,"1e3":5,"9007199254740993":6',
  "names that differ a little": '"ID":"other","Id":1,"x":1,"X":2," x":3,"x ":4,"caf\u00e9":5,"cafe\u0301":6,"\\\\u0078":7',
  "escapes": raw('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\uD83D\\uDE00\\u007f\\u2028"'),
  "characters of all planes": raw('"\u007f\u0080\u07ff\u0800\ufdd0\ufffd\uffff\u{10000}\u{1f68c}\u{10ffff}\u2028\u2029\ufeff"'),
  "escaped ones that are no characters": raw('"\\ufffe\\uffff\\ufdd0\\udbff\\udfff"'),
  "from right to left, and combined": raw('"\u202e\u05d0\u0301\u200f\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"'),
  "what looks like markup or a packet": raw('"</script><!-- \\u001e4 42[\\"userExited\\"] %00 \\\\u0000"'),
  "zeros": raw("[0,-0,0.0,-0.0,0e0,0E+308,-0e-308,0.000]"),
  "exponents": raw("[1e0,1E+5,1e-5,1e05,1.5E0,12e-1,100e-2,1e22,1e23]"),
  "the ends of a double's range": raw("[1.7976931348623157e308,-1.7976931348623157E+308,5e-324,4.9e-324,2.2250738585072014e-308]"),
  "doubles that are hard to read": raw("[2.2250738585072011e-308,2.2250738585072012e-308,9007199254740992.5,0.1,0.30000000000000004,6.631236846766476e-316]"),
  "more digits than a double has": raw(`[0.1000000000000000055511151231257827,3.${"14159265".repeat(40)},1${"0".repeat(300)}.5,0.${"0".repeat(300)}1]`),
  "integers of 53 bits and more": raw("[9007199254740991,9007199254740993,-9007199254740993,9223372036854775807,-9223372036854775808]"),
  "integers of 64 bits": raw("[9223372036854775808,18446744073709551615]"),
  [HUGE]: raw(`[${HUGE_INTEGERS}]`),
  "white space": ' \t\r\n "x" \t\r\n : \t\r\n [ \t\r\n { \t\r\n } \t\r\n , \t\r\n [ ] ] ',
  "depth": deep(15),
  "empty ones": raw('[{},[],"",[[]],{"":{}}]'),
  "words": raw("[true,false,null]"),
  "many members": Array.from({ length: 300 }, (_, i) => `"m${i}":${i}`).join(","),
  "a long string": raw(`"${"\u{1f68c}".repeat(900)}"`),
};

const TWICE = "the user record must not name a member twice";
const LONE = "the user record must not hold one half of a surrogate pair";
const BEYOND = "the user record must not hold a number beyond the range of a double";
const NO_JSON = "the message is not valid JSON, or is nested too deep";
const NUL = "the user record must not hold NUL characters";

export const REFUSED = {
  "a member twice": ['"x":1,"x":2', TWICE],
  "the id twice": ['"id":"other"', TWICE],
  "the id twice, once escaped": ['"\\u0069d":"other"', TWICE],
  "a member twice, deep inside": ['"x":[{"y":{"a":1,"\\u0061":2}}]', TWICE],
  "the prototype twice": ['"__proto__":1,"__proto__":2', TWICE],
  "1e999": [raw("1e999"), BEYOND],
  "-1e999, deep inside": [raw('[{"y":[-1e999]}]'), BEYOND],
  "1e-400": [raw("1e-400"), BEYOND],
  "0 with such an exponent": [raw("0e400"), BEYOND],
  "400 digits": [raw("9".repeat(400)), BEYOND],
  "400 digits before a fraction": [raw(`${"9".repeat(400)}.5`), BEYOND],
  "the first that is too large": [raw("1.7976931348623159e308"), BEYOND],
  "half a surrogate pair": [raw('"\\ud83d"'), LONE],
  "the halves in the wrong order": [raw('"\\ude00\\ud83d"'), LONE],
  "half a surrogate pair in a name": ['"\\udfff":1', LONE],
  "an escaped NUL": [raw('"a\\u0000b"'), NUL],
  "an escaped NUL in a name": ['"\\u0000a":1', NUL],
  "one level too deep": [deep(16), NO_JSON],
  "NaN": [raw("NaN"), NO_JSON],
  "Infinity": [raw("-Infinity"), NO_JSON],
  "a leading zero": [raw("01"), NO_JSON],
  "a plus sign": [raw("+1"), NO_JSON],
  "a hexadecimal number": [raw("0x10"), NO_JSON],
  "a number without digits before the point": [raw(".5"), NO_JSON],
  "a number without digits after the point": [raw("1."), NO_JSON],
  "a comma at the end": ['"x":[1,]', NO_JSON],
  "a comment": ['"x":/* none */1', NO_JSON],
  "single quotes": ["'x':1", NO_JSON],
  "a name without quotes": ["x:1", NO_JSON],
  "a control character in a string": [raw('"a\tb"'), NO_JSON],
  "an escape that is none": [raw('"\\x41"'), NO_JSON],
  "a word in capitals": [raw("True"), NO_JSON],
};
