/*
 * The scripts by themselves on a real Redis: what they answer and what they leave behind.
 */
#include "tests/lib/redis_server.h"

/* Made at build time from broker/scripts/. */
extern const char script_transition[];

static int setup(void **state)
{
    *state = redis_server_start(NOTHING_KEPT);
    return 0;
}

static int teardown(void **state)
{
    redis_server_free(*state);
    return 0;
}

static redisReply *call_transition(struct redis_server *server, const char *kind, const char *sequence,
                                   const char *before)
{
    return redis_ask(server,
                     "EVAL %s 6 {x}:users {x}:holders {x}:node:n {x}:meta {x}:log {x}:done channel %s "
                     "aaaaaaaaaaaaaaaaaaaa n {} epochXXX run %s %s 100",
                     script_transition, kind, sequence, before);
}

static void expect_offset(redisReply *reply, const char *offset)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_string_equal(reply->element[1]->str, "epochXXX");
    assert_string_equal(reply->element[2]->str, offset);
    freeReplyObject(reply);
}

static void expect_word(redisReply *reply, const char *word)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, word);
    freeReplyObject(reply);
}

static void a_repeated_operation_answers_the_same_offset_and_does_nothing(void **state)
{
    struct redis_server *server = *state;

    expect_offset(call_transition(server, "board", "1", "0"), "1");
    expect_offset(call_transition(server, "exit", "2", "1"), "2");
    expect_offset(call_transition(server, "board", "1", "0"), "1");
    expect_offset(call_transition(server, "exit", "2", "0"), "2");
    assert_int_equal(redis_integer(redis_ask(server, "XLEN {x}:log")), 2);
    assert_int_equal(redis_integer(redis_ask(server, "HLEN {x}:users")), 0);
}

static void an_operation_ahead_of_its_predecessor_is_sent_back(void **state)
{
    struct redis_server *server = *state;

    expect_word(call_transition(server, "exit", "2", "1"), "early");
    assert_int_equal(redis_integer(redis_ask(server, "EXISTS {x}:log {x}:done")), 0);
    expect_offset(call_transition(server, "board", "1", "0"), "1");
    expect_offset(call_transition(server, "exit", "2", "1"), "2");
}

static void a_key_of_the_wrong_type_stops_the_script_with_nothing_changed(void **state)
{
    static const char *const keys[] = {"users", "holders", "node:n", "meta", "log", "done"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        redis_run(server, "DEL {x}:users {x}:holders {x}:node:n {x}:meta {x}:log {x}:done");
        redis_run(server, "RPUSH {x}:%s spoiled", keys[i]);
        redisReply *reply = call_transition(server, "board", "1", "0");
        assert_int_equal(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        long long left =
            redis_integer(redis_ask(server, "EXISTS {x}:users {x}:holders {x}:node:n {x}:log {x}:done"));
        assert_int_equal(left, strcmp(keys[i], "meta") != 0);
    }
}

static void a_damaged_position_begins_a_new_epoch(void **state)
{
    static const char *const damages[] = {"offset none", "offset -1",      "offset 1.5",
                                          "epoch short", "epoch spaced_x", "offset 9999999999999999"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char field[16], value[32];
        redis_run(server, "DEL {x}:users {x}:holders {x}:node:n {x}:meta {x}:log {x}:done");
        redis_run(server, "HSET {x}:meta epoch epochOLD offset 5");
        assert_int_equal(sscanf(damages[i], "%15s %31s", field, value), 2);
        if (strcmp(value, "spaced_x") == 0)
            strcpy(value, "spaced x");
        redis_run(server, "HSET {x}:meta %s %s", field, value);
        expect_offset(call_transition(server, "board", "1", "0"), "1");
    }
}

#define on_redis(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_repeated_operation_answers_the_same_offset_and_does_nothing),
        on_redis(an_operation_ahead_of_its_predecessor_is_sent_back),
        on_redis(a_key_of_the_wrong_type_stops_the_script_with_nothing_changed),
        on_redis(a_damaged_position_begins_a_new_epoch),
    };

    return cmocka_run_group_tests_name("redis_scripts", tests, NULL, NULL);
}
