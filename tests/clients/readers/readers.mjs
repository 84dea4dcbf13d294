// JSON's parsers in other languages. Each program gets texts on its standard input, one a line, as hexadecimal digits,
// and prints of each what it has read: strings and names as the digits of their UTF-8 (jq: {"c":[code points]}), numbers
// as {"n":"1.5"}, objects as {"o":[[name,value],…]}.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT, built } from "../../lib/places.mjs";
import { HUGE, HUGE_INTEGERS } from "./records.mjs";

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const JAVA_BUILD = path.join(ROOT, "scripts/build-java-client.sh");
const hex = (text) => Buffer.from(text).toString("hex");

// `differs`: records of which it reads `x` otherwise than JavaScript does, and how (docs/clients.md says so).
const LARGEST = { n: Number(2n ** 64n) };
const LEAST = { n: Number(-(2n ** 63n)) };

export const LIGHT = {
  "C with json-c": { command: () => [built("tests/json-reader")], differs: { [HUGE]: [LARGEST, LEAST, LARGEST, LARGEST] } },
  jq: { command: () => ["jq", "-c", "-f", beside("read.jq")], encode: (text) => text },
  Perl: { command: () => ["perl", beside("read.pl")], differs: { [HUGE]: [LARGEST, LEAST, ...HUGE_INTEGERS.slice(2).map(hex)] } },
  PHP: { command: () => ["php", beside("read.php")] },
  Python: { command: () => ["/usr/bin/python3", beside("read.py")] },
};

// What `make test-clients` installs and compiles.
export const COMPILED = {
  Go: { command: () => ["go", "run", beside("read.go")] },
  "Java with org.json": { command: () => ["java", "-cp", execFileSync(JAVA_BUILD, { encoding: "utf8" }).trim(), "Read"] },
};

// What each text is in each place, with members in the order of their names.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if (value.c) return hex(String.fromCodePoint(...value.c));
  if (value.n !== undefined) return { n: Number(value.n) + 0 }; // with the sign of 0 lost, as in many
  const members = value.o.map(([name, member]) => [plain(name), plain(member)]);
  return { o: members.sort(([a], [b]) => (a < b ? -1 : 1)) };
}

// The same of JavaScript's.
export function own(value) {
  if (Array.isArray(value)) return value.map(own);
  if (typeof value === "string") return hex(value);
  if (typeof value === "number") return { n: value + 0 };
  if (value === null || typeof value === "boolean") return value;
  return plain({ o: Object.keys(value).map((name) => [hex(name), own(value[name])]) });
}

export function read({ command, encode = hex }, texts) {
  const [program, ...args] = command();
  const input = texts.map((text) => `${encode(text)}\n`).join("");
  const lines = execFileSync(program, args, { input, encoding: "utf8", maxBuffer: 2 ** 26 }).trimEnd().split("\n");
  assert.equal(lines.length, texts.length);
  return lines.map((line) => plain(JSON.parse(line)));
}
