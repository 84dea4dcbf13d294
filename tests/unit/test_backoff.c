/*
 * Pauses that double, with jitter, up to their ceiling.
 */
#include "broker/redis/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_pause_lies_in_the_upper_half_of_a_doubling_ceiling(void **state)
{
    unsigned ceiling = BACKOFF_FIRST_MS;
    struct backoff backoff;

    (void)state;
    backoff_reset(&backoff);
    for (int i = 0; i < 12; i++) {
        unsigned pause = backoff_pause(&backoff);

        assert_in_range(pause, ceiling / 2, ceiling);
        ceiling = ceiling * 2 < BACKOFF_LAST_MS ? ceiling * 2 : BACKOFF_LAST_MS;
    }
    assert_int_equal(ceiling, BACKOFF_LAST_MS);
}

static void a_reset_makes_the_next_pause_short_again(void **state)
{
    struct backoff backoff;

    (void)state;
    backoff_reset(&backoff);
    for (int i = 0; i < 8; i++)
        backoff_pause(&backoff);
    backoff_reset(&backoff);
    assert_in_range(backoff_pause(&backoff), BACKOFF_FIRST_MS / 2, BACKOFF_FIRST_MS);
}

static void pauses_differ(void **state)
{
    bool differ = false;
    struct backoff backoff;
    unsigned first;

    (void)state;
    backoff_reset(&backoff);
    first = backoff_pause(&backoff);
    for (int i = 0; i < 100 && !differ; i++) {
        backoff_reset(&backoff);
        differ = backoff_pause(&backoff) != first;
    }
    assert_true(differ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pause_lies_in_the_upper_half_of_a_doubling_ceiling),
        cmocka_unit_test(a_reset_makes_the_next_pause_short_again),
        cmocka_unit_test(pauses_differ),
    };

    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
