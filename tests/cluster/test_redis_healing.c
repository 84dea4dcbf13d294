/*
 * What a Redis that was emptied, restored from an older copy or is very full does to riders: they come back,
 * and every gateway ends up with the same set. Also the secret and the log, which outlive clients.
 */
#include "common/clock.h"
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

/* --- views --- */

enum { VIEW_MAX = 4000 };

/* Who is aboard as far as the broker has told, by number. */
static void read_view(struct box *box, bool aboard[VIEW_MAX])
{
    box_drain(box);
    for (size_t i = 0; i < box->count; i++) {
        const struct broker_message *message = box->said[i];
        if (message->kind == BROKER_ROSTER) {
            memset(aboard, 0, VIEW_MAX * sizeof *aboard);
            for (size_t j = 0; j < message->rider_count; j++)
                aboard[box_number(message->riders[j].user)] = true;
        } else if (message->kind == BROKER_EVENT) {
            aboard[strtoul(message->socket_id, NULL, 10)] =
                message->event == BROKER_BOARDED || message->event == BROKER_RESTORED;
        }
    }
}

/* Until it is told that exactly these are aboard. */
static void wait_for_view(struct box *box, unsigned first, unsigned count)
{
    const struct timespec deadline = deadline_from_now();
    bool aboard[VIEW_MAX] = {false};
    unsigned right = 0;

    while (right != VIEW_MAX) {
        if (deadline_passed(&deadline))
            fail_msg("rider %u is told wrongly", right);
        nap();
        read_view(box, aboard);
        for (right = 0; right < VIEW_MAX; right++)
            if (aboard[right] != (right >= first && right - first < count))
                break;
    }
    box_check_promises(box, "/r");
}

/* --- emptied --- */

static void an_emptied_redis_gets_the_riders_of_all_nodes_back(void **state)
{
    struct world *world = *state;
    struct box *a = patient_node_on(world, "a", LONG_MS), *b = patient_node_on(world, "b", LONG_MS);

    board(a, 0, 300);
    board(b, 300, 300);
    redis_run(world->server, "FLUSHALL");
    wait_for_riders(world, 600);
    wait_for_view(a, 0, 600);
    wait_for_view(b, 0, 600);
    expect_holder(world, 0, "a");
    expect_holder(world, 300, "b");
    assert_int_equal(metric_of_all(world, "ridecast_riders_restored_total"), 600);
    box_wait_metric(a, "ridecast_broker_leases_lost_total", 1);
    box_wait_metric(b, "ridecast_broker_leases_lost_total", 1);
    assert_int_equal(metric_of_all(world, "ridecast_riders_held"), 600);
    assert_int_equal(heard_at_all(a, BROKER_DISCONNECTED), 0);
}

static void an_emptied_redis_heals_also_where_nobody_watches_and_nodes_are_found_again(void **state)
{
    struct world *world = *state;
    pid_t *child = child_node(world, "c", 100, WINDOW_MS); /* it does not watch */

    redis_run(world->server, "FLUSHALL");
    wait_for_riders(world, 100);
    wait_for_integer(world->server, 1, "SCARD ridecast:nodes");
    struct box *a = watching_node_on(world, "a", WINDOW_MS);
    end_child(child);
    wait_for_view(a, 0, 0); /* the dead node is found with what it noted after the wipe */
    assert_int_equal(riders_in(world), 0);
}

/* What a node that is dead had sent to a ride that had not begun, as far as it knew: Redis does it after it
 * has lost its data, and the node with them. */
static void board_late(struct world *world, unsigned number)
{
    extern const char script_transition[];
    char user[32], record[64];

    snprintf(user, sizeof user, "u%u", number);
    snprintf(record, sizeof record, "{\"id\":\"%s\",\"name\":\"Late\"}", user);
    redis_run(world->server,
              "EVAL %s 5 %s:users %s:connections %s:away %s:meta %s:log"
              " %s:events %s 1000 epochXXX %s 0 %s %s %s %s 1 0 board %s %s %s 0 %s 16",
              script_transition, "ridecast:{/r}", "ridecast:{/r}", "ridecast:{/r}", "ridecast:{/r}",
              "ridecast:{/r}", "ridecast:{/r}", "400", "00000000", "00000000", "", "dead.1", "dead.1",
              box_socket(number), user, record, "1");
}

static void a_dead_nodes_boarding_that_begins_a_ride_after_a_wipe_ends(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS);

    redis_run(world->server, "FLUSHALL");
    board_late(world, 7);
    expect_heard_once_each(a, BROKER_BOARDED, 7, 1);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 7, 1);
    wait_for_view(a, 0, 0);
    assert_int_equal(riders_in(world), 0);
}

static void such_a_boarding_ends_where_somebody_comes_to_the_ride(void **state)
{
    struct world *world = *state;
    struct box *a = node_on(world, "a", WINDOW_MS);

    redis_run(world->server, "FLUSHALL");
    board_late(world, 7);
    broker_watch(a->broker, "/r");
    assert_int_equal(box_next(a, BROKER_ROSTER)->rider_count, 1);
    expect_heard_once_each(a, BROKER_DISCONNECTED, 7, 1);
    assert_int_equal(riders_in(world), 0);
}

static void of_two_nodes_that_restore_a_rider_the_one_with_the_client_keeps_it(void **state)
{
    enum { RIDERS = 20 };
    struct world *world = *state;
    pid_t *child = child_node(world, "c", RIDERS, LONG_MS);
    struct box *a = patient_node_on(world, "a", LONG_MS);

    freeze_and_deafen(world, child, a);
    for (unsigned i = 1000; i < 1000 + RIDERS; i++) {
        box_submit(a, BROKER_RESUME, "/r", i); /* c will not know that its clients are gone */
        expect_result(a);
    }
    redis_run(world->server, "FLUSHALL");
    kill(*child, SIGCONT);
    wait_for_integer(world->server, 2, "SCARD ridecast:nodes");
    wait_for_view(a, 1000, RIDERS);
    box_wait_metric(a, "ridecast_broker_leases_lost_total", 1);
    wait_for_integer(world->server, RIDERS, "EVAL %s 1 ridecast:{/r}:connections",
                     "local n = 0 for _, holder in ipairs(redis.call('HVALS', KEYS[1])) do "
                     "n = n + (string.sub(holder, 1, 2) == 'a.' and 1 or 0) end return n");
    assert_int_equal(box_count(a, BROKER_EVICTED), 0);
}

/* The first thing heard of the new epoch is that it is another one, so the exit is read from the log. */
static void what_happens_right_after_a_wipe_is_told_as_it_was(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);

    board(a, 1, 5);
    board(b, 6, 5);
    redis_run(world->server, "FLUSHALL");
    box_submit(a, BROKER_EXIT, "/r", 1);
    expect_result(a);
    expect_heard_once_each(b, BROKER_EXITED, 1, 1);
    expect_heard_once_each(a, BROKER_EXITED, 1, 1);
    wait_for_view(a, 2, 9);
    wait_for_view(b, 2, 9);
    const struct broker_message *roster = box_next(b, BROKER_ROSTER);
    assert_true(roster->renumbered);
    assert_int_equal(roster->position.offset, 0);
    assert_int_equal(roster->rider_count, 0);
}

static void riders_that_leave_during_the_restoration_stay_away(void **state)
{
    enum { RIDERS = 2000, LEAVERS = 1000 };
    struct world *world = *state;
    struct box *a = patient_node_on(world, "a", LONG_MS);

    board(a, 0, RIDERS);
    redis_run(world->server, "FLUSHALL");
    box_wait_metric(a, "ridecast_broker_leases_lost_total", 1);
    for (unsigned i = 0; i < LEAVERS; i++)
        box_submit(a, BROKER_DISCONNECT, "/r", i);
    for (unsigned i = 0; i < LEAVERS; i++)
        expect_result(a);
    wait_for_riders(world, RIDERS - LEAVERS);
    wait_for_view(a, LEAVERS, RIDERS - LEAVERS);
}

static void forgotten_scripts_do_not_disturb_presence(void **state)
{
    enum { ROUNDS = 30, EACH = 20 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);

    board(a, 0, EACH);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct box *from = round % 2 ? b : a, *to = round % 2 ? a : b;
        for (unsigned i = 0; i < EACH; i++)
            box_submit(from, BROKER_SUSPEND, "/r", i);
        redis_run(world->server, "SCRIPT FLUSH");
        for (unsigned i = 0; i < EACH; i++)
            box_submit(to, BROKER_RESUME, "/r", i);
        for (unsigned i = 0; i < EACH; i++) {
            expect_result(from);
            assert_non_null(expect_result(to)->user);
        }
    }
    for (unsigned i = 0; i < EACH; i++)
        expect_holder(world, i, "a");
    assert_int_equal(redis_integer(redis_ask(world->server, "ZCARD ridecast:{/r}:away")), 0);
    assert_int_equal(metric_of_all(world, "ridecast_broker_reconnects_total"), 0);
}

/* --- older copies --- */

static void copy_file(const struct world *world, const char *from, const char *to)
{
    char path[2][100], buffer[65536];
    size_t len;

    snprintf(path[0], sizeof path[0], "%s/%s", world->server->folder, from);
    snprintf(path[1], sizeof path[1], "%s/%s", world->server->folder, to);
    FILE *in = fopen(path[0], "rb"), *out = fopen(path[1], "wb");
    assert_non_null(in);
    assert_non_null(out);
    while ((len = fread(buffer, 1, sizeof buffer, in)) > 0)
        assert_int_equal(fwrite(buffer, 1, len, out), len);
    fclose(in);
    fclose(out);
}

static void keep_copy(struct world *world)
{
    redis_run(world->server, "SAVE");
    copy_file(world, "dump.rdb", "copy.rdb");
}

static void come_back_with_copy(struct world *world)
{
    redis_server_kill(world->server);
    copy_file(world, "copy.rdb", "dump.rdb");
    assert_true(redis_server_run(world->server));
}

static void an_older_copy_gets_a_new_epoch_and_the_riders_that_are_here(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS), *b = watching_node_on(world, "b", WINDOW_MS);

    board(a, 1, 5);
    keep_copy(world);
    box_submit(a, BROKER_EXIT, "/r", 1); /* aboard in the copy, and nobody's */
    expect_result(a);
    box_submit(b, BROKER_RESUME, "/r", 2); /* a's in the copy */
    assert_non_null(expect_result(b)->user);
    board(a, 6, 5); /* missing in the copy */
    come_back_with_copy(world);
    wait_for_riders(world, 9);
    wait_for_view(a, 2, 9);
    wait_for_view(b, 2, 9);
    expect_holder(world, 2, "b");
    expect_holder(world, 3, "a");
    expect_holder(world, 10, "a");
    assert_true(box_next(a, BROKER_ROSTER)->renumbered);
    assert_true(box_next(b, BROKER_ROSTER)->renumbered);
}

/* No event tells of it: whoever was recovered from the log would not hear of it. */
static void what_no_event_tells_of_begins_a_new_epoch(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);
    const char *epoch = a->said[a->next[BROKER_ROSTER] - 1]->position.epoch;
    const struct timespec deadline = deadline_from_now();

    board(a, 1, 5);
    box_submit(a, BROKER_SUSPEND, "/r", 5);
    expect_result(a);
    assert_int_equal(box_replay(a, epoch, 4)->event_count, 1);
    redis_run(world->server, "HDEL ridecast:{/r}:users u5");
    redis_run(world->server, "DEL ridecast:{/r}:connections ridecast:{/r}:away");
    do {
        assert_false(deadline_passed(&deadline));
        broker_reread(b->broker, "/r");
        nap();
    } while (box_replay(a, epoch, 4)->ok);
    wait_for_view(a, 1, 4);
    wait_for_view(b, 1, 4);
    assert_true(box_next(b, BROKER_ROSTER)->settled);
    assert_false(box_next(a, BROKER_ROSTER)->settled);
}

static void a_suspension_that_an_older_copy_has_forgotten_is_made_again(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", WINDOW_MS);

    board(a, 1, 2);
    keep_copy(world);
    box_submit(a, BROKER_SUSPEND, "/r", 1);
    expect_result(a);
    come_back_with_copy(world); /* at the same offset: a suspension is no event */
    wait_for_riders(world, 1);
    wait_for_view(a, 2, 1);
    assert_int_equal(box_count(a, BROKER_ROSTER), 1);
}

/* Writers come before watchers: they too must not go on in an epoch that has been further. */
static void an_older_copy_gets_a_new_epoch_from_a_node_that_does_not_watch(void **state)
{
    struct world *world = *state;
    struct box *a = node_on(world, "a", LONG_MS);

    board(a, 1, 5);
    keep_copy(world);
    board(a, 6, 5);
    redisReply *before = redis_ask(world->server, "HGET ridecast:{/r}:meta epoch");
    come_back_with_copy(world);
    board(a, 11, 1);
    redisReply *after = redis_ask(world->server, "HGET ridecast:{/r}:meta epoch");
    assert_string_not_equal(before->str, after->str);
    freeReplyObject(before);
    freeReplyObject(after);
    wait_for_riders(world, 11);
}

/* --- the secret --- */

static void the_secret_is_the_same_for_all_and_survives_a_wipe(void **state)
{
    struct world *world = *state;
    struct box *a = node_on(world, "a", LONG_MS), *b = node_on(world, "b", LONG_MS);
    const struct broker_message *secret = box_next(a, BROKER_SECRET);

    assert_int_equal(a->said[0]->kind, BROKER_SECRET);
    assert_memory_equal(box_next(b, BROKER_SECRET)->secret, secret->secret, SECRET_LEN);
    redis_run(world->server, "FLUSHALL");
    wait_for_integer(world->server, 1, "EXISTS ridecast:secret");
    redisReply *reply = redis_ask(world->server, "GET ridecast:secret");
    assert_int_equal(reply->len, SECRET_LEN);
    assert_memory_equal(reply->str, secret->secret, SECRET_LEN);
    freeReplyObject(reply);
    assert_int_equal(box_count(a, BROKER_SECRET), 1);
}

static void a_secret_that_was_changed_is_followed_and_one_that_is_none_replaced(void **state)
{
    static const char other[] = "0123456789abcdef0123456789ABCDEF";
    struct world *world = *state;
    struct box *a = node_on(world, "a", LONG_MS), *b = node_on(world, "b", LONG_MS);

    box_next(a, BROKER_SECRET);
    box_next(b, BROKER_SECRET);
    redis_run(world->server, "SET ridecast:secret %s", other);
    assert_memory_equal(box_next(a, BROKER_SECRET)->secret, other, SECRET_LEN);
    assert_memory_equal(box_next(b, BROKER_SECRET)->secret, other, SECRET_LEN);
    redis_run(world->server, "DEL ridecast:secret");
    redis_run(world->server, "RPUSH ridecast:secret spoiled");
    wait_for_integer(
        world->server, SECRET_LEN, "EVAL %s 1 ridecast:secret",
        "return redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('STRLEN', KEYS[1]) or 0");
    redisReply *reply = redis_ask(world->server, "GET ridecast:secret");
    assert_memory_equal(reply->str, other, SECRET_LEN);
    freeReplyObject(reply);
}

/* --- replay --- */

/* So that what others have to say comes in between. */
static void a_replay_is_read_in_small_pages(void **state)
{
    enum { EVENTS = 1000, PAGE = 100 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    const char *epoch = a->said[a->next[BROKER_ROSTER] - 1]->position.epoch;

    board(a, 0, EVENTS);
    long long before = redis_calls(world->server, "xrange");
    assert_int_equal(box_replay(a, epoch, 0)->event_count, EVENTS);
    assert_true(redis_calls(world->server, "xrange") - before >= EVENTS / PAGE);
}

static void a_replay_is_exact_over_many_pages_and_follows_the_events_in_it(void **state)
{
    enum { EVENTS = 1300 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    const char *epoch = a->said[a->next[BROKER_ROSTER] - 1]->position.epoch;

    board(a, 0, EVENTS);
    for (uint64_t from = 0; from <= EVENTS; from += 325) {
        const struct broker_message *history = box_replay(a, epoch, from);
        assert_true(history->ok);
        assert_int_equal(history->position.offset, EVENTS);
        assert_int_equal(history->event_count, EVENTS - from);
        for (size_t i = 0; i < history->event_count; i++) {
            char name[16];
            snprintf(name, sizeof name, "\"u%u\"", (unsigned)(from + i));
            assert_int_equal(history->events[i].offset, from + 1 + i);
            assert_non_null(strstr(history->events[i].user->data, name));
        }
    }
    for (unsigned i = 0; i < 50; i++) {
        const struct broker_position from = box_place(a, epoch, EVENTS);
        box_submit(a, BROKER_EXIT, "/r", i);
        broker_replay(a->broker, "/r", &from, NULL, i);
        const struct broker_message *history = box_next(a, BROKER_HISTORY);
        assert_true(history->ok);
        wait_to_hear(a, BROKER_EXITED, i + 1);
        expect_result(a);
    }
    uint64_t at = 0;
    for (size_t i = 0; i < a->count; i++) {
        if (a->said[i]->kind == BROKER_EVENT)
            at = a->said[i]->position.offset;
        if (a->said[i]->kind == BROKER_HISTORY)
            assert_true(a->said[i]->position.offset <= at);
    }
}

static void a_replay_is_refused_where_the_log_does_not_reach(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    const char *epoch = a->said[a->next[BROKER_ROSTER] - 1]->position.epoch;

    board(a, 0, 10);
    assert_false(box_replay(a, "epochXXX", 5)->ok);
    assert_false(box_replay(a, epoch, 11)->ok);
    assert_false(box_replay(a, epoch, UINT64_MAX)->ok);
    redis_run(world->server, "XTRIM ridecast:{/r}:log MAXLEN 4");
    assert_false(box_replay(a, epoch, 5)->ok);
    assert_int_equal(box_replay(a, epoch, 6)->event_count, 4);
    redis_run(world->server, "SCRIPT FLUSH");
    assert_int_equal(box_replay(a, epoch, 6)->event_count, 4);
    redis_run(world->server, "XDEL ridecast:{/r}:log 9-0");
    assert_false(box_replay(a, epoch, 6)->ok);
}

static void replays_wait_while_redis_is_away_and_each_is_answered(void **state)
{
    enum { REPLAYS = 100, EVENTS = 10 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    struct broker_position from = {.epoch = "00000000", .chain = "00000000"};

    board(a, 0, EVENTS);
    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < REPLAYS; i++)
        broker_replay(a->broker, "/r", &from, NULL, i);
    while (box_next(a, BROKER_STATE)->up)
        continue;
    broker_replay(a->broker, "/r", &from, NULL, REPLAYS);
    kill(world->server->pid, SIGCONT);
    for (unsigned i = 0; i <= REPLAYS; i++) {
        const struct broker_message *history = box_next(a, BROKER_HISTORY);
        assert_true(history->ok);
        assert_int_equal(history->event_count, EVENTS);
    }
}

/* Or what Redis says of the ride might cut off all of them for ever. */
static void a_replay_that_loses_its_connection_twice_is_refused(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    struct broker_position from = {.epoch = "00000000", .chain = "00000000"};

    board(a, 0, 1);
    redis_run(world->server, "CONFIG SET proto-max-bulk-len 1gb");
    redis_run(world->server, "EVAL redis.call('XADD',KEYS[1],ARGV[1],'chain',string.rep('x',70000000)) 1 "
                             "ridecast:{/r}:log 2-0");
    broker_replay(a->broker, "/r", &from, NULL, 0);
    assert_false(box_next(a, BROKER_HISTORY)->ok);
}

static void replays_that_still_wait_at_the_end_are_refused(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    struct broker_position from = {.epoch = "00000000", .chain = "00000000"};

    redis_server_kill(world->server);
    while (box_next(a, BROKER_STATE)->up)
        continue;
    broker_replay(a->broker, "/r", &from, NULL, 0);
    broker_stop(a->broker);
    assert_false(box_next(a, BROKER_HISTORY)->ok);
}

/* Some are being read, the others wait for their turn. */
static void replays_that_nobody_waits_for_any_more_stop(void **state)
{
    enum { REPLAYS = 40, EVENTS = 3000 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    struct broker_position from = {.epoch = "00000000", .chain = "00000000"};

    board(a, 0, EVENTS);
    long long before = redis_calls(world->server, "xrange");
    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < REPLAYS; i++)
        broker_replay(a->broker, "/r", &from, NULL, i);
    usleep(50000);
    for (unsigned i = 0; i < REPLAYS; i++)
        broker_forget(a->broker, i);
    usleep(50000);
    kill(world->server->pid, SIGCONT);
    for (unsigned i = 0; i < REPLAYS; i++)
        assert_false(box_next(a, BROKER_HISTORY)->ok);
    assert_in_range(redis_calls(world->server, "xrange") - before, 0, REPLAYS);
    assert_true(box_replay(a, "00000000", EVENTS - 1)->ok);
    broker_forget(a->broker, 77); /* it has been told */
    assert_true(box_replay(a, "00000000", EVENTS - 1)->ok);
}

/* A ride that is new to a node is audited on its next beat. */
static void wait_for_beats(struct world *world)
{
    const struct timespec deadline = deadline_from_now();
    long long before = redis_calls(world->server, "set");

    while (redis_calls(world->server, "set") < before + 4) {
        assert_false(deadline_passed(&deadline));
        nap();
    }
}

/* What Redis says of one ride is that ride's trouble, not the connection's. */
static void a_ride_that_may_not_be_read_disturbs_no_other(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    struct broker_position from = {.epoch = "epochXXX"};

    redis_run(world->server, "ACL SETUSER default resetkeys ~ridecast:[a-z]* ~ridecast:{/r}:*");
    broker_watch(a->broker, "/closed");
    for (unsigned i = 0; i < 3; i++) {
        broker_replay(a->broker, "/closed", &from, NULL, i);
        assert_false(box_next(a, BROKER_HISTORY)->ok);
        board(a, i, 1);
    }
    wait_for_beats(world);
    redis_run(world->server, "ACL SETUSER default allkeys");
    assert_string_equal(box_next(a, BROKER_ROSTER)->ride, "/closed");
    assert_int_equal(box_metric(a, "ridecast_broker_reconnects_total"), 0);
}

/* --- large rides --- */

/* Puts riders there as if node `ghost` had boarded them, without a lease. */
static void fill(struct world *world, unsigned riders)
{
    static const char script[] =
        "for i = 0, ARGV[1] - 1 do local s = string.format('%020d', i) "
        "local id = 'u' .. i "
        "redis.call('HSET', KEYS[1], id, string.format('{\"id\":\"u%d\",\"name\":\"Rider %d\"}', i, i)) "
        "redis.call('HSET', KEYS[2], s, 'ghost.x 1 ' .. id, '@' .. id, s) end "
        "redis.call('HSET', KEYS[3], 'epoch', 'epochXXX', 'offset', '0', 'chain', '00000000') "
        "redis.call('SADD', 'ridecast:nodes', 'ghost.x') redis.call('SADD', 'ridecast:node:ghost.x:rides', "
        "'/r')";
    char count[16];

    snprintf(count, sizeof count, "%u", riders);
    freeReplyObject(redis_ask(world->server,
                              "EVAL %s 3 ridecast:{/r}:users ridecast:{/r}:connections ridecast:{/r}:meta %s",
                              script, count));
    assert_int_equal(riders_in(world), riders);
}

/*
 * How long Redis is held up by one call is told by what it does in that call, whatever else the machine has
 * to do meanwhile. MONITOR names each command, those of a script after its call.
 */
enum {
    PAGE_MAX = 500,          /* elements that a command may ask for */
    LINE_MAX_LEN = 64 << 10, /* all arguments of a command */
    DONE_MAX = 2000,         /* commands of one call of a script: a few for each element of a page */
};

static redisContext *monitor(struct world *world)
{
    redisContext *context = redisConnect("127.0.0.1", world->server->port);

    assert_non_null(context);
    freeReplyObject(redisCommand(context, "MONITOR"));
    assert_int_equal(context->err, 0);
    return context;
}

/* The number that follows these words. */
static bool asks_for_a_page(const char *line, const char *words)
{
    const char *at = strstr(line, words);

    return at && strtoul(at + strlen(words), NULL, 10) <= PAGE_MAX;
}

/* Whether what the command does is bounded, however many are aboard. */
static bool is_bounded(const char *line)
{
    static const char *const whole[] = {"\"HGETALL\"", "\"HKEYS\"", "\"HVALS\"", "\"SMEMBERS\"",
                                        "\"KEYS\"",    "\"SORT\"",  "\"DEL\"",   "\"UNLINK\""};
    const char *command = strstr(line, "] \"") + 2;

    if (strlen(line) > LINE_MAX_LEN)
        return false;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strncmp(command, whole[i], strlen(whole[i])) == 0)
            return false;
    if (strncmp(command + 2, "SCAN\"", 5) == 0 || strncmp(command, "\"X", 2) == 0)
        return strncmp(command, "\"XADD\"", 6) == 0 || strncmp(command, "\"XLEN\"", 6) == 0 ||
               asks_for_a_page(command, "\"COUNT\" \"");
    return strncmp(command, "\"ZRANGE", 7) != 0 || asks_for_a_page(command, "\"LIMIT\" \"0\" \"");
}

/* Of all that Redis was asked for since. Answers how many calls of scripts there were. */
static unsigned expect_bounded_calls(struct world *world, redisContext *monitor)
{
    unsigned calls = 0, done = 0;
    redisReply *reply = NULL;
    bool end = false;

    redis_run(world->server, "ECHO end-of-what-is-monitored");
    while (!end) {
        assert_int_equal(redisGetReply(monitor, (void **)&reply), REDIS_OK);
        assert_int_equal(reply->type, REDIS_REPLY_STATUS);
        end = strstr(reply->str, "\"ECHO\" \"end-of-what-is-monitored\"") != NULL;
        if (!is_bounded(reply->str))
            fail_msg("not bounded: %.300s", reply->str);
        if (strstr(reply->str, "\"EVALSHA\"")) {
            calls++;
            done = 0;
        } else if (strstr(reply->str, " lua] ") && ++done > DONE_MAX) {
            fail_msg("more than %u commands in one call, the last of them: %.300s", DONE_MAX, reply->str);
        }
        freeReplyObject(reply);
    }
    redisFree(monitor);
    return calls;
}

static void a_ride_of_a_hundred_thousand_is_read_without_holding_up_redis(void **state)
{
    enum { RIDERS = 100000 };
    struct world *world = *state;

    fill(world, RIDERS);
    redisContext *context = monitor(world);
    struct box *a = node_on(world, "a", LONG_MS);
    broker_watch(a->broker, "/r");
    assert_int_equal(box_next(a, BROKER_ROSTER)->rider_count, RIDERS);
    assert_true(expect_bounded_calls(world, context) > 0);
}

static void many_riders_of_a_dead_node_are_reaped_and_swept_without_holding_up_redis(void **state)
{
    enum { RIDERS = 10000 };
    struct world *world = *state;

    fill(world, RIDERS);
    redisContext *context = monitor(world);
    struct box *a = node_on(world, "a", WINDOW_MS);
    broker_watch(a->broker, "/r");
    assert_int_equal(box_next(a, BROKER_ROSTER)->rider_count, RIDERS);
    wait_to_hear(a, BROKER_DISCONNECTED, RIDERS);
    assert_int_equal(riders_in(world), 0);
    assert_true(expect_bounded_calls(world, context) >= 2 * RIDERS / 100);
    box_check_promises(a, "/r");
}

/* --- what somebody makes up who can write there --- */

static void made_up_sockets_are_disowned_a_few_at_a_time(void **state)
{
    enum { MESSAGES = 20, SOCKETS = 5000 };
    static const char script[] =
        "local channel = 'ridecast:node:' .. redis.call('SRANDMEMBER', 'ridecast:nodes') "
        "for i = 1, ARGV[1] do local sockets = {} "
        "for j = 1, ARGV[2] do sockets[j] = string.format('%010d%010d', i, j) end "
        "redis.call('PUBLISH', channel, 'held /elsewhere ' .. table.concat(sockets, ' ')) end";
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);

    board(a, 0, 1);
    redis_run(world->server, "CONFIG RESETSTAT");
    redis_run(world->server, "EVAL %s 0 %s %s", script, "20", "5000");
    board(a, 1, 1);
    board(a, 2, 1);
    assert_in_range(redis_calls(world->server, "evalsha"), 1, MESSAGES * SOCKETS / 2);
    expect_heard_once_each(a, BROKER_BOARDED, 0, 3);
}

static void calls_to_check_are_answered_once_in_a_while(void **state)
{
    enum { CALLS = 10000, RIDERS = 250 };
    static const char script[] =
        "for i = 1, ARGV[1] do redis.call('PUBLISH', 'ridecast:{/r}:events', 'check') end";
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);

    board(a, 0, RIDERS);
    redis_run(world->server, "CONFIG RESETSTAT");
    redis_run(world->server, "EVAL %s 0 %s", script, "10000");
    board(a, RIDERS, 1); /* whose event comes behind them */
    assert_in_range(redis_calls(world->server, "evalsha"), 1, CALLS / 10);
    expect_heard_once_each(a, BROKER_BOARDED, 0, RIDERS + 1);
}

/* Asks until so many epochs have begun, or for so long. How many have. */
static size_t reread_until(struct box *a, struct box *b, size_t epochs, uint64_t ms)
{
    uint64_t begun = clock_ms();

    while (box_count(a, BROKER_ROSTER) <= epochs && clock_ms() - begun < ms) {
        broker_reread(a->broker, "/r");
        broker_reread(b->broker, "/r");
        nap();
    }
    return box_count(a, BROKER_ROSTER) - 1;
}

/* As gateways do that hear tallies which somebody makes up. */
static void what_tallies_say_is_believed_once_in_a_while(void **state)
{
    enum { IN_A_ROW = 4, ONE_MORE_IN_MS = 30000, LAST_MS = 1500 };
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS), *b = watching_node_on(world, "b", LONG_MS);
    uint64_t begun = clock_ms();

    board(a, 1, 5);
    broker_reread(a->broker, "/r");
    board(a, 6, 1);
    assert_int_equal(box_count(a, BROKER_ROSTER), 1); /* one that is wrong by itself */
    assert_int_equal(reread_until(a, b, IN_A_ROW, LONG_MS), IN_A_ROW);
    size_t epochs = reread_until(a, b, LONG_MS, 2 * LAST_MS);
    assert_in_range(epochs, IN_A_ROW, IN_A_ROW + (clock_ms() - begun) / ONE_MORE_IN_MS);
    wait_for_riders(world, 6);
}

static void a_list_of_more_connections_than_there_can_be_is_mended(void **state)
{
    static const char script[] =
        "local sockets = {} "
        "for j = 1, 30000 do sockets[j] = string.format('%020d', 1000000 + j) end "
        "redis.call('HSET', 'ridecast:{/r}:connections', '@u0', table.concat(sockets, ' '))";
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);

    board(a, 0, 1);
    redis_run(world->server, "EVAL %s 0", script);
    wait_for_integer(world->server, SOCKET_ID_LEN, "HSTRLEN ridecast:{/r}:connections %s", "@u0");
    assert_int_equal(riders_in(world), 1);
    expect_heard_once_each(a, BROKER_BOARDED, 0, 1);
}

static void a_hash_that_redis_keeps_as_one_long_list_is_gone_through(void **state)
{
    enum { RIDERS = 9000 };
    struct world *world = *state;

    redis_run(world->server, "CONFIG SET hash-max-listpack-entries 100000");
    fill(world, RIDERS);
    redis_run(world->server, "HDEL ridecast:{/r}:connections @u17");
    struct box *a = node_on(world, "a", LONG_MS);
    broker_watch(a->broker, "/r");
    assert_int_equal(box_next(a, BROKER_ROSTER)->rider_count, RIDERS);
    wait_for_integer(world->server, 1, "HEXISTS ridecast:{/r}:connections %s", "@u17");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_nodes(an_emptied_redis_gets_the_riders_of_all_nodes_back),
        with_nodes(an_emptied_redis_heals_also_where_nobody_watches_and_nodes_are_found_again),
        with_nodes(a_dead_nodes_boarding_that_begins_a_ride_after_a_wipe_ends),
        with_nodes(such_a_boarding_ends_where_somebody_comes_to_the_ride),
        with_nodes(of_two_nodes_that_restore_a_rider_the_one_with_the_client_keeps_it),
        with_nodes(what_happens_right_after_a_wipe_is_told_as_it_was),
        with_nodes(riders_that_leave_during_the_restoration_stay_away),
        with_nodes(forgotten_scripts_do_not_disturb_presence),
        with_nodes(an_older_copy_gets_a_new_epoch_and_the_riders_that_are_here),
        with_nodes(what_no_event_tells_of_begins_a_new_epoch),
        with_nodes(a_suspension_that_an_older_copy_has_forgotten_is_made_again),
        with_nodes(an_older_copy_gets_a_new_epoch_from_a_node_that_does_not_watch),
        with_nodes(the_secret_is_the_same_for_all_and_survives_a_wipe),
        with_nodes(a_secret_that_was_changed_is_followed_and_one_that_is_none_replaced),
        with_nodes(a_replay_is_read_in_small_pages),
        with_nodes(a_replay_is_exact_over_many_pages_and_follows_the_events_in_it),
        with_nodes(a_replay_is_refused_where_the_log_does_not_reach),
        with_nodes(replays_wait_while_redis_is_away_and_each_is_answered),
        with_nodes(a_replay_that_loses_its_connection_twice_is_refused),
        with_nodes(replays_that_still_wait_at_the_end_are_refused),
        with_nodes(replays_that_nobody_waits_for_any_more_stop),
        with_nodes(a_ride_that_may_not_be_read_disturbs_no_other),
        with_nodes(a_ride_of_a_hundred_thousand_is_read_without_holding_up_redis),
        with_nodes(many_riders_of_a_dead_node_are_reaped_and_swept_without_holding_up_redis),
        with_nodes(made_up_sockets_are_disowned_a_few_at_a_time),
        with_nodes(calls_to_check_are_answered_once_in_a_while),
        with_nodes(what_tallies_say_is_believed_once_in_a_while),
        with_nodes(a_list_of_more_connections_than_there_can_be_is_mended),
        with_nodes(a_hash_that_redis_keeps_as_one_long_list_is_gone_through),
    };

    node_world_child(argc, argv);
    return cmocka_run_group_tests_name("redis_healing", tests, NULL, NULL);
}
