/*
 * The growing buffer: its ceiling, its growth, and failures that change nothing.
 */
#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Lets a hopeless allocation return NULL under AddressSanitizer, as it does without. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void assert_holds(const struct buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    assert_memory_equal(buf->data, text, buf->len);
}

static void a_new_buffer_allocates_nothing(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.max, 100);
    assert_int_equal(buf_append(&buf, NULL, 0), 0);
    buf_consume(&buf, 0);
    assert_null(buf.data);
    buf_deinit(&buf);
}

static void appends_join_in_order(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_append(&buf, "ab\0c", 4), 0);
    assert_int_equal(buf_append_str(&buf, "de"), 0);
    assert_int_equal(buf_appendf(&buf, "%d-%s", 42, "x"), 0);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "ab\0cde42-x", 10);
    buf_deinit(&buf);
}

static void the_ceiling_itself_is_reachable(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    assert_int_equal(buf_append_str(&buf, "ab"), 0);
    assert_int_equal(buf_appendf(&buf, "%s", "cd"), 0);
    assert_holds(&buf, "abcd");
    assert_true(buf.size <= buf.max + 1);
    buf_deinit(&buf);
}

static void append_past_the_ceiling_fails_and_changes_nothing(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    assert_int_equal(buf_append_str(&buf, "abc"), 0);
    assert_int_equal(buf_append_str(&buf, "de"), -1);
    assert_int_equal(buf_appendf(&buf, "%d", 12), -1);
    assert_int_equal(buf_append(&buf, "x", SIZE_MAX), -1);
    assert_null(buf_reserve(&buf, 2));
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_holds(&buf, "abc");
    buf_deinit(&buf);
}

static void append_without_memory_fails_and_changes_nothing(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, SIZE_MAX);
    assert_int_equal(buf_append_str(&buf, "abc"), 0);
    assert_null(buf_reserve(&buf, SIZE_MAX - 3));
    assert_null(buf_reserve(&buf, PTRDIFF_MAX));
    assert_holds(&buf, "abc");
    buf_deinit(&buf);
}

static void reserved_room_counts_only_once_added(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    char *room = buf_reserve(&buf, 500);
    assert_non_null(room);
    assert_int_equal(buf.len, 0);
    memset(room, 'x', 500);
    buf_added(&buf, 3);
    assert_holds(&buf, "xxx");
    assert_ptr_equal(buf_reserve(&buf, 10), buf.data + 3);
    buf_deinit(&buf);
}

static void many_small_appends_allocate_seldom(void **state)
{
    struct buf buf;
    size_t last_size = 0;
    int allocations = 0;

    (void)state;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) {
        assert_int_equal(buf_append(&buf, "x", 1), 0);
        allocations += buf.size != last_size;
        last_size = buf.size;
    }
    assert_in_range(allocations, 1, 20);
    assert_int_equal(buf_append(&buf, "x", 1), -1);
    buf_deinit(&buf);
}

static void consume_drops_from_the_front(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append_str(&buf, "abcdefghij"), 0);
    buf_consume(&buf, 4);
    assert_holds(&buf, "efghij");
    assert_int_equal(buf_append_str(&buf, "klmn"), 0);
    assert_int_equal(buf_append_str(&buf, "o"), -1);
    buf_consume(&buf, 10);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
}

static void clear_keeps_the_allocation_and_deinit_drops_it(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append_str(&buf, "abc"), 0);
    size_t size = buf.size;
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.size, size);
    buf_deinit(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf_append_str(&buf, "again"), 0);
    assert_holds(&buf, "again");
    assert_int_equal(buf_append_str(&buf, "123456"), -1);
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_allocates_nothing),
        cmocka_unit_test(appends_join_in_order),
        cmocka_unit_test(the_ceiling_itself_is_reachable),
        cmocka_unit_test(append_past_the_ceiling_fails_and_changes_nothing),
        cmocka_unit_test(append_without_memory_fails_and_changes_nothing),
        cmocka_unit_test(reserved_room_counts_only_once_added),
        cmocka_unit_test(many_small_appends_allocate_seldom),
        cmocka_unit_test(consume_drops_from_the_front),
        cmocka_unit_test(clear_keeps_the_allocation_and_deinit_drops_it),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
