/*
 * Numbers as text.
 */
#include "common/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_as_printf_has_it(uint64_t number)
{
    char expected[32], out[DECIMAL_MAX + 1];

    memset(out, '#', sizeof out);
    snprintf(expected, sizeof expected, "%llu", (unsigned long long)number);
    assert_int_equal(decimal_write(out, number), strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
    assert_int_equal(out[strlen(expected)], '#');
}

static void the_digits_are_those_of_printf(void **state)
{
    (void)state;
    assert_as_printf_has_it(0);
    assert_as_printf_has_it(UINT64_MAX);
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
        assert_as_printf_has_it(power - 1);
        assert_as_printf_has_it(power);
        assert_as_printf_has_it(power * 10 - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digits_are_those_of_printf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
