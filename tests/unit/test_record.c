/*
 * Events from the channel: only what is exactly one passes.
 */
#include "broker/redis/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOCKET "aaaaaaaaaaaaaaaaaa-_"
#define CHAINS "9f3a01bc 00000000" /* of the event, and of the one before it */

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
    const char *text = "epoch_-1 42 9f3a01bc 0123abcd exited " SOCKET " {\"id\":\"x\", \"a\":[1, 2]}";
    struct record_event event;

    (void)state;
    assert_int_equal(record_parse_event(text, strlen(text), &event), 0);
    assert_string_equal(event.position.epoch, "epoch_-1");
    assert_int_equal(event.position.offset, 42);
    assert_string_equal(event.position.chain, "9f3a01bc");
    assert_string_equal(event.before, "0123abcd");
    assert_int_equal(event.kind, BROKER_EXITED);
    assert_string_equal(event.socket_id, SOCKET);
    assert_int_equal(event.user.len, strlen("{\"id\":\"x\", \"a\":[1, 2]}"));
}

static void every_kind_has_its_word(void **state)
{
    (void)state;
    assert_true(parses("epoch000 1 " CHAINS " boarded " SOCKET " {}"));
    assert_true(parses("epoch000 1 " CHAINS " exited " SOCKET " {}"));
    assert_true(parses("epoch000 1 " CHAINS " disconnected " SOCKET " {}"));
    assert_true(parses("epoch000 1 " CHAINS " restored " SOCKET " {}"));
    assert_true(parses("epoch000 1 " CHAINS " ended " SOCKET " {}"));
    assert_false(parses("epoch000 1 " CHAINS " board " SOCKET " {}"));
    assert_false(parses("epoch000 1 " CHAINS " boardedx " SOCKET " {}"));
    assert_false(parses("epoch000 1 " CHAINS "  " SOCKET " {}"));
}

static void every_truncation_is_refused(void **state)
{
    char text[] = "epoch000 1 " CHAINS " boarded " SOCKET " {}";

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
    assert_false(parses("epoch00 1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch0000 1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch00\n 1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 0 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 -1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 +1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 0x1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1e3 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 99999999999999999999 " CHAINS " boarded " SOCKET " {}"));
    assert_true(parses("epoch000 999999999999999 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded short {}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded aaaaaaaaaaaaaaaaaaaaa {}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded aaaaaaaaaaaaaaaaaaa\" {}"));
    assert_false(parses(" epoch000 1 " CHAINS " boarded " SOCKET " {}"));
    assert_false(parses("epoch000  1 " CHAINS " boarded " SOCKET " {}"));
}

static void a_user_must_be_one_json_object_and_nothing_else(void **state)
{
    (void)state;
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " "));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " []"));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " \"x\""));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " {"));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " {}}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " {} "));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET "  {}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"a\":\"\xff\"}"));
    assert_false(parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"a\":NaN}"));
    assert_false(
        parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"));
}

static void a_user_that_an_older_gateway_took_is_one_still(void **state)
{
    (void)state;
    assert_true(parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"id\":\"a\",\"id\":\"b\"}"));
    assert_true(parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"x\":1e999}"));
    assert_true(parses("epoch000 1 " CHAINS " boarded " SOCKET " {\"x\":\"\\ud800\"}"));
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
    assert_int_equal(record_parse_node((struct json_slice){"-", 1}, node), -1); /* nobody, in Redis */
    assert_int_equal(record_parse_node((struct json_slice){"host:3000.a-b", 13}, node), 0);
    assert_string_equal(node, "host:3000.a-b");
}

static void a_chain_is_eight_small_hexadecimal_digits(void **state)
{
    (void)state;
    assert_true(parses("epoch000 1 0123abcd ef456789 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123abc ef456789 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123abcde ef456789 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123abcd ef45678 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123ABCD ef456789 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123abcd ef45678g boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 0123abcd boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1 boarded " SOCKET " {}"));
    assert_false(parses("epoch000 1  ef456789 boarded " SOCKET " {}"));
}

/* --- tallies --- */

static enum record_verdict verdict_of(const char *text, struct record_answer *answer)
{
    return record_parse_answer(text, strlen(text), answer);
}

static void an_answer_has_what_its_word_says(void **state)
{
    struct record_answer answer;

    (void)state;
    assert_int_equal(verdict_of("ok epoch_-1 17 0123abcd 9007199254740992 {\"a\": 1}", &answer), RECORD_OK);
    assert_string_equal(answer.position.epoch, "epoch_-1");
    assert_int_equal(answer.position.offset, 17);
    assert_string_equal(answer.position.chain, "0123abcd");
    assert_int_equal(answer.tenure, 9007199254740992);
    assert_int_equal(answer.detail.len, strlen("{\"a\": 1}"));
    assert_memory_equal(answer.detail.at, "{\"a\": 1}", answer.detail.len);
    assert_int_equal(verdict_of("done epoch_-1 16 0123abcd 5 {}", &answer), RECORD_DONE);
    assert_int_equal(answer.position.offset, 16);
    assert_int_equal(answer.tenure, 5);
    assert_int_equal(answer.detail.len, 2);
    assert_int_equal(verdict_of("ok epoch_-1 0 00000000 0 ", &answer), RECORD_OK);
    assert_int_equal(answer.detail.len, 0);
    assert_int_equal(verdict_of("moved epoch_-2 18 89abcdef", &answer), RECORD_MOVED);
    assert_string_equal(answer.position.epoch, "epoch_-2");
    assert_int_equal(answer.position.offset, 18);
    assert_string_equal(answer.position.chain, "89abcdef");
    assert_int_equal(verdict_of("refused", &answer), RECORD_REFUSED);
    assert_int_equal(verdict_of("crowded", &answer), RECORD_CROWDED);
    assert_int_equal(verdict_of("early", &answer), RECORD_EARLY);
}

static void other_answers_are_none(void **state)
{
    static const char *const bad[] = {
        "",
        "ok",
        "ok ",
        "OK epoch_-1 17 0123abcd 1 ",
        "ok epoch_-1 17 0123abcd 1",
        "ok epoch_-1 17 0123abcd",
        "ok epoch_-1 17 0123abcd x ",
        "ok epoch_-1 17 0123abcd 12345678901234567 ",
        "ok epoch_-1 17 0123ABCD 1 ",
        "ok epoch_-1 -7 0123abcd 1 ",
        "ok epoch 17 0123abcd 1 ",
        " ok epoch_-1 17 0123abcd 1 ",
        "moved",
        "moved epoch_-1 17",
        "moved epoch_-1 17 0123abc",
        "moved epoch_-1 17 0123abcd ",
        "early ",
        "refuse",
        "crowded by many",
    };
    struct record_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (verdict_of(bad[i], &answer) != RECORD_NO_ANSWER)
            fail_msg("accepted: %s", bad[i]);
}

static void a_tally_has_a_position_a_number_and_a_sum(void **state)
{
    static const char text[] = "tally epoch_-1 17 0123abcd 4 4294967295";
    struct record_tally tally;

    (void)state;
    assert_int_equal(record_parse_tally(text, strlen(text), &tally), 0);
    assert_string_equal(tally.position.epoch, "epoch_-1");
    assert_int_equal(tally.position.offset, 17);
    assert_string_equal(tally.position.chain, "0123abcd");
    assert_int_equal(tally.aboard, 4);
    assert_int_equal(tally.marks, UINT32_MAX);
}

static void other_tallies_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "tally",
        "check",
        "tally epoch_-1 17 0123abcd 4",
        "tally epoch_-1 17 0123abcd 4 ",
        "tally epoch_-1 17 0123abcd 4 5 6",
        "tally epoch_-1 17 0123abcd -4 5",
        "tally epoch_-1 17 0123ABCD 4 5",
        "tally epoch_-1 17 0123abc 4 5",
        "tally epoch_-1 1x 0123abcd 4 5",
        "tally epoch 17 0123abcd 4 5",
        "rally epoch_-1 17 0123abcd 4 5",
        "tally epoch_-1 17 0123abcd 4 1234567890123456",
    };
    struct record_tally tally;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (record_parse_tally(bad[i], strlen(bad[i]), &tally) == 0)
            fail_msg("\"%s\" is taken", bad[i]);
}

/* --- a node's channel --- */

static bool word_parses(const char *text, size_t len)
{
    struct record_word word;
    char *copy = malloc(len + 1), *exact = copy + 1; /* so that a read past the end is caught */

    assert_non_null(copy);
    memcpy(exact, text, len);
    bool ok = record_parse_word(exact, len, &word) == 0;
    char socket_id[SOCKET_ID_LEN + 1];
    while (ok && record_next_socket(&word.sockets, socket_id))
        assert_int_equal(strlen(socket_id), SOCKET_ID_LEN);
    free(copy);
    return ok;
}

static void a_takeover_names_ride_tenure_and_socket(void **state)
{
    static const char text[] = "taken /line-7 1790000000123456 " SOCKET;
    struct record_word word;
    char socket_id[SOCKET_ID_LEN + 1];

    (void)state;
    assert_int_equal(record_parse_word(text, strlen(text), &word), 0);
    assert_true(word.taken);
    assert_string_equal(word.ride, "/line-7");
    assert_int_equal(word.tenure, 1790000000123456);
    assert_true(record_next_socket(&word.sockets, socket_id));
    assert_string_equal(socket_id, SOCKET);
    assert_false(record_next_socket(&word.sockets, socket_id));
}

static void what_a_node_is_said_to_hold_is_a_ride_and_its_sockets(void **state)
{
    static const char text[] = "held /line-7 " SOCKET " bbbbbbbbbbbbbbbbbbbb short " SOCKET;
    struct record_word word;
    char socket_id[SOCKET_ID_LEN + 1];

    (void)state;
    assert_int_equal(record_parse_word(text, strlen(text), &word), 0);
    assert_false(word.taken);
    assert_string_equal(word.ride, "/line-7");
    assert_true(record_next_socket(&word.sockets, socket_id));
    assert_string_equal(socket_id, SOCKET);
    assert_true(record_next_socket(&word.sockets, socket_id));
    assert_string_equal(socket_id, "bbbbbbbbbbbbbbbbbbbb");
    assert_false(record_next_socket(&word.sockets, socket_id));
    assert_int_equal(record_parse_word("held /r ", 8, &word), 0);
    assert_false(record_next_socket(&word.sockets, socket_id));
}

static void other_words_for_a_node_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "taken",
        "taken ",
        "held /r",
        "held r " SOCKET,
        "held  " SOCKET,
        "helds /r " SOCKET,
        "take /r 1 " SOCKET,
        " held /r " SOCKET,
        "taken /r " SOCKET,
        "taken /r x " SOCKET,
        "taken /r -1 " SOCKET,
        "taken /r 1",
        "taken /r{} 1 " SOCKET,
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (word_parses(bad[i], strlen(bad[i])))
            fail_msg("accepted: %s", bad[i]);
    assert_true(word_parses("taken /r 1 " SOCKET, strlen("taken /r 1 " SOCKET)));
}

static void a_message_has_one_event_or_several(void **state)
{
    static const char text[] = "abc\x1e\x1e d e f";
    static const char *const wanted[] = {"abc", "", " d e f"};
    struct json_slice rest = {text, strlen(text)}, event;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(record_next_event(&rest, &event));
        assert_int_equal(event.len, strlen(wanted[i]));
        assert_memory_equal(event.at, wanted[i], event.len);
    }
    assert_false(record_next_event(&rest, &event));
    rest = (struct json_slice){text, 3};
    assert_true(record_next_event(&rest, &event));
    assert_int_equal(event.len, 3);
    assert_false(record_next_event(&rest, &event));
}

/* The separator. */
static void no_record_has_a_control_character_in_it(void **state)
{
    static const char head[] = "epoch_-1 1 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa ";
    static const char *const users[] = {"{\"id\":\"a\x1e\"}", "{\x1e\"id\":\"a\"}", "{\"id\":\"a\"}\x1e"};
    struct record_event event;
    char text[200];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%s%s", head, users[i]);
        assert_int_equal(record_parse_event(text, strlen(text), &event), -1);
    }
    snprintf(text, sizeof text, "%s{\"id\":\"a\"}", head);
    assert_int_equal(record_parse_event(text, strlen(text), &event), 0);
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
        cmocka_unit_test(a_chain_is_eight_small_hexadecimal_digits),
        cmocka_unit_test(an_answer_has_what_its_word_says),
        cmocka_unit_test(other_answers_are_none),
        cmocka_unit_test(a_tally_has_a_position_a_number_and_a_sum),
        cmocka_unit_test(other_tallies_are_refused),
        cmocka_unit_test(a_takeover_names_ride_tenure_and_socket),
        cmocka_unit_test(what_a_node_is_said_to_hold_is_a_ride_and_its_sockets),
        cmocka_unit_test(other_words_for_a_node_are_refused),
        cmocka_unit_test(a_message_has_one_event_or_several),
        cmocka_unit_test(no_record_has_a_control_character_in_it),
        cmocka_unit_test(names_that_would_spoil_a_key_are_refused),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
