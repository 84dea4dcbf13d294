/*
 * What the kernel says that this process uses.
 */
#include "common/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void memory_that_is_used_is_resident(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    struct process_usage before, after;
    process_usage(&before);
    uint64_t resident = process_resident_bytes();
    char *memory = malloc(SIZE);
    assert_non_null(memory);
    memset(memory, 1, SIZE);
    process_usage(&after);
    assert_in_range(after.resident_bytes - before.resident_bytes, SIZE / 2, 4 * (uint64_t)SIZE);
    assert_in_range(process_resident_bytes() - resident, SIZE / 2, 4 * (uint64_t)SIZE);
    free(memory);
}

static void files_that_are_opened_are_counted(void **state)
{
    (void)state;
    struct process_usage before, after;
    process_usage(&before);
    int one = open("/dev/null", O_RDONLY), other = open("/dev/null", O_RDONLY);
    process_usage(&after);
    assert_int_equal(after.open_files, before.open_files + 2);
    assert_true(after.max_files > after.open_files);
    close(one);
    close(other);
}

static void time_that_is_spent_is_counted(void **state)
{
    (void)state;
    struct process_usage before, after;
    process_usage(&before);
    do
        process_usage(&after);
    while (after.cpu_us - before.cpu_us < 10000);
    assert_true(after.cpu_us > before.cpu_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_used_is_resident),
        cmocka_unit_test(files_that_are_opened_are_counted),
        cmocka_unit_test(time_that_is_spent_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
