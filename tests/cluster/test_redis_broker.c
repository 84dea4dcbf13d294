/*
 * The broker contract on a real Redis: every test starts a server of its own, hurts it or the connections to
 * it, and looks at what brokers said and at what is left in Redis.
 */
#include "tests/cluster/redis_server.h"
#include "tests/lib/broker_box.h"
#include "tests/lib/deadline.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct redis_server *server;
    struct box *boxes[2];
};

static int setup_with(void **state, const char *keeps)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->server = redis_server_start(REDIS_SERVER, keeps);
    *state = world;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NOTHING_KEPT);
}

static int setup_durable(void **state)
{
    return setup_with(state, EVERYTHING_KEPT);
}

/* Runs whatever happened in the test. */
static int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++)
        box_free(world->boxes[i]);
    redis_server_free(world->server);
    free(world);
    return 0;
}

/* --- asking Redis --- */

static long riders_in_redis(struct redis_server *server)
{
    return (long)redis_integer(redis_ask(server, "HLEN ridecast:{/r}:users"));
}

/* As by its first event, which nobody has heard. */
static void begin_ride(struct redis_server *server)
{
    redis_run(server, "HSET ridecast:{/r}:meta epoch 00000000 offset 0 chain 00000000 began 0");
}

static void epoch_in_redis(struct redis_server *server, char epoch[EPOCH_LEN + 1])
{
    redisReply *reply = redis_ask(server, "HGET ridecast:{/r}:meta epoch");

    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(reply->len, EPOCH_LEN);
    memcpy(epoch, reply->str, EPOCH_LEN + 1);
    freeReplyObject(reply);
}

static void holder_in_redis(struct redis_server *server, unsigned number, char node[100])
{
    redisReply *reply = redis_ask(server, "HGET ridecast:{/r}:connections %s", box_socket(number));

    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(sscanf(reply->str, "%99s", node), 1);
    freeReplyObject(reply);
}

static void wait_for_riders(struct redis_server *server, long count)
{
    wait_for_integer(server, count, "HLEN ridecast:{/r}:users");
}

static void publish(struct redis_server *server, const char *message)
{
    if (redis_integer(redis_ask(server, "PUBLISH ridecast:{/r}:events %s", message)) == 0)
        fail_msg("nobody is subscribed");
}

static bool somebody_subscribes(const redisReply *reply)
{
    return reply->element[1]->integer > 0;
}

static void wait_for_subscription(struct redis_server *server)
{
    redis_wait_until(server, "PUBSUB NUMSUB ridecast:{/r}:events", somebody_subscribes);
}

/* --- brokers on it --- */

static struct box *box_on(struct world *world, const char *node_id)
{
    struct box **slot = world->boxes[0] ? &world->boxes[1] : &world->boxes[0];

    *slot = box_start(world->server->url, node_id);
    box_wait_up(*slot);
    return *slot;
}

static struct box *watching_box_on(struct world *world, const char *node_id)
{
    struct box *box = box_on(world, node_id);

    broker_watch(box->broker, "/r");
    box_next(box, BROKER_ROSTER);
    return box;
}

static void expect_good_results(struct box *box, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct broker_message *result = box_next(box, BROKER_RESULT);
        if (!result->ok)
            fail_msg("result %u: %s", i, result->error);
    }
}

static const struct broker_message *expect_event(struct box *box, enum broker_event_kind kind,
                                                 unsigned number)
{
    const struct broker_message *event = box_next(box, BROKER_EVENT);

    assert_int_equal(event->event, kind);
    assert_string_equal(event->socket_id, box_socket(number));
    return event;
}

/* Whether the events heard so far are `count` different boardings. */
static void expect_boardings_once_each(struct box *box, unsigned count)
{
    bool *seen = calloc(count, sizeof *seen);

    assert_non_null(seen);
    for (unsigned i = 0; i < count; i++) {
        const struct broker_message *event = box_next(box, BROKER_EVENT);
        unsigned long number = strtoul(event->socket_id, NULL, 10);
        assert_int_equal(event->event, BROKER_BOARDED);
        assert_true(number < count);
        assert_false(seen[number]);
        seen[number] = true;
    }
    free(seen);
}

/* --- the contract --- */

static void two_brokers_hear_one_order(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = watching_box_on(world, "b");

    for (unsigned i = 0; i < 200; i++)
        box_submit(i % 2 ? a : b, BROKER_BOARD, "/r", i);
    expect_good_results(a, 100);
    expect_good_results(b, 100);
    for (unsigned i = 0; i < 200; i++) {
        const struct broker_message *in_a = box_next(a, BROKER_EVENT), *in_b = box_next(b, BROKER_EVENT);
        assert_string_equal(in_a->socket_id, in_b->socket_id);
        assert_int_equal(in_a->position.offset, i + 1);
    }
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

static void boarding_exiting_and_disconnecting_leave_the_right_keys(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");
    char node[100];

    for (unsigned i = 0; i < 3; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    box_submit(box, BROKER_EXIT, "/r", 0);
    box_submit(box, BROKER_DISCONNECT, "/r", 1);
    box_submit(box, BROKER_DISCONNECT, "/r", 99); /* was never aboard */
    expect_good_results(box, 6);
    expect_boardings_once_each(box, 3);
    expect_event(box, BROKER_EXITED, 0);
    assert_non_null(strstr(expect_event(box, BROKER_DISCONNECTED, 1)->user->data, "\"u1\""));
    assert_int_equal(box_count(box, BROKER_EVENT), 5);

    assert_int_equal(riders_in_redis(world->server), 1);
    assert_int_equal(redis_integer(redis_ask(world->server, "HEXISTS ridecast:{/r}:users u2")), 1);
    /* The connection, and the list of its person. */
    assert_int_equal(redis_integer(redis_ask(world->server, "HLEN ridecast:{/r}:connections")), 2);
    holder_in_redis(world->server, 2, node);
    assert_int_equal(strncmp(node, "a.", 2), 0);
    assert_int_equal(redis_integer(redis_ask(world->server, "SISMEMBER ridecast:node:%s:rides /r", node)), 1);
    assert_int_equal(redis_integer(redis_ask(world->server, "SISMEMBER ridecast:nodes %s", node)), 1);
    assert_int_equal(redis_integer(redis_ask(world->server, "XLEN ridecast:{/r}:log")), 5);
    box_check_promises(box, "/r");
}

static void the_position_expires_only_when_nobody_is_aboard(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    assert_int_equal(redis_integer(redis_ask(world->server, "EXISTS ridecast:{/r}:meta")), 0);
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    assert_int_equal(redis_integer(redis_ask(world->server, "TTL ridecast:{/r}:meta")), -1);
    assert_int_equal(redis_integer(redis_ask(world->server, "TTL ridecast:{/r}:log")), -1);
    box_submit(box, BROKER_EXIT, "/r", 1);
    expect_good_results(box, 1);
    assert_in_range(redis_integer(redis_ask(world->server, "TTL ridecast:{/r}:meta")), 20, 60);
    assert_in_range(redis_integer(redis_ask(world->server, "TTL ridecast:{/r}:log")), 20, 60);
}

static void a_socket_held_by_another_node_is_refused(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = box_on(world, "b");

    box_submit(a, BROKER_BOARD, "/r", 1);
    expect_good_results(a, 1);
    box_submit(b, BROKER_BOARD, "/r", 1);
    box_submit(b, BROKER_EXIT, "/r", 1);
    for (int i = 0; i < 2; i++) {
        const struct broker_message *result = box_next(b, BROKER_RESULT);
        assert_false(result->ok);
        assert_non_null(strstr(result->error, "another gateway"));
    }
    box_submit(b, BROKER_DISCONNECT, "/r", 1); /* not its rider: nothing happens */
    expect_good_results(b, 1);
    assert_int_equal(riders_in_redis(world->server), 1);
    assert_int_equal(redis_integer(redis_ask(world->server, "XLEN ridecast:{/r}:log")), 1);
}

static void a_burst_arrives_complete_and_in_order_everywhere(void **state)
{
    enum { BURST = 2000 };
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = watching_box_on(world, "b");

    for (unsigned i = 0; i < BURST; i++)
        box_submit(a, BROKER_BOARD, "/r", i);
    for (unsigned i = 0; i < BURST; i++) {
        expect_event(a, BROKER_BOARDED, i);
        expect_event(b, BROKER_BOARDED, i);
    }
    expect_good_results(a, BURST);
    assert_int_equal(riders_in_redis(world->server), BURST);
    assert_int_equal(box_metric(a, "ridecast_transitions_total{result=\"ok\"}"), BURST);
    box_wait_metric(a, "ridecast_broker_queue_bytes", 0);
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

/* Until the last roster or event says this offset. */
static void wait_for_offset(struct box *box, uint64_t offset)
{
    const struct timespec deadline = deadline_from_now();
    uint64_t last = 0;

    for (;;) {
        box_drain(box);
        for (size_t i = 0; i < box->count; i++)
            if (box->said[i]->kind == BROKER_ROSTER || box->said[i]->kind == BROKER_EVENT)
                last = box->said[i]->position.offset;
        if (last == offset)
            return;
        if (sem_timedwait(&box->woken, &deadline) != 0 && errno == ETIMEDOUT)
            fail_msg("at offset %lu instead of %lu", (unsigned long)last, (unsigned long)offset);
    }
}

/* No later event comes to the rescue of one that is missed while the roster is read. */
static void events_that_come_while_the_roster_is_read_are_not_missed(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = box_on(world, "b");

    for (unsigned i = 0; i < 300; i++) {
        broker_unwatch(a->broker, "/r");
        broker_watch(a->broker, "/r");
        box_submit(b, BROKER_BOARD, "/r", 2 * i);
        box_submit(b, BROKER_BOARD, "/r", 2 * i + 1);
        wait_for_offset(a, 2 * i + 2);
    }
}

static void watching_again_many_times_at_once_ends_well(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = box_on(world, "b");

    for (unsigned i = 0; i < 50; i++) {
        broker_unwatch(a->broker, "/r");
        broker_watch(a->broker, "/r");
        box_submit(b, BROKER_BOARD, "/r", i);
    }
    wait_for_offset(a, 50);
}

static void an_unwatched_ride_is_unsubscribed(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    broker_unwatch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    broker_watch(box->broker, "/other"); /* its roster comes after the unsubscription */
    box_next(box, BROKER_ROSTER);
    assert_int_equal(redis_integer(redis_ask(world->server, "PUBLISH ridecast:{/r}:events x")), 0);
    assert_int_equal(box_count(box, BROKER_EVENT), 0);
}

/* --- lost connections --- */

static void lost_command_connections_never_double_or_lose(void **state)
{
    enum { ROUNDS = 5, EACH = 500 };
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++)
            box_submit(box, BROKER_BOARD, "/r", round * EACH + i);
        expect_good_results(box, 1); /* the others are on their way */
        freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE normal SKIPME yes"));
        box_wait_down(box);
        box_wait_up(box);
    }
    expect_good_results(box, ROUNDS * (EACH - 1));
    expect_boardings_once_each(box, ROUNDS * EACH);
    assert_int_equal(riders_in_redis(world->server), ROUNDS * EACH);
    assert_int_equal(box_metric(box, "ridecast_broker_reconnects_total"), ROUNDS);
    box_check_promises(box, "/r");
}

static void a_lost_subscription_loses_no_event(void **state)
{
    enum { ROUNDS = 5, EACH = 50 };
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = box_on(world, "b");

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++)
            box_submit(b, BROKER_BOARD, "/r", round * EACH + i);
        freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE pubsub"));
        box_wait_down(a);
        box_wait_up(a);
        wait_for_subscription(world->server);
    }
    expect_good_results(b, ROUNDS * EACH);
    expect_boardings_once_each(a, ROUNDS * EACH);
    assert_int_equal(box_count(a, BROKER_ROSTER), 1); /* the log reached back every time */
    box_check_promises(a, "/r");
}

static void what_is_submitted_during_an_outage_is_done_after_it(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = watching_box_on(world, "b");

    box_submit(a, BROKER_BOARD, "/r", 0);
    expect_good_results(a, 1);
    expect_event(b, BROKER_BOARDED, 0);
    redis_server_kill(world->server);
    box_wait_down(a);
    box_wait_down(b);
    assert_int_equal(box_metric(a, "ridecast_broker_up"), 0);
    for (unsigned i = 1; i < 20; i++)
        box_submit(a, BROKER_BOARD, "/r", i);
    assert_true(redis_server_run(world->server));
    box_wait_up(a);
    box_wait_up(b);
    expect_good_results(a, 19);
    for (unsigned i = 1; i < 20; i++)
        expect_event(b, BROKER_BOARDED, i);
    assert_int_equal(box_count(b, BROKER_ROSTER), 1);
    assert_int_equal(riders_in_redis(world->server), 20);
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

static void a_server_that_comes_back_empty_gets_a_new_epoch_and_its_riders_back(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    box_submit(box, BROKER_BOARD, "/r", 0);
    expect_good_results(box, 1);
    redis_server_kill(world->server);
    box_wait_down(box);
    box_submit(box, BROKER_BOARD, "/r", 1);
    assert_true(redis_server_run(world->server));
    expect_good_results(box, 1);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_true(roster->renumbered);
    wait_for_riders(world->server, 2);
    box_check_promises(box, "/r");
}

static void an_emptied_server_gets_a_new_epoch_and_its_riders_back_without_any_reconnect(void **state)
{
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = watching_box_on(world, "b");

    for (unsigned i = 0; i < 5; i++)
        box_submit(a, BROKER_BOARD, "/r", i);
    expect_good_results(a, 5);
    redis_run(world->server, "FLUSHALL");
    box_submit(a, BROKER_BOARD, "/r", 5);
    expect_good_results(a, 1);
    assert_true(box_next(a, BROKER_ROSTER)->renumbered);
    assert_true(box_next(b, BROKER_ROSTER)->renumbered);
    wait_for_riders(world->server, 6);
    assert_int_equal(box_metric(a, "ridecast_broker_reconnects_total"), 0);
    assert_int_equal(box_metric(a, "ridecast_broker_bad_messages_total"), 0);
    box_check_promises(a, "/r");
}

/* What the frozen server has in its buffers is done late, when everything has been sent again already. */
static void a_frozen_server_is_given_up_and_nothing_is_done_twice(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < 300; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    for (unsigned i = 0; i < 300; i++)
        box_submit(box, BROKER_EXIT, "/r", i);
    box_wait_down(box);
    kill(world->server->pid, SIGCONT);
    expect_good_results(box, 600);
    expect_boardings_once_each(box, 300);
    for (unsigned i = 0; i < 300; i++)
        expect_event(box, BROKER_EXITED, i);
    assert_int_equal(riders_in_redis(world->server), 0);
    assert_int_equal(redis_integer(redis_ask(world->server, "XLEN ridecast:{/r}:log")), 600);
    box_check_promises(box, "/r");
}

static void forgotten_scripts_are_loaded_again_and_the_order_stays(void **state)
{
    enum { ROUNDS = 20, EACH = 50 };
    struct world *world = *state;
    struct box *a = watching_box_on(world, "a"), *b = watching_box_on(world, "b");

    /* If an exit overtook its boarding, a rider would stay aboard. */
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < EACH; i++) {
            box_submit(a, BROKER_BOARD, "/r", i);
            box_submit(b, BROKER_BOARD, "/r", EACH + i);
            box_submit(a, BROKER_EXIT, "/r", i);
            box_submit(b, BROKER_EXIT, "/r", EACH + i);
        }
        redis_run(world->server, "SCRIPT FLUSH");
    }
    expect_good_results(a, 2 * ROUNDS * EACH);
    expect_good_results(b, 2 * ROUNDS * EACH);
    assert_int_equal(riders_in_redis(world->server), 0);
    assert_int_equal(box_metric(a, "ridecast_broker_reconnects_total"), 0);
    box_check_promises(a, "/r");
    box_check_promises(b, "/r");
}

/* --- bad neighbours --- */

static void forged_messages_are_counted_and_never_passed_on(void **state)
{
    static const char *const forged[] = {
        "",
        "x",
        "epochXXX 1 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {}",
        "EPOCH none 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {}",
        "EPOCH 2 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {\"id\":\"trunc",
        "EPOCH 2 00000000 00000000 sneezed aaaaaaaaaaaaaaaaaaaa {}",
        "EPOCH 2 00000000 00000000 boarded ../../etc/passwd {}",
        "EPOCH 2 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {\"id\":NaN}",
        "EPOCH 2 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa \xff\xfe",
    };
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");
    char epoch[EPOCH_LEN + 1], message[200];

    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    expect_event(box, BROKER_BOARDED, 1);
    epoch_in_redis(world->server, epoch);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        const char *rest = strncmp(forged[i], "EPOCH", 5) == 0 ? forged[i] + 5 : forged[i];
        snprintf(message, sizeof message, "%s%s", rest == forged[i] ? "" : epoch, rest);
        publish(world->server, message);
        /* One at a time: a true event after each shows that it has been dealt with. */
        box_submit(box, BROKER_BOARD, "/r", (unsigned)(10 + i));
        expect_good_results(box, 1);
        expect_event(box, BROKER_BOARDED, (unsigned)(10 + i));
    }
    assert_int_equal(box_metric(box, "ridecast_broker_bad_messages_total"), sizeof forged / sizeof *forged);
    assert_int_equal(box_count(box, BROKER_ROSTER), 1);
    box_check_promises(box, "/r");
}

static void an_oversized_message_is_refused(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");
    char epoch[EPOCH_LEN + 1];
    size_t len = 1 << 20;
    char *message = malloc(len + 1);

    assert_non_null(message);
    begin_ride(world->server);
    epoch_in_redis(world->server, epoch);
    memset(message, ' ', len);
    message[len] = '\0';
    memcpy(message + snprintf(message, len, "%s 1 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {", epoch),
           " ", 1);
    message[len - 1] = '}';
    publish(world->server, message);
    free(message);
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    expect_event(box, BROKER_BOARDED, 1);
    assert_int_equal(box_metric(box, "ridecast_broker_bad_messages_total"), 1);
}

static void a_message_ahead_of_the_order_changes_nothing(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");
    char epoch[EPOCH_LEN + 1], message[200];

    begin_ride(world->server);
    epoch_in_redis(world->server, epoch);
    snprintf(message, sizeof message, "%s 999999999999999 00000000 00000000 boarded aaaaaaaaaaaaaaaaaaaa {}",
             epoch);
    publish(world->server, message);
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    expect_event(box, BROKER_BOARDED, 1);
    assert_int_equal(box_metric(box, "ridecast_broker_gaps_total"), 1);
    box_check_promises(box, "/r");
}

/* Commits an event as the script would, but tells nobody. */
static void commit_in_silence(struct redis_server *server, unsigned number)
{
    static const char script[] =
        "local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1) "
        "local before = redis.call('HGET', KEYS[1], 'chain') "
        "local chain = string.sub(redis.sha1hex(before .. ' x-' .. offset .. ' boarded ' .. ARGV[1]), 1, 8) "
        "local user = '{\"id\":\"' .. ARGV[2] .. '\"}' "
        "redis.call('HSET', KEYS[1], 'chain', chain) "
        "redis.call('XADD', KEYS[2], offset .. '-0', 'chain', chain, 'op', 'x-' .. offset, "
        "'kind', 'boarded', 'socket', ARGV[1], 'user', user) "
        "redis.call('HSET', KEYS[3], ARGV[2], user)";
    char id[16];

    snprintf(id, sizeof id, "u%u", number);
    redis_run(server, "EVAL %s 3 ridecast:{/r}:meta ridecast:{/r}:log ridecast:{/r}:users %s %s", script,
              box_socket(number), id);
}

static void events_missing_from_the_channel_come_from_the_log(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    begin_ride(world->server);
    for (unsigned i = 0; i < 3; i++)
        commit_in_silence(world->server, i);
    box_submit(box, BROKER_BOARD, "/r", 3);
    for (unsigned i = 0; i < 4; i++)
        expect_event(box, BROKER_BOARDED, i);
    expect_good_results(box, 1);
    assert_int_equal(box_metric(box, "ridecast_broker_gaps_total"), 1);
    assert_int_equal(box_metric(box, "ridecast_broker_replays_total"), 1);
    assert_int_equal(box_metric(box, "ridecast_broker_rosters_total"), 1);
    box_check_promises(box, "/r");
}

static void more_missing_events_than_a_page_come_too(void **state)
{
    enum { MISSED = 1200 };
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    begin_ride(world->server);
    for (unsigned i = 0; i < MISSED; i++)
        commit_in_silence(world->server, i);
    box_submit(box, BROKER_BOARD, "/r", MISSED);
    expect_good_results(box, 1);
    expect_boardings_once_each(box, MISSED + 1);
    assert_int_equal(box_count(box, BROKER_ROSTER), 1);
    box_check_promises(box, "/r");
}

static void where_the_log_does_not_reach_a_roster_comes(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    begin_ride(world->server);
    for (unsigned i = 0; i < 3; i++)
        commit_in_silence(world->server, i);
    redis_run(world->server, "XTRIM ridecast:{/r}:log MAXLEN 1");
    box_submit(box, BROKER_BOARD, "/r", 3);
    expect_good_results(box, 1);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_int_equal(roster->rider_count, 4);
    assert_int_equal(roster->position.offset, 4);
    assert_int_equal(box_count(box, BROKER_EVENT), 0);
    box_check_promises(box, "/r");
}

/* As the ride's first event, by somebody who knows how fingerprints are made, or by one who does not. */
static void spoil_log(struct world *world, const char *chain)
{
    static const char script[] =
        "local chain = ARGV[2] ~= '' and ARGV[2] "
        "or string.sub(redis.sha1hex('00000000 x boarded ' .. ARGV[1]), 1, 8) "
        "redis.call('HSET', KEYS[1], 'offset', 1, 'chain', chain) "
        "redis.call('XADD', KEYS[2], '1-0', 'chain', chain, 'op', 'x', 'kind', 'boarded', 'socket', ARGV[1], "
        "'user', '{broken')";

    freeReplyObject(redis_ask(world->server, "EVAL %s 2 ridecast:{/r}:meta ridecast:{/r}:log %s %s", script,
                              box_socket(1), chain));
    redis_run(world->server, "HSET ridecast:{/r}:users u1 {broken short {}");
}

static void a_spoiled_log_leads_to_a_roster_and_spoiled_riders_are_left_out(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    begin_ride(world->server);
    spoil_log(world, "");
    box_submit(box, BROKER_BOARD, "/r", 2);
    expect_good_results(box, 1);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_false(roster->renumbered);
    assert_int_equal(roster->rider_count, 1);
    assert_non_null(strstr(roster->riders[0].user->data, "\"u2\""));
    assert_int_equal(box_metric(box, "ridecast_broker_bad_messages_total"), 3);
    box_check_promises(box, "/r");
}

static void a_log_whose_fingerprints_do_not_lead_on_is_another_history_and_not_read(void **state)
{
    struct world *world = *state;
    struct box *box = watching_box_on(world, "a");

    begin_ride(world->server);
    spoil_log(world, "11111111");
    box_submit(box, BROKER_BOARD, "/r", 2);
    expect_good_results(box, 1);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_true(roster->renumbered);
    assert_int_equal(roster->rider_count, 0); /* who boards after that is told */
    assert_non_null(strstr(box_next(box, BROKER_EVENT)->user->data, "\"u2\""));
    assert_int_equal(box_metric(box, "ridecast_broker_bad_messages_total"), 2);
    box_check_promises(box, "/r");
}

static void what_has_a_wrong_type_is_deleted_and_nobody_is_refused(void **state)
{
    struct world *world = *state;
    struct box *box = box_on(world, "a");

    redis_run(world->server, "SET ridecast:{/r}:users spoiled");
    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    assert_int_equal(riders_in_redis(world->server), 1);
    /* The roster has the rider, or comes before its boarding. */
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    if (roster->rider_count == 0)
        expect_event(box, BROKER_BOARDED, 1);
    else
        assert_int_equal(box_number(roster->riders[0].user), 1);
    assert_in_range(roster->rider_count, 0, 1);
    box_check_promises(box, "/r");
}

static void a_silent_port_leaves_the_broker_down_and_stoppable(void **state)
{
    struct world *world = *state;
    struct timespec before, after;

    redis_server_kill(world->server);
    world->boxes[0] = box_start(world->server->url, "a");
    box_submit(world->boxes[0], BROKER_BOARD, "/r", 1);
    clock_gettime(CLOCK_MONOTONIC, &before);
    broker_stop(world->boxes[0]->broker);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec <= 2);
    const struct broker_message *result = box_next(world->boxes[0], BROKER_RESULT);
    assert_false(result->ok);
    assert_string_equal(result->error, "the gateway is stopping");
    assert_int_equal(box_count(world->boxes[0], BROKER_STATE), 0);
}

/* --- options --- */

static void a_user_with_a_password_gets_in_and_others_do_not(void **state)
{
    struct world *world = *state;

    redis_run(world->server, "ACL SETUSER ann on >p%%ss:word ~ridecast:* &ridecast:* +@all -@dangerous");
    redis_run(world->server, "ACL SETUSER default off");
    snprintf(world->server->url, sizeof world->server->url, "redis://ann:wrong@127.0.0.1:%d",
             world->server->port);
    world->boxes[0] = box_start(world->server->url, "a");
    snprintf(world->server->url, sizeof world->server->url, "redis://ann:p%%25ss%%3Aword@127.0.0.1:%d",
             world->server->port);
    struct box *box = watching_box_on(world, "b");
    box_submit(box, BROKER_BOARD, "/r", 1);
    expect_good_results(box, 1);
    expect_event(box, BROKER_BOARDED, 1);
    assert_int_equal(box_count(world->boxes[0], BROKER_STATE), 0);
    /* With the right password the first one would come up by itself. */
    redis_run(world->server, "ACL SETUSER ann >wrong");
    box_wait_up(world->boxes[0]);
}

static void a_missing_password_leaves_the_broker_down_until_none_is_needed(void **state)
{
    struct world *world = *state;

    redis_run(world->server, "CONFIG SET requirepass hunter2");
    world->boxes[0] = box_start(world->server->url, "a");
    snprintf(world->server->url, sizeof world->server->url, "redis://:hunter2@127.0.0.1:%d",
             world->server->port);
    box_on(world, "b");
    assert_int_equal(box_count(world->boxes[0], BROKER_STATE), 0);
    redis_run(world->server, "CONFIG SET requirepass %s", "");
    box_wait_up(world->boxes[0]);
}

static void databases_are_worlds_of_their_own(void **state)
{
    struct world *world = *state;
    struct box *zero = watching_box_on(world, "a");

    snprintf(world->server->url, sizeof world->server->url, "redis://127.0.0.1:%d/3", world->server->port);
    struct box *three = watching_box_on(world, "b");
    box_submit(three, BROKER_BOARD, "/r", 1);
    expect_good_results(three, 1);
    expect_event(three, BROKER_BOARDED, 1);
    box_submit(zero, BROKER_BOARD, "/r", 2);
    expect_good_results(zero, 1);
    expect_event(zero, BROKER_BOARDED, 2);
    assert_int_equal(box_metric(zero, "ridecast_broker_bad_messages_total"), 0);
    assert_int_equal(riders_in_redis(world->server), 1);
    redis_run(world->server, "SELECT 3");
    assert_int_equal(riders_in_redis(world->server), 1);
}

static void a_full_queue_refuses_and_what_it_took_is_done_later(void **state)
{
    struct world *world = *state;
    char error[256] = "";
    unsigned taken = 0;

    redis_server_kill(world->server);
    struct box *box = world->boxes[0] = box_new(world->server->url, "a", 4000);
    assert_int_equal(broker_start(box->broker, error, sizeof error), 0);
    for (unsigned i = 0; i < 20; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    const struct broker_message *refused = box_next(box, BROKER_RESULT);
    assert_false(refused->ok);
    assert_string_equal(refused->error, "the broker is away and its queue is full; try again");
    taken = (unsigned)refused->ticket; /* those before it were taken */
    assert_in_range(taken, 2, 18);
    for (unsigned i = taken + 1; i < 20; i++)
        assert_int_equal(box_next(box, BROKER_RESULT)->ticket, i);
    assert_in_range(box_metric(box, "ridecast_broker_queue_bytes"), 1, 4000);
    assert_true(redis_server_run(world->server));
    for (unsigned i = 0; i < taken; i++)
        assert_int_equal(box_next(box, BROKER_RESULT)->ticket, i);
    assert_int_equal(riders_in_redis(world->server), taken);
}

/* --- large rides --- */

static void a_large_roster_comes_in_pages_and_is_exact_while_riders_move(void **state)
{
    enum { RIDERS = 2000, MOVES = 1500 };
    struct world *world = *state;
    struct box *a = box_on(world, "a"), *b = box_on(world, "b");
    bool aboard[RIDERS + MOVES] = {false};

    for (unsigned i = 0; i < RIDERS; i++)
        box_submit(a, BROKER_BOARD, "/r", i);
    expect_good_results(a, RIDERS);
    for (unsigned i = 0; i < MOVES; i++) {
        box_submit(a, BROKER_EXIT, "/r", i);
        box_submit(a, BROKER_BOARD, "/r", RIDERS + i);
        if (i == MOVES / 3)
            broker_watch(b->broker, "/r");
    }
    expect_good_results(a, 2 * MOVES);

    const struct broker_message *roster = box_next(b, BROKER_ROSTER);
    assert_true(roster->rider_count > 500);
    for (size_t i = 0; i < roster->rider_count; i++) {
        unsigned long number = box_number(roster->riders[i].user);
        assert_false(aboard[number]);
        aboard[number] = true;
    }
    for (uint64_t left = RIDERS + 2 * MOVES - roster->position.offset; left > 0; left--) {
        const struct broker_message *event = box_next(b, BROKER_EVENT);
        unsigned long number = strtoul(event->socket_id, NULL, 10);
        assert_int_equal(aboard[number], event->event == BROKER_EXITED);
        aboard[number] = event->event == BROKER_BOARDED;
    }
    for (unsigned i = 0; i < RIDERS + MOVES; i++)
        assert_int_equal(aboard[i], i >= MOVES);
    box_check_promises(b, "/r");
}

#define on_redis(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(two_brokers_hear_one_order),
        on_redis(boarding_exiting_and_disconnecting_leave_the_right_keys),
        on_redis(the_position_expires_only_when_nobody_is_aboard),
        on_redis(a_socket_held_by_another_node_is_refused),
        on_redis(a_burst_arrives_complete_and_in_order_everywhere),
        on_redis(events_that_come_while_the_roster_is_read_are_not_missed),
        on_redis(watching_again_many_times_at_once_ends_well),
        on_redis(an_unwatched_ride_is_unsubscribed),
        on_redis(lost_command_connections_never_double_or_lose),
        on_redis(a_lost_subscription_loses_no_event),
        cmocka_unit_test_setup_teardown(what_is_submitted_during_an_outage_is_done_after_it, setup_durable,
                                        teardown),
        on_redis(a_server_that_comes_back_empty_gets_a_new_epoch_and_its_riders_back),
        on_redis(an_emptied_server_gets_a_new_epoch_and_its_riders_back_without_any_reconnect),
        on_redis(a_frozen_server_is_given_up_and_nothing_is_done_twice),
        on_redis(forgotten_scripts_are_loaded_again_and_the_order_stays),
        on_redis(forged_messages_are_counted_and_never_passed_on),
        on_redis(an_oversized_message_is_refused),
        on_redis(a_message_ahead_of_the_order_changes_nothing),
        on_redis(events_missing_from_the_channel_come_from_the_log),
        on_redis(more_missing_events_than_a_page_come_too),
        on_redis(where_the_log_does_not_reach_a_roster_comes),
        on_redis(a_spoiled_log_leads_to_a_roster_and_spoiled_riders_are_left_out),
        on_redis(a_log_whose_fingerprints_do_not_lead_on_is_another_history_and_not_read),
        on_redis(what_has_a_wrong_type_is_deleted_and_nobody_is_refused),
        on_redis(a_silent_port_leaves_the_broker_down_and_stoppable),
        on_redis(a_user_with_a_password_gets_in_and_others_do_not),
        on_redis(a_missing_password_leaves_the_broker_down_until_none_is_needed),
        on_redis(databases_are_worlds_of_their_own),
        on_redis(a_full_queue_refuses_and_what_it_took_is_done_later),
        on_redis(a_large_roster_comes_in_pages_and_is_exact_while_riders_move),
    };

    return cmocka_run_group_tests_name("redis_broker", tests, NULL, NULL);
}
