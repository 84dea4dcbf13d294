/*
 * answer.lua: several operations in one call, on one ride or on several. Each is judged as if it had come
 * alone.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>
#include <string.h>

#define boarding(...)                                                                                        \
    {                                                                                                        \
        .script = script_transition, .kind = "board", __VA_ARGS__                                            \
    }
#define leaving(...)                                                                                         \
    {                                                                                                        \
        .script = script_transition, .kind = "exit", __VA_ARGS__                                             \
    }
#define parting(...)                                                                                         \
    {                                                                                                        \
        .script = script_transition, .kind = "disconnect", __VA_ARGS__                                       \
    }

#define call_all(server, operations)                                                                         \
    operate_all(server, operations, sizeof(operations) / sizeof(operations)[0])

/* Takes the answer: it begins with this word. */
static void expect_begins(redisReply *answer, const char *word)
{
    if (answer->type != REDIS_REPLY_STRING || strncmp(answer->str, word, strlen(word)) != 0)
        fail_msg("%s instead of %s", answer->str ? answer->str : "no text", word);
    freeReplyObject(answer);
}

/* Words of all answers of a list, which is freed, with spaces between. */
static void expect_words(redisReply *reply, const char *words)
{
    char found[512] = "";

    expect_array(reply);
    for (size_t i = 0; i < reply->elements; i++) {
        const char *answer = reply->element[i]->str;
        size_t len = strlen(found);

        assert_int_equal(reply->element[i]->type, REDIS_REPLY_STRING);
        snprintf(found + len, sizeof found - len, "%s%.*s", i > 0 ? " " : "", (int)strcspn(answer, " "),
                 answer);
    }
    assert_string_equal(found, words);
    freeReplyObject(reply);
}

/* Which of node n's was done last. */
static void expect_last(struct redis_server *server, const char *sequence)
{
    redisReply *reply = redis_ask(server, "HGET p:{/x}:meta done:n");

    assert_string_equal(reply->str, sequence);
    freeReplyObject(reply);
}

static void several_are_done_in_order_and_answered_each(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann"),
        boarding(.id = "bob", .socket = 'b'),
        boarding(.id = "ann", .user = "new"),
        leaving(.id = "bob", .socket = 'b'),
        parting(.socket = 'c'),
    };
    redisReply *reply = call_all(server, operations);

    expect_array(reply);
    assert_int_equal(reply->elements, 5);
    expect_ok(answer_of(reply, 0), "1", "");
    expect_ok(answer_of(reply, 1), "2", "");
    expect_ok(answer_of(reply, 2), "3", "");
    expect_ok(answer_of(reply, 3), "4", "");
    expect_ok(answer_of(reply, 4), "4", "");
    freeReplyObject(reply);
    expect_log(server, "boarded a ann, boarded b bob, boarded a new, exited b bob");
    expect_users(server, "ann=new");
    expect_connections(server, "@ann=a, a=n ann");
    assert_string_equal(place_of(server).offset, "4");
    expect_last(server, "5");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
}

/* The chain that is answered, logged and kept leads from each event to the next. */
static void what_several_tell_is_one_stream(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .ride = 'y'),
        boarding(.id = "bob", .socket = 'b', .ride = 'y'),
        boarding(.id = "ann"),
        boarding(.id = "bob", .socket = 'b'),
        boarding(.id = "cem", .socket = 'c'),
    };
    redisContext *listener = listen_on(server, "channel"), *other = listen_on(server, "channel-y");
    char text[512], chain[9] = NO_CHAIN;
    redisReply *told, *reply = call_all(server, operations);

    assert_int_equal(redisGetReply(listener, (void **)&told), REDIS_OK);
    snprintf(text, sizeof text, "%s", told->element[2]->str);
    freeReplyObject(told);
    const char *at = text;
    for (size_t i = 0; i < 3; i++) {
        struct place place = place_in(answer_of(reply, 2 + i));
        char wanted[100];

        snprintf(wanted, sizeof wanted, "%s%s %s %s %s boarded %s %s", i > 0 ? "\x1e" : "", EPOCH,
                 place.offset, place.chain, chain, socket_of("abc"[i]),
                 (const char *[]){"ann", "bob", "cem"}[i]);
        assert_int_equal(strncmp(at, wanted, strlen(wanted)), 0);
        at += strlen(wanted);
        snprintf(chain, sizeof chain, "%s", place.chain);
    }
    assert_int_equal(*at, 0);
    assert_string_equal(place_of(server).chain, chain);
    expect_heard(other, EPOCH " 1 ", " bob");
    freeReplyObject(reply);
    redisFree(listener);
    redisFree(other);
}

static void one_event_is_told_as_ever(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {boarding(.id = "ann"), parting(.socket = 'b')};
    redisContext *listener = listen_on(server, "channel");

    expect_words(call_all(server, operations), "ok ok");
    expect_heard(listener, EPOCH " 1 ", " ann");
    redisFree(listener);
}

static void a_call_whose_answer_was_lost_changes_nothing_when_it_comes_again(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .sequence = 1),
        boarding(.id = "bob", .socket = 'b', .sequence = 2),
        leaving(.id = "ann", .sequence = 4),
    };

    expect_words(call_all(server, operations), "ok ok ok");
    redisReply *again = call_all(server, operations);
    expect_done(answer_of(again, 0), "1", "");
    expect_done(answer_of(again, 1), "2", "");
    expect_done(answer_of(again, 2), "3", "");
    freeReplyObject(again);
    expect_log(server, "boarded a ann, boarded b bob, exited a ann");
    expect_users(server, "bob=bob");
}

/* Its first part was done in another call: what is new follows, once. */
static void a_part_that_was_done_before_is_not_done_again(void **state)
{
    struct redis_server *server = *state;
    const struct operation first[] = {
        boarding(.id = "ann", .sequence = 1),
        boarding(.id = "bob", .socket = 'b', .sequence = 2),
    };
    const struct operation both[] = {
        boarding(.id = "ann", .sequence = 1),
        boarding(.id = "bob", .socket = 'b', .sequence = 2),
        boarding(.id = "cem", .socket = 'c', .sequence = 3),
        leaving(.id = "bob", .socket = 'b', .sequence = 4),
    };

    expect_words(call_all(server, first), "ok ok");
    redisReply *reply = call_all(server, both);
    for (size_t i = 0; i < 4; i++) {
        const char offset[] = {(char)('1' + i), '\0'};

        (i < 2 ? expect_done : expect_ok)(answer_of(reply, i), offset, "");
    }
    freeReplyObject(reply);
    expect_words(call_all(server, first), "done done"); /* late, from a connection that is lost */
    expect_log(server, "boarded a ann, boarded b bob, boarded c cem, exited b bob");
    expect_users(server, "ann=ann, cem=cem");
}

static void what_stands_behind_one_that_is_not_done_waits_for_it(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .sequence = 11),
        boarding(.id = "bob", .socket = 'b', .limit = "1", .sequence = 12),
        boarding(.id = "cem", .socket = 'c', .sequence = 13),
        boarding(.id = "dee", .socket = 'd', .sequence = 14),
    };

    expect_ok(board(server, .id = "bob", .node = "m"), "1", "");
    expect_ok(disconnect(server, .node = "m", .socket = 'x'), "1", "");
    expect_words(call_all(server, operations), "refused early early early"); /* a is m's, as bob */
    expect_users(server, "bob=bob");
    expect_ok(leave(server, .id = "bob", .node = "m", .sequence = 9), "2", "");
    expect_ok(board(server, .id = "bob", .node = "m", .socket = 'e', .sequence = 10), "3", "");
    expect_words(call_all(server, operations), "ok crowded early early");
    expect_words(operate_all(server, operations + 2, 2), "ok ok");
    expect_users(server, "ann=ann, bob=bob, cem=cem, dee=dee");
    expect_log(server,
               "boarded a bob, exited a bob, boarded e bob, boarded a ann, boarded c cem, boarded d dee");
}

static void all_behind_one_that_has_not_come_are_early(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "bob", .socket = 'b', .sequence = 2, .before = 1),
        boarding(.id = "cem", .socket = 'c', .sequence = 3),
    };

    expect_words(call_all(server, operations), "early early");
    assert_int_equal(count(server, "EXISTS " KEYS), 0);
    expect_ok(board(server, .id = "ann", .sequence = 1), "1", "");
    expect_words(call_all(server, operations), "ok ok");
}

static void a_ride_in_another_epoch_keeps_no_other_from_being_done(void **state)
{
    static const struct place known = {"epochOLD", "3", "deadbeef"};
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .ride = 'y'),
        boarding(.id = "ann", .known = &known),
        boarding(.id = "bob", .socket = 'b'),
        boarding(.id = "cem", .socket = 'c', .ride = 'z'),
    };
    redisReply *reply = call_all(server, operations);

    expect_ok(answer_of(reply, 0), "1", "");
    expect_moved(answer_of(reply, 1), "epochXXX", "0");
    expect_moved(answer_of(reply, 2), "epochXXX", "0");
    expect_ok(answer_of(reply, 3), "1", "");
    freeReplyObject(reply);
    assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:log"), 0);
    assert_true(count(server, "PTTL p:{/x}:meta") > 0);
    assert_int_equal(count(server, "HLEN p:{/y}:users"), 1);
    assert_int_equal(count(server, "HLEN p:{/z}:users"), 1);
}

/* Nothing of that ride is done, all of those before it is, and nothing is lost: each is sent again alone. */
static void a_spoiled_key_spoils_nothing_but_its_own_ride(void **state)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .ride = 'y', .sequence = 1),
        boarding(.id = "ann", .sequence = 2),
        boarding(.id = "bob", .socket = 'b', .sequence = 3),
        boarding(.id = "cem", .socket = 'c', .ride = 'z', .sequence = 4),
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        redis_run(server, "FLUSHALL");
        expect_ok(board(server, .id = "eve", .socket = 'e', .node = "m", .sequence = 1), "1", "");
        redis_run(server, "DEL p:{/x}:%s", keys[i]);
        redis_run(server, "SET p:{/x}:%s spoiled", keys[i]);
        redisReply *reply = call_all(server, operations);
        assert_int_equal(strncmp(reply->str, "WRONGTYPE ", 10), 0);
        expect_error(reply);
        assert_int_equal(count(server, "XLEN p:{/y}:log"), 1);
        assert_int_equal(count(server, "EXISTS p:{/z}:log"), 0);
        redis_run(server, "DEL p:{/x}:%s", keys[i]);
        assert_int_equal(count(server, "HLEN p:{/x}:users"), i > 0);
        for (size_t k = 0; k < 4; k++)
            expect_words(operate_all(server, operations + k, 1), k == 0 ? "done" : "ok");
        assert_int_equal(count(server, "HLEN p:{/x}:users"), i > 0 ? 3 : 2);
        assert_int_equal(count(server, "XLEN p:{/y}:log"), 1);
        assert_int_equal(count(server, "XLEN p:{/z}:log"), 1);
    }
}

/* The memory is all used: nothing is done, and all is once there is room. */
static void what_there_is_no_memory_for_is_done_later_all_of_it(void **state)
{
    struct redis_server *server = *state;
    const struct operation operations[] = {
        boarding(.id = "ann", .sequence = 11),
        boarding(.id = "bob", .socket = 'b', .sequence = 12),
        boarding(.id = "cem", .socket = 'c', .ride = 'y', .sequence = 13),
    };

    expect_ok(board(server, .id = "eve", .socket = 'e', .sequence = 1), "1", "");
    redis_run(server, "CONFIG SET maxmemory 1");
    redisReply *reply = call_all(server, operations);
    assert_int_equal(strncmp(reply->str, "OOM ", 4), 0);
    expect_error(reply);
    expect_log(server, "boarded e eve");
    redis_run(server, "CONFIG SET maxmemory 0");
    expect_words(call_all(server, operations), "ok ok ok");
    expect_log(server, "boarded e eve, boarded a ann, boarded b bob");
}

static void suspensions_resumptions_and_restorations_share_a_call_too(void **state)
{
    struct redis_server *server = *state;
    const struct operation boardings[] = {
        boarding(.id = "ann"),
        boarding(.id = "bob", .socket = 'b'),
        boarding(.id = "cem", .socket = 'c', .ride = 'y'),
    };
    struct operation others[] = {{.socket = 'a', .id = "ann"},
                                 {.socket = 'b', .id = "bob"},
                                 {.socket = 'c', .id = "cem", .ride = 'y'}};
    const char *const scripts[] = {script_suspend, script_resume, script_restore};
    redisReply *reply;

    expect_words(call_all(server, boardings), "ok ok ok");
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++)
            others[k].script = scripts[i];
        if (i == 2)
            redis_run(server, "DEL p:{/x}:users p:{/x}:connections p:{/y}:users p:{/y}:connections");
        reply = call_all(server, others);
        for (size_t k = 0; k < 3; k++)
            expect_begins(answer_of(reply, k), "ok ");
        freeReplyObject(reply);
        expect_away(server, i == 0 ? "a b" : "");
        expect_connections(server,
                           i == 0 ? "@ann=a, @bob=b, a=- ann, b=- bob" : "@ann=a, @bob=b, a=n ann, b=n bob");
        assert_int_equal(count(server, "ZCARD p:{/y}:away"), i == 0);
    }
    expect_log(server, "boarded a ann, boarded b bob, restored a ann, restored b bob");
}

/* The last to leave decides how long what is left of the ride lives; who boards, that it stays. */
static void the_keys_live_as_long_as_after_the_last_of_them(void **state)
{
    struct redis_server *server = *state;
    const struct operation come_and_go[] = {boarding(.id = "ann"), leaving(.id = "ann")};
    const struct operation go_and_come[] = {boarding(.id = "ann"), leaving(.id = "ann"),
                                            boarding(.id = "bob")};

    expect_words(call_all(server, come_and_go), "ok ok");
    expect_life(server, 30000, 70000);
    expect_words(call_all(server, go_and_come), "ok ok ok");
    expect_life(server, -1, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(several_are_done_in_order_and_answered_each),
        on_redis(what_several_tell_is_one_stream),
        on_redis(one_event_is_told_as_ever),
        on_redis(a_call_whose_answer_was_lost_changes_nothing_when_it_comes_again),
        on_redis(a_part_that_was_done_before_is_not_done_again),
        on_redis(what_stands_behind_one_that_is_not_done_waits_for_it),
        on_redis(all_behind_one_that_has_not_come_are_early),
        on_redis(a_ride_in_another_epoch_keeps_no_other_from_being_done),
        on_redis(a_spoiled_key_spoils_nothing_but_its_own_ride),
        on_redis(what_there_is_no_memory_for_is_done_later_all_of_it),
        on_redis(suspensions_resumptions_and_restorations_share_a_call_too),
        on_redis(the_keys_live_as_long_as_after_the_last_of_them),
    };

    return cmocka_run_group_tests_name("script_batch", tests, NULL, NULL);
}
