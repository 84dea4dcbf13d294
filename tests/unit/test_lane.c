/*
 * What goes to one server: calls, and whom their answers are for. The test is the connection.
 */
#include "broker/broker_metrics.h"
#include "broker/redis/call.h"
#include "broker/redis/lane.h"
#include "common/metrics.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <cmocka.h>

enum { RIDES = 3, MANY = 10 };

static struct desk {
    struct metrics *metrics;
    struct broker_metrics counted;
    struct backend_setup setup;
    struct store store;
    struct lane lane;
    struct redis_ride rides[RIDES];
    struct transition transitions[MANY];
    struct order orders[MANY];
    size_t count;

    /* The last call that was sent, and what was answered to whom. */
    redis_answer *answer;
    void *answer_arg;
    char answers[MANY + 1]; /* of each transition a letter: the answer's first, - none, . not yet */
} desk;

int __wrap_redis_link_send(struct redis_link *link, redis_answer *answer, void *arg,
                           const struct redis_arg *args, size_t count);

int __wrap_redis_link_send(struct redis_link *link, redis_answer *answer, void *arg,
                           const struct redis_arg *args, size_t count)
{
    (void)link, (void)args, (void)count;
    desk.answer = answer;
    desk.answer_arg = arg;
    return 0;
}

static void note_answer(struct transition *transition, const struct redisReply *reply, enum lane_about about)
{
    (void)about;
    desk.answers[transition - desk.transitions] = reply ? reply->str[0] : '-';
}

static int setup(void **state)
{
    (void)state;
    memset(&desk, 0, sizeof desk);
    memset(desk.answers, '.', MANY);
    desk.metrics = metrics_new();
    desk.counted.latency =
        metrics_add_histogram(desk.metrics, "latency_seconds", "Latency.", &metric_bounds_times);
    desk.setup = (struct backend_setup){
        .base = event_base_new(), .prefix = "p:", .metrics = &desk.counted, .recovery_window_ms = 1000};
    desk.store.setup = &desk.setup;
    desk.store.up = true;
    lane_init(&desk.lane, &desk.store, note_answer);
    for (size_t i = 0; i < RIDES; i++)
        desk.rides[i].name[0] = (char)('a' + i);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lane_deinit(&desk.lane);
    event_base_free(desk.setup.base);
    metrics_free(desk.metrics);
    return 0;
}

/* A boarding. */
static struct transition *submit(size_t ride)
{
    struct transition *transition = &desk.transitions[desk.count];

    transition->order = &desk.orders[desk.count];
    transition->ride = &desk.rides[ride];
    transition->sequence = ++desk.count;
    DL_APPEND2(transition->ride->transitions, transition, ride_prev, ride_next);
    lane_add(&desk.lane, transition);
    return transition;
}

/* The call is answered with a letter for each of its transitions. */
static void reply_with(const char *letters)
{
    redisReply replies[MANY] = {0}, *elements[MANY], list = {0};
    char texts[MANY][2] = {{0}};

    list.type = REDIS_REPLY_ARRAY;
    list.elements = strlen(letters);
    list.element = elements;
    for (size_t i = 0; i < list.elements; i++) {
        texts[i][0] = letters[i];
        replies[i].type = REDIS_REPLY_STRING;
        replies[i].str = texts[i];
        elements[i] = &replies[i];
    }
    desk.answer(&list, desk.answer_arg);
}

static void answers_are_shared_out_by_position(void **state)
{
    (void)state;
    submit(0);
    submit(1);
    submit(0);
    lane_send(&desk.lane);
    assert_int_equal(desk.lane.calls, 1);
    assert_int_equal(desk.lane.in_flight, 3);
    reply_with("xyz"); /* both of the first ride, then the other's */
    assert_string_equal(desk.answers, "xzy.......");
    assert_int_equal(desk.lane.calls + desk.lane.in_flight, 0);
}

static void a_call_without_an_answer_is_told_to_all(void **state)
{
    (void)state;
    submit(0);
    submit(1);
    lane_send(&desk.lane);
    desk.answer(NULL, desk.answer_arg);
    assert_string_equal(desk.answers, "--........");
}

/* Whoever has moved is not answered by the former server, even if it stood still until now. */
static void what_has_left_gets_no_answer_and_may_have_been_done(void **state)
{
    (void)state;
    struct transition *moved = submit(0), *stays = submit(1);

    lane_send(&desk.lane);
    submit(0);
    lane_pause(&desk.lane, submit(0));
    lane_leave(&desk.lane, &desk.rides[0]);
    assert_true(moved->unsure);
    assert_false(stays->unsure);
    assert_false(desk.transitions[2].unsure);
    assert_null(desk.lane.paused);
    reply_with("xy");
    assert_string_equal(desk.answers, ".y........");
    desk.answer = NULL;
    lane_send(&desk.lane);
    assert_null(desk.answer);
}

static void note_other(struct transition *transition, const struct redisReply *reply, enum lane_about about)
{
    (void)transition, (void)reply, (void)about;
    fail();
}

/* Were it unsure, an answer that is spoiled would count as its own. */
static void what_has_left_with_a_question_about_it_is_as_sure_as_before(void **state)
{
    struct call call;

    (void)state;
    struct transition *asking = submit(0);
    lane_send(&desk.lane);
    reply_with("x");
    call_command(&call, &desk.store, "HSET");
    assert_int_equal(lane_ask(&desk.lane, &call, asking, note_other), 0);
    lane_leave(&desk.lane, &desk.rides[0]);
    assert_false(asking->unsure);
    reply_with("y");
}

static void what_has_left_is_sent_by_another_lane(void **state)
{
    struct lane other;

    (void)state;
    submit(0);
    lane_send(&desk.lane);
    redis_answer *former = desk.answer;
    void *former_arg = desk.answer_arg;
    lane_leave(&desk.lane, &desk.rides[0]);
    lane_init(&other, &desk.store, note_answer);
    lane_add(&other, &desk.transitions[0]);
    lane_send(&other);
    assert_ptr_not_equal(desk.answer_arg, former_arg);
    former(NULL, former_arg);
    assert_string_equal(desk.answers, "..........");
    reply_with("x");
    assert_string_equal(desk.answers, "x.........");
    lane_deinit(&other);
}

#define on_desk(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_desk(answers_are_shared_out_by_position),
        on_desk(a_call_without_an_answer_is_told_to_all),
        on_desk(what_has_left_gets_no_answer_and_may_have_been_done),
        on_desk(what_has_left_with_a_question_about_it_is_as_sure_as_before),
        on_desk(what_has_left_is_sent_by_another_lane),
    };

    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
