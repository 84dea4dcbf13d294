/*
 * replay.lua: the events after a client's position.
 */
#include "tests/cluster/script_world.h"

#include <string.h>

static redisReply *replay(struct redis_server *server, const struct place *from)
{
    return run(server, (struct call){.script = script_replay, .known = from, .args = {"10", "", "0"}});
}

/* For the client of that socket, which is not aboard. Three events are searched for its end. */
static redisReply *replay_for(struct redis_server *server, const struct place *from, char socket)
{
    return run(server,
               (struct call){.script = script_replay, .known = from, .args = {"10", socket_of(socket), "3"}});
}

static void a_replay_reaches_exactly_as_far_back_as_the_log(void **state)
{
    struct redis_server *server = *state;
    struct place at[5];

    for (int i = 1; i <= 4; i++) {
        freeReplyObject(leave(server, .id = "ann"));
        at[i] = place_of(server);
    }
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 2");
    expect_word(replay(server, &at[4]), "log");
    expect_word(replay(server, &at[3]), "log");
    redisReply *reply = replay(server, &at[2]);
    assert_string_equal(reply->element[0]->str, "log");
    expect_place(reply, EPOCH, "4");
    assert_int_equal(reply->element[4]->elements, 2);
    freeReplyObject(reply);
    expect_word(replay(server, &at[1]), "gone");
}

static void who_has_ended_up_to_where_a_replay_begins_has_none(void **state)
{
    struct redis_server *server = *state;
    struct place at[8];

    at[0] = (struct place){EPOCH, "0", NO_CHAIN};
    freeReplyObject(board(server, .id = "ann"));
    at[1] = place_of(server);
    freeReplyObject(leave(server, .id = "ann"));
    at[2] = place_of(server);
    for (int i = 3; i <= 5; i++) {
        freeReplyObject(board(server, .id = "bob", .socket = 'b'));
        at[i] = place_of(server);
    }
    expect_word(replay_for(server, &at[0], 'a'), "log");
    expect_word(replay_for(server, &at[1], 'a'), "log"); /* what comes later the gateway sees */
    expect_word(replay_for(server, &at[2], 'a'), "gone");
    expect_word(replay_for(server, &at[4], 'a'), "gone");
    expect_word(replay_for(server, &at[5], 'a'), "log"); /* no client has heard that much behind its end */
    expect_word(replay(server, &at[2]), "log");
    expect_word(replay_for(server, &at[4], 'c'), "log");

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "cem"));
    at[6] = place_of(server);
    expect_word(replay_for(server, &at[6], 'a'), "log"); /* as one it has ended, and boarded as another */
    freeReplyObject(disconnect(server));
    at[7] = place_of(server);
    expect_word(replay_for(server, &at[7], 'a'), "gone");
}

static void nor_has_who_may_have(void **state)
{
    struct redis_server *server = *state;
    struct place at[5];

    for (int i = 1; i <= 4; i++) {
        freeReplyObject(board(server, .id = "bob", .socket = 'b'));
        at[i] = place_of(server);
    }
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 3");
    expect_word(replay_for(server, &at[4], 'c'), "log");
    expect_word(replay_for(server, &at[3], 'c'), "gone");
    expect_word(replay_for(server, &at[3], 'b'), "log");
    expect_word(replay(server, &at[3]), "log");
}

static void a_replay_of_another_history_is_refused(void **state)
{
    struct redis_server *server = *state;
    struct place at[4];

    for (int i = 1; i <= 3; i++) {
        freeReplyObject(leave(server, .id = "ann"));
        at[i] = place_of(server);
        memcpy(at[i].chain, "deadbeef", 9);
    }
    at[0] = (struct place){EPOCH, "2", ""};
    expect_word(replay(server, &at[3]), "gone"); /* where the ride is */
    expect_word(replay(server, &at[1]), "gone"); /* an entry of the log */
    expect_word(replay(server, &at[0]), "gone"); /* no place at all */
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_word(replay(server, &at[2]), "gone"); /* only the next entry is there */
    expect_log(server, "exited a ann");
}

static void a_replay_from_a_place_that_never_was_changes_nothing(void **state)
{
    struct redis_server *server = *state;
    struct place from = {EPOCH, "1", "deadbeef"};

    expect_word(replay(server, &from), "gone");
    assert_int_equal(count(server, "EXISTS p:{/x}:meta p:{/x}:log"), 0);
    expect_ok(leave(server, .id = "ann"), "1", "");
    struct place there = place_of(server);
    strcpy(from.offset, "2");
    expect_word(replay(server, &from), "gone");
    strcpy(from.offset, "18446744073709551615");
    expect_word(replay(server, &from), "gone");
    memcpy(there.epoch, "epochYYY", 8);
    expect_word(replay(server, &there), "gone");
    expect_ok(leave(server, .id = "ann"), "2", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_replay_reaches_exactly_as_far_back_as_the_log),
        on_redis(who_has_ended_up_to_where_a_replay_begins_has_none),
        on_redis(nor_has_who_may_have),
        on_redis(a_replay_of_another_history_is_refused),
        on_redis(a_replay_from_a_place_that_never_was_changes_nothing),
    };

    return cmocka_run_group_tests_name("script_replay", tests, NULL, NULL);
}
