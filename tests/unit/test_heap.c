/*
 * What is counted as allocated, in pieces large and small.
 */
#include "common/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PIECES = 1000 };

static uint64_t allocated_more_than(uint64_t before)
{
    uint64_t now = heap_allocated_bytes();

    return now > before ? now - before : 0;
}

static void allocated_until_freed(size_t size)
{
    static char *pieces[PIECES];
    uint64_t before = heap_allocated_bytes();

    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = malloc(size);
        assert_non_null(pieces[i]);
    }
    assert_in_range(allocated_more_than(before), PIECES * size, 2 * PIECES * size);
    for (size_t i = 0; i < PIECES; i++)
        free(pieces[i]);
    assert_in_range(allocated_more_than(before), 0, PIECES * size / 10);
}

static void what_is_small_is_counted(void **state)
{
    (void)state;
    allocated_until_freed(100);
}

static void what_is_large_is_counted(void **state)
{
    (void)state;
    allocated_until_freed(1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_small_is_counted),
        cmocka_unit_test(what_is_large_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
