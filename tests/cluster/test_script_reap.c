/*
 * reap.lua and sweep.lua: the connections of dead nodes, and suspended ones whose window has passed.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>

static void who_is_suspended_for_longer_than_a_window_gets_one(void **state)
{
    const struct call sweep = {.script = script_sweep, .args = {"100"}};
    struct redis_server *server = *state;

    redis_run(server, "HSET p:{/x}:users ann ann");
    redis_run(server, "ZADD p:{/x}:away 9000000000000 %s", socket_of('a'));
    redis_run(server, "SET p:{/x}:meta spoiled");
    expect_error(run(server, sweep)); /* nothing is changed */
    assert_int_equal(count(server, "ZCOUNT p:{/x}:away 9000000000000 +inf"), 1);
    redis_run(server, "DEL p:{/x}:meta");
    expect_word(run(server, sweep), "none");
    assert_in_range(deadline_in_ms(server), 30001, 60000);
}

static void reaping_suspends_all_of_a_node_page_by_page(void **state)
{
    enum { RIDERS = 700 }; /* Redis hands out a small hash in one piece */
    struct redis_server *server = *state;
    unsigned pages;

    hold_many(server, "n", RIDERS);
    put_connection(server, 'a', "m 1 u0");
    put_connection(server, 'b', "n 1 ");
    redis_run(server, "HSET p:{/x}:connections spoiled spoiled");
    assert_int_equal(reap(server, "n", "60000", &pages), RIDERS + 1);
    assert_true(pages > 10);
    assert_int_equal(count(server, "ZCARD p:{/x}:away"), RIDERS + 1);
    assert_int_equal(count(server, "HLEN p:{/x}:users"), RIDERS);
    redisReply *put_off = redis_ask(server, "HGET p:{/x}:connections %s", socket_of('b'));
    assert_string_equal(put_off->str, "- 1 ");
    freeReplyObject(put_off);
    assert_int_equal(count(server, "HEXISTS p:{/x}:connections %s", socket_of('a')), 1);
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 0);
    assert_int_equal(reap(server, "n", "60000", &pages), 0);
}

static void who_is_reaped_may_be_taken_back_at_the_same_tenure(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)tenure_in(board(server, .id = "ann")));
    assert_int_equal(reap(server, "n", "60000", &pages), 1);
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
    expect_ok(restore(server, .id = "ann", .tenure = tenure), "1", "");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
}

static void reaping_without_a_window_tells_each_once(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "ann", .socket = 'b', .node = "m"));
    freeReplyObject(board(server, .id = "bob", .socket = 'c'));
    assert_int_equal(reap(server, "n", "0", &pages), 2);
    assert_int_equal(reap(server, "n", "0", &pages), 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=b, b=m ann");
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 5);
    assert_int_equal(reap(server, "m", "0", &pages), 1);
    assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:away"), 0);
    assert_int_equal(count(server, "XLEN p:{/x}:log"), 6);
    assert_string_equal(place_of(server).offset, "6");
    assert_true(count(server, "TTL p:{/x}:meta") > 0);
}

static void reaping_leaves_alone_what_another_node_holds(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;

    hold_many(server, "m", 3);
    assert_int_equal(reap(server, "n", "0", &pages), 0);
    assert_int_equal(count(server, "HLEN p:{/x}:users"), 3);
}

static void sweeping_takes_out_who_is_due_and_tells_each_once(void **state)
{
    const struct call sweep = {.script = script_sweep, .args = {"100"}};
    struct redis_server *server = *state;

    expect_word(run(server, sweep), "none");
    for (const char *socket = "abc"; *socket; socket++) {
        const char id[] = {*socket, '1', '\0'};
        freeReplyObject(board(server, .id = id, .socket = *socket));
        freeReplyObject(suspend(server, .socket = *socket));
    }
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    redis_run(server, "ZADD p:{/x}:away 2 %s", socket_of('b'));
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"1"}}), 1, 2);
    expect_swept(run(server, sweep), 1, 1);
    expect_word(run(server, sweep), "none");
    expect_users(server, "c1=c1");
    expect_connections(server, "@c1=c, c=- c1");
    expect_away(server, "c");
    expect_log(server, "boarded a a1, boarded b b1, boarded c c1, disconnected a a1, disconnected b b1");
}

static void sweeping_leaves_aboard_who_is_held_and_forgets_who_is_unknown(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('z'));
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 2, 0);
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=n ann");
    expect_log(server, "boarded a ann");
}

/* Neither the first of its person's connections nor the last is an event then, and no ride begins with it. */
static void who_has_no_record_any_more_leaves_in_silence(void **state)
{
    struct redis_server *server = *state;

    for (int last = 0; last < 2; last++) {
        clear(server);
        freeReplyObject(board(server, .id = "ann"));
        if (!last)
            freeReplyObject(board(server, .id = "ann", .socket = 'b', .node = "m"));
        freeReplyObject(suspend(server));
        redis_run(server, "DEL p:{/x}:users p:{/x}:meta p:{/x}:log");
        redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
        expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 1, 0);
        expect_connections(server, last ? "" : "@ann=b, b=m ann");
        assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:meta p:{/x}:log"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(who_is_suspended_for_longer_than_a_window_gets_one),
        on_redis(reaping_suspends_all_of_a_node_page_by_page),
        on_redis(who_is_reaped_may_be_taken_back_at_the_same_tenure),
        on_redis(reaping_without_a_window_tells_each_once),
        on_redis(reaping_leaves_alone_what_another_node_holds),
        on_redis(sweeping_takes_out_who_is_due_and_tells_each_once),
        on_redis(sweeping_leaves_aboard_who_is_held_and_forgets_who_is_unknown),
        on_redis(who_has_no_record_any_more_leaves_in_silence),
    };

    return cmocka_run_group_tests_name("script_reap", tests, NULL, NULL);
}
