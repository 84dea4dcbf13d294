/*
 * Cursors of Redis, and what is none.
 */
#include "broker/redis/scan.h"

#include "common/alloc.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool reads(int type, const char *text, const char *expected)
{
    char bytes[100], cursor[SCAN_CURSOR_SIZE] = "17";
    redisReply reply = {.type = type, .str = bytes, .len = strlen(text)};

    strcpy(bytes, text);
    bool ok = scan_read_cursor(&reply, cursor);
    assert_string_equal(cursor, expected);
    return ok;
}

static void a_cursor_has_up_to_twenty_digits(void **state)
{
    (void)state;
    assert_true(reads(REDIS_REPLY_STRING, "0", "0"));
    assert_true(reads(REDIS_REPLY_STRING, "18446744073709551615", "18446744073709551615"));
}

static void anything_else_is_none_and_leaves_what_was_there(void **state)
{
    (void)state;
    assert_false(reads(REDIS_REPLY_STRING, "", "17"));
    assert_false(reads(REDIS_REPLY_STRING, "184467440737095516150", "17"));
    assert_false(reads(REDIS_REPLY_STRING, "000000000000000000000000000000000000000000", "17"));
    assert_false(reads(REDIS_REPLY_STRING, "-1", "17"));
    assert_false(reads(REDIS_REPLY_STRING, "1 ", "17"));
    assert_false(reads(REDIS_REPLY_INTEGER, "1", "17"));
    assert_false(reads(REDIS_REPLY_ERROR, "1", "17"));
}

static void reached(const char *name, void *arg)
{
    struct walk *walk = arg;

    if (name)
        walk_next(walk);
}

/* As many as Redis may say at once. */
static void names_that_are_passed_over_take_no_stack(void **state)
{
    enum { NAMES = 262144 };
    struct walk walk = {.reached = reached, .arg = &walk, .scan = {.cursor = "0"}, .count = NAMES};

    (void)state;
    walk.names = alloc_zeroed(NAMES * sizeof *walk.names);
    walk_next(&walk);
    assert_int_equal(walk.at, NAMES);
    assert_null(walk_name(&walk));
    walk_end(&walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_has_up_to_twenty_digits),
        cmocka_unit_test(anything_else_is_none_and_leaves_what_was_there),
        cmocka_unit_test(names_that_are_passed_over_take_no_stack),
    };

    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
