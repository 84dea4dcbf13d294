/*
 * Which of several reasons is said, and how often.
 */
#include "broker/redis/trouble.h"

#include "broker/redis/redis_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 5 };

static void note(struct trouble *trouble, int rank, const char *host, const char *reason)
{
    struct redis_address address;

    assert_int_equal(redis_address_set(&address, host, strlen(host), 1), 0);
    trouble_note(trouble, rank, "the node", &address, reason);
}

static void the_reason_that_tells_most_is_said(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "Connection refused");
    note(&trouble, 2, "b", "NOPERM");
    note(&trouble, 1, "::1", "it does not answer");
    assert_true(trouble_is_news(&trouble, NOW));
    assert_string_equal(trouble.text, "the node b:1: NOPERM");
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "Connection refused");
    note(&trouble, 1, "::1", "it does not answer");
    assert_true(trouble_is_news(&trouble, NOW));
    assert_string_equal(trouble.text, "the node [::1]:1: it does not answer");
}

static void the_same_reason_is_said_once_whoever_gives_it(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        trouble_begin(&trouble);
        note(&trouble, 1, round % 2 ? "a" : "b", "Connection refused");
        assert_int_equal(trouble_is_news(&trouble, NOW), round == 0);
    }
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "it refuses this gateway: NOAUTH");
    assert_true(trouble_is_news(&trouble, NOW));
}

static void reasons_that_are_worded_anew_each_time_are_said_now_and_then(void **state)
{
    enum { ROUND_MS = 1000, ROUNDS = 3 * TROUBLE_EVERY_MS / ROUND_MS };
    struct trouble trouble = {0};
    uint64_t now_ms = NOW;
    char reason[40];
    unsigned said = 0;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++, now_ms += ROUND_MS) {
        snprintf(reason, sizeof reason, "ERR %u", round);
        trouble_begin(&trouble);
        note(&trouble, 1, "a", reason);
        bool news = trouble_is_news(&trouble, now_ms);
        assert_true(news || round >= TROUBLE_LINES);
        said += news;
    }
    assert_int_equal(said, TROUBLE_LINES + 2);
    assert_true(trouble_is_over(&trouble));
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "ERR anew");
    assert_true(trouble_is_news(&trouble, now_ms));
}

static void it_is_said_again_after_it_was_over(void **state)
{
    struct trouble trouble = {0};

    (void)state;
    assert_false(trouble_is_over(&trouble));
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "Connection refused");
    assert_false(trouble_is_over(&trouble)); /* another one has answered */
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "Connection refused");
    assert_true(trouble_is_news(&trouble, NOW));
    trouble_begin(&trouble);
    assert_true(trouble_is_over(&trouble));
    assert_false(trouble_is_over(&trouble));
    trouble_begin(&trouble);
    note(&trouble, 1, "a", "Connection refused");
    assert_true(trouble_is_news(&trouble, NOW));
}

static void a_long_reason_is_cut(void **state)
{
    struct trouble trouble = {0};
    char reason[2 * TROUBLE_SIZE];

    (void)state;
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    trouble_begin(&trouble);
    note(&trouble, 1, "a", reason);
    assert_true(trouble_is_news(&trouble, NOW));
    assert_int_equal(strlen(trouble.text), TROUBLE_SIZE - 1);
    trouble_begin(&trouble);
    note(&trouble, 1, "a", reason);
    assert_false(trouble_is_news(&trouble, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_that_tells_most_is_said),
        cmocka_unit_test(the_same_reason_is_said_once_whoever_gives_it),
        cmocka_unit_test(reasons_that_are_worded_anew_each_time_are_said_now_and_then),
        cmocka_unit_test(it_is_said_again_after_it_was_over),
        cmocka_unit_test(a_long_reason_is_cut),
    };

    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
