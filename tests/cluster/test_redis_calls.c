/*
 * Transitions that share calls, of one ride and of many: how few these are, and that nothing is lost or
 * doubled with them, whatever happens to a call.
 */
#include "tests/cluster/node_world.h"
#include "tests/lib/deadline.h"

#include "broker/redis/audit.h"
#include "broker/redis/backoff.h"
#include "broker/redis/call.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { RIDES = 40 };

/* --- linked with --wrap: what is spoiled stays so, and pauses are counted --- */

static atomic_bool mends = true;
static atomic_uint pauses;

void __real_audit_beat(struct audit *audit);
void __wrap_audit_beat(struct audit *audit);
void __real_audit_ride(struct audit *audit, struct redis_ride *ride);
void __wrap_audit_ride(struct audit *audit, struct redis_ride *ride);
unsigned __real_backoff_pause(struct backoff *backoff);
unsigned __wrap_backoff_pause(struct backoff *backoff);

void __wrap_audit_beat(struct audit *audit)
{
    if (mends)
        __real_audit_beat(audit);
}

void __wrap_audit_ride(struct audit *audit, struct redis_ride *ride)
{
    if (mends)
        __real_audit_ride(audit, ride);
}

unsigned __wrap_backoff_pause(struct backoff *backoff)
{
    pauses++;
    return __real_backoff_pause(backoff);
}

/* Calls of each script that Redis has and has not answered, the most that there ever were, and all. */
static struct asked {
    atomic_uint now, most, all;
} asked[SCRIPT_COUNT];

struct question {
    struct asked *asked;
    redis_answer *answer;
    void *arg;
};

static void question_answered(const struct redisReply *reply, void *arg)
{
    struct question question = *(struct question *)arg;

    free(arg);
    question.asked->now--;
    question.answer(reply, question.arg);
}

int __real_call_send(struct call *call, redis_answer *answer, void *arg);
int __wrap_call_send(struct call *call, redis_answer *answer, void *arg);

int __wrap_call_send(struct call *call, redis_answer *answer, void *arg)
{
    struct asked *of = asked;

    while (of < asked + SCRIPT_COUNT &&
           call->args[1].at != scripts_digest(&call->store->scripts, (enum script)(of - asked)))
        of++;
    if (of == asked + SCRIPT_COUNT)
        return __real_call_send(call, answer, arg);
    struct question *question = malloc(sizeof *question);

    assert_non_null(question);
    *question = (struct question){.asked = of, .answer = answer, .arg = arg};
    of->all++;
    if (++of->now > of->most)
        of->most = of->now;
    if (__real_call_send(call, question_answered, question) == 0)
        return 0;
    of->now--;
    free(question);
    return -1;
}

/* From now on: until so many more of the script have been sent. Returns the most that there were at once. */
static unsigned most_of(enum script script, unsigned more)
{
    const struct timespec deadline = deadline_from_now();
    struct asked *of = &asked[script];
    unsigned before = of->all;

    of->most = of->now;
    while (of->all - before < more) {
        assert_false(deadline_passed(&deadline));
        nap();
    }
    return of->most;
}

/* --- what happens --- */

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

/* Of scripts, as Redis counts them. */
struct calls {
    long long all, failed;
};

static struct calls calls_so_far(struct world *world)
{
    static const char script[] = "local counts = redis.call('INFO', 'commandstats') "
                                 "local all = string.match(counts, 'evalsha:calls=(%d+)') or 0 "
                                 "local failed = string.match(counts, 'evalsha:%C-failed_calls=(%d+)') or 0 "
                                 "return all * 100000 + failed";
    long long found = redis_integer(redis_ask(world->server, "EVAL %s 0", script));

    return (struct calls){found / 100000, found % 100000};
}

static long long succeeded_so_far(struct world *world)
{
    struct calls calls = calls_so_far(world);

    return calls.all - calls.failed;
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

    long long before = succeeded_so_far(world);
    board_meanwhile(world, box, 0, MANY, true);
    assert_in_range(succeeded_so_far(world) - before, MANY / 64, 100);
    before = succeeded_so_far(world);
    board_meanwhile(world, box, MANY, MANY, false);
    assert_in_range(succeeded_so_far(world) - before, MANY / 64, 200);
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

static void spoil_for_long(struct world *world)
{
    mends = false;
    pauses = 0;
    redis_run(world->server, "SET ridecast:{/bad}:users spoiled");
}

static void wait_for_failed(struct world *world, long long count)
{
    while (calls_so_far(world).failed < count)
        usleep(1000);
}

static void mend(struct world *world)
{
    redis_run(world->server, "DEL ridecast:{/bad}:users");
    mends = true;
}

/* It has failed before: what comes there now fails as well, and takes nobody else's along. */
static void what_comes_to_a_ride_that_fails_shares_no_call(void **state)
{
    enum { ROUNDS = 10, GOOD = 32, BAD = 4 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);
    unsigned number = 0, bad = 0;

    spoil_for_long(world);
    box_submit(box, BROKER_BOARD, "/bad", number++);
    wait_for_failed(world, 1);
    long long before = succeeded_so_far(world);
    for (unsigned round = 0; round < ROUNDS; round++) {
        kill(world->server->pid, SIGSTOP);
        for (unsigned i = 0; i < GOOD; i++) {
            if (i % (GOOD / BAD) == 0) {
                box_submit(box, BROKER_BOARD, "/bad", number++);
                bad++;
            }
            box_submit(box, BROKER_BOARD, ride_name(i), number++);
        }
        kill(world->server->pid, SIGCONT);
        expect_results(box, GOOD);
    }
    assert_in_range(succeeded_so_far(world) - before, ROUNDS * GOOD / 16, ROUNDS * 4);
    mend(world);
    expect_results(box, 1 + bad);
    expect_in_redis(world, ROUNDS * GOOD, ROUNDS * GOOD);
    assert_int_equal(redis_integer(redis_ask(world->server, "XLEN ridecast:{/bad}:log")), 1 + bad);
}

/* However many operations a failed call had, the next pause is twice as long, not as long as can be. */
static void many_that_fail_together_pause_once(void **state)
{
    enum { MANY = 60 };
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    spoil_for_long(world);
    kill(world->server->pid, SIGSTOP);
    for (unsigned i = 0; i < MANY; i++)
        box_submit(box, BROKER_BOARD, "/bad", i);
    kill(world->server->pid, SIGCONT);
    wait_for_failed(world, 4 * MANY);
    assert_in_range(pauses, 1, MANY / 4);
    mend(world);
    expect_results(box, MANY);
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

/* Whatever else goes to Redis waits for no more of them. */
static void of_many_rides_two_are_audited_at_a_time(void **state)
{
    enum { EACH_CALLS = 2 }; /* connections, persons */
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    for (unsigned i = 0; i < RIDES; i++)
        box_submit(box, BROKER_BOARD, ride_name(i), i);
    expect_results(box, RIDES);
    assert_int_equal(most_of(SCRIPT_AUDIT, EACH_CALLS * RIDES), 2);
}

static void what_is_held_on_a_ride_is_checked_call_by_call(void **state)
{
    enum { CALLS = 5, PAGES = 3 * CALLS }; /* of an audit: connections, lists and persons */
    struct world *world = *state;
    struct box *box = node_on(world, "a", LONG_MS);

    for (unsigned i = 0; i < CALLS * BITE; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    expect_results(box, CALLS * BITE);
    assert_int_equal(most_of(SCRIPT_CHECK, 1), 1);
    unsigned audited = asked[SCRIPT_AUDIT].all;
    assert_int_equal(most_of(SCRIPT_CHECK, CALLS - 1), 1);
    assert_in_range(asked[SCRIPT_AUDIT].all - audited, 0, 2 * PAGES); /* not one for each audit */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_nodes(what_comes_while_calls_have_no_answer_goes_in_few),
        with_nodes(lost_connections_and_scripts_lose_and_double_nothing_on_any_ride),
        with_nodes(a_spoiled_ride_holds_up_no_other),
        with_nodes(what_comes_to_a_ride_that_fails_shares_no_call),
        with_nodes(many_that_fail_together_pause_once),
        with_nodes(calls_stay_within_what_redis_takes),
        with_nodes(events_of_one_message_are_heard_each),
        with_nodes(of_many_rides_two_are_audited_at_a_time),
        with_nodes(what_is_held_on_a_ride_is_checked_call_by_call),
    };

    node_world_child(argc, argv);
    return cmocka_run_group_tests_name("redis_calls", tests, NULL, NULL);
}
