/*
 * How late the network loop is, by a timer of its own.
 */
#include "tests/unit/figures_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BEAT_US = 250000, SECOND_US = 1000000 };

/* The bound of the bucket that everything since the start is in. */
static int64_t lag_us(const struct world *w)
{
    const struct metric_snapshot nothing = {{0}};

    return metric_quantile(w->gauges.lag, &nothing, 1);
}

static void a_loop_that_keeps_nobody_waiting_has_no_lag(void **state)
{
    struct world *w = *state;

    pass(w, 0);
    assert_int_equal(lag_us(w), -1);
    for (int i = 0; i < 8; i++)
        pass(w, BEAT_US);
    assert_int_equal(lag_us(w), 100);
}

static void lag_below_a_millisecond_is_told_apart(void **state)
{
    struct world *w = *state;

    pass(w, 0);
    pass(w, BEAT_US + 90);
    assert_int_equal(lag_us(w), 100);
    pass(w, BEAT_US + 240 - 90); /* the deadline is a whole millisecond */
    assert_int_equal(lag_us(w), 250);
    pass(w, BEAT_US + 990 - 240);
    assert_int_equal(lag_us(w), 1000);
}

static void the_lag_is_as_long_as_the_loop_was_held_up(void **state)
{
    struct world *w = *state;

    pass(w, 0);
    pass(w, BEAT_US + 2 * SECOND_US);
    assert_int_equal(lag_us(w), 2500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(a_loop_that_keeps_nobody_waiting_has_no_lag),
        in_world(lag_below_a_millisecond_is_told_apart),
        in_world(the_lag_is_as_long_as_the_loop_was_held_up),
    };

    return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
