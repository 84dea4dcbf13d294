/*
 * ride.lua, and what all scripts have in common: positions and new epochs, what is told, how long keys live,
 * and what a spoiled key does.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>
#include <string.h>

/* The fingerprint after an event, by Redis' own SHA-1. */
static void chain_after(struct redis_server *server, const char *before, const char *operation,
                        const char *kind, char socket, char chain[9])
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s %s %s %s",
                                  "return string.sub(redis.sha1hex(table.concat(ARGV, ' ')), 1, 8)", before,
                                  operation, kind, socket_of(socket));

    memcpy(chain, reply->str, 9);
    freeReplyObject(reply);
}

static void a_position_has_a_fingerprint_of_all_events_up_to_it(void **state)
{
    struct redis_server *server = *state;
    char first[9], second[9];

    chain_after(server, NO_CHAIN, "n-1", "boarded", 'a', first);
    chain_after(server, first, "n-2", "exited", 'a', second);
    assert_string_equal(place_in(board(server, .id = "ann")).chain, first);
    assert_string_equal(place_in(leave(server, .id = "ann")).chain, second);
    assert_string_equal(place_of(server).chain, second);
    redisReply *reply = redis_ask(server, "XRANGE p:{/x}:log - +");
    assert_string_equal(reply->element[0]->element[1]->element[1]->str, first);
    assert_string_equal(reply->element[1]->element[1]->element[1]->str, second);
    freeReplyObject(reply);
}

/* Three events of a ride, told apart from others by whose they are. */
static struct place tell_three(struct redis_server *server, const char *node)
{
    for (int i = 0; i < 3; i++)
        freeReplyObject(leave(server, .id = "ann", .node = node));
    return place_of(server);
}

/* What another history was like is known up to an offset of this one. */
static void expect_another_history(struct redis_server *server, const struct place *known)
{
    expect_moved(board(server, .id = "ann", .known = known, .epoch = "epochYYY"), "epochYYY", "0");
    expect_log(server, "");
    expect_users(server, "");
}

static void another_chain_at_a_known_offset_is_another_history(void **state)
{
    struct redis_server *server = *state;
    struct place other = tell_three(server, "m");

    clear(server);
    struct place here = tell_three(server, "n");
    assert_string_equal(here.epoch, other.epoch);
    assert_string_equal(here.offset, other.offset);
    assert_string_not_equal(here.chain, other.chain);
    expect_ok(leave(server, .id = "ann", .known = &here, .epoch = "epochYYY"), "4", "");

    /* It is compared with an entry of the log; */
    expect_another_history(server, &other);

    /* with where the ride is; */
    clear(server);
    tell_three(server, "n");
    expect_another_history(server, &other);

    /* and with the next entry, where the log does not reach further back. */
    clear(server);
    tell_three(server, "n");
    freeReplyObject(leave(server, .id = "ann"));
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_ok(leave(server, .id = "ann", .known = &here, .epoch = "epochYYY"), "5", "");
    expect_another_history(server, &other);
}

static void what_the_log_does_not_reach_is_believed(void **state)
{
    struct redis_server *server = *state;
    struct place known = tell_three(server, "n");

    freeReplyObject(leave(server, .id = "ann"));
    freeReplyObject(leave(server, .id = "ann"));
    memcpy(known.chain, "deadbeef", sizeof known.chain);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 1");
    expect_ok(leave(server, .id = "ann", .known = &known), "6", "");
    redis_run(server, "DEL p:{/x}:log");
    expect_ok(leave(server, .id = "ann", .known = &known), "7", "");
}

static void what_is_no_event_is_of_another_history(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    struct place first = place_of(server);
    redis_run(server, "HSET p:{/x}:meta offset 2");
    redis_run(server, "XADD p:{/x}:log MAXLEN = 1 2-0 what else");
    expect_moved(board(server, .id = "bob", .socket = 'b', .epoch = "epochYYY", .known = &first), "epochYYY",
                 "0");
}

static void every_script_finds_that_this_is_another_history(void **state)
{
    const struct call calls[] = {
        {.script = script_reap, .args = {"n", "0", "100"}},
        {.script = script_roster, .args = {"100", "", "0", ""}},
        {.script = script_audit, .args = {"connections", "0", "100", "1000", "0"}},
        {.script = script_sweep, .args = {"100"}},
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct call call = calls[i];
        struct place known = tell_three(server, "n");

        redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('z'));
        memcpy(known.chain, "deadbeef", sizeof known.chain);
        call.known = &known;
        call.epoch = "epochYYY";
        redisReply *reply = run(server, call);
        expect_array(reply);
        expect_place(reply, "epochYYY", "0");
        freeReplyObject(reply);
        clear(server);
    }
}

static void an_offset_behind_the_one_that_is_known_begins_a_new_epoch(void **state)
{
    struct redis_server *server = *state;
    struct place known = tell_three(server, "n");

    strcpy(known.offset, "4");
    expect_another_history(server, &known);
    strcpy(known.offset, "40"); /* who knows only the old epoch does not begin yet another */
    expect_moved(board(server, .id = "ann", .known = &known, .epoch = "epochZZZ"), "epochYYY", "0");
}

static void an_epoch_that_is_over_begins_a_new_one(void **state)
{
    static const struct place later = {"epochNEW", "7", "deadbeef"};
    struct redis_server *server = *state;

    tell_three(server, "n");
    redis_run(server, "HSET p:{/x}:meta epoch epochXXX");
    expect_moved(board(server, .id = "ann", .known = &later, .left = "epochABC epochDEF"), "epochXXX", "3");
    expect_moved(
        board(server, .id = "ann", .known = &later, .left = "epochABC epochXXX", .epoch = "epochYYY"),
        "epochYYY", "0");
    expect_log(server, "");
}

/* However many it has left since. */
static void the_first_epoch_is_over_for_whoever_knows_a_later_one(void **state)
{
    static const struct place later = {"epochNEW", "7", "deadbeef"};
    struct redis_server *server = *state;

    tell_three(server, "n");
    expect_moved(board(server, .id = "ann", .known = &later, .left = "epochABC"), "epochXXX", "0");
    expect_log(server, "");
}

static void a_new_epoch_begins_with_how_many_are_aboard(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    assert_int_equal(
        count(server, "EVAL %s 0", "return tonumber(redis.call('HGET', 'p:{/x}:meta', 'began'))"), 0);
    redis_run(server, "DEL p:{/x}:meta");
    expect_ok_in(board(server, .id = "bob", .socket = 'b'), "epochXXX", "1", "");
    assert_int_equal(
        count(server, "EVAL %s 0", "return tonumber(redis.call('HGET', 'p:{/x}:meta', 'began'))"), 1);
}

/* What is asked about a ride of which nobody has heard. */
static void expect_nothing_written(struct redis_server *server, const struct call *call, const char *word)
{
    redisReply *reply = run(server, *call);

    expect_array(reply);
    assert_string_equal(reply->element[0]->str, word);
    expect_place(reply, EPOCH, "0");
    freeReplyObject(reply);
    assert_int_equal(count(server, "DBSIZE"), 0);
}

static void a_ride_begins_with_its_first_event_and_nobody_who_asks_before_writes_anything(void **state)
{
    static const struct place first = {EPOCH, "0", NO_CHAIN};
    struct redis_server *server = *state;

    for (int knows = 0; knows < 2; knows++) {
        const struct place *known = knows ? &first : NULL;
        struct call roster = {.script = script_roster, .known = known, .args = {"100", "", "0", ""}};
        struct call again = {.script = script_roster, .known = known, .args = {"100", EPOCH, "0", NO_CHAIN}};
        struct call audit = {
            .script = script_audit, .known = known, .args = {"connections", "0", "100", "1000", "0"}};
        struct call reap = {.script = script_reap, .known = known, .args = {"n", "0", "100"}};

        redis_run(server, "FLUSHALL");
        expect_nothing_written(server, &roster, "users");
        expect_nothing_written(server, &again, "log");
        expect_nothing_written(server, &audit, "recent");
        expect_nothing_written(server, &reap, "ok");
        expect_ok(board(server, .id = "ann", .known = known), "1", "");
        expect_ok(board(server, .id = "bob", .socket = 'b', .known = &first), "2", "");
    }

    /* Whoever was there before hears all of it. */
    struct call roster = {.script = script_roster, .known = &first, .args = {"100", EPOCH, "0", NO_CHAIN}};
    redisReply *reply = run(server, roster);
    assert_string_equal(reply->element[0]->str, "log");
    assert_int_equal(reply->element[4]->elements, 2);
    freeReplyObject(reply);
}

/* The log of a ride that has lost its position alone. */
static void a_ride_that_begins_has_no_older_events(void **state)
{
    struct redis_server *server = *state;

    tell_three(server, "n");
    redis_run(server, "DEL p:{/x}:meta");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "1", "");
    expect_log(server, "boarded b bob");
}

/* It is no ride of which nobody has heard. */
static void a_position_that_is_lost_begins_a_new_epoch(void **state)
{
    struct redis_server *server = *state;
    struct place known = tell_three(server, "n");

    clear(server);
    expect_moved(board(server, .id = "bob", .known = &known), "epochXXX", "0");
    clear(server);
    strcpy(known.offset, "0");
    expect_moved(board(server, .id = "bob", .known = &known, .left = "epochOLD"), "epochXXX", "0");
    clear(server);
    freeReplyObject(board(server, .id = "ann"));
    redis_run(server, "DEL p:{/x}:meta");
    expect_ok_in(leave(server, .id = "bob", .socket = 'b'), "epochXXX", "1", "");
}

static void a_damaged_position_begins_a_new_epoch(void **state)
{
    static const char *const damages[][2] = {
        {"offset", "none"},       {"offset", "-1"},
        {"offset", "1.5"},        {"epoch", "short"},
        {"epoch", "spaced x"},    {"chain", "deadbee"},
        {"chain", "DEADBEEF"},    {"chain", "deadbeef0"},
        {"chain", "deadbee\xff"}, {"offset", "9999999999999999"},
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        clear(server);
        redis_run(server, "HSET p:{/x}:meta epoch epochOLD offset 5 chain deadbeef");
        redis_run(server, "HSET p:{/x}:meta %s %s", damages[i][0], damages[i][1]);
        expect_ok_in(board(server, .id = "ann"), "epochXXX", "1", "");
        redis_run(server, "HDEL p:{/x}:meta %s", damages[i][0]);
        expect_ok_in(board(server, .id = "ann", .epoch = "epochYYY"), "epochYYY", "1", "");
    }
}

static void nothing_expires_while_somebody_is_aboard_and_all_does_soon_after(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    assert_int_equal(count(server, "PTTL p:{/x}:log"), -1);
    expect_ok(board(server, .id = "ann", .socket = 'b'), "2", "");
    expect_ok(disconnect(server), "3", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    expect_ok(disconnect(server, .socket = 'b', .window = "15000"), "4", "");
    expect_life(server, 15001, 30000);
    expect_ok(board(server, .id = "ann"), "5", "");
    assert_int_equal(count(server, "PTTL p:{/x}:meta"), -1);
    expect_ok(leave(server, .id = "ann"), "6", "");
    expect_life(server, 60001, 70000);
}

static void a_node_hears_what_is_taken_from_it_unless_it_gave_it_up(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_n = listen_on(server, "p:node:n");

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(suspend(server));
    freeReplyObject(resume(server, .node = "m"));
    freeReplyObject(resume(server));
    freeReplyObject(resume(server, .node = "m"));
    expect_heard(of_n, "taken /x ", socket_of('a'));
    freeReplyObject(restore(server, .id = "ann", .tenure = LATER));
    freeReplyObject(restore(server, .id = "ann", .node = "m", .tenure = "9000000000000001"));
    expect_heard(of_n, "taken /x 9000000000000001 ", socket_of('a'));
    redisFree(of_n);
}

static void an_event_is_told_with_its_place_and_the_fingerprint_before_it(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_ride = listen_on(server, "channel");
    struct place first, second;
    char text[200];

    freeReplyObject(board(server, .id = "ann"));
    first = place_of(server);
    freeReplyObject(leave(server, .id = "ann", .user = "{\"id\": 1}"));
    second = place_of(server);
    snprintf(text, sizeof text, EPOCH " 1 %s " NO_CHAIN " boarded %s ann", first.chain, socket_of('a'));
    expect_heard(of_ride, text, text);
    snprintf(text, sizeof text, EPOCH " 2 %s %s exited %s {\"id\": 1}", second.chain, first.chain,
             socket_of('a'));
    expect_heard(of_ride, text, text);
    redisFree(of_ride);
}

/* All that is there, for comparison. */
static redisReply *dump(struct redis_server *server)
{
    return redis_ask(server, "EVAL %s 5 " KEYS,
                     "local all = {} for i, key in ipairs(KEYS) do "
                     "all[i] = redis.sha1hex(redis.call('DUMP', key) or '') end return table.concat(all)");
}

struct spoiling {
    const char *name;
    struct operation operation;
    struct call call;
    const char *needs; /* keys without which it cannot be right */
};

static const struct spoiling spoilings[] = {
    {"board",
     operation_of(.script = script_transition, .kind = "board", .id = "dan", .socket = 'q'),
     {0},
     "users connections meta log"},
    {"board again",
     operation_of(.script = script_transition, .kind = "board", .id = "ann"),
     {0},
     "users connections meta log"},
    {"board as another",
     operation_of(.script = script_transition, .kind = "board", .id = "bob"),
     {0},
     "users connections meta log"},
    {"board a suspended one",
     operation_of(.script = script_transition, .kind = "board", .id = "ann", .socket = 'b', .tenure = LATER),
     {0},
     "users connections away meta log"},
    {"board instead of a suspended one",
     operation_of(.script = script_transition, .kind = "board", .id = "ann", .socket = 'q', .limit = "2"),
     {0},
     "users connections away meta log"},
    {"exit",
     operation_of(.script = script_transition, .kind = "exit", .id = "ann"),
     {0},
     "users connections away meta log"},
    {"exit as another",
     operation_of(.script = script_transition, .kind = "exit", .id = "bob"),
     {0},
     "users connections away meta log"},
    {"exit of one that came back",
     operation_of(.script = script_transition, .kind = "exit", .id = "dan", .socket = 'q', .limit = "1"),
     {0},
     "users connections away meta log"},
    {"disconnect",
     operation_of(.script = script_transition, .kind = "disconnect"),
     {0},
     "users connections meta log"},
    {"disconnect one that came back",
     operation_of(.script = script_transition, .kind = "disconnect", .limit = "1"),
     {0},
     "users connections away meta log"},
    {"suspend", operation_of(.script = script_suspend), {0}, "users connections away meta"},
    {"disconnect one that is unknown",
     operation_of(.script = script_transition, .kind = "disconnect", .socket = 'q'),
     {0},
     "users connections meta"},
    {"resume", operation_of(.script = script_resume, .socket = 'b'), {0}, "users connections away meta"},
    {"resume one that is put off",
     operation_of(.script = script_resume, .socket = 'd'),
     {0},
     "users connections away meta"},
    {"resume one that is unknown",
     operation_of(.script = script_resume, .socket = 'q'),
     {0},
     "users connections meta"},
    {"restore",
     operation_of(.script = script_restore, .id = "dan", .socket = 'q', .tenure = "9"),
     {0},
     "users connections meta log"},
    {"restore a suspended one",
     operation_of(.script = script_restore, .id = "ann", .socket = 'b', .tenure = LATER),
     {0},
     "users connections away meta"},
    {"reap", {0}, {.script = script_reap, .args = {"n", "0", "100"}}, "users connections away meta"},
    {"reap without a window",
     {0},
     {.script = script_reap, .window = "0", .args = {"n", "0", "100"}},
     "users connections away meta log"},
    {"sweep", {0}, {.script = script_sweep, .args = {"100"}}, "users connections away meta log"},
    {"roster", {0}, {.script = script_roster, .args = {"100", "", "0", ""}}, "users meta log"},
    {"check",
     {0},
     {.script = script_check, .args = {"n", "aaaaaaaaaaaaaaaaaaaa01234567"}},
     "users connections"},
};

/* A script that fails has changed nothing, and one that needs the key fails. */
static void a_key_of_the_wrong_type_stops_a_script_with_nothing_changed(void **state)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < 5 * (sizeof spoilings / sizeof *spoilings); i++) {
        const struct spoiling *spoiling = &spoilings[i / 5];
        const char *key = keys[i % 5];

        make_ride(server);
        if (spoiling->call.script == script_sweep)
            redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('b'));
        redis_run(server, "DEL p:{/x}:%s", key);
        redis_run(server, "RPUSH p:{/x}:%s spoiled", key);
        redisReply *before = dump(server);
        redisReply *reply =
            spoiling->call.script ? run(server, spoiling->call) : operate(server, spoiling->operation);
        bool failed = reply->type == REDIS_REPLY_ERROR;
        freeReplyObject(reply);
        redisReply *after = dump(server);
        if (failed != (strstr(spoiling->needs, key) != NULL))
            fail_msg("%s: spoiled %s: %s", spoiling->name, key, failed ? "it failed" : "it did not fail");
        if (failed && strcmp(before->str, after->str) != 0)
            fail_msg("%s: spoiled %s: something has changed", spoiling->name, key);
        freeReplyObject(before);
        freeReplyObject(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_position_has_a_fingerprint_of_all_events_up_to_it),
        on_redis(another_chain_at_a_known_offset_is_another_history),
        on_redis(what_the_log_does_not_reach_is_believed),
        on_redis(what_is_no_event_is_of_another_history),
        on_redis(every_script_finds_that_this_is_another_history),
        on_redis(an_offset_behind_the_one_that_is_known_begins_a_new_epoch),
        on_redis(an_epoch_that_is_over_begins_a_new_one),
        on_redis(a_new_epoch_begins_with_how_many_are_aboard),
        on_redis(the_first_epoch_is_over_for_whoever_knows_a_later_one),
        on_redis(a_ride_begins_with_its_first_event_and_nobody_who_asks_before_writes_anything),
        on_redis(a_ride_that_begins_has_no_older_events),
        on_redis(a_position_that_is_lost_begins_a_new_epoch),
        on_redis(a_damaged_position_begins_a_new_epoch),
        on_redis(nothing_expires_while_somebody_is_aboard_and_all_does_soon_after),
        on_redis(a_node_hears_what_is_taken_from_it_unless_it_gave_it_up),
        on_redis(an_event_is_told_with_its_place_and_the_fingerprint_before_it),
        on_redis(a_key_of_the_wrong_type_stops_a_script_with_nothing_changed),
    };

    return cmocka_run_group_tests_name("script_ride", tests, NULL, NULL);
}
