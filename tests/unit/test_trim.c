/*
 * When memory is given back: trim_due() alone, with figures instead of an allocator.
 */
#include "gateway/trim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MIB = 1 << 20, PROGRAM = 6 * MIB };

static struct trim fresh(void)
{
    return (struct trim){.least_idle = SIZE_MAX};
}

static void what_is_used_is_not_given_back(void **state)
{
    (void)state;
    struct trim trim = fresh();

    for (size_t used = 0; used < 100 * MIB; used += MIB)
        assert_false(trim_due(&trim, PROGRAM + used, used));
}

static void what_a_crowd_leaves_is(void **state)
{
    (void)state;
    struct trim trim = fresh();

    assert_false(trim_due(&trim, PROGRAM + MIB, MIB));
    assert_false(trim_due(&trim, PROGRAM + 50 * MIB, 50 * MIB));
    assert_true(trim_due(&trim, PROGRAM + 50 * MIB, MIB));
}

static void little_is_not_worth_it(void **state)
{
    (void)state;
    struct trim trim = fresh();

    assert_false(trim_due(&trim, PROGRAM + MIB, MIB));
    assert_false(trim_due(&trim, PROGRAM + MIB + TRIM_BYTES - 1, MIB));
    assert_true(trim_due(&trim, PROGRAM + MIB + TRIM_BYTES, MIB));
}

static void little_beside_much_is_not_either(void **state)
{
    (void)state;
    struct trim trim = fresh();
    size_t used = 160 * MIB;

    assert_false(trim_due(&trim, PROGRAM + used, used));
    assert_false(trim_due(&trim, PROGRAM + used + used / TRIM_PART - 1, used));
    assert_true(trim_due(&trim, PROGRAM + used + used / TRIM_PART, used));
}

static void the_least_is_what_counts(void **state)
{
    (void)state;
    struct trim trim = fresh();

    assert_false(trim_due(&trim, PROGRAM + 3 * MIB, MIB));
    assert_false(trim_due(&trim, PROGRAM + MIB, MIB)); /* the allocator gave some back by itself */
    assert_true(trim_due(&trim, PROGRAM + 2 * MIB, MIB));
}

static void more_used_than_resident_is_nothing_idle(void **state)
{
    (void)state;
    struct trim trim = fresh();

    assert_false(trim_due(&trim, MIB, 2 * MIB)); /* swapped out, or not touched yet */
    assert_false(trim_due(&trim, 2 * MIB, 2 * MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_used_is_not_given_back),
        cmocka_unit_test(what_a_crowd_leaves_is),
        cmocka_unit_test(little_is_not_worth_it),
        cmocka_unit_test(little_beside_much_is_not_either),
        cmocka_unit_test(the_least_is_what_counts),
        cmocka_unit_test(more_used_than_resident_is_nothing_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
