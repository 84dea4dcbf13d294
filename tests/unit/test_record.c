/*
 * Events from the channel: only what is exactly one passes.
 */
#include "broker/record.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_taken_apart),
        cmocka_unit_test(every_kind_has_its_word),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_wrong_epoch_offset_or_socket_is_refused),
        cmocka_unit_test(a_user_must_be_one_json_object_and_nothing_else),
        cmocka_unit_test(a_user_past_the_limit_is_refused),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
