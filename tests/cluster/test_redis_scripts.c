/*
 * The scripts by themselves on a real Redis: what they answer and what they leave behind. Two nodes, n and m,
 * speak for one socket.
 */
#include "tests/cluster/redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_replay[];

#define SOCKET   "aaaaaaaaaaaaaaaaaaaa"
#define ALL_KEYS "{x}:users {x}:holders {x}:node:n {x}:node:m {x}:away {x}:meta {x}:log {x}:done:n {x}:done:m"

static int setup(void **state)
{
    *state = redis_server_start(REDIS_SERVER, NOTHING_KEPT);
    return 0;
}

static int teardown(void **state)
{
    redis_server_free(*state);
    return 0;
}

/* --- calling --- */

struct operation {
    const char *script, *node, *kind, *tenure; /* by default none, n, none and 0 */
    int sequence, before;
    const char *known_epoch;
    int known_offset;
};

static const char * or (const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

static redisReply *call(struct redis_server *server, struct operation operation)
{
    const char *node = or (operation.node, "n");
    char numbers[3][12];

    snprintf(numbers[0], sizeof numbers[0], "%d", operation.known_offset);
    snprintf(numbers[1], sizeof numbers[1], "%d", operation.sequence);
    snprintf(numbers[2], sizeof numbers[2], "%d", operation.before);
    return redis_ask(server,
                     "EVAL %s 7 {x}:users {x}:holders {x}:node:%s {x}:away {x}:meta {x}:log {x}:done:%s "
                     "channel %s " SOCKET " %s {} %s 60000 epochXXX %s %s run-%s %s %s 100",
                     operation.script, node, node, or (operation.kind, ""), node, or (operation.tenure, "0"),
                     or (operation.known_epoch, ""), numbers[0], node, numbers[1], numbers[2]);
}

/* A call whose answer starts with this word. */
static void expect_word(redisReply *reply, const char *word)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, word);
    freeReplyObject(reply);
}

/* A good answer at this offset; `detail` NULL: whatever it says. */
static void expect_ok(redisReply *reply, const char *offset, const char *detail)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_string_equal(reply->element[1]->str, "epochXXX");
    assert_string_equal(reply->element[2]->str, offset);
    if (detail)
        assert_string_equal(reply->element[4]->str, detail);
    freeReplyObject(reply);
}

/* The ride is in an epoch that the sender did not know, at this offset. */
static void expect_moved(redisReply *reply, const char *offset)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_string_equal(reply->element[0]->str, "moved");
    assert_string_equal(reply->element[1]->str, "epochXXX");
    assert_string_equal(reply->element[2]->str, offset);
    freeReplyObject(reply);
}

static redisReply *transition(struct redis_server *server, const char *kind, int sequence, int before)
{
    return call(server,
                (struct operation){
                    .script = script_transition, .kind = kind, .sequence = sequence, .before = before});
}

static redisReply *reap(struct redis_server *server, const char *node, const char *window, const char *limit)
{
    return redis_ask(server,
                     "EVAL %s 6 {x}:users {x}:holders {x}:node:%s {x}:away {x}:meta {x}:log channel %s %s "
                     "epochXXX %s 0 %s 100",
                     script_reap, node, node, window, "", limit);
}

static redisReply *sweep(struct redis_server *server)
{
    return redis_ask(
        server,
        "EVAL %s 5 {x}:users {x}:holders {x}:away {x}:meta {x}:log channel 60000 epochXXX %s 0 100 100",
        script_sweep, "");
}

#define count(server, command) redis_integer(redis_ask(server, command))

static void expect_holder(struct redis_server *server, const char *node)
{
    redisReply *reply = redis_ask(server, "HGET {x}:holders " SOCKET);
    size_t len = strlen(node);

    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(strncmp(reply->str, node, len), 0);
    assert_int_equal(reply->str[len], ' ');
    freeReplyObject(reply);
}

/* --- each once, and in order --- */

static void a_repeated_operation_answers_the_same_offset_and_does_nothing(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(transition(server, "exit", 2, 1), "2", NULL);
    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(transition(server, "exit", 2, 0), "2", NULL);
    assert_int_equal(count(server, "XLEN {x}:log"), 2);
    assert_int_equal(count(server, "HLEN {x}:users"), 0);
}

static void an_operation_ahead_of_its_predecessor_is_sent_back(void **state)
{
    struct redis_server *server = *state;

    expect_word(transition(server, "exit", 2, 1), "early");
    assert_int_equal(count(server, "EXISTS {x}:log {x}:done:n"), 0);
    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(transition(server, "exit", 2, 1), "2", NULL);
}

static void operations_without_effect_keep_their_place_in_the_order_too(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "disconnect", 1, 0), "0", NULL);
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2, .before = 1}), "0",
              "");
    expect_ok(call(server, (struct operation){.script = script_resume, .sequence = 3, .before = 2}), "0", "");
    expect_ok(transition(server, "board", 4, 3), "1", NULL);
    expect_ok(transition(server, "disconnect", 1, 0), "1",
              NULL); /* came late: it is from before the boarding */
    assert_int_equal(count(server, "HLEN {x}:users"), 1);
}

static void a_repeated_suspension_does_not_undo_the_resumption_after_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2}), "1", "");
    expect_ok(call(server, (struct operation){.script = script_resume, .sequence = 3}), "1", "{}");
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2}), "1", "");
    expect_ok(call(server, (struct operation){.script = script_resume, .sequence = 3}), "1", "{}");
    assert_int_equal(count(server, "ZCARD {x}:away"), 0);
    assert_int_equal(count(server, "SCARD {x}:node:n"), 1);
}

/* --- whose socket it is --- */

static void suspended_riders_stay_aboard_and_leave_their_nodes_set(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2}), "1", "");
    assert_int_equal(count(server, "HLEN {x}:users"), 1);
    assert_int_equal(count(server, "SCARD {x}:node:n"), 0);
    assert_int_equal(count(server, "ZCARD {x}:away"), 1);
    expect_holder(server, "n");
}

static void a_resumption_takes_the_socket_whether_it_is_suspended_or_not(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(call(server, (struct operation){.script = script_resume, .node = "m", .sequence = 1}), "1",
              "{}");
    expect_holder(server, "m");
    expect_ok(call(server, (struct operation){.script = script_suspend, .node = "m", .sequence = 2}), "1",
              "");
    expect_ok(call(server, (struct operation){.script = script_resume, .sequence = 2}), "1", "{}");
    expect_holder(server, "n");
    assert_int_equal(count(server, "ZCARD {x}:away"), 0);
    assert_int_equal(count(server, "XLEN {x}:log"), 1);
}

static void a_node_that_has_lost_the_socket_can_do_nothing_to_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(call(server, (struct operation){.script = script_resume, .node = "m", .sequence = 1}), "1",
              "{}");
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2}), "1", "");
    expect_ok(transition(server, "disconnect", 3, 0), "1", NULL);
    expect_word(transition(server, "board", 4, 0), "refused");
    expect_word(transition(server, "exit", 5, 0), "refused");
    expect_word(transition(server, "exit", 5, 0), "refused"); /* said again */
    expect_word(call(server, (struct operation){.script = script_restore, .tenure = "1", .sequence = 6}),
                "refused");
    expect_holder(server, "m");
    assert_int_equal(count(server, "ZCARD {x}:away"), 0);
    assert_int_equal(count(server, "SCARD {x}:node:n"), 0);
    assert_int_equal(count(server, "XLEN {x}:log"), 1);
}

static void the_later_tenure_wins(void **state)
{
    struct redis_server *server = *state;

    expect_ok(call(server, (struct operation){.script = script_restore, .tenure = "100", .sequence = 1}), "1",
              "missing");
    expect_ok(call(server,
                   (struct operation){.script = script_restore, .node = "m", .tenure = "200", .sequence = 1}),
              "1", "");
    expect_holder(server, "m");
    expect_word(call(server, (struct operation){.script = script_restore, .tenure = "100", .sequence = 2}),
                "refused");
    expect_ok(call(server,
                   (struct operation){
                       .script = script_transition, .kind = "board", .tenure = "300", .sequence = 3}),
              "2", NULL);
    expect_holder(server, "n");
}

static void only_a_missing_rider_is_told_as_restored(void **state)
{
    struct redis_server *server = *state;

    expect_ok(transition(server, "board", 1, 0), "1", NULL);
    expect_ok(call(server, (struct operation){.script = script_suspend, .sequence = 2}), "1", "");
    expect_ok(call(server, (struct operation){.script = script_restore, .tenure = "9", .sequence = 3}), "1",
              "");
    assert_int_equal(count(server, "ZCARD {x}:away"), 0);
    redis_run(server, "DEL {x}:users {x}:holders");
    expect_ok(call(server, (struct operation){.script = script_restore, .tenure = "9", .sequence = 4}), "2",
              "missing");
    expect_ok(call(server, (struct operation){.script = script_restore, .tenure = "9", .sequence = 4}), "2",
              "");
}

/* --- positions --- */

static void a_key_of_the_wrong_type_stops_the_script_with_nothing_changed(void **state)
{
    static const char *const keys[] = {"users", "holders", "node:n", "away", "meta", "log", "done:n"};
    const char *const scripts[] = {script_transition, script_suspend, script_resume, script_restore};
    struct redis_server *server = *state;

    for (size_t i = 0; i < 4 * (sizeof keys / sizeof *keys); i++) {
        const char *key = keys[i / 4];
        redis_run(server, "DEL " ALL_KEYS);
        redis_run(server, "RPUSH {x}:%s spoiled", key);
        redisReply *reply =
            call(server, (struct operation){.script = scripts[i % 4], .kind = "board", .sequence = 1});
        assert_int_equal(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
        long long left = count(server, "EXISTS {x}:users {x}:holders {x}:node:n {x}:away {x}:log {x}:done:n");
        assert_int_equal(left, strcmp(key, "meta") != 0);
    }
}

static void a_damaged_position_begins_a_new_epoch(void **state)
{
    static const char *const damages[] = {"offset none", "offset -1",      "offset 1.5",
                                          "epoch short", "epoch spaced_x", "offset 9999999999999999"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char field[16], value[32];
        redis_run(server, "DEL " ALL_KEYS);
        redis_run(server, "HSET {x}:meta epoch epochOLD offset 5");
        assert_int_equal(sscanf(damages[i], "%15s %31s", field, value), 2);
        if (strcmp(value, "spaced_x") == 0)
            strcpy(value, "spaced x");
        redis_run(server, "HSET {x}:meta %s %s", field, value);
        expect_ok(transition(server, "board", 1, 0), "1", NULL);
    }
}

static void an_offset_behind_the_one_that_is_known_begins_a_new_epoch(void **state)
{
    struct redis_server *server = *state;
    struct operation operation = {
        .script = script_transition, .kind = "board", .sequence = 1, .known_epoch = "epochOLD"};

    redis_run(server, "HSET {x}:meta epoch epochOLD offset 5");
    redis_run(server, "XADD {x}:log 5-0 op x kind boarded socket " SOCKET " user {}");
    operation.known_offset = 6;
    expect_moved(call(server, operation), "0");
    assert_int_equal(count(server, "XLEN {x}:log"), 0);

    operation.known_offset = 60; /* who knows only the old epoch does not begin yet another */
    expect_moved(call(server, operation), "0");
    operation.known_epoch = "epochXXX";
    operation.known_offset = 0;
    expect_ok(call(server, operation), "1", NULL);
}

/* Redis' clock was put back since the other node obtained the socket. */
static void who_resumes_obtains_the_socket_later_than_its_holder_did(void **state)
{
    struct redis_server *server = *state;
    struct operation resume = {.script = script_resume, .sequence = 1};

    redis_run(server, "HSET {x}:users " SOCKET " {}");
    redis_run(server, "HSET {x}:holders " SOCKET " %s", "m 9000000000000000");
    redisReply *reply = call(server, resume);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[3]->str, "9000000000000001");
    freeReplyObject(reply);
    expect_holder(server, "n");
}

/* Redis' clock was put back since the rider was suspended. */
static void who_is_suspended_for_longer_than_a_window_gets_one(void **state)
{
    struct redis_server *server = *state;

    redis_run(server, "HSET {x}:users " SOCKET " {}");
    redis_run(server, "ZADD {x}:away 9000000000000 " SOCKET);
    redis_run(server, "SET {x}:meta spoiled");
    freeReplyObject(sweep(server)); /* an error: nothing is changed */
    assert_int_equal(count(server, "ZCOUNT {x}:away 9000000000000 +inf"), 1);
    redis_run(server, "DEL {x}:meta");
    expect_word(sweep(server), "none");
    assert_int_equal(count(server, "ZCOUNT {x}:away 9000000000000 +inf"), 0);
    assert_int_equal(count(server, "ZCARD {x}:away"), 1);
}

/* A process that was killed may have sent it before this Redis lost what it had. */
static void what_was_sent_in_another_epoch_is_not_done(void **state)
{
    struct redis_server *server = *state;
    const char *const scripts[] = {script_transition, script_suspend, script_resume, script_restore};

    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct operation late = {.script = scripts[i],
                                 .kind = "board",
                                 .sequence = 1,
                                 .known_epoch = "epochOLD",
                                 .known_offset = 3};
        redis_run(server, "DEL " ALL_KEYS);
        expect_moved(call(server, late), "0");
        assert_int_equal(count(server, "EXISTS {x}:users {x}:holders {x}:node:n {x}:away {x}:log {x}:done:n"),
                         0);
        assert_true(count(server, "TTL {x}:meta") > 0);
        expect_ok(transition(server, "board", 1, 0), "1", NULL);
        expect_moved(call(server, late), "1");
    }
}

/* --- reaping and sweeping --- */

static void hold_many(struct redis_server *server, const char *node, int riders)
{
    for (int i = 0; i < riders; i++) {
        char socket[24], holder[24];
        snprintf(socket, sizeof socket, "%020d", i);
        snprintf(holder, sizeof holder, "%s 1", node);
        redis_run(server, "HSET {x}:users %s {}", socket);
        redis_run(server, "HSET {x}:holders %s %s", socket, holder);
        redis_run(server, "SADD {x}:node:n %s", socket);
    }
}

static void expect_bite(redisReply *reply, long long taken, long long left)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_int_equal(reply->element[3]->integer, taken);
    assert_int_equal(reply->element[4]->integer, left);
    freeReplyObject(reply);
}

static void reaping_suspends_in_bites_until_nothing_is_left(void **state)
{
    struct redis_server *server = *state;

    hold_many(server, "n", 25);
    expect_bite(reap(server, "n", "60000", "10"), 10, 15);
    expect_bite(reap(server, "n", "60000", "10"), 10, 5);
    expect_bite(reap(server, "n", "60000", "10"), 5, 0);
    expect_word(reap(server, "n", "60000", "10"), "none");
    assert_int_equal(count(server, "ZCARD {x}:away"), 25);
    assert_int_equal(count(server, "HLEN {x}:users"), 25);
    assert_int_equal(count(server, "XLEN {x}:log"), 0);
}

static void reaping_without_a_window_tells_each_once(void **state)
{
    struct redis_server *server = *state;

    hold_many(server, "n", 3);
    expect_bite(reap(server, "n", "0", "10"), 3, 0);
    expect_word(reap(server, "n", "0", "10"), "none");
    assert_int_equal(count(server, "EXISTS {x}:users {x}:holders {x}:away"), 0);
    assert_int_equal(count(server, "XLEN {x}:log"), 3);
}

static void reaping_leaves_alone_what_another_node_holds_by_now(void **state)
{
    struct redis_server *server = *state;

    hold_many(server, "m", 3); /* n's set still names them */
    expect_bite(reap(server, "n", "0", "10"), 0, 0);
    assert_int_equal(count(server, "HLEN {x}:users"), 3);
}

static void sweeping_takes_out_who_is_due_and_tells_each_once(void **state)
{
    struct redis_server *server = *state;

    expect_word(sweep(server), "none");
    hold_many(server, "n", 2);
    redis_run(server, "ZADD {x}:away 1 00000000000000000000 99999999999999 00000000000000000001");
    expect_bite(sweep(server), 1, 1);
    expect_word(sweep(server), "none");
    assert_int_equal(count(server, "HLEN {x}:users"), 1);
    assert_int_equal(count(server, "HLEN {x}:holders"), 1);
    assert_int_equal(count(server, "XLEN {x}:log"), 1);
}

/* --- replaying --- */

static redisReply *replay(struct redis_server *server, const char *epoch, const char *offset)
{
    return redis_ask(server, "EVAL %s 2 {x}:meta {x}:log %s %s 10", script_replay, epoch, offset);
}

static void a_replay_reaches_exactly_as_far_back_as_the_log(void **state)
{
    struct redis_server *server = *state;

    for (int i = 1; i <= 4; i++)
        freeReplyObject(transition(server, "exit", i, 0));
    redis_run(server, "XTRIM {x}:log MAXLEN 2");
    expect_word(replay(server, "epochXXX", "4"), "log");
    expect_word(replay(server, "epochXXX", "2"), "log");
    expect_word(replay(server, "epochXXX", "1"), "gone");
}

static void a_replay_from_a_place_that_never_was_changes_nothing(void **state)
{
    struct redis_server *server = *state;

    expect_word(replay(server, "epochXXX", "1"), "gone");
    assert_int_equal(count(server, "EXISTS {x}:meta {x}:log"), 0);
    expect_ok(transition(server, "exit", 1, 0), "1", NULL);
    expect_word(replay(server, "epochXXX", "2"), "gone");
    expect_word(replay(server, "epochXXX", "18446744073709551615"), "gone");
    expect_word(replay(server, "epochYYY", "1"), "gone");
    expect_ok(transition(server, "exit", 2, 0), "2", NULL);
}

#define on_redis(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_repeated_operation_answers_the_same_offset_and_does_nothing),
        on_redis(an_operation_ahead_of_its_predecessor_is_sent_back),
        on_redis(operations_without_effect_keep_their_place_in_the_order_too),
        on_redis(a_repeated_suspension_does_not_undo_the_resumption_after_it),
        on_redis(suspended_riders_stay_aboard_and_leave_their_nodes_set),
        on_redis(a_resumption_takes_the_socket_whether_it_is_suspended_or_not),
        on_redis(a_node_that_has_lost_the_socket_can_do_nothing_to_it),
        on_redis(the_later_tenure_wins),
        on_redis(only_a_missing_rider_is_told_as_restored),
        on_redis(a_key_of_the_wrong_type_stops_the_script_with_nothing_changed),
        on_redis(a_damaged_position_begins_a_new_epoch),
        on_redis(an_offset_behind_the_one_that_is_known_begins_a_new_epoch),
        on_redis(who_resumes_obtains_the_socket_later_than_its_holder_did),
        on_redis(who_is_suspended_for_longer_than_a_window_gets_one),
        on_redis(what_was_sent_in_another_epoch_is_not_done),
        on_redis(reaping_suspends_in_bites_until_nothing_is_left),
        on_redis(reaping_without_a_window_tells_each_once),
        on_redis(reaping_leaves_alone_what_another_node_holds_by_now),
        on_redis(sweeping_takes_out_who_is_due_and_tells_each_once),
        on_redis(a_replay_reaches_exactly_as_far_back_as_the_log),
        on_redis(a_replay_from_a_place_that_never_was_changes_nothing),
    };

    return cmocka_run_group_tests_name("redis_scripts", tests, NULL, NULL);
}
