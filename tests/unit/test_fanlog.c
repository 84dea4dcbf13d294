/*
 * The fan-out log: positions, stretches, and what trimming keeps and gives back.
 */
#include "gateway/rides/fanlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 100 };

static int setup(void **state)
{
    struct fanlog *log = malloc(sizeof *log);

    if (!log)
        return -1;
    fanlog_init(log, MAX);
    *state = log;
    return 0;
}

static int teardown(void **state)
{
    fanlog_deinit(*state);
    free(*state);
    return 0;
}

static void append(struct fanlog *log, const char *text)
{
    assert_int_equal(buf_append_str(fanlog_bytes(log), text), 0);
}

static void assert_stretch(const struct fanlog *log, uint64_t cursor, const char *text)
{
    const struct fanlog_reader reader = {.log = log, .cursor = cursor};
    size_t n;
    const char *stretch = fanlog_stretch(&reader, &n);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(stretch, text, n);
}

static void a_new_log_is_empty_at_position_0(void **state)
{
    assert_int_equal(fanlog_head(*state), 0);
    assert_stretch(*state, 0, "");
    fanlog_trim(*state, 0);
    assert_int_equal(fanlog_head(*state), 0);
}

static void a_stretch_runs_from_the_cursor_to_the_head(void **state)
{
    append(*state, "one");
    append(*state, "two");
    assert_int_equal(fanlog_head(*state), 6);
    assert_stretch(*state, 0, "onetwo");
    assert_stretch(*state, 3, "two");
    assert_stretch(*state, 6, "");
}

static void positions_go_on_when_everything_was_trimmed(void **state)
{
    append(*state, "one");
    fanlog_trim(*state, 3);
    assert_int_equal(fanlog_head(*state), 3);
    append(*state, "two");
    assert_int_equal(fanlog_head(*state), 6);
    assert_stretch(*state, 3, "two");
}

static void what_a_cursor_still_needs_survives_any_trim_up_to_it(void **state)
{
    static const char text[] = "0123456789";

    for (size_t cursor = 0; cursor <= 10; cursor++) {
        struct fanlog log;

        fanlog_init(&log, MAX);
        append(&log, text);
        fanlog_trim(&log, cursor);
        assert_stretch(&log, cursor, text + cursor);
        append(&log, "ab");
        assert_int_equal(fanlog_head(&log), 12);
        size_t n;
        const struct fanlog_reader reader = {.log = &log, .cursor = cursor};
        const char *stretch = fanlog_stretch(&reader, &n);
        assert_int_equal(n, 12 - cursor);
        assert_memory_equal(stretch + n - 2, "ab", 2);
        fanlog_deinit(&log);
    }
    (void)state;
}

static void dead_bytes_are_dropped_once_they_are_the_larger_part(void **state)
{
    struct fanlog *log = *state;

    append(log, "0123456789");
    fanlog_trim(log, 5);
    assert_int_equal(log->bytes.len, 10);
    fanlog_trim(log, 6);
    assert_int_equal(log->bytes.len, 4);
    assert_stretch(log, 6, "6789");
}

static void a_full_log_takes_no_more_until_it_is_trimmed(void **state)
{
    char text[MAX + 1] = {0};

    memset(text, 'x', MAX);
    append(*state, text);
    assert_int_equal(buf_append(fanlog_bytes(*state), "y", 1), -1);
    assert_int_equal(fanlog_head(*state), MAX);
    fanlog_trim(*state, MAX);
    append(*state, "y");
    assert_stretch(*state, MAX, "y");
}

/* A reader that is always a little behind: what is kept is at most twice what it needs. */
static void a_reader_that_lags_evenly_keeps_the_log_bounded(void **state)
{
    struct fanlog *log = *state;

    for (uint64_t i = 0; i < 10000; i++) {
        append(log, "0123456789");
        if (i >= 3)
            fanlog_trim(log, (i - 2) * 10);
        assert_in_range(log->bytes.len, 0, 80);
    }
    assert_int_equal(fanlog_head(log), 100000);
    assert_stretch(log, 99970, "012345678901234567890123456789");
}

static void a_burst_is_not_kept_allocated_once_it_was_read(void **state)
{
    struct fanlog log;

    fanlog_init(&log, 1 << 20);
    assert_non_null(buf_reserve(fanlog_bytes(&log), 500000));
    memset(log.bytes.data, 'x', 500000);
    buf_added(fanlog_bytes(&log), 500000);
    fanlog_trim(&log, 500000);
    assert_int_equal(log.bytes.size, 0);
    assert_int_equal(fanlog_head(&log), 500000);
    fanlog_deinit(&log);
    (void)state;
}

static void a_small_allocation_is_kept_for_the_next_event(void **state)
{
    struct fanlog *log = *state;

    append(log, "event");
    fanlog_trim(log, 5);
    assert_int_not_equal(log->bytes.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_log_is_empty_at_position_0, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stretch_runs_from_the_cursor_to_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(positions_go_on_when_everything_was_trimmed, setup, teardown),
        cmocka_unit_test(what_a_cursor_still_needs_survives_any_trim_up_to_it),
        cmocka_unit_test_setup_teardown(dead_bytes_are_dropped_once_they_are_the_larger_part, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_log_takes_no_more_until_it_is_trimmed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_lags_evenly_keeps_the_log_bounded, setup, teardown),
        cmocka_unit_test(a_burst_is_not_kept_allocated_once_it_was_read),
        cmocka_unit_test_setup_teardown(a_small_allocation_is_kept_for_the_next_event, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
