/*
 * The user record: what is taken, kept byte for byte, and what is refused in which words.
 */
#include "common/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BYTES = 4096 };

static void assert_taken(const char *text, enum user_status status)
{
    const char *error = NULL;
    struct user user;

    if (user_parse(text, strlen(text), MAX_BYTES, &user, &error) != 0)
        fail_msg("%s: refused: %s", text, error);
    assert_int_equal(user.status, status);
    assert_null(error);
    blob_unref(user.json);
}

static void assert_refused_bytes(const char *text, size_t len, const char *expected)
{
    struct user user = {.status = 99, .json = NULL};
    const char *error = NULL;

    if (user_parse(text, len, MAX_BYTES, &user, &error) == 0)
        fail_msg("%s: taken", text);
    assert_string_equal(error, expected);
    assert_int_equal(user.status, 99);
    assert_null(user.json);
}

static void assert_refused(const char *text, const char *expected)
{
    assert_refused_bytes(text, strlen(text), expected);
}

static const char bad_json[] = "the message is not valid JSON, or is nested too deep";
static const char no_object[] = "the message must be a JSON object";
static const char bad_id[] = "\"id\" must be a string of 1 to 128 bytes";
static const char bad_name[] = "\"name\" must be a string of 1 to 256 bytes";
static const char bad_status[] = "\"status\" must be \"boarding\" or \"exiting\"";

static void both_statuses_are_read(void **state)
{
    (void)state;
    assert_taken("{\"id\":\"user123\",\"name\":\"John Doe\",\"status\":\"boarding\"}", USER_BOARDING);
    assert_taken("{\"status\":\"exiting\",\"name\":\"John Doe\",\"id\":\"user123\"}", USER_EXITING);
}

static void the_record_is_kept_byte_for_byte_without_white_space_around(void **state)
{
    const char record[] = "{ \"seat\":1.0e+300,\"id\" : \"\\u0061\", "
                          "\"name\":\"\\ud83d\\ude00\",\"status\":\"boarding\",\n\"x\":[{}] }";
    char text[200];
    const char *error;
    struct user user;

    (void)state;
    snprintf(text, sizeof text, " \r\n\t%s \n", record);
    assert_int_equal(user_parse(text, strlen(text), strlen(record), &user, &error), 0);
    assert_int_equal(user.json->len, strlen(record));
    assert_string_equal(user.json->data, record);
    assert_int_equal(atomic_load(&user.json->refs), 1);
    blob_unref(user.json);
}

static void names_and_values_are_compared_after_unescaping(void **state)
{
    (void)state;
    assert_taken("{\"\\u0069d\":\"a\",\"name\":\"b\",\"st\\u0061tus\":\"\\u0065xiting\"}", USER_EXITING);
}

/* A record with that further member. */
static const char *record_with(const char *member)
{
    static char text[1000];

    snprintf(text, sizeof text, "{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\",%s}", member);
    return text;
}

static void a_member_that_comes_twice_is_refused_wherever_it_is(void **state)
{
    static const char twice[] = "the user record must not name a member twice";
    static const char *const refused[] = {
        "\"id\":\"a\"",
        "\"id\":1",
        "\"\\u0069d\":\"c\"",
        "\"st\\u0061tus\":\"exiting\"",
        "\"x\":1,\"x\":2",
        "\"x\":1,\"y\":2,\"x\":1",
        "\"\":1,\"\":1",
        "\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1",
        "\"\\\"\":1,\"\\u0022\":1",
        "\"x\":{\"y\":1,\"\\u0079\":2}",
        "\"x\":[[{}],[1,{\"y\":{\"z\":{\"n\":0,\"n\":0}}}]]",
        "\"x\":{\"a\":1,\"b\":2},\"x\":{\"c\":3}",
        "\"x\":{\"a\":{\"x\":1},\"a\":2,\"b\":{}}",
    };
    static const char *const taken[] = {
        "\"x\":{\"x\":{\"x\":1}},\"y\":[{\"x\":1},{\"x\":1}]",
        "\"x\":\"\\\"y\\\":1,\\\"y\\\":1\"",
        "\"X\":1,\"x\":1,\"x \":1",
        "\"e\xcc\x81\":1,\"\xc3\xa9\":1",
        "\"\\\\u0078\":1,\"x\":\":\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(record_with(refused[i]), twice);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        assert_taken(record_with(taken[i]), USER_BOARDING);
}

static void half_a_surrogate_pair_is_refused_wherever_it_is(void **state)
{
    static const char lone[] = "the user record must not hold one half of a surrogate pair";
    static const char *const refused[] = {
        "\"x\":\"\\ud800\"",
        "\"x\":\"\\udc00\\ud800\"",
        "\"\\uDFFF\":1",
        "\"x\":[{\"y\":\"a\\udbff\"}]",
        "\"x\":\"\\ud83d\\ud83d\\ude00\"",
        "\"x\":\"\\ud83d \\ude00\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_refused(record_with(refused[i]), lone);
    assert_refused("{\"id\":\"\\ud800\",\"name\":\"b\",\"status\":\"boarding\"}", lone);
    assert_taken(record_with("\"x\":\"\\ud83d\\ude00\\\\ud800\\uffff\""), USER_BOARDING);
}

static void a_number_beyond_the_range_of_a_double_is_refused_wherever_it_is(void **state)
{
    static const char beyond[] = "the user record must not hold a number beyond the range of a double";

    (void)state;
    assert_refused(record_with("\"x\":1e999"), beyond);
    assert_refused(record_with("\"x\":[{\"y\":-1E400}]"), beyond);
    assert_refused(record_with("\"x\":1e-400"), beyond);
    assert_refused("{\"id\":1e999,\"name\":\"b\",\"status\":\"boarding\"}", beyond);
    assert_taken(record_with("\"1e999\":\"1e999\",\"x\":[9007199254740993,18446744073709551616,5e-324]"),
                 USER_BOARDING);
}

static void assert_id(const char *record, const char *expected)
{
    struct blob *json = blob_new(record, strlen(record));
    char id[USER_ID_MAX + 1];

    assert_non_null(json);
    user_id(json, id);
    assert_string_equal(id, expected);
    blob_unref(json);
}

static void the_id_is_told_unescaped(void **state)
{
    const char text[] = " {\"\\u0069d\":\"J\\u00f6 \\\"1\\\"\",\"name\":\"b\",\"status\":\"exiting\"} ";
    const char *error;
    struct user user;

    (void)state;
    assert_int_equal(user_parse(text, strlen(text), MAX_BYTES, &user, &error), 0);
    assert_string_equal(user.id, "J\xc3\xb6 \"1\"");
    blob_unref(user.json);
}

static void what_is_no_record_has_no_id(void **state)
{
    (void)state;
    assert_id("", "");
    assert_id("1", "");
    assert_id("\"id\"", "");
    assert_id("{}", "");
    assert_id("{\"id\":1}", "");
    assert_id("{\"id\":\"\"}", "");
    assert_id("{\"id\":\"a\\u0000b\"}", "");
    assert_id("{\"id\":\"\\ud800\"}", "");
}

static void what_is_not_strict_json_is_refused(void **state)
{
    const char with_nul[] = "{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\"}";

    (void)state;
    assert_refused("", bad_json);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\"", bad_json);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\"}x", bad_json);
    assert_refused("{'id':'a','name':'b','status':'boarding'}", bad_json);
    assert_refused("{\"id\":\"a\",\"name\":\"b\nc\",\"status\":\"boarding\"}", bad_json);
    assert_refused("{\"id\":\"a\",\"name\":\"\xed\xa0\x80\",\"status\":\"boarding\"}", bad_json);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\",\"n\":NaN}", bad_json);
    assert_refused("\xef\xbb\xbf{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\"}", bad_json);
    assert_refused_bytes(with_nul, sizeof with_nul, bad_json);
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    assert_refused("null", no_object);
    assert_refused("[]", no_object);
    assert_refused("\"{}\"", no_object);
    assert_refused("12", no_object);
}

static void missing_and_mistyped_fields_are_named(void **state)
{
    (void)state;
    assert_refused("{}", bad_id);
    assert_refused("{\"id\":null,\"name\":\"b\",\"status\":\"boarding\"}", bad_id);
    assert_refused("{\"id\":\"\",\"name\":\"b\",\"status\":\"boarding\"}", bad_id);
    assert_refused("{\"id\":[\"a\"],\"name\":\"b\",\"status\":\"boarding\"}", bad_id);
    assert_refused("{\"id\":\"a\",\"status\":\"boarding\"}", bad_name);
    assert_refused("{\"id\":\"a\",\"name\":{},\"status\":\"boarding\"}", bad_name);
    assert_refused("{\"id\":\"a\",\"name\":\"\",\"status\":\"boarding\"}", bad_name);
    assert_refused("{\"id\":\"a\",\"name\":\"b\"}", bad_status);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":true}", bad_status);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":\"Boarding\"}", bad_status);
    assert_refused("{\"x\":{\"id\":\"a\"},\"name\":\"b\",\"status\":\"boarding\"}", bad_id);
}

static void an_escaped_nul_anywhere_is_refused(void **state)
{
    (void)state;
    assert_taken("{\"id\":\"a\\\\u0000\",\"name\":\"b\",\"status\":\"boarding\"}", USER_BOARDING);
    static const char no_nul[] = "the user record must not hold NUL characters";

    assert_refused("{\"id\":\"a\\u0000\",\"name\":\"b\",\"status\":\"boarding\"}", no_nul);
    assert_refused("{\"id\":\"a\",\"name\":\"\\u0000\",\"status\":\"boarding\"}", no_nul);
    assert_refused("{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\\u0000\"}", no_nul);
    assert_refused("{\"id\\u0000\":\"a\",\"name\":\"b\",\"status\":\"boarding\"}", no_nul);
}

/* A record whose id and name are `id_units` and `name_units` times `unit`. */
static const char *record_of(const char *unit, int id_units, int name_units)
{
    static char text[8192];
    char *at = stpcpy(text, "{\"status\":\"boarding\",\"id\":\"");

    while (id_units-- > 0)
        at = stpcpy(at, unit);
    at = stpcpy(at, "\",\"name\":\"");
    while (name_units-- > 0)
        at = stpcpy(at, unit);
    stpcpy(at, "\"}");

    return text;
}

static void the_limits_of_id_and_name_count_bytes_after_unescaping(void **state)
{
    (void)state;
    assert_taken(record_of("x", 128, 256), USER_BOARDING);
    assert_refused(record_of("x", 129, 256), bad_id);
    assert_refused(record_of("x", 128, 257), bad_name);
    assert_taken(record_of("\\u0041", 128, 256), USER_BOARDING);
    assert_refused(record_of("\\u0041", 129, 256), bad_id);
    assert_taken(record_of("\\u00e9", 64, 128), USER_BOARDING);
    assert_refused(record_of("\xc3\xa9", 65, 128), bad_id);
    assert_refused(record_of("\xc3\xa9", 64, 129), bad_name);
}

static void a_record_over_the_limit_is_refused(void **state)
{
    const char text[] = " {\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\"} ";
    const size_t record_len = strlen(text) - 2;
    const char *error;
    struct user user;

    (void)state;
    assert_int_equal(user_parse(text, strlen(text), record_len - 1, &user, &error), -1);
    assert_string_equal(error, "the user record is too large");
    assert_int_equal(user_parse(text, strlen(text), record_len, &user, &error), 0);
    blob_unref(user.json);
}

/* A record that holds arrays within arrays: the object itself is one level more. */
static const char *nested_record(int arrays)
{
    static char text[200];
    char *at = stpcpy(text, "{\"id\":\"a\",\"name\":\"b\",\"status\":\"boarding\",\"x\":");

    for (int i = 0; i < arrays; i++)
        at = stpcpy(at, "[");
    for (int i = 0; i < arrays; i++)
        at = stpcpy(at, "]");
    stpcpy(at, "}");

    return text;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    assert_taken(nested_record(USER_DEPTH_MAX - 1), USER_BOARDING);
    assert_refused(nested_record(USER_DEPTH_MAX), bad_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_statuses_are_read),
        cmocka_unit_test(the_record_is_kept_byte_for_byte_without_white_space_around),
        cmocka_unit_test(names_and_values_are_compared_after_unescaping),
        cmocka_unit_test(a_member_that_comes_twice_is_refused_wherever_it_is),
        cmocka_unit_test(half_a_surrogate_pair_is_refused_wherever_it_is),
        cmocka_unit_test(a_number_beyond_the_range_of_a_double_is_refused_wherever_it_is),
        cmocka_unit_test(the_id_is_told_unescaped),
        cmocka_unit_test(what_is_no_record_has_no_id),
        cmocka_unit_test(what_is_not_strict_json_is_refused),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(missing_and_mistyped_fields_are_named),
        cmocka_unit_test(an_escaped_nul_anywhere_is_refused),
        cmocka_unit_test(the_limits_of_id_and_name_count_bytes_after_unescaping),
        cmocka_unit_test(a_record_over_the_limit_is_refused),
        cmocka_unit_test(nesting_is_bounded),
    };

    return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
