/*
 * Commands as Redis reads them.
 */
#include "broker/redis/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_argument_has_its_length(void **state)
{
    static const struct redis_arg args[] = {{"SET", 3}, {"twelve lette", 12}, {"", 0}, {"a\0\r\n", 4}};
    static const char expected[] =
        "*4\r\n$3\r\nSET\r\n$12\r\ntwelve lette\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n*1\r\n$3\r\nSET\r\n";
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(resp_append(&out, args, 4), 0);
    assert_int_equal(resp_append(&out, args, 1), 0);
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.len);
    buf_deinit(&out);
}

static void what_does_not_fit_leaves_nothing(void **state)
{
    static const char large[1000];
    static const struct redis_arg args[] = {{"SET", 3}, {large, sizeof large}};
    struct buf out;

    (void)state;
    buf_init(&out, sizeof large);
    assert_int_equal(resp_append(&out, args, 2), -1);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_argument_has_its_length),
        cmocka_unit_test(what_does_not_fit_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
