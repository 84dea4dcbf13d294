/*
 * Strict JSON: a corpus of texts every parser must accept or refuse, and the walker over accepted ones.
 */
#include "common/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEPTH = 8 };

/* clang-format off */

/* A text may hold NUL bytes, so its length comes from the literal. */
struct text {
    const char *at;
    size_t len;
};
#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const struct text accepted[] = {
    /* values alone, white space */
    TEXT("null"), TEXT("true"), TEXT("false"), TEXT("\"\""), TEXT("[]"), TEXT("{}"), TEXT(" \t\r\n[ \t\r\n] \t\r\n"),
    TEXT("{ \"a\" : 1 , \"b\" : [ ] }"), TEXT("[1,2,3]"), TEXT("[null, 1, \"1\", {}]"), TEXT("[[[[[[[[]]]]]]]]"),
    /* numbers */
    TEXT("0"), TEXT("-0"), TEXT("-1"), TEXT("10"), TEXT("1.5"), TEXT("-0.0"), TEXT("0e0"), TEXT("0E+1"), TEXT("1e-7"),
    TEXT("123e45"), TEXT("-9007199254740993"), TEXT("123456789012345678901234567890"), TEXT("1e999999"),
    TEXT("0.00000000000000000000000000000000000000000000001"), TEXT("[1.0E+2]"),
    /* objects */
    TEXT("{\"a\":1,\"a\":2}"), TEXT("{\"\":0}"), TEXT("{\"a\\u0000b\":0}"), TEXT("{\"a\":{\"a\":{}}}"),
    /* strings */
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\u0000\""), TEXT("\"\\uABCD\\uabcd\""), TEXT("\"\\\\u0041\""),
    TEXT("\"\\ud800\""), TEXT("\"\\udc00\\ud800\""), TEXT("\"\\ud83d\\ude00\""), TEXT("\"\\ud800x\""),
    TEXT("\"\x7f\""), TEXT("\"/*not a comment*/\""), TEXT("\"caf\xc3\xa9\""), TEXT("\"\xe2\x80\xa8\""),
    TEXT("\"\xef\xbb\xbf\""), TEXT("\"\xef\xbf\xbf\""), TEXT("\"\xc2\x80\xdf\xbf\""), TEXT("\"\xe0\xa0\x80\""),
    TEXT("\"\xed\x9f\xbf\xee\x80\x80\""), TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
};

static const struct text refused[] = {
    /* nothing, or more than one value */
    TEXT(""), TEXT(" "), TEXT("\n"), TEXT("1 2"), TEXT("[][]"), TEXT("{}x"), TEXT("[],"), TEXT("\"a\"\"b\""), TEXT("{}{}"),
    TEXT("[1]#"), TEXT("[1]\0"), TEXT("\0[1]"), TEXT("null\0"), TEXT("]"), TEXT("}"), TEXT(","), TEXT(":"),
    /* words */
    TEXT("nul"), TEXT("nullx"), TEXT("True"), TEXT("truE"), TEXT("fals"), TEXT("tru\0"), TEXT("undefined"), TEXT("NaN"),
    TEXT("-NaN"), TEXT("Infinity"), TEXT("-Infinity"), TEXT("[nan]"), TEXT("[a]"), TEXT("n"), TEXT("[\xc3\xa9]"),
    /* white space that is none */
    TEXT("\v1"), TEXT("\f1"), TEXT("1\0"), TEXT("\xc2\xa0" "1"), TEXT("\xe2\x81\xa0[]"), TEXT("/**/1"), TEXT("1//"),
    TEXT("[1/**/]"), TEXT("\xef\xbb\xbf[]"), TEXT("\xef\xbb\xbf"), TEXT("\xff\xfe[\0]\0"),
    /* numbers */
    TEXT("-"), TEXT("+"), TEXT("+1"), TEXT("--1"), TEXT("- 1"), TEXT("01"), TEXT("-01"), TEXT("00"), TEXT("-00"), TEXT("1."),
    TEXT("-1."), TEXT(".5"), TEXT("-.5"), TEXT("1.e1"), TEXT("1.5."), TEXT("1.2.3"), TEXT("1e"), TEXT("1e+"), TEXT("1e-"),
    TEXT("1E"), TEXT("1e+-1"), TEXT("1e1.5"), TEXT("1e1e1"), TEXT("0x1"), TEXT("0x"), TEXT("1_000"), TEXT("1,000"), TEXT("1 000"),
    TEXT("1f"), TEXT("1a"), TEXT("0e"), TEXT("0.e1"), TEXT("[1.]"), TEXT("[-]"), TEXT("[- 1]"), TEXT("[1e]"), TEXT("\xef\xbc\x91"),
    TEXT("1\xe5"), TEXT("9.e+"), TEXT("-e1"),
    /* arrays */
    TEXT("["), TEXT("[1"), TEXT("[1,"), TEXT("[1,]"), TEXT("[,]"), TEXT("[,1]"), TEXT("[1,,2]"), TEXT("[1 2]"), TEXT("[1:2]"),
    TEXT("[\"a\""), TEXT("[1}"), TEXT("[\"a\":1]"), TEXT("[[]"), TEXT("[]]"), TEXT("[x"), TEXT("[;]"), TEXT("[(1)]"), TEXT("[1,\n1\n,1"),
    /* objects */
    TEXT("{"), TEXT("{]"), TEXT("{\"a\""), TEXT("{\"a\":"), TEXT("{\"a\":1"), TEXT("{\"a\":1,"), TEXT("{\"a\":1,}"), TEXT("{,\"a\":1}"),
    TEXT("{\"a\" 1}"), TEXT("{\"a\",1}"), TEXT("{\"a\"::1}"), TEXT("{\"a\":1 \"b\":2}"), TEXT("{\"a\":1;\"b\":2}"), TEXT("{a:1}"),
    TEXT("{1:1}"), TEXT("{'a':1}"), TEXT("{null:1}"), TEXT("{[]:1}"), TEXT("{\"a\":1,,\"b\":2}"), TEXT("{\"a\"}"), TEXT("{:1}"),
    TEXT("{\"a\":}"), TEXT("{\"a\":1}}"), TEXT("{\"a\":1]"), TEXT("{\"a\":/**/1}"), TEXT("{{}}"), TEXT("{\"a\":b}"),
    /* strings */
    TEXT("\""), TEXT("\"a"), TEXT("'a'"), TEXT("`a`"), TEXT("a\""), TEXT("\"\\\""), TEXT("\"\\"), TEXT("\"\\x41\""), TEXT("\"\\a\""),
    TEXT("\"\\v\""), TEXT("\"\\0\""), TEXT("\"\\'\""), TEXT("\"\\ \""), TEXT("\"\\U0041\""), TEXT("\"\\u\""), TEXT("\"\\u0\""),
    TEXT("\"\\u00\""), TEXT("\"\\u004\""), TEXT("\"\\u004"), TEXT("\"\\u00g1\""), TEXT("\"\\u+041\""), TEXT("\"\\u 041\""), TEXT("\"\\u0x4\""),
    TEXT("\"\\ud800\\u\""), TEXT("\"\\ud800\\\""), TEXT("\"\\ud800\\x\""), TEXT("\"\\\n\""), TEXT("\"\\\0\""), TEXT("\"\\\xc3\xa9\""),
    TEXT("\"\n\""), TEXT("\"\t\""), TEXT("\"\r\""), TEXT("\"\0\""), TEXT("\"a\0b\""), TEXT("\"\x1e\""), TEXT("\"\x1f\""), TEXT("\"\b\""),
    TEXT("{\"\n\":1}"), TEXT("\\u0022a\\u0022"), TEXT("\"a\" b"),
    /* UTF-8: stray, cut, overlong, surrogates, too large */
    TEXT("\"\x80\""), TEXT("\"\xbf\""), TEXT("\"\xc3\""), TEXT("\"\xc3"), TEXT("\"\xe2\x82\""), TEXT("\"\xe2\x82"), TEXT("\"\xf0\x9f\x98\""),
    TEXT("\"\xf0\x9f\x98"), TEXT("\"\xc3(\""), TEXT("\"\xe2(\xa1\""), TEXT("\"\xe2\x82(\""), TEXT("\"\xf0\x9f\x98(\""), TEXT("\"\xf0(\x98\x80\""),
    TEXT("\"\xc0\x80\""), TEXT("\"\xc0\xaf\""), TEXT("\"\xc1\xbf\""), TEXT("\"\xe0\x80\xaf\""), TEXT("\"\xe0\x9f\xbf\""),
    TEXT("\"\xf0\x80\x80\xaf\""), TEXT("\"\xf0\x8f\xbf\xbf\""), TEXT("\"\xed\xa0\x80\""), TEXT("\"\xed\xbf\xbf\""),
    TEXT("\"\xed\xa0\xbd\xed\xb8\x80\""), TEXT("\"\xf4\x90\x80\x80\""), TEXT("\"\xf5\x80\x80\x80\""), TEXT("\"\xf8\x88\x80\x80\x80\""),
    TEXT("\"\xfc\x84\x80\x80\x80\x80\""), TEXT("\"\xfe\""), TEXT("\"\xff\""), TEXT("\"\xe9\""), TEXT("{\"\xff\":1}"),
};

/* clang-format on */

/* Runs the check on a copy of exactly that size, so that the sanitizer sees any byte read beyond it. */
static bool valid(const char *text, size_t len, unsigned depth)
{
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    bool result = json_text_valid(copy, len, depth);
    free(copy);
    return result;
}

static void every_json_text_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        if (!valid(accepted[i].at, accepted[i].len, DEPTH))
            fail_msg("refused: %s", accepted[i].at);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (valid(refused[i].at, refused[i].len, DEPTH))
            fail_msg("accepted, number %zu: %s", i, refused[i].at);
}

static void no_proper_beginning_of_a_container_is_accepted(void **state)
{
    const char text[] = "{\"a\":[1.5e3,true,\"\\u00e9\\n\xc3\xa9\",{\"b\":null}],\"c\":-0}";

    (void)state;
    assert_true(valid(text, sizeof text - 1, DEPTH));
    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_false(valid(text, len, DEPTH));
}

static void every_raw_control_character_in_a_string_is_refused(void **state)
{
    char text[] = "\"a?b\"";

    (void)state;
    for (int c = 0; c < 0x80; c++) {
        text[2] = (char)c;
        bool fine = c >= 0x20 && c != '"' && c != '\\'; /* "a\b" is an escape and is fine too */
        assert_int_equal(valid(text, 5, DEPTH), fine || c == '\\');
    }
}

static void depth_is_bounded_exactly(void **state)
{
    (void)state;
    assert_true(valid("1", 1, 0));
    assert_false(valid("[]", 2, 0));
    assert_false(valid("{}", 2, 0));
    assert_true(valid("[{\"a\":[]}]", 10, 3));
    assert_false(valid("[{\"a\":[]}]", 10, 2));
    assert_true(valid("[[],[],{}]", 10, 2));
}

static void a_depth_bomb_is_refused_without_recursion(void **state)
{
    enum { BOMB = 1 << 20 };
    char *text = malloc(BOMB);

    (void)state;
    assert_non_null(text);
    memset(text, '[', BOMB);
    assert_false(json_text_valid(text, BOMB, DEPTH));
    free(text);
}

static void the_length_of_a_utf8_sequence_is_told(void **state)
{
    (void)state;
    assert_int_equal(json_text_utf8("", 0), 0);
    assert_int_equal(json_text_utf8("a", 1), 1);
    assert_int_equal(json_text_utf8("\0", 1), 1);
    assert_int_equal(json_text_utf8("\xc3\xa9x", 3), 2);
    assert_int_equal(json_text_utf8("\xe2\x82\xac", 3), 3);
    assert_int_equal(json_text_utf8("\xf0\x9f\x98\x80", 4), 4);
    assert_int_equal(json_text_utf8("\xf0\x9f\x98\x80", 3), 0);
    assert_int_equal(json_text_utf8("\xa9", 1), 0);
}

static struct json_slice slice(const char *text)
{
    return (struct json_slice){text, strlen(text)};
}

static void assert_slice(struct json_slice value, const char *text)
{
    assert_non_null(value.at);
    assert_int_equal(value.len, strlen(text));
    assert_memory_equal(value.at, text, value.len);
}

static void trim_removes_white_space_on_both_sides_only(void **state)
{
    (void)state;
    assert_slice(json_text_trim(" \t\r\n[ 1 ] \n", 11), "[ 1 ]");
    assert_int_equal(json_text_trim(" \n ", 3).len, 0);
    assert_int_equal(json_text_trim("", 0).len, 0);
    assert_slice(json_text_trim("\v1\f", 3), "\v1\f");
}

static void the_type_is_the_first_character(void **state)
{
    (void)state;
    assert_int_equal(json_text_type(slice("{}")), '{');
    assert_int_equal(json_text_type(slice("-1")), '-');
    assert_int_equal(json_text_type(slice("\"x\"")), '"');
    assert_int_equal(json_text_type(slice("")), '\0');
    assert_int_equal(json_text_type((struct json_slice){NULL, 0}), '\0');
}

static void an_array_is_stepped_through_element_by_element(void **state)
{
    const char text[] = "[ 1 ,\"a,]\\\"\\\\\",[2,[3]] , {\"b\":[4,\"}\"]},null,-1.5e+3 ]";
    const char *const expected[] = {"1",    "\"a,]\\\"\\\\\"", "[2,[3]]", "{\"b\":[4,\"}\"]}",
                                    "null", "-1.5e+3"};
    struct json_slice element;
    size_t cursor = 0;

    (void)state;
    assert_true(valid(text, sizeof text - 1, DEPTH));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(json_text_next(slice(text), &cursor, &element));
        assert_slice(element, expected[i]);
    }
    assert_false(json_text_next(slice(text), &cursor, &element));
    assert_false(json_text_next(slice(text), &cursor, &element));
}

static void stepping_through_nothing_or_no_array_ends_at_once(void **state)
{
    const char *const texts[] = {"[]", "[ ]", "{}", "{\"a\":1}", "\"[1]\"", "1", ""};
    struct json_slice element;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t cursor = 0;

        assert_false(json_text_next(slice(texts[i]), &cursor, &element));
    }
}

static void an_object_is_stepped_through_member_by_member(void **state)
{
    const char text[] = "{ \"a:\" : 1 ,\"\\u0062\":{\"c\":2} }";
    struct json_slice name, value;
    size_t cursor = 0;

    (void)state;
    assert_true(json_text_next_member(slice(text), &cursor, &name, &value));
    assert_slice(name, "\"a:\"");
    assert_slice(value, "1");
    assert_true(json_text_next_member(slice(text), &cursor, &name, &value));
    assert_slice(name, "\"\\u0062\"");
    assert_slice(value, "{\"c\":2}");
    assert_false(json_text_next_member(slice(text), &cursor, &name, &value));
    cursor = 0;
    assert_false(json_text_next_member(slice("[1]"), &cursor, &name, &value));
}

static void a_member_is_found_by_its_unescaped_name(void **state)
{
    (void)state;
    assert_slice(json_text_member(slice("{\"a\":1,\"b\":[2]}"), "b"), "[2]");
    assert_slice(json_text_member(slice("{\"\\u0062\":2}"), "b"), "2");
    assert_slice(json_text_member(slice("{\"\\ud83d\\ude00\":2}"), "\xf0\x9f\x98\x80"), "2");
    assert_slice(json_text_member(slice("{\"\":2}"), ""), "2");
    assert_slice(json_text_member(slice("{\"x\":{\"a\":1},\"a\":2}"), "a"), "2");
}

static void of_two_members_with_one_name_the_last_counts(void **state)
{
    (void)state;
    assert_slice(json_text_member(slice("{\"a\":1,\"b\":2,\"a\":3}"), "a"), "3");
    assert_slice(json_text_member(slice("{\"a\":1,\"\\u0061\":3}"), "a"), "3");
    assert_slice(json_text_member(slice("{\"\\u0061\":3,\"a\":1}"), "a"), "1");
}

static void an_absent_member_has_no_place(void **state)
{
    (void)state;
    assert_null(json_text_member(slice("{}"), "a").at);
    assert_null(json_text_member(slice("{\"ab\":1,\"\":2,\"a\\u0000\":3}"), "a").at);
    assert_null(json_text_member(slice("{\"x\":{\"a\":1}}"), "a").at);
    assert_null(json_text_member(slice("[\"a\",1]"), "a").at);
    assert_null(json_text_member(slice("\"a\""), "a").at);
}

/* The walker's promise for texts that were never checked: it stays inside them and comes to an end. */
static void walking_unchecked_text_stays_inside_it_and_ends(void **state)
{
    const struct text *const lists[] = {accepted, refused};
    const size_t counts[] = {sizeof accepted / sizeof accepted[0], sizeof refused / sizeof refused[0]};

    (void)state;
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < counts[l]; i++) {
            size_t len = lists[l][i].len;
            char *copy = malloc(len > 0 ? len : 1);
            struct json_slice text = {copy, len}, name, value;
            struct buf out;

            assert_non_null(copy);
            memcpy(copy, lists[l][i].at, len);
            size_t steps = 0;
            for (size_t cursor = 0; json_text_next(text, &cursor, &value);)
                assert_true(++steps <= len);
            for (size_t cursor = 0; json_text_next_member(text, &cursor, &name, &value);)
                assert_true(++steps <= 2 * len);
            buf_init(&out, 1000);
            json_text_unescape(text, &out);
            json_text_copy(text, (char[8]){0}, 8);
            json_text_equals(text, "a");
            buf_deinit(&out);
            free(copy);
        }
    }
}

static void assert_unescapes(const char *string, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000);
    assert_true(json_text_valid(string, strlen(string), 0));
    assert_int_equal(json_text_unescape(slice(string), &out), 0);
    assert_int_equal(out.len, strlen(expected));
    if (out.len > 0)
        assert_memory_equal(out.data, expected, out.len);
    buf_deinit(&out);
}

static void escapes_become_their_characters(void **state)
{
    (void)state;
    assert_unescapes("\"\"", "");
    assert_unescapes("\"plain\"", "plain");
    assert_unescapes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    assert_unescapes("\"a\\u0041\\u00e9\\u20AC\\u07ff\\u0800\\uffff\"",
                     "aA\xc3\xa9\xe2\x82\xac\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
    assert_unescapes("\"\\\\u0041\"", "\\u0041");
    assert_unescapes("\"caf\xc3\xa9\"", "caf\xc3\xa9");
    assert_unescapes("\"{\\\"id\\\":\\\"a\\\\n\\\"}\"", "{\"id\":\"a\\n\"}");
}

static void a_copy_has_room_for_a_nul_and_is_of_strings_only(void **state)
{
    char copy[6];

    (void)state;
    assert_int_equal(json_text_copy(slice("\"\\u00e9\\u20AC\""), copy, sizeof copy), 0);
    assert_string_equal(copy, "\xc3\xa9\xe2\x82\xac");
    assert_int_equal(json_text_copy(slice("\"\\u00e9\\u20AC\""), copy, sizeof copy - 1), -1);
    assert_int_equal(json_text_copy(slice("\"\\ud800\""), copy, sizeof copy), -1);
    assert_int_equal(json_text_copy(slice("\"\""), copy, 1), 0);
    assert_string_equal(copy, "");
    assert_int_equal(json_text_copy(slice("\"a\""), copy, 1), -1);
    assert_int_equal(json_text_copy(slice("\"\\u0000\""), copy, sizeof copy), -1);
    assert_int_equal(json_text_copy(slice("12"), copy, sizeof copy), -1);
    assert_int_equal(json_text_copy(slice(""), copy, sizeof copy), -1);
}

static void an_escaped_nul_is_a_nul_byte(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 10);
    assert_int_equal(json_text_unescape(slice("\"a\\u0000b\""), &out), 0);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "a\0b", 3);
    buf_deinit(&out);
}

static void surrogate_pairs_become_one_character(void **state)
{
    (void)state;
    assert_unescapes("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80");
    assert_unescapes("\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    assert_unescapes("\"\\ud800\\ud83d\\ude00\\ude00\"", "\\ud800\xf0\x9f\x98\x80\\ude00");
}

static void a_lone_surrogate_stays_an_escape(void **state)
{
    (void)state;
    assert_unescapes("\"\\ud800\"", "\\ud800");
    assert_unescapes("\"\\uDFFFx\"", "\\uDFFFx");
    assert_unescapes("\"\\udc00\\ud800\"", "\\udc00\\ud800");
    assert_unescapes("\"\\udc00\\udc01\"", "\\udc00\\udc01");
    assert_unescapes("\"\\ud800\\n\"", "\\ud800\n");
    assert_unescapes("\"\\ud800\\u0041\"", "\\ud800A");
    assert_unescapes("\"\\ud800\\\\udc00\"",
                     "\\ud800\\udc00"); /* the same pair to whoever reads the inner text */
}

static void a_lone_surrogate_after_whole_backslashes_keeps_its_meaning(void **state)
{
    (void)state;
    assert_unescapes("\"\\\\\\\\\\ud800\"", "\\\\\\ud800");
    assert_unescapes("\"\\\\ud800\\ud800\"", "\\ud800\\ud800");
}

static void a_lone_surrogate_that_a_backslash_would_swallow_is_refused(void **state)
{
    const char *const strings[] = {"\"\\\\\\ud800\"", "\"x\\\\\\\\\\\\\\udfff\"", "\"\\u005c\\ud800\""};
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        buf_init(&out, 100);
        assert_int_equal(buf_append_str(&out, "kept"), 0);
        assert_int_equal(json_text_unescape(slice(strings[i]), &out), -1);
        assert_int_equal(out.len, 4);
        assert_memory_equal(out.data, "kept", 4);
        buf_deinit(&out);
    }
}

/* Only what this call appended counts: a backslash that was there before belongs to another text. */
static void backslashes_already_in_the_buffer_do_not_matter(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(buf_append_str(&out, "\\"), 0);
    assert_int_equal(json_text_unescape(slice("\"\\ud800\""), &out), 0);
    assert_memory_equal(out.data, "\\\\ud800", 7);
    buf_deinit(&out);
}

static void unescaping_into_a_full_buffer_fails_and_changes_nothing(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 5);
    assert_int_equal(buf_append_str(&out, "ab"), 0);
    assert_int_equal(json_text_unescape(slice("\"c\\nde\""), &out), -1);
    assert_int_equal(out.len, 2);
    assert_int_equal(json_text_unescape(slice("\"c\\nd\""), &out), 0);
    assert_memory_equal(out.data, "abc\nd", 5);
    buf_deinit(&out);
}

static void strings_are_compared_after_unescaping(void **state)
{
    (void)state;
    assert_true(json_text_equals(slice("\"boarding\""), "boarding"));
    assert_true(json_text_equals(slice("\"\\u0062oarding\""), "boarding"));
    assert_true(json_text_equals(slice("\"\""), ""));
    assert_false(json_text_equals(slice("\"boardin\""), "boarding"));
    assert_false(json_text_equals(slice("\"boardings\""), "boarding"));
    assert_false(json_text_equals(slice("\"Boarding\""), "boarding"));
    assert_false(json_text_equals(slice("\"boarding\\u0000\""), "boarding"));
    assert_false(json_text_equals(slice("\"\\u0000\""), ""));
}

static void what_is_no_string_or_has_a_lone_surrogate_equals_nothing(void **state)
{
    (void)state;
    assert_false(json_text_equals(slice("1"), "1"));
    assert_false(json_text_equals(slice("[]"), ""));
    assert_false(json_text_equals((struct json_slice){NULL, 0}, ""));
    assert_false(json_text_equals(slice("\"\\ud800\""), "\\ud800"));
}

static void quoting_escapes_what_json_forbids_and_nothing_else(void **state)
{
    const char text[] = "a\"\\/\b\f\n\r\t\0\x1f\x7f caf\xc3\xa9";
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(json_text_quote(text, sizeof text - 1, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(out.data, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f caf\xc3\xa9\"");
    buf_deinit(&out);
}

static void quoting_and_unescaping_are_inverse(void **state)
{
    char text[128];
    struct buf quoted, back;

    (void)state;
    for (int i = 0; i < 128; i++)
        text[i] = (char)i;
    buf_init(&quoted, 1000);
    buf_init(&back, 1000);
    assert_int_equal(json_text_quote(text, sizeof text, &quoted), 0);
    assert_true(json_text_valid(quoted.data, quoted.len, 0));
    assert_int_equal(json_text_unescape((struct json_slice){quoted.data, quoted.len}, &back), 0);
    assert_int_equal(back.len, sizeof text);
    assert_memory_equal(back.data, text, sizeof text);
    buf_deinit(&quoted);
    buf_deinit(&back);
}

static void quoting_into_a_full_buffer_fails_and_changes_nothing(void **state)
{
    const size_t needed = 2 + strlen("\"c\\nd\\u0001\"");

    (void)state;
    for (size_t max = 2; max <= needed; max++) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(buf_append_str(&out, "ab"), 0);
        assert_int_equal(json_text_quote("c\nd\x01", 4, &out), max < needed ? -1 : 0);
        assert_int_equal(out.len, max < needed ? 2 : needed);
        buf_deinit(&out);
    }
}

static void what_c_strings_and_utf8_cannot_hold_is_found(void **state)
{
    (void)state;
    assert_true(json_text_has_nul(slice("{\"a\":[\"\\u0000\"]}")));
    assert_true(json_text_has_nul(slice("{\"\\\\\\u0000\":1}")));
    assert_false(json_text_has_nul(slice("[\"\\\\u0000\",\"\\u00010\"]")));
    assert_true(json_text_has_lone_surrogate(slice("[\"\\ud800\"]")));
    assert_true(json_text_has_lone_surrogate(slice("[\"\\ud800\",\"\\udc00\"]")));
    assert_true(json_text_has_lone_surrogate(slice("{\"\\udc00\\ud800\":1}")));
    assert_false(json_text_has_lone_surrogate(slice("[\"\\ud83d\\ude00\",\"\\\\ud800\",7]")));
    assert_false(json_text_has_nul((struct json_slice){NULL, 0}));
}

/* A digit, followed by `zeros` zeros and `rest`. */
static const char *long_number(const char *start, int zeros, const char *rest)
{
    static char text[1000];
    char *at = stpcpy(text, start);

    memset(at, '0', (size_t)zeros);
    stpcpy(at + zeros, rest);
    return text;
}

static void assert_beyond(const char *text, bool expected)
{
    assert_true(json_text_valid(text, strlen(text), DEPTH));
    if (json_text_has_number_beyond_double(slice(text)) != expected)
        fail_msg("%s: not %s", text, expected ? "beyond" : "within");
}

static void what_no_double_holds_is_found(void **state)
{
    static const char *const beyond[] = {
        "1e309",
        "1e+309",
        "-1E309",
        "1e999999",
        "1e99999999999999999999",
        "1.7976931348623158e308",
        "17976931348623158e292",
        "0.17976931348623158e309",
        "2e308",
        "10e308",
        "1e-325",
        "1e-400",
        "-1e-99999999999999999999",
        "4.8e-324",
        "0.1e-324",
        "0e400",
        "0e-400",
        "{\"a\":[0,1e999]}",
        "[1,-1e999 ]",
    };
    static const char *const within[] = {
        "0",
        "-0",
        "0.0",
        "0e0",
        "-0.0E+308",
        "0e00000000000000000308",
        "1e308",
        "1e+0000000000000000000000308",
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
        "1.79769313486231570814527423731704e308",
        "17976931348623157e292",
        "0.00017976931348623157e312",
        "5e-324",
        "4.9E-324",
        "4.9406564584124654e-324",
        "49e-325",
        "0.49e-323",
        "2.2250738585072014e-308",
        "9007199254740993",
        "-9223372036854775809",
        "18446744073709551616",
        "3.14159265358979323846264338327950288419716939937510582097494459",
        "\"1e999\"",
        "{\"1e999\":\"\\\"1e999\"}",
        "[true,false,null]",
        "[]",
        "\"\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        assert_beyond(beyond[i], true);
    for (size_t i = 0; i < sizeof within / sizeof *within; i++)
        assert_beyond(within[i], false);
    assert_beyond(long_number("1", 308, ""), false);
    assert_beyond(long_number("1", 308, ".0"), false);
    assert_beyond(long_number("1", 309, ""), true);
    assert_beyond(long_number("1", 400, ""), true);
    assert_beyond(long_number("1", 400, "e-400"), true);
    assert_beyond(long_number("0.", 400, ""), false);
    assert_beyond(long_number("0.", 400, "1"), true);
    assert_beyond(long_number("0.", 400, "1e400"), true);
    assert_beyond(long_number("0.", 300, "1e600"), false);
    assert_beyond(long_number("1.", 900, "1"), false);
    assert_false(json_text_has_number_beyond_double((struct json_slice){NULL, 0}));
}

static void members_are_counted_at_every_level(void **state)
{
    (void)state;
    assert_int_equal(json_text_count_members(slice("{}")), 0);
    assert_int_equal(json_text_count_members(slice("[\":\",\"\\\":\"]")), 0);
    assert_int_equal(json_text_count_members(slice("{\":\":\":\",\"\\\"\" : [{\"a\":1},{\"a\":{\"a\":1}}]}")),
                     5);
    assert_int_equal(json_text_count_members(slice("{\"a\":1,\"a\":2}")), 2);
    assert_int_equal(json_text_count_members((struct json_slice){NULL, 0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_json_text_is_accepted),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(no_proper_beginning_of_a_container_is_accepted),
        cmocka_unit_test(every_raw_control_character_in_a_string_is_refused),
        cmocka_unit_test(depth_is_bounded_exactly),
        cmocka_unit_test(a_depth_bomb_is_refused_without_recursion),
        cmocka_unit_test(the_length_of_a_utf8_sequence_is_told),
        cmocka_unit_test(trim_removes_white_space_on_both_sides_only),
        cmocka_unit_test(the_type_is_the_first_character),
        cmocka_unit_test(an_array_is_stepped_through_element_by_element),
        cmocka_unit_test(stepping_through_nothing_or_no_array_ends_at_once),
        cmocka_unit_test(an_object_is_stepped_through_member_by_member),
        cmocka_unit_test(a_member_is_found_by_its_unescaped_name),
        cmocka_unit_test(of_two_members_with_one_name_the_last_counts),
        cmocka_unit_test(an_absent_member_has_no_place),
        cmocka_unit_test(walking_unchecked_text_stays_inside_it_and_ends),
        cmocka_unit_test(escapes_become_their_characters),
        cmocka_unit_test(a_copy_has_room_for_a_nul_and_is_of_strings_only),
        cmocka_unit_test(an_escaped_nul_is_a_nul_byte),
        cmocka_unit_test(surrogate_pairs_become_one_character),
        cmocka_unit_test(a_lone_surrogate_stays_an_escape),
        cmocka_unit_test(a_lone_surrogate_after_whole_backslashes_keeps_its_meaning),
        cmocka_unit_test(a_lone_surrogate_that_a_backslash_would_swallow_is_refused),
        cmocka_unit_test(backslashes_already_in_the_buffer_do_not_matter),
        cmocka_unit_test(unescaping_into_a_full_buffer_fails_and_changes_nothing),
        cmocka_unit_test(strings_are_compared_after_unescaping),
        cmocka_unit_test(what_is_no_string_or_has_a_lone_surrogate_equals_nothing),
        cmocka_unit_test(quoting_escapes_what_json_forbids_and_nothing_else),
        cmocka_unit_test(quoting_and_unescaping_are_inverse),
        cmocka_unit_test(quoting_into_a_full_buffer_fails_and_changes_nothing),
        cmocka_unit_test(what_c_strings_and_utf8_cannot_hold_is_found),
        cmocka_unit_test(what_no_double_holds_is_found),
        cmocka_unit_test(members_are_counted_at_every_level),
    };

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
