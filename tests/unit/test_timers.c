/*
 * Deadlines: order, moving, cancelling, and what callbacks may do.
 */
#include "gateway/net/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A timer that notes when it fired, and then perhaps does something to others. */
struct alarm {
    struct timer timer;
    struct timers *timers;
    unsigned fired;
    uint64_t again_ms;     /* sets itself to this when it fires; 0: does not */
    struct timer *cancels; /* when it fires; NULL: none */
    unsigned *order;       /* counts firings; NULL: not counted */
    unsigned place;        /* in that order */
};

static void note(void *owner)
{
    struct alarm *alarm = owner;

    assert_int_equal(alarm->timer.place, 0);
    alarm->fired++;
    if (alarm->order)
        alarm->place = ++*alarm->order;
    if (alarm->again_ms)
        timers_set(alarm->timers, &alarm->timer, alarm->again_ms);
    if (alarm->cancels)
        timers_cancel(alarm->timers, alarm->cancels);
}

static void prepare(struct alarm *alarm, struct timers *timers)
{
    *alarm = (struct alarm){.timers = timers, .timer = {.fire = note, .owner = alarm}};
}

static int setup(void **state)
{
    *state = timers_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    timers_free(*state);
    return 0;
}

static void nothing_is_due_when_nothing_is_set(void **state)
{
    assert_true(timers_next_ms(*state) == UINT64_MAX);
    timers_run(*state, UINT64_MAX);
}

static void a_timer_fires_at_its_time_and_not_before(void **state)
{
    struct alarm alarm;

    prepare(&alarm, *state);
    timers_set(*state, &alarm.timer, 100);
    assert_true(timers_next_ms(*state) == 100);
    timers_run(*state, 99);
    assert_int_equal(alarm.fired, 0);
    timers_run(*state, 100);
    assert_int_equal(alarm.fired, 1);
    timers_run(*state, 1000);
    assert_int_equal(alarm.fired, 1);
    assert_true(timers_next_ms(*state) == UINT64_MAX);
}

static void the_earliest_fires_first(void **state)
{
    enum { COUNT = 500 };
    static struct alarm alarms[COUNT];
    unsigned order = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        prepare(&alarms[i], *state);
        alarms[i].order = &order;
        timers_set(*state, &alarms[i].timer, 1 + (i * 7919) % COUNT);
    }
    for (unsigned i = 0; i < COUNT; i += 3)
        timers_cancel(*state, &alarms[i].timer);
    timers_run(*state, COUNT);
    unsigned place_at[COUNT + 1] = {0};

    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(alarms[i].fired, i % 3 != 0);
        place_at[1 + (i * 7919) % COUNT] = alarms[i].place;
    }
    for (unsigned at = 1, last = 0; at <= COUNT; at++) {
        if (!place_at[at])
            continue;
        assert_int_equal(place_at[at], last + 1);
        last = place_at[at];
    }
}

static void random_sets_moves_and_cancels_keep_the_next_one_right(void **state)
{
    enum { COUNT = 64 };
    struct alarm alarms[COUNT];
    unsigned seed = 1;

    for (int i = 0; i < COUNT; i++)
        prepare(&alarms[i], *state);
    for (int step = 0; step < 20000; step++) {
        struct timer *timer = &alarms[rand_r(&seed) % COUNT].timer;
        uint64_t next_ms = UINT64_MAX;

        if (rand_r(&seed) % 3)
            timers_set(*state, timer, (uint64_t)(rand_r(&seed) % 1000));
        else
            timers_cancel(*state, timer);
        for (int i = 0; i < COUNT; i++)
            if (alarms[i].timer.place && alarms[i].timer.at_ms < next_ms)
                next_ms = alarms[i].timer.at_ms;
        assert_true(timers_next_ms(*state) == next_ms);
    }
    for (int i = 0; i < COUNT; i++)
        timers_cancel(*state, &alarms[i].timer); /* they end before the timers */
}

static void setting_again_moves_a_timer_both_ways(void **state)
{
    struct alarm moved, other;

    prepare(&moved, *state);
    prepare(&other, *state);
    timers_set(*state, &moved.timer, 10);
    timers_set(*state, &other.timer, 20);
    timers_set(*state, &moved.timer, 30);
    assert_true(timers_next_ms(*state) == 20);
    timers_set(*state, &moved.timer, 5);
    assert_true(timers_next_ms(*state) == 5);
    timers_run(*state, 30);
    assert_int_equal(moved.fired, 1);
    assert_int_equal(other.fired, 1);
}

static void cancelling_twice_or_unset_is_harmless(void **state)
{
    struct alarm alarm;

    prepare(&alarm, *state);
    timers_cancel(*state, &alarm.timer);
    timers_set(*state, &alarm.timer, 1);
    timers_cancel(*state, &alarm.timer);
    timers_cancel(*state, &alarm.timer);
    timers_run(*state, 10);
    assert_int_equal(alarm.fired, 0);
}

static void a_timer_that_sets_itself_for_now_fires_once_per_run(void **state)
{
    struct alarm alarm;

    prepare(&alarm, *state);
    alarm.again_ms = 1;
    timers_set(*state, &alarm.timer, 50);
    timers_run(*state, 100);
    assert_int_equal(alarm.fired, 1);
    assert_true(timers_next_ms(*state) == 101);
    timers_run(*state, 101);
    assert_int_equal(alarm.fired, 2);
    timers_cancel(*state, &alarm.timer);
}

static void a_callback_may_cancel_another_that_is_due(void **state)
{
    struct alarm first, second;

    prepare(&first, *state);
    prepare(&second, *state);
    first.cancels = &second.timer;
    timers_set(*state, &first.timer, 1);
    timers_set(*state, &second.timer, 2);
    timers_run(*state, 10);
    assert_int_equal(first.fired, 1);
    assert_int_equal(second.fired, 0);
}

static void free_owner(void *owner)
{
    free(owner);
}

static void a_callback_may_free_its_timer(void **state)
{
    struct alarm *alarm = malloc(sizeof *alarm);

    prepare(alarm, *state);
    alarm->timer.fire = free_owner;
    timers_set(*state, &alarm->timer, 1);
    timers_run(*state, 1);
    assert_true(timers_next_ms(*state) == UINT64_MAX);
}

static void between_runs_a_time_that_has_passed_is_kept(void **state)
{
    struct alarm alarm;

    prepare(&alarm, *state);
    timers_run(*state, 1000);
    timers_set(*state, &alarm.timer, 10);
    assert_true(timers_next_ms(*state) == 10);
    timers_cancel(*state, &alarm.timer);
}

static void freeing_forgets_what_is_set(void **state)
{
    struct timers *timers = timers_new();
    struct alarm alarm;

    (void)state;
    prepare(&alarm, timers);
    timers_set(timers, &alarm.timer, 1);
    timers_free(timers);
    assert_int_equal(alarm.fired, 0);
    assert_int_equal(alarm.timer.place, 0);
    timers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_due_when_nothing_is_set, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_fires_at_its_time_and_not_before, setup, teardown),
        cmocka_unit_test_setup_teardown(the_earliest_fires_first, setup, teardown),
        cmocka_unit_test_setup_teardown(random_sets_moves_and_cancels_keep_the_next_one_right, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(setting_again_moves_a_timer_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelling_twice_or_unset_is_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_that_sets_itself_for_now_fires_once_per_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_may_cancel_another_that_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_may_free_its_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(between_runs_a_time_that_has_passed_is_kept, setup, teardown),
        cmocka_unit_test(freeing_forgets_what_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
