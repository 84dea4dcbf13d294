/*
 * Presence on a real Redis as several nodes keep it together: suspension and resumption, dead and stalled
 * nodes, the sweeper, and what is told of it, once.
 */
#include "tests/cluster/node_world.h"
#include "tests/lib/deadline.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- suspension --- */

static void a_suspension_ends_with_the_window_and_is_told_once_everywhere(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    board(a, 0, 3);
    box_submit(a, BROKER_SUSPEND, "/r", 0);
    box_submit(a, BROKER_SUSPEND, "/r", 1);
    expect_result(a);
    expect_result(a);
    assert_int_equal(riders_in(world), 3);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 0, 2);
    expect_heard_once_each(b, BROKER_DISCONNECTED, 0, 2);
    assert_int_equal(riders_in(world), 1);
    box_wait_metric(a, "ridecast_riders_held", 1);
    /* The connection, and the list of its person. */
    assert_int_equal(redis_integer(redis_ask(world->server, "HLEN ridecast:{/r}:connections")), 2);
    assert_int_equal(metric_of_all(world, "ridecast_riders_swept_total"), 2);
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

static void a_resumption_within_the_window_is_silent_and_brings_the_record(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);

    board(a, 1, 1);
    box_submit(a, BROKER_SUSPEND, "/r", 1);
    expect_result(a);
    box_submit(b, BROKER_RESUME, "/r", 1);
    assert_non_null(strstr(expect_result(b)->user->data, "\"u1\""));
    expect_holder(world, 1, "b");
    assert_int_equal(redis_integer(redis_ask(world->server, "ZCARD ridecast:{/r}:away")), 0);
    expect_silence_of(b, BROKER_DISCONNECTED, a);
    assert_int_equal(heard_at_all(b, BROKER_BOARDED), 1);
    box_wait_metric(a, "ridecast_riders_held", 0);
    box_wait_metric(b, "ridecast_riders_held", 1);
}

static void a_resumption_after_the_window_finds_nobody(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS);

    board(a, 1, 1);
    box_submit(a, BROKER_SUSPEND, "/r", 1);
    expect_result(a);
    wait_for_riders(world, 0);
    box_submit(a, BROKER_RESUME, "/r", 1);
    assert_null(expect_result(a)->user);
    assert_int_equal(riders_in(world), 0);
    box_wait_metric(a, "ridecast_riders_held", 0);
}

static void a_node_is_told_at_once_what_another_has_taken_over(void **state)
{
    struct world *world = *state;
    struct box *a = node_on(world, "a", LONG_MS), *b = node_on(world, "b", LONG_MS);

    board(a, 0, 10);
    for (unsigned i = 0; i < 5; i++)
        box_submit(b, BROKER_RESUME, "/r", i); /* a has not noticed that its clients are gone */
    for (unsigned i = 0; i < 5; i++) {
        const struct broker_message *evicted = box_next(a, BROKER_EVICTED);
        assert_string_equal(evicted->ride, "/r");
        assert_string_equal(evicted->socket_id, box_socket(i));
        expect_result(b);
    }
    assert_int_equal(box_metric(a, "ridecast_riders_held"), 5);
    assert_int_equal(box_metric(a, "ridecast_riders_evicted_total"), 5);
    assert_int_equal(box_metric(a, "ridecast_broker_bad_messages_total"), 0);
    box_submit(a, BROKER_SUSPEND, "/r", 9);
    expect_result(a);
    box_submit(b, BROKER_RESUME, "/r", 9); /* that one a has given up by itself */
    expect_result(b);
    box_submit(b, BROKER_RESUME, "/r", 8);
    assert_string_equal(box_next(a, BROKER_EVICTED)->socket_id, box_socket(8));
}

static void a_client_that_resumed_elsewhere_is_safe_from_the_node_it_left(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    board(a, 1, 1);
    box_submit(b, BROKER_RESUME, "/r", 1);
    assert_non_null(expect_result(b)->user);
    box_next(a, BROKER_EVICTED);
    box_submit(a, BROKER_BOARD, "/r", 1); /* before the gateway has heard of it */
    assert_false(box_next(a, BROKER_RESULT)->ok);
    assert_string_equal(box_next(a, BROKER_EVICTED)->socket_id, box_socket(1));
    assert_true(a->next[BROKER_EVICTED] > a->next[BROKER_RESULT]);

    box_submit(a, BROKER_SUSPEND, "/r", 1);
    box_submit(a, BROKER_DISCONNECT, "/r", 1);
    expect_result(a);
    expect_result(a);
    box_submit(a, BROKER_EXIT, "/r", 1);
    assert_false(box_next(a, BROKER_RESULT)->ok);
    box_next(a, BROKER_EVICTED);
    expect_holder(world, 1, "b");
    assert_int_equal(redis_integer(redis_ask(world->server, "ZCARD ridecast:{/r}:away")), 0);
    expect_silence_of(b, BROKER_DISCONNECTED, a);
}

/* Submits it and waits until it is on its way. */
static void submit_and_see_queued(struct box *box, enum broker_transition_kind kind, unsigned number)
{
    const struct timespec deadline = deadline_from_now();
    long before = box_metric(box, "ridecast_broker_queue_bytes");

    box_submit(box, kind, "/r", number);
    while (box_metric(box, "ridecast_broker_queue_bytes") == before) {
        assert_false(deadline_passed(&deadline));
        nap();
    }
}

static void what_was_refused_before_a_client_came_back_does_not_evict_it(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);

    board(a, 1, 1);
    box_submit(b, BROKER_RESUME, "/r", 1);
    expect_result(b);
    box_next(a, BROKER_EVICTED);
    kill(world->server->pid, SIGSTOP);
    submit_and_see_queued(a, BROKER_BOARD, 1); /* will be refused, as b has it */
    submit_and_see_queued(a, BROKER_SUSPEND, 1);
    submit_and_see_queued(a, BROKER_RESUME, 1); /* and now it is here again */
    kill(world->server->pid, SIGCONT);
    assert_false(box_next(a, BROKER_RESULT)->ok);
    expect_result(a);
    assert_non_null(expect_result(a)->user);
    expect_holder(world, 1, "a");
    assert_int_equal(box_count(a, BROKER_EVICTED), 1);
}

static void without_a_window_suspended_and_reaped_riders_leave_at_once(void **state)
{
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 250, 0);
    struct box *a = watching_node_on(world, "a", 0);

    board(a, 1, 1);
    box_submit(a, BROKER_SUSPEND, "/r", 1);
    expect_result(a);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 1, 1);
    end_child(child);
    wait_to_hear(a, BROKER_DISCONNECTED, 251);
    for (unsigned i = 1000; i < 1250; i++)
        assert_int_equal(heard(a, BROKER_DISCONNECTED, i), 1);
    assert_int_equal(riders_in(world), 0);
    assert_int_equal(redis_integer(redis_ask(world->server, "EXISTS ridecast:{/r}:away")), 0);
    box_check_promises(a, "/r");
}

static void what_must_be_told_is_taken_when_the_queue_is_full(void **state)
{
    struct world *world = *state;
    const struct broker_options options = {.url = world->server->url,
                                           .node_id = "a",
                                           .queue_bytes = 1000,
                                           .node_lease_ms = LEASE_MS,
                                           .recovery_window_ms = LONG_MS};
    struct box *box = world->boxes[world->box_count++] = box_started(box_make(&options));

    box_wait_up(box);
    board(box, 1, 1);
    redis_server_kill(world->server);
    box_wait_down(box);
    for (unsigned i = 0; i < 20; i++) {
        box_submit(box, BROKER_SUSPEND, "/r", 1);
        box_submit(box, BROKER_RESUME, "/r", 1);
    }
    box_submit(box, BROKER_BOARD, "/r", 2);
    assert_false(box_next(box, BROKER_RESULT)->ok);
    assert_true(redis_server_run(world->server));
    for (unsigned i = 0; i < 40; i++)
        expect_result(box);
}

/* --- dead nodes --- */

static void a_dead_nodes_riders_leave_after_lease_and_window_and_once(void **state)
{
    enum { RIDERS = 250 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, WINDOW_MS);
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    board(a, 0, 1);
    end_child(child);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 1000, RIDERS);
    expect_heard_once_each(b, BROKER_DISCONNECTED, 1000, RIDERS);
    assert_int_equal(riders_in(world), 1);
    assert_int_equal(metric_of_all(world, "ridecast_nodes_reaped_total"), 1);
    assert_int_equal(metric_of_all(world, "ridecast_riders_reaped_total"), RIDERS);
    assert_int_equal(metric_of_all(world, "ridecast_riders_swept_total"), RIDERS);
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

static void a_dead_nodes_clients_can_come_back_elsewhere_within_the_window(void **state)
{
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 2, LONG_MS);
    struct box *a = watching_node_on(world, "a", LONG_MS);

    end_child(child);
    box_submit(a, BROKER_RESUME, "/r", 1000); /* before anybody has noticed */
    assert_non_null(expect_result(a)->user);
    wait_for_integer(world->server, 1, "ZCARD ridecast:{/r}:away");
    box_submit(a, BROKER_RESUME, "/r", 1001); /* and after */
    assert_non_null(expect_result(a)->user);
    expect_holder(world, 1000, "a");
    expect_holder(world, 1001, "a");
    assert_int_equal(redis_integer(redis_ask(world->server, "ZCARD ridecast:{/r}:away")), 0);
    expect_silence_of(a, BROKER_DISCONNECTED, a);
}

static void a_dead_node_is_struck_off_when_it_has_been_empty_for_long(void **state)
{
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 1, WINDOW_MS);

    node_on(world, "a", WINDOW_MS);
    end_child(child);
    wait_for_riders(world, 0);
    assert_int_equal(redis_integer(redis_ask(world->server, "SCARD ridecast:nodes")), 2); /* still watched */
    wait_for_integer(world->server, 1, "SCARD ridecast:nodes");
    wait_for_integer(world->server, 0, "EXISTS ridecast:away");
    redisReply *reply = redis_ask(world->server, "KEYS ridecast:node:c*");
    assert_int_equal(reply->elements, 0);
    freeReplyObject(reply);
}

static void a_dead_nodes_rides_of_another_type_hold_nobody_up(void **state)
{
    static const char spoil[] =
        "for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do if string.sub(node, 1, 2) == 'c.' then "
        "redis.call('SET', 'ridecast:node:' .. node .. ':rides', 'x') end end";
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 10, WINDOW_MS);
    struct box *a = watching_node_on(world, "a", WINDOW_MS);

    end_child(child);
    freeReplyObject(redis_ask(world->server, "EVAL %s 1 ridecast:nodes", spoil));
    wait_to_hear(a, BROKER_DISCONNECTED, 10);
    assert_int_equal(riders_in(world), 0);
}

/* What Redis takes for two sweepers, as when one takes over while the other is still at it. */
static void several_sweepers_at_once_tell_each_rider_once(void **state)
{
    enum { RIDERS = 500 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, WINDOW_MS);
    struct box *a = patient_node_on(world, "a", WINDOW_MS), *b = patient_node_on(world, "b", WINDOW_MS);

    end_child(child);
    for (const struct timespec deadline = deadline_from_now(); riders_in(world) > 0; nap()) {
        redis_run(world->server, "DEL ridecast:sweeper");
        if (deadline_passed(&deadline))
            fail_msg("%lld riders are left", riders_in(world));
    }
    expect_heard_once_each(a, BROKER_DISCONNECTED, 1000, RIDERS);
    expect_heard_once_each(b, BROKER_DISCONNECTED, 1000, RIDERS);
}

static void a_dead_sweeper_is_followed_by_another(void **state)
{
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 1, WINDOW_MS);
    struct box *a = watching_node_on(world, "a", WINDOW_MS);

    redisReply *reply = redis_ask(world->server, "GET ridecast:sweeper");
    assert_int_equal(strncmp(reply->str, "c.", 2), 0);
    freeReplyObject(reply);
    end_child(child);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 1000, 1);
    reply = redis_ask(world->server, "GET ridecast:sweeper");
    assert_int_equal(strncmp(reply->str, "a.", 2), 0);
    freeReplyObject(reply);
}

static void a_node_that_stops_in_good_order_gives_its_lease_back(void **state)
{
    struct world *world = *state;
    const struct broker_options options = {
        .url = world->server->url, .node_id = "a", .queue_bytes = 1 << 20, .node_lease_ms = LONG_MS};
    struct box *box = world->boxes[world->box_count++] = box_started(box_make(&options));

    box_wait_up(box);
    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_DISCONNECT, "/r", 1);
    redisReply *reply = redis_ask(world->server, "SMEMBERS ridecast:nodes");
    assert_int_equal(reply->elements, 1);
    assert_int_equal(
        redis_integer(redis_ask(world->server, "EXISTS ridecast:node:%s", reply->element[0]->str)), 1);
    broker_stop(box->broker);
    expect_result(box);
    expect_result(box);
    assert_int_equal(redis_integer(redis_ask(world->server, "EXISTS ridecast:node:%s ridecast:sweeper",
                                             reply->element[0]->str)),
                     0);
    freeReplyObject(reply);
    assert_int_equal(riders_in(world), 0);
}

/* --- stalled nodes --- */

static void a_stalled_node_that_comes_back_restores_its_riders_and_each_is_told_once(void **state)
{
    enum { RIDERS = 300 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, WINDOW_MS);
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    kill(*child, SIGSTOP);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 1000, RIDERS);
    kill(*child, SIGCONT);
    expect_heard_once_each(a, BROKER_RESTORED, 1000, RIDERS);
    expect_heard_once_each(b, BROKER_RESTORED, 1000, RIDERS);
    expect_heard_once_each(b, BROKER_DISCONNECTED, 1000, RIDERS);
    assert_int_equal(riders_in(world), RIDERS);
    expect_holder(world, 1000, "c");
    box_check_promises(a, "/r");
}

static void a_node_that_stalls_for_less_than_the_window_takes_its_riders_back_in_silence(void **state)
{
    enum { RIDERS = 300 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, LONG_MS);
    struct box *a = watching_node_on(world, "a", LONG_MS);

    kill(*child, SIGSTOP);
    wait_for_integer(world->server, RIDERS, "ZCARD ridecast:{/r}:away");
    kill(*child, SIGCONT);
    wait_for_integer(world->server, 0, "ZCARD ridecast:{/r}:away");
    expect_silence_of(a, BROKER_DISCONNECTED, a);
    assert_int_equal(heard_at_all(a, BROKER_RESTORED), 0);
    assert_int_equal(riders_in(world), RIDERS);
}

static void a_stalled_nodes_clients_that_came_back_elsewhere_stay_there(void **state)
{
    enum { RIDERS = 50, MOVED = 20 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, LONG_MS);
    struct box *a = watching_node_on(world, "a", LONG_MS);

    freeze_and_deafen(world, child, a);
    wait_for_integer(world->server, RIDERS, "ZCARD ridecast:{/r}:away");
    for (unsigned i = 1000; i < 1000 + MOVED; i++) {
        box_submit(a, BROKER_RESUME, "/r", i);
        assert_non_null(expect_result(a)->user);
    }
    kill(*child, SIGCONT);
    wait_for_integer(world->server, 0, "ZCARD ridecast:{/r}:away"); /* c has taken back the others */
    expect_silence_of(a, BROKER_DISCONNECTED, a);
    for (unsigned i = 1000; i < 1000 + RIDERS; i++)
        expect_holder(world, i, i < 1000 + MOVED ? "a" : "c");
    assert_int_equal(box_count(a, BROKER_EVICTED), 0);
}

static void a_rider_that_exited_elsewhere_is_not_restored_by_the_node_it_left(void **state)
{
    enum { RIDERS = 50 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, LONG_MS);
    struct box *a = watching_node_on(world, "a", LONG_MS);

    freeze_and_deafen(world, child, a);
    wait_for_integer(world->server, RIDERS, "ZCARD ridecast:{/r}:away");
    box_submit(a, BROKER_RESUME, "/r", 1000);
    box_submit(a, BROKER_EXIT, "/r", 1000);
    expect_result(a);
    expect_result(a);
    kill(*child, SIGCONT);
    wait_for_integer(world->server, 0, "ZCARD ridecast:{/r}:away");
    expect_silence_of(a, BROKER_RESTORED, a);
    assert_int_equal(riders_in(world), RIDERS - 1);
}

static void a_rider_that_is_declared_gone_while_its_client_is_here_is_restored(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    board(a, 1, 1);
    redis_run(world->server, "HSET ridecast:{/r}:connections %s %s", box_socket(1), "- 1 u1");
    redis_run(world->server, "ZADD ridecast:{/r}:away 1 %s", box_socket(1));
    redis_run(world->server, "ZADD ridecast:away 1 /r");
    wait_for_integer(world->server, 0, "ZCARD ridecast:{/r}:away");
    wait_for_integer(world->server, 1, "EVAL %s 1 ridecast:{/r}:connections %s",
                     "local holder = redis.call('HGET', KEYS[1], ARGV[1]) "
                     "return holder and string.sub(holder, 1, 2) == 'a.' and 1 or 0",
                     box_socket(1));
    /* Put back before it was swept, or after: then it was told as gone, and is told as back. */
    board(a, 2, 1);
    wait_to_hear(b, BROKER_BOARDED, 2);
    assert_in_range(heard(b, BROKER_DISCONNECTED, 1), 0, 1);
    assert_int_equal(heard(b, BROKER_RESTORED, 1), heard(b, BROKER_DISCONNECTED, 1));
    assert_int_equal(riders_in(world), 2);
}

/* The event is lost, and the log does not reach back to it. */
static void a_roster_without_a_rider_whose_client_is_here_gets_it_restored(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);

    board(a, 1, 2);
    redis_run(world->server, "HDEL ridecast:{/r}:users u1");
    redis_run(world->server, "HINCRBY ridecast:{/r}:meta offset 5");
    board(a, 3, 1);
    expect_heard_once_each(a, BROKER_RESTORED, 1, 1);
    assert_int_equal(riders_in(world), 3);
    assert_false(box_next(a, BROKER_ROSTER)->renumbered);
}

/* How often the sweeper has looked for rides since the statistics were reset. */
static long long sweeps(struct world *world)
{
    return redis_calls(world->server, "zscan");
}

/* Every lease has ended and every connection is new, as after an outage, and one node is slow to come back.
 */
static void nobody_is_judged_after_an_outage_before_everybody_could_renew(void **state)
{
    static const char end_leases[] = "for _, node in ipairs(redis.call('SMEMBERS', 'ridecast:nodes')) do "
                                     "redis.call('DEL', 'ridecast:node:' .. node) end";
    static const char count_leases[] =
        "local n = 0 for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do "
        "n = n + redis.call('EXISTS', 'ridecast:node:' .. node) end return n";
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    pid_t *child = child_node(world, "c", 50, LONG_MS);

    kill(*child, SIGSTOP);
    freeReplyObject(redis_ask(world->server, "EVAL %s 0", end_leases));
    freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE normal SKIPME yes"));
    box_wait_down(a);
    redis_run(world->server, "CONFIG RESETSTAT");
    for (const struct timespec deadline = deadline_from_now(); sweeps(world) < 2; nap())
        assert_false(deadline_passed(&deadline));
    kill(*child, SIGCONT);
    wait_for_integer(world->server, 2, "EVAL %s 1 ridecast:nodes", count_leases);
    assert_int_equal(box_metric(a, "ridecast_riders_reaped_total"), 0);
    assert_int_equal(riders_in(world), 50);
}

/* Nodes that have a rider each, 0 to 7 with a lease, the last one without. */
static void who_falls_silent_is_judged_before_who_was_silent_to_begin_with(void **state)
{
    enum { LIVING = 8 };
    static const char fill[] =
        "for i = 0, ARGV[1] do local socket, node = string.format('%020d', i), 'other.' .. i "
        "redis.call('HSET', KEYS[1], 'u' .. i, '{\"id\":\"u' .. i .. '\"}') "
        "redis.call('HSET', KEYS[2], socket, node .. ' 1 u' .. i, '@u' .. i, socket) "
        "redis.call('SADD', KEYS[3], node) redis.call('SADD', 'ridecast:node:' .. node .. ':rides', '/r') "
        "if i < tonumber(ARGV[1]) then redis.call('SET', 'ridecast:node:' .. node, '{}') end end "
        "redis.call('HSET', KEYS[4], 'epoch', 'epochXXX', 'offset', '0', 'chain', '00000000')";
    static const char end_leases[] =
        "for i = 0, ARGV[1] - 1 do redis.call('DEL', 'ridecast:node:other.' .. i) end";
    static const char uptime[] = "return tonumber(string.match(redis.call('INFO', 'server'), "
                                 "'uptime_in_seconds:(%d+)')) >= 3 and 1 or 0";
    static const char looks[] = "return tonumber(string.match(redis.call('INFO', 'commandstats'), "
                                "'cmdstat_pttl:calls=(%d+)') or 0) > tonumber(ARGV[1]) and 1 or 0";
    struct world *world = *state;

    wait_for_integer(world->server, 1, "EVAL %s 0", uptime); /* else its leases may be of before it began */
    freeReplyObject(redis_ask(world->server,
                              "EVAL %s 4 ridecast:{/r}:users ridecast:{/r}:connections ridecast:nodes "
                              "ridecast:{/r}:meta %d",
                              fill, LIVING));
    redis_run(world->server, "CONFIG RESETSTAT");
    struct box *a = watching_node_on(world, "a", 0);
    wait_for_integer(world->server, 1, "EVAL %s 0 %d", looks, 1 + LIVING); /* and once at the sweeper's */
    freeReplyObject(redis_ask(world->server, "EVAL %s 0 %d", end_leases, LIVING));
    wait_to_hear(a, BROKER_DISCONNECTED, LIVING + 1);
    unsigned long last = 0;
    for (size_t i = 0; i < a->count; i++)
        if (a->said[i]->kind == BROKER_EVENT && a->said[i]->event == BROKER_DISCONNECTED)
            last = strtoul(a->said[i]->socket_id, NULL, 10);
    assert_int_equal(last, LIVING);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_nodes(a_suspension_ends_with_the_window_and_is_told_once_everywhere),
        with_nodes(a_resumption_within_the_window_is_silent_and_brings_the_record),
        with_nodes(a_resumption_after_the_window_finds_nobody),
        with_nodes(a_node_is_told_at_once_what_another_has_taken_over),
        with_nodes(a_client_that_resumed_elsewhere_is_safe_from_the_node_it_left),
        with_nodes(what_was_refused_before_a_client_came_back_does_not_evict_it),
        with_nodes(without_a_window_suspended_and_reaped_riders_leave_at_once),
        with_nodes(what_must_be_told_is_taken_when_the_queue_is_full),
        with_nodes(a_dead_nodes_riders_leave_after_lease_and_window_and_once),
        with_nodes(a_dead_nodes_clients_can_come_back_elsewhere_within_the_window),
        with_nodes(a_dead_node_is_struck_off_when_it_has_been_empty_for_long),
        with_nodes(a_dead_nodes_rides_of_another_type_hold_nobody_up),
        with_nodes(several_sweepers_at_once_tell_each_rider_once),
        with_nodes(a_dead_sweeper_is_followed_by_another),
        with_nodes(a_node_that_stops_in_good_order_gives_its_lease_back),
        with_nodes(a_stalled_node_that_comes_back_restores_its_riders_and_each_is_told_once),
        with_nodes(a_node_that_stalls_for_less_than_the_window_takes_its_riders_back_in_silence),
        with_nodes(a_stalled_nodes_clients_that_came_back_elsewhere_stay_there),
        with_nodes(a_rider_that_exited_elsewhere_is_not_restored_by_the_node_it_left),
        with_nodes(a_rider_that_is_declared_gone_while_its_client_is_here_is_restored),
        with_nodes(a_roster_without_a_rider_whose_client_is_here_gets_it_restored),
        with_nodes(nobody_is_judged_after_an_outage_before_everybody_could_renew),
        with_nodes(who_falls_silent_is_judged_before_who_was_silent_to_begin_with),
    };

    node_world_child(argc, argv);
    return cmocka_run_group_tests_name("redis_presence", tests, NULL, NULL);
}
