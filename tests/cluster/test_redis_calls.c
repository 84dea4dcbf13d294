/*
 * Transitions that share calls, of one ride and of many: how few these are, and that nothing is lost or
 * doubled with them, whatever happens to a call.
 */
#include "tests/cluster/node_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RIDES = 40 };

static const char *ride_name(unsigned number)
{
    static char name[16];

    snprintf(name, sizeof name, "/r%u", number % RIDES);
    return name;
}

static void expect_results(struct box *box, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        expect_result(box);
}

static long long calls_so_far(struct world *world)
{
    return redis_integer(redis_ask(
        world->server, "EVAL %s 0",
        "return tonumber(string.match(redis.call('INFO', 'commandstats'), 'evalsha:calls=(%d+)') or 0)"));
}

/* Over all rides: how many events there are, and how many are aboard. */
static void expect_in_redis(struct world *world, long long events, long long aboard)
{
    static const char script[] = "local events, aboard = 0, 0 for i = 0, ARGV[1] - 1 do "
                                 "events = events + redis.call('XLEN', 'ridecast:{/r' .. i .. '}:log') "
                                 "aboard = aboard + redis.call('HLEN', 'ridecast:{/r' .. i .. '}:users') end "
                                 "return events * 100000 + aboard";
    char rides[8];

    snprintf(rides, sizeof rides, "%d", RIDES);
    long long found = redis_integer(redis_ask(world->server, "EVAL %s 0 %s", script, rides));
    assert_int_equal(found / 100000, events);
    assert_int_equal(found % 100000, aboard);
}

/* So many boardings while Redis stands still: what has come when it goes on is sent together. */
static void board_meanwhile(struct world *world, struct box *box, unsigned first, unsigned count,
                            bool one_ride)
{
    kill(world->server->pid, SIGSTOP);
    for (unsigned i = first; i < first + count; i++)
        box_submit(box, BROKER_BOARD, one_ride ? "/r0" : ride_name(i), i);
    kill(world->server->pid, SIGCONT);
    expect_results(box, count);
}

static void what_comes_while_calls_have_no_answer_goes_in_few(void **state)
{
    enum { MANY = 640 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    long long before = calls_so_far(world);
    board_meanwhile(world, box, 0, MANY, true);
    assert_in_range(calls_so_far(world) - before, MANY / 64, 100);
    before = calls_so_far(world);
    board_meanwhile(world, box, MANY, MANY, false);
    assert_in_range(calls_so_far(world) - before, MANY / 64, 200);
    expect_in_redis(world, 2 * MANY, 2 * MANY);
}

static void lost_connections_and_scripts_lose_and_double_nothing_on_any_ride(void **state)
{
    enum { ROUNDS = 6, EACH = 400 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++) {
            box_submit(box, BROKER_BOARD, ride_name(i), round * EACH + i);
            if (i % 2 == 1)
                box_submit(box, BROKER_EXIT, ride_name(i), round * EACH + i);
        }
        expect_results(box, 1); /* the others are on their way */
        if (round % 2 == 0)
            freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE normal SKIPME yes"));
        else
            redis_run(world->server, "SCRIPT FLUSH");
    }
    expect_results(box, ROUNDS * (EACH + EACH / 2 - 1));
    expect_in_redis(world, ROUNDS * (EACH + EACH / 2), ROUNDS * EACH / 2);
    box_wait_metric(box, "ridecast_broker_queue_bytes", 0);
}

/* An exit is the last that its socket says. */
static void a_spoiled_ride_holds_up_no_other(void **state)
{
    enum { MANY = 200 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    redis_run(world->server, "SET ridecast:{/r7}:log spoiled");
    redis_run(world->server, "SET ridecast:{/r8}:users spoiled");
    board_meanwhile(world, box, 0, MANY, false);
    expect_in_redis(world, MANY, MANY);
    assert_int_equal(box_metric(box, "ridecast_broker_reconnects_total"), 0);
}

/* Of what it takes of one client, and in one argument: the least that can be set. */
static void calls_stay_within_what_redis_takes(void **state)
{
    enum { MANY = 128, LEN = 60000 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);
    char *json = malloc(LEN);

    assert_non_null(json);
    redis_run(world->server, "CONFIG SET client-query-buffer-limit 1mb");
    redis_run(world->server, "CONFIG SET proto-max-bulk-len 1mb");
    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < MANY; i++) {
        int head = snprintf(json, LEN, "{\"id\":\"u%u\",\"name\":\"", i);

        memset(json + head, 'x', LEN - (size_t)head);
        memcpy(json + LEN - 2, "\"}", 2);
        struct blob *user = blob_new(json, LEN);
        const struct broker_transition transition = {.kind = BROKER_BOARD,
                                                     .ride = ride_name(i),
                                                     .socket_id = box_socket(i),
                                                     .user = user,
                                                     .ticket = i};

        broker_submit(box->broker, &transition);
        blob_unref(user);
    }
    kill(world->server->pid, SIGCONT);
    expect_results(box, MANY);
    free(json);
    expect_in_redis(world, MANY, MANY);
    assert_int_equal(box_metric(box, "ridecast_broker_reconnects_total"), 0);
}

/* Whoever watches hears each of the events that one message brings, once and in order. */
static void events_of_one_message_are_heard_each(void **state)
{
    enum { MANY = 300 };
    struct world *world = *state;
    struct box *a = node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);

    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < MANY; i++)
        box_submit(a, BROKER_BOARD, "/r", i);
    kill(world->server->pid, SIGCONT);
    for (unsigned i = 0; i < MANY; i++) {
        const struct broker_message *event = box_next(b, BROKER_EVENT);

        assert_int_equal(event->position.offset, i + 1);
        assert_string_equal(event->socket_id, box_socket(i));
    }
    expect_results(a, MANY);
    assert_int_equal(box_metric(b, "ridecast_broker_gaps_total"), 0);
    assert_int_equal(box_metric(b, "ridecast_broker_bad_messages_total"), 0);
    box_check_promises(b, "/r");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_nodes(what_comes_while_calls_have_no_answer_goes_in_few),
        with_nodes(lost_connections_and_scripts_lose_and_double_nothing_on_any_ride),
        with_nodes(a_spoiled_ride_holds_up_no_other),
        with_nodes(calls_stay_within_what_redis_takes),
        with_nodes(events_of_one_message_are_heard_each),
    };

    node_world_child(argc, argv);
    return cmocka_run_group_tests_name("redis_calls", tests, NULL, NULL);
}
