/*
 * Which of the transitions that wait go in one call: everything, in order, within its bounds.
 */
#include "broker/redis/line.h"

#include "broker/redis/call.h"
#include "common/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <cmocka.h>

enum { MANY = 1000 };

struct desk {
    struct line line;
    struct redis_ride rides[MANY];
    struct transition transitions[MANY];
    struct order orders[MANY];
    size_t count;
};

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct desk));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static struct transition *submit(struct desk *desk, size_t ride, enum script script)
{
    struct transition *transition = &desk->transitions[desk->count];

    transition->order = &desk->orders[desk->count];
    transition->ride = &desk->rides[ride];
    transition->script = script;
    transition->sequence = ++desk->count;
    DL_APPEND2(transition->ride->transitions, transition, ride_prev, ride_next);
    line_add(&desk->line, transition);
    return transition;
}

static void answer(struct transition *transition)
{
    DL_DELETE2(transition->ride->transitions, transition, ride_prev, ride_next);
}

/* The sequences of the next call: "1 2, 5" are two runs. */
static void expect_call(struct desk *desk, const char *wanted)
{
    char found[200] = "";
    size_t len = 0;

    for (const struct transition *run = line_take(&desk->line); run; run = run->next_run) {
        const struct transition *at = run;

        for (size_t i = 0; i < run->together; i++, at = at->ride_next)
            len += (size_t)snprintf(found + len, sizeof found - len, "%s%llu",
                                    i > 0     ? " "
                                    : len > 0 ? ", "
                                              : "",
                                    (unsigned long long)at->sequence);
    }
    assert_string_equal(found, wanted);
}

static void what_waits_goes_in_one_call_a_run_for_each_ride(void **state)
{
    struct desk *desk = *state;

    expect_call(desk, "");
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_TRANSITION);
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 2, SCRIPT_TRANSITION);
    expect_call(desk, "1 3, 2, 4");
    expect_call(desk, "");
    submit(desk, 2, SCRIPT_TRANSITION);
    expect_call(desk, "5");
}

static void another_script_is_another_call_behind_it(void **state)
{
    struct desk *desk = *state;

    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 0, SCRIPT_RESUME);
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_RESUME);
    submit(desk, 2, SCRIPT_TRANSITION);
    expect_call(desk, "1, 5");
    expect_call(desk, "4, 2");
    expect_call(desk, "3");
    expect_call(desk, "");
}

static void what_is_sent_again_goes_before_what_is_newer(void **state)
{
    struct desk *desk = *state;
    struct transition *all[5];

    for (size_t i = 0; i < 4; i++)
        all[i] = submit(desk, 0, SCRIPT_TRANSITION);
    expect_call(desk, "1 2 3 4");
    answer(all[0]);
    all[4] = submit(desk, 0, SCRIPT_TRANSITION);
    line_add(&desk->line, all[2]);
    line_add(&desk->line, all[1]);
    expect_call(desk, "2 3"); /* 4 is under way still */
    expect_call(desk, "5");
    line_add(&desk->line, all[3]);
    expect_call(desk, "4");
    expect_call(desk, "");
}

static void what_has_failed_goes_alone(void **state)
{
    struct desk *desk = *state;

    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 0, SCRIPT_TRANSITION)->failing_ms = 1;
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_TRANSITION);
    submit(desk, 2, SCRIPT_TRANSITION)->failing_ms = 1;
    expect_call(desk, "1, 4");
    expect_call(desk, "5");
    expect_call(desk, "2");
    expect_call(desk, "3");
    expect_call(desk, "");
}

static void nothing_goes_with_what_is_behind_one_that_has_failed(void **state)
{
    struct desk *desk = *state;

    submit(desk, 0, SCRIPT_TRANSITION)->failing_ms = 1;
    expect_call(desk, "1"); /* and fails once more: it stays the first of its ride */
    submit(desk, 1, SCRIPT_TRANSITION);
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 2, SCRIPT_TRANSITION);
    expect_call(desk, "2, 5");
    expect_call(desk, "3");
    submit(desk, 1, SCRIPT_TRANSITION);
    expect_call(desk, "4");
    expect_call(desk, "6");
}

/* As in a Redis Cluster, while slots are on their way. */
static void nothing_of_other_rides_goes_with_one_that_is_apart(void **state)
{
    struct desk *desk = *state;

    desk->rides[1].apart = desk->rides[3].apart = true;
    submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_TRANSITION);
    submit(desk, 2, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_TRANSITION);
    submit(desk, 3, SCRIPT_TRANSITION);
    expect_call(desk, "1, 3");
    expect_call(desk, "2 4");
    expect_call(desk, "5");
    expect_call(desk, "");
}

static void what_leaves_does_not_wait_any_more(void **state)
{
    struct desk *desk = *state;

    for (size_t i = 0; i < CALL_OPERATIONS_MAX; i++)
        submit(desk, 0, SCRIPT_TRANSITION);
    submit(desk, 1, SCRIPT_TRANSITION);
    assert_true(line_is_long(&desk->line));
    line_leave(&desk->line, &desk->rides[0]);
    line_leave(&desk->line, &desk->rides[0]);
    assert_false(line_is_long(&desk->line));
    expect_call(desk, "65");
    expect_call(desk, "");
    for (size_t i = 0; i < CALL_OPERATIONS_MAX; i++)
        line_add(&desk->line, &desk->transitions[i]);
    assert_true(line_is_long(&desk->line));
    line_take(&desk->line);
    expect_call(desk, "");
}

static size_t count_call(struct desk *desk, size_t *rides)
{
    size_t count = 0;

    *rides = 0;
    for (const struct transition *run = line_take(&desk->line); run; run = run->next_run, ++*rides)
        count += run->together;
    return count;
}

/* Of what looks through the log eight go together, of other operations 64. */
static void a_call_keeps_redis_no_longer_than_it_may(void **state)
{
    static const struct {
        enum script script;
        bool unsure;
        size_t most;
    } kinds[] = {{SCRIPT_TRANSITION, false, CALL_OPERATIONS_MAX},
                 {SCRIPT_TRANSITION, true, 8},
                 {SCRIPT_SUSPEND, false, 8},
                 {SCRIPT_RESTORE, false, 8}};
    struct desk *desk = *state;
    size_t rides;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t k = 0; k < kinds[i].most + 5; k++) {
            assert_int_equal(line_is_long(&desk->line), k >= kinds[i].most);
            submit(desk, k % 3, kinds[i].script)->unsure = kinds[i].unsure;
        }
        assert_int_equal(count_call(desk, &rides), kinds[i].most);
        assert_int_equal(count_call(desk, &rides), 5);
        assert_int_equal(count_call(desk, &rides), 0);
    }
    for (size_t k = 0; k < CALL_RIDES_MAX + 1; k++)
        submit(desk, k, SCRIPT_TRANSITION);
    assert_int_equal(count_call(desk, &rides), CALL_RIDES_MAX);
    assert_int_equal(rides, CALL_RIDES_MAX);
    assert_int_equal(count_call(desk, &rides), 1);
}

static void what_may_have_been_done_leaves_less_room_for_others(void **state)
{
    struct desk *desk = *state;
    size_t rides;

    for (size_t i = 0; i < 7; i++)
        submit(desk, 0, SCRIPT_TRANSITION)->unsure = true;
    for (size_t i = 0; i < 20; i++)
        submit(desk, 0, SCRIPT_TRANSITION);
    assert_int_equal(count_call(desk, &rides), 7 + 8);
    assert_int_equal(count_call(desk, &rides), 12);
}

static void a_call_is_not_looked_for_among_all_that_wait(void **state)
{
    struct desk *desk = *state;
    char *bytes = calloc(1, LINE_CALL_BYTES);
    size_t rides;

    assert_non_null(bytes);
    struct blob *large = blob_new(bytes, LINE_CALL_BYTES), *small = blob_new(bytes, 1);
    free(bytes);
    submit(desk, 0, SCRIPT_TRANSITION);
    for (size_t i = 1; i < MANY - 1; i++)
        submit(desk, i, SCRIPT_RESUME);
    submit(desk, MANY - 1, SCRIPT_TRANSITION);
    assert_int_equal(count_call(desk, &rides), 1);

    memset(desk, 0, sizeof *desk);
    submit(desk, 0, SCRIPT_TRANSITION)->order->user = small;
    for (size_t i = 1; i < MANY - 1; i++)
        submit(desk, i, SCRIPT_TRANSITION)->order->user = large;
    submit(desk, MANY - 1, SCRIPT_TRANSITION);
    assert_int_equal(count_call(desk, &rides), 1);
    blob_unref(large);
    blob_unref(small);
}

static void a_call_has_no_more_bytes_than_it_may_but_for_one_record_that_has(void **state)
{
    struct desk *desk = *state;
    char *bytes = calloc(1, LINE_CALL_BYTES + 1);

    assert_non_null(bytes);
    struct blob *large = blob_new(bytes, LINE_CALL_BYTES + 1);
    struct blob *half = blob_new(bytes, LINE_CALL_BYTES / 2);
    free(bytes);
    submit(desk, 0, SCRIPT_TRANSITION)->order->user = half;
    submit(desk, 0, SCRIPT_TRANSITION)->order->user = half;
    submit(desk, 0, SCRIPT_TRANSITION)->order->user = half;
    submit(desk, 1, SCRIPT_TRANSITION)->order->user = large;
    submit(desk, 2, SCRIPT_TRANSITION);
    expect_call(desk, "1 2, 5");
    expect_call(desk, "4");
    expect_call(desk, "3");
    blob_unref(large);
    blob_unref(half);
}

static void no_ride_waits_for_another_that_has_more(void **state)
{
    struct desk *desk = *state;

    for (size_t i = 0; i < 3 * CALL_OPERATIONS_MAX; i++)
        submit(desk, 0, SCRIPT_TRANSITION);
    struct transition *other = submit(desk, 1, SCRIPT_TRANSITION);
    size_t rides;

    assert_int_equal(count_call(desk, &rides), CALL_OPERATIONS_MAX);
    assert_int_equal(count_call(desk, &rides), CALL_OPERATIONS_MAX);
    assert_int_equal(rides, 2);
    assert_int_equal(other->stage, TRANSITION_SENT);
}

static void a_line_that_is_cleared_is_empty(void **state)
{
    struct desk *desk = *state;

    for (size_t i = 0; i < 5; i++)
        submit(desk, i % 2, SCRIPT_TRANSITION);
    line_clear(&desk->line);
    assert_false(line_is_long(&desk->line));
    expect_call(desk, "");
    for (size_t i = 0; i < 5; i++)
        line_add(&desk->line, &desk->transitions[i]);
    expect_call(desk, "1 3 5, 2 4");
}

#define on_desk(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_desk(what_waits_goes_in_one_call_a_run_for_each_ride),
        on_desk(another_script_is_another_call_behind_it),
        on_desk(what_is_sent_again_goes_before_what_is_newer),
        on_desk(what_has_failed_goes_alone),
        on_desk(nothing_goes_with_what_is_behind_one_that_has_failed),
        on_desk(nothing_of_other_rides_goes_with_one_that_is_apart),
        on_desk(what_leaves_does_not_wait_any_more),
        on_desk(a_call_keeps_redis_no_longer_than_it_may),
        on_desk(what_may_have_been_done_leaves_less_room_for_others),
        on_desk(a_call_is_not_looked_for_among_all_that_wait),
        on_desk(a_call_has_no_more_bytes_than_it_may_but_for_one_record_that_has),
        on_desk(no_ride_waits_for_another_that_has_more),
        on_desk(a_line_that_is_cleared_is_empty),
    };

    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
