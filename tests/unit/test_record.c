/*
 * Events from the channel: only what is exactly one passes.
 */
#include "broker/redis/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOCKET "aaaaaaaaaaaaaaaaaa-_"

static bool parses(const char *text)
{
    struct record_event event;
    size_t len = strlen(text);
    char *exact = malloc(len); /* so that a read past the end is caught */

    assert_non_null(exact);
    memcpy(exact, text, len);
    bool ok = record_parse_event(exact, len, &event) == 0;
    free(exact);
    return ok;
}

static void an_event_is_taken_apart(void **state)
{
    const char *text = "epoch_-1 42 exited " SOCKET " {\"id\":\"x\", \"a\":[1, 2]}";
    struct record_event event;

    (void)state;
    assert_int_equal(record_parse_event(text, strlen(text), &event), 0);
    assert_string_equal(event.position.epoch, "epoch_-1");
    assert_int_equal(event.position.offset, 42);
    assert_int_equal(event.kind, BROKER_EXITED);
    assert_string_equal(event.socket_id, SOCKET);
    assert_int_equal(event.user.len, strlen("{\"id\":\"x\", \"a\":[1, 2]}"));
}

static void every_kind_has_its_word(void **state)
{
    (void)state;
    assert_true(parses("epoch000 1 boarded " SOCKET " {}"));
    assert_true(parses("epoch000 1 exited " SOCKET " {}"));
    assert_true(parses("epoch000 1 disconnected " SOCKET " {}"));
    assert_true(parses("epoch000 1 restored " SOCKET " {}"));
    assert_false(parses("epoch000 1 board " SOCKET " {}"));
    assert_false(parses("epoch000 1 boardedx " SOCKET " {}"));
    assert_false(parses("epoch000 1  " SOCKET " {}"));
}

static void every_truncation_is_refused(void **state)
{
    char text[] = "epoch000 1 boarded " SOCKET " {}";

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char cut[sizeof text];

        memcpy(cut, text, len);
        cut[len] = '\0';
        assert_false(parses(cut));
    }
    assert_true(parses(text));
}

static void a_wrong_epoch_offset_or_socket_is_refused(void **state)
{
    (void)state;
    assert_false(parses("epoch00 1 boarded " SOCKET " {}"));
    assert_false(parses("epoch0000 1 boarded " SOCKET " {}"));
    assert_false(parses("epoch00\n 1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 0 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 -1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 +1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 0x1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1e3 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 99999999999999999999 boarded " SOCKET " {}"));
    assert_true(parses("epoch000 999999999999999 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 boarded short {}"));
    assert_false(parses("epoch000 1 boarded aaaaaaaaaaaaaaaaaaaaa {}"));
    assert_false(parses("epoch000 1 boarded aaaaaaaaaaaaaaaaaaa\" {}"));
    assert_false(parses(" epoch000 1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000  1 boarded " SOCKET " {}"));
}

static void a_user_must_be_one_json_object_and_nothing_else(void **state)
{
    (void)state;
    assert_false(parses("epoch000 1 boarded " SOCKET " "));
    assert_false(parses("epoch000 1 boarded " SOCKET " []"));
    assert_false(parses("epoch000 1 boarded " SOCKET " \"x\""));
    assert_false(parses("epoch000 1 boarded " SOCKET " {"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {}}"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {} "));
    assert_false(parses("epoch000 1 boarded " SOCKET "  {}"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {\"a\":\"\xff\"}"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {\"a\":NaN}"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"));
}

static void a_user_that_an_older_gateway_took_is_one_still(void **state)
{
    (void)state;
    assert_true(parses("epoch000 1 boarded " SOCKET " {\"id\":\"a\",\"id\":\"b\"}"));
    assert_true(parses("epoch000 1 boarded " SOCKET " {\"x\":1e999}"));
    assert_true(parses("epoch000 1 boarded " SOCKET " {\"x\":\"\\ud800\"}"));
}

static void a_user_past_the_limit_is_refused(void **state)
{
    size_t len = RECORD_USER_MAX;
    char *text = malloc(len + 1);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', len + 1);
    text[0] = '{';
    text[len - 1] = '}';
    assert_true(record_user_valid((struct json_slice){text, len}));
    text[len - 1] = ' ';
    text[len] = '}';
    assert_false(record_user_valid((struct json_slice){text, len + 1}));
    assert_false(record_user_valid((struct json_slice){NULL, 0}));
    free(text);
}

static void a_tenure_has_at_most_sixteen_digits(void **state)
{
    uint64_t tenure;

    (void)state;
    assert_int_equal(record_parse_tenure((struct json_slice){"1790000000123456", 16}, &tenure), 0);
    assert_int_equal(tenure, 1790000000123456);
    assert_int_equal(record_parse_tenure((struct json_slice){"17900000001234567", 17}, &tenure), -1);
    assert_int_equal(record_parse_tenure((struct json_slice){"1790-", 5}, &tenure), -1);
    assert_int_equal(record_parse_tenure((struct json_slice){"", 0}, &tenure), -1);
}

static void names_that_would_spoil_a_key_are_refused(void **state)
{
    static const char *const bad_rides[] = {"", "x", "/a b", "/a{b", "/a}b", "/a\n", "/\x7f"};
    char ride[RIDE_NAME_MAX + 1], node[RECORD_NODE_MAX + 1], large[RIDE_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof bad_rides / sizeof *bad_rides; i++)
        assert_int_equal(record_parse_ride((struct json_slice){bad_rides[i], strlen(bad_rides[i])}, ride),
                         -1);
    assert_int_equal(record_parse_ride((struct json_slice){"/a\0b", 4}, ride), -1);
    memset(large, '/', sizeof large);
    assert_int_equal(record_parse_ride((struct json_slice){large, RIDE_NAME_MAX}, ride), 0);
    assert_int_equal(record_parse_ride((struct json_slice){large, RIDE_NAME_MAX + 1}, ride), -1);
    assert_int_equal(record_parse_node((struct json_slice){large, RECORD_NODE_MAX + 1}, node), -1);
    assert_int_equal(record_parse_node((struct json_slice){"host:3000.a-b", 13}, node), 0);
    assert_string_equal(node, "host:3000.a-b");
}

static bool takeover_parses(const char *text)
{
    struct record_takeover takeover;

    return record_parse_takeover(text, strlen(text), &takeover) == 0;
}

static void a_takeover_names_tenure_socket_and_ride_and_nothing_else(void **state)
{
    static const char text[] = "1790000000123456 " SOCKET " /line-7";
    struct record_takeover takeover;

    (void)state;
    assert_int_equal(record_parse_takeover(text, strlen(text), &takeover), 0);
    assert_int_equal(takeover.tenure, 1790000000123456);
    assert_string_equal(takeover.socket_id, SOCKET);
    assert_string_equal(takeover.ride, "/line-7");
    assert_false(takeover_parses(""));
    assert_false(takeover_parses("1 " SOCKET));
    assert_false(takeover_parses("1 " SOCKET " "));
    assert_false(takeover_parses("1 " SOCKET " line-7"));
    assert_false(takeover_parses("1 short /line-7"));
    assert_false(takeover_parses("x " SOCKET " /line-7"));
    assert_false(takeover_parses("1 " SOCKET " /line-7 more"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_taken_apart),
        cmocka_unit_test(every_kind_has_its_word),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_wrong_epoch_offset_or_socket_is_refused),
        cmocka_unit_test(a_user_must_be_one_json_object_and_nothing_else),
        cmocka_unit_test(a_user_that_an_older_gateway_took_is_one_still),
        cmocka_unit_test(a_user_past_the_limit_is_refused),
        cmocka_unit_test(a_tenure_has_at_most_sixteen_digits),
        cmocka_unit_test(a_takeover_names_tenure_socket_and_ride_and_nothing_else),
        cmocka_unit_test(names_that_would_spoil_a_key_are_refused),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
