/*
 * audit.lua and check.lua: what no event tells of is found and mended.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Socket and first eight digits of the record's SHA-1, appended. */
static void add_held(struct redis_server *server, char *held, char socket, const char *record)
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s", "return redis.sha1hex(ARGV[1])", record);

    strcat(held, socket_of(socket));
    strncat(held, reply->str, 8);
    freeReplyObject(reply);
}

static void a_check_names_what_is_missing_or_otherwise(void **state)
{
    struct redis_server *server = *state;
    char held[400] = "", wrong[8] = "";

    freeReplyObject(board(server, .id = "ann"));                             /* a: right */
    freeReplyObject(board(server, .id = "bob", .socket = 'b', .node = "m")); /* another node's */
    freeReplyObject(board(server, .id = "cem", .socket = 'c'));              /* its person is missing */
    freeReplyObject(board(server, .id = "dan", .socket = 'd'));              /* with another record */
    freeReplyObject(board(server, .id = "eve", .socket = 'e', .node = "m"));
    freeReplyObject(board(server, .id = "eve", .socket = 'f')); /* and though e may have brought it */
    add_held(server, held, 'a', "ann");
    add_held(server, held, 'b', "bob");
    add_held(server, held, 'c', "cem");
    add_held(server, held, 'd', "older");
    add_held(server, held, 'f', "older");
    add_held(server, held, 'g', "nobody");
    redis_run(server, "HDEL p:{/x}:users cem");
    redisReply *reply = run(server, (struct call){.script = script_check, .args = {"n", held}});
    expect_array(reply);
    for (size_t i = 0; i < reply->elements; i++)
        strncat(wrong, reply->element[i]->str, 1);
    freeReplyObject(reply);
    assert_string_equal(wrong, "bcdfg");
}

/* One step of an audit. */
static redisReply *audit_page(struct redis_server *server, const char *what, const char *cursor,
                              const char *pause)
{
    return run(server, (struct call){.script = script_audit,
                                     .epoch = "epochYYY",
                                     .args = {what, cursor, "100", pause, "0"}});
}

/* The first page of one that has another window. */
static redisReply *audit_with(struct redis_server *server, const char *window, const char *pause)
{
    return run(server, (struct call){.script = script_audit,
                                     .window = window,
                                     .epoch = "epochYYY",
                                     .args = {"connections", "0", "100", pause, "0"}});
}

/* Goes through what there is; whether something was wrong that nodes may know better. */
static bool audit(struct redis_server *server)
{
    static const char *const whats[] = {"connections", "users"};
    bool wrong = false;

    for (int i = 0; i < 2; i++) {
        char cursor[24] = "0";

        do {
            redisReply *reply = audit_page(server, whats[i], cursor, "0");
            expect_array(reply);
            assert_string_equal(reply->element[0]->str, "ok");
            assert_int_equal(reply->elements, 10);
            wrong = wrong || reply->element[8]->integer;
            snprintf(cursor, sizeof cursor, "%s", reply->element[6]->str);
            freeReplyObject(reply);
        } while (strcmp(cursor, "0") != 0);
    }
    return wrong;
}

static void an_audit_adds_up_the_records(void **state)
{
    struct redis_server *server = *state;
    long long sum = 0;

    for (int i = 0; i < 3; i++) {
        char id[4] = {'u', (char)('0' + i), '\0'};

        freeReplyObject(board(server, .id = id, .socket = (char)('a' + i)));
        redisReply *reply = redis_ask(server, "EVAL %s 0 %s",
                                      "return tonumber(string.sub(redis.sha1hex(ARGV[1]), 1, 8), 16)", id);
        sum += reply->integer;
        freeReplyObject(reply);
    }
    redisReply *reply = audit_page(server, "users", "0", "0");
    assert_int_equal(reply->element[9]->integer, sum);
    freeReplyObject(reply);
}

#define RIDE_USERS       "ann=ann, bob=bob"
#define RIDE_CONNECTIONS "@ann=a b, @bob=c, a=n ann, b=- ann, c=m bob, d=m "

/* What nodes do that hear what they are said to hold and are asked to check. */
static void nodes_restore(struct redis_server *server)
{
    freeReplyObject(restore(server, .id = "ann", .tenure = LATER));
    freeReplyObject(restore(server, .id = "bob", .socket = 'c', .node = "m", .tenure = LATER));
}

static void an_audit_changes_nothing_where_all_is_right(void **state)
{
    struct redis_server *server = *state;
    struct place before;

    make_ride(server);
    before = place_of(server);
    assert_false(audit(server));
    expect_users(server, RIDE_USERS);
    expect_connections(server, RIDE_CONNECTIONS);
    expect_away(server, "b");
    assert_memory_equal(place_of(server).chain, before.chain, 9);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

static void an_audit_says_how_many_there_are_and_who_holds_them(void **state)
{
    struct redis_server *server = *state;
    char nodes[8] = "";

    make_ride(server);
    redisReply *reply = audit_page(server, "connections", "0", "1000");
    assert_string_equal(reply->element[0]->str, "ok");
    expect_place(reply, EPOCH, "5");
    assert_int_equal(reply->element[4]->integer, 2);
    assert_int_equal(reply->element[5]->integer, 1);
    for (size_t i = 0; i < reply->element[7]->elements; i++)
        strncat(nodes, reply->element[7]->element[i]->str, 1);
    assert_true(strcmp(nodes, "nm") == 0 || strcmp(nodes, "mn") == 0);
    assert_int_equal(reply->element[8]->integer, 0);
    freeReplyObject(reply);
}

static void a_ride_that_was_just_audited_is_left_alone(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    expect_word(audit_page(server, "connections", "0", "60000"), "ok");
    redisReply *reply = audit_page(server, "connections", "0", "60000");
    assert_string_equal(reply->element[0]->str, "recent");
    expect_place(reply, EPOCH, "5");
    assert_int_equal(reply->elements, 6);
    assert_int_equal(reply->element[4]->integer, 2);
    assert_int_equal(reply->element[5]->integer, 1);
    freeReplyObject(reply);
    expect_word(audit_page(server, "users", "0", "60000"), "ok"); /* the run under way goes on */
    redis_run(server, "HSET p:{/x}:meta audited 9000000000000");  /* Redis' clock was put back */
    expect_word(audit_page(server, "connections", "0", "60000"), "ok");
}

static void an_audit_finds_who_is_aboard_where_the_connections_are_gone(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:connections");
    assert_true(audit(server));
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HLEN p:{/x}:connections"), 4); /* a suspended one and a list for each */
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 3);
    nodes_restore(server);
    redis_run(server, "EVAL %s 0",
              "for _, socket in ipairs(redis.call('ZRANGE', 'p:{/x}:away', 0, -1)) do "
              "redis.call('ZADD', 'p:{/x}:away', 1, socket) end");
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 3, 0);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob");
    assert_false(audit(server));
}

static void who_is_aboard_without_a_connection_leaves_in_the_end(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    redis_run(server, "HSET p:{/x}:users ghost ghost");
    assert_true(audit(server));
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 1);
    redis_run(server, "EVAL %s 0",
              "redis.call('ZADD', 'p:{/x}:away', 1, redis.call('ZRANGE', 'p:{/x}:away', 0, 0)[1])");
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 1, 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=n ann");
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 2);
}

static void an_audit_asks_for_who_is_missing(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:users");
    assert_true(audit(server));
    nodes_restore(server);
    audit(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob, d=m "); /* b's record is known to nobody */
    expect_away(server, "");
    assert_false(audit(server));
}

static void an_audit_gives_suspended_ones_a_deadline(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL p:{/x}:away");
    audit(server);
    expect_away(server, "b");
    expect_connections(server, RIDE_CONNECTIONS);
    assert_in_range(count(server, "EVAL %s 0 %s",
                          "local t = redis.call('TIME') "
                          "return redis.call('ZSCORE', 'p:{/x}:away', ARGV[1]) - t[1] * 1000",
                          socket_of('b')),
                    1, 61000);
}

static void an_audit_gives_one_that_is_put_off_and_nobodys_a_deadline(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    make_ride(server);
    reap(server, "m", "60000", &pages);
    redis_run(server, "DEL p:{/x}:away");
    assert_false(audit(server));
    expect_away(server, "b c d");
    expect_connections(server, "@ann=a b, @bob=c, a=n ann, b=- ann, c=- bob, d=- ");
}

/* Else the end of the person's last connection would be taken for that of one of several. */
static void a_suspended_one_whose_person_is_missing_is_in_no_list(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "HDEL p:{/x}:users ann");
    assert_true(audit(server));
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob, d=m ");
    expect_away(server, "");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "6", "missing");
    expect_ok(disconnect(server), "7", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=c, c=m bob, d=m ");

    make_ride(server);
    freeReplyObject(suspend(server));
    redis_run(server, "HDEL p:{/x}:users ann");
    audit(server);
    expect_connections(server, "@bob=c, c=m bob, d=m ");
}

static void an_audit_mends_lists(void **state)
{
    struct redis_server *server = *state;
    char text[110];

    make_ride(server);
    redis_run(server, "HDEL p:{/x}:connections @ann @bob");
    audit(server);
    audit(server);
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @ann"), 41);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @bob"), 20);

    /* Of those named in a list, one is there twice, one is unknown, one is another's, and one is put off. */
    make_ride(server);
    snprintf(text, sizeof text, "%.20s %.20s ", socket_of('a'), socket_of('a'));
    strcat(text, socket_of('z'));
    strcat(text, " ");
    strcat(text, socket_of('c'));
    strcat(text, " ");
    strcat(text, socket_of('d'));
    redis_run(server, "HSET p:{/x}:connections @ann %s", text);
    redis_run(server, "HSET p:{/x}:connections @ghost %s", socket_of('c'));
    assert_true(audit(server));
    audit(server);
    expect_users(server, RIDE_USERS);
    assert_int_equal(count(server, "HEXISTS p:{/x}:connections @ghost"), 0);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @ann"), 41);
    assert_false(audit(server));
}

/* It can have no connection, so it would never leave. */
static void an_audit_removes_a_person_without_a_name(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "HSET p:{/x}:users %s {}", "");
    assert_true(audit(server));
    expect_users(server, RIDE_USERS);
    expect_connections(server, RIDE_CONNECTIONS);
    assert_false(audit(server));
}

/* Else it would look for each field from the beginning of the list: for seconds, where there are thousands.
 */
static void an_audit_of_hashes_that_are_long_lists_reads_them_whole(void **state)
{
    enum { RIDERS = 1500 };
    struct redis_server *server = *state;

    redis_run(server, "CONFIG SET hash-max-listpack-entries 100000");
    hold_many(server, "n", RIDERS);
    redis_run(server, "HDEL p:{/x}:connections @u17 %020d", 18);
    redis_run(server, "HSET p:{/x}:connections @ghost %020d", 19);
    redis_run(server, "CONFIG RESETSTAT");
    assert_true(audit(server));
    assert_int_equal(redis_calls(server, "hmget"), 2); /* for the position, of each page */
    assert_int_equal(count(server, "HLEN p:{/x}:connections"), 2 * RIDERS);
    assert_int_equal(count(server, "HSTRLEN p:{/x}:connections @u17"), 20);
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), 1); /* for u18 */
    assert_false(audit(server));
}

static void an_audit_removes_what_is_no_connection(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "HSET p:{/x}:connections short %s", "n 1 ann");
    put_connection(server, 'q', "spoiled");
    put_connection(server, 'r', "n x ann");
    put_connection(server, '/', "n 1 ann");
    audit(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, RIDE_CONNECTIONS);
}

static void an_audit_begins_anew_where_the_log_is_not_the_rides(void **state)
{
    static const char command[] = "local words = {} "
                                  "for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end "
                                  "redis.call(unpack(words)) return 1";
    static const char *const damages[] = {
        "HSET p:{/x}:meta offset 4",
        "HSET p:{/x}:meta chain deadbeef",
        "XDEL p:{/x}:log 5-0",
        "XADD p:{/x}:log 6-0 chain deadbeef op x kind exited socket x user x",
    };
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        make_ride(server);
        redis_run(server, "EVAL %s 0 %s", command, damages[i]);
        audit(server);
        assert_string_equal(place_of(server).epoch, "epochYYY");
        assert_int_equal(count(server, "XLEN p:{/x}:log"), 0);
        expect_users(server, RIDE_USERS);
        expect_connections(server, RIDE_CONNECTIONS);
    }
    make_ride(server); /* without any, it is its own */
    redis_run(server, "DEL p:{/x}:log");
    audit(server);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

static void an_audit_deletes_keys_of_another_type(void **state)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (int j = 0; j < 2; j++) {
            make_ride(server);
            redis_run(server, "DEL p:{/x}:%s", keys[i]);
            redis_run(server, "%s p:{/x}:%s spoiled", j ? "SADD" : "RPUSH", keys[i]);
            audit(server);
            nodes_restore(server);
            audit(server);
            expect_users(server, RIDE_USERS);
            assert_int_equal(count(server, "EXISTS " KEYS), i == 1 || i == 2 ? 5 : 4);
            place_of(server);
        }
    }
}

static void an_audit_of_all_keys_spoiled_at_once_leaves_a_ride_that_works(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    redis_run(server, "DEL " KEYS);
    redis_run(server, "MSET p:{/x}:users 1 p:{/x}:connections 1 p:{/x}:away 1 p:{/x}:meta 1 p:{/x}:log 1");
    expect_word(audit_page(server, "connections", "0", "0"), "recent");
    nodes_restore(server);
    expect_users(server, RIDE_USERS);
    expect_connections(server, "@ann=a, @bob=c, a=n ann, c=m bob");
    expect_log(server, "restored a ann, restored c bob");
}

static void an_audit_of_an_empty_ride_lets_it_go(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann"), "1", "");
    redis_run(server, "PERSIST p:{/x}:meta");
    redis_run(server, "PERSIST p:{/x}:log");
    audit(server);
    expect_life(server, 60001, 70000);
    expect_word(audit_with(server, "15000", "0"), "ok");
    expect_life(server, 30001, 45000);
    expect_word(audit_with(server, "60000", "60000"), "recent");
    expect_life(server, 60001, 70000);
    redis_run(server, "DEL p:{/x}:meta");
    audit(server);
    assert_in_range(count(server, "PTTL p:{/x}:meta"), 60001, 70000);
}

static void runs_of_which_nothing_was_heard_for_a_day_are_forgotten(void **state)
{
    struct redis_server *server = *state;

    make_ride(server);
    for (int i = 0; i < 100; i++)
        redis_run(server, "HSET p:{/x}:meta done:old%d 1700000000000000", i);
    redis_run(server, "EVAL %s 0",
              "redis.call('HSET', 'p:{/x}:meta', 'done:new', redis.call('TIME')[1] - 3600 .. '000000')");
    audit(server);
    assert_int_equal(count(server, "HEXISTS p:{/x}:meta done:old0"), 0);
    assert_int_equal(count(server, "HEXISTS p:{/x}:meta done:new"), 1);
    assert_string_equal(place_of(server).epoch, EPOCH);
}

static void each_node_hears_what_it_is_said_to_hold_and_all_are_asked_to_check(void **state)
{
    struct redis_server *server = *state;
    redisContext *of_m = listen_on(server, "p:node:m"), *of_ride;
    char held[64] = "held /x ";

    make_ride(server);
    of_ride = listen_on(server, "channel");
    redis_run(server, "HDEL p:{/x}:connections %s", socket_of('d'));
    audit(server);
    expect_heard(of_m, strcat(held, socket_of('c')), socket_of('c'));
    redis_run(server, "DEL p:{/x}:users");
    audit(server);
    expect_heard(of_m, held, socket_of('c'));
    expect_heard(of_ride, "check", "check");
    redisFree(of_m);
    redisFree(of_ride);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_check_names_what_is_missing_or_otherwise),
        on_redis(an_audit_adds_up_the_records),
        on_redis(an_audit_changes_nothing_where_all_is_right),
        on_redis(an_audit_says_how_many_there_are_and_who_holds_them),
        on_redis(a_ride_that_was_just_audited_is_left_alone),
        on_redis(an_audit_finds_who_is_aboard_where_the_connections_are_gone),
        on_redis(who_is_aboard_without_a_connection_leaves_in_the_end),
        on_redis(an_audit_asks_for_who_is_missing),
        on_redis(an_audit_gives_suspended_ones_a_deadline),
        on_redis(an_audit_gives_one_that_is_put_off_and_nobodys_a_deadline),
        on_redis(a_suspended_one_whose_person_is_missing_is_in_no_list),
        on_redis(an_audit_mends_lists),
        on_redis(an_audit_removes_a_person_without_a_name),
        on_redis(an_audit_of_hashes_that_are_long_lists_reads_them_whole),
        on_redis(an_audit_removes_what_is_no_connection),
        on_redis(an_audit_begins_anew_where_the_log_is_not_the_rides),
        on_redis(an_audit_deletes_keys_of_another_type),
        on_redis(an_audit_of_all_keys_spoiled_at_once_leaves_a_ride_that_works),
        on_redis(an_audit_of_an_empty_ride_lets_it_go),
        on_redis(runs_of_which_nothing_was_heard_for_a_day_are_forgotten),
        on_redis(each_node_hears_what_it_is_said_to_hold_and_all_are_asked_to_check),
    };

    return cmocka_run_group_tests_name("script_audit", tests, NULL, NULL);
}
