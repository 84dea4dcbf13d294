/*
 * Shares: that one address has all that comes while it is alone, and what the others leave when it is not;
 * that whoever comes finds something; and that nobody is known for long.
 */
#include "gateway/net/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct bucket_rate TEN = {10, 100};

static struct ip address(const char *text)
{
    struct ip ip;

    assert_int_equal(ip_parse(&ip, text, strlen(text)), 0);
    return ip;
}

static struct ip numbered(unsigned n)
{
    struct ip ip = address("203.0.113.0");

    ip.bytes[14] = (uint8_t)(n >> 8);
    ip.bytes[15] = (uint8_t)n;
    return ip;
}

/* How many of so many tries are granted. */
static int granted(struct shares *shares, const struct ip *ip, int tries, uint64_t now_ms)
{
    int count = 0;

    while (tries--)
        count += shares_try(shares, &TEN, ip, now_ms);
    return count;
}

static void one_address_alone_has_all_that_comes(void **state)
{
    struct shares shares = {0};
    struct ip one = numbered(1);

    (void)state;
    assert_int_equal(granted(&shares, &one, 1000, 5000), 100);
    assert_int_equal(granted(&shares, &one, 1000, 6000), 10);
    shares_deinit(&shares);
}

static void whoever_comes_later_finds_something(void **state)
{
    struct shares shares = {0};
    struct ip greedy = numbered(1), late = numbered(2);

    (void)state;
    for (uint64_t now = 1000; now <= 61000; now += 10)
        granted(&shares, &greedy, 5, now);
    assert_in_range(granted(&shares, &late, 100, 61000), 45, 55);
    shares_deinit(&shares);
}

static void one_that_takes_without_end_leaves_the_others_theirs(void **state)
{
    struct shares shares = {0};
    struct ip greedy = numbered(0);
    int greedily = 0;

    (void)state;
    for (uint64_t now = 1000; now < 301000; now += 100) {
        greedily += granted(&shares, &greedy, 50, now);
        /* Each of five wants one a second: half of what there is. */
        if (now % 1000 == 0)
            for (unsigned i = 1; i <= 5; i++) {
                struct ip modest = numbered(i);

                assert_true(shares_try(&shares, &TEN, &modest, now));
            }
    }
    /* It has the rest, beside what was saved up. */
    assert_in_range(greedily, 1500, 1600);
    shares_deinit(&shares);
}

static void whoever_comes_finds_its_part_though_several_are_greedy(void **state)
{
    struct shares shares = {0};

    (void)state;
    for (uint64_t now = 1000; now < 61000; now += 50)
        for (unsigned i = 0; i < 4; i++) {
            struct ip greedy = numbered(i);

            granted(&shares, &greedy, 20, now);
        }
    struct ip late = numbered(9);

    assert_in_range(granted(&shares, &late, 30, 61000), 15, 25);
    assert_in_range(granted(&shares, &late, 30, 63000), 4, 20);
    shares_deinit(&shares);
}

static void what_is_taken_in_any_case_counts_for_who_takes_it(void **state)
{
    struct shares shares = {0};
    struct ip leaving = numbered(1), other = numbered(2);

    (void)state;
    assert_true(shares_try(&shares, &TEN, &other, 1000));
    for (int i = 0; i < 120; i++)
        shares_take(&shares, &TEN, &leaving, 1000);
    assert_false(shares_try(&shares, &TEN, &leaving, 1000));
    assert_true(shares_try(&shares, &TEN, &other, 1000));
    shares_deinit(&shares);
}

static void what_is_taken_past_a_share_takes_nothing_from_the_others(void **state)
{
    struct shares shares = {0};
    int let_in = 0;

    (void)state;
    for (uint64_t now = 1000; now < 11000; now += 5)
        for (unsigned i = 0; i < 6; i++) {
            struct ip leaving = numbered(i);

            shares_take(&shares, &TEN, &leaving, now);
        }
    for (unsigned i = 10; i < 20; i++) {
        struct ip newcomer = numbered(i);

        let_in += shares_try(&shares, &TEN, &newcomer, 11000);
    }
    assert_int_equal(let_in, 10);
    shares_deinit(&shares);
}

static void the_addresses_of_a_household_are_one(void **state)
{
    struct shares shares = {0};
    struct ip one = address("2001:db8::1"), same = address("2001:db8::2");

    (void)state;
    shares_try(&shares, &TEN, &one, 1000);
    shares_try(&shares, &TEN, &same, 1000);
    assert_int_equal(shares_count(&shares), 1);
    shares_deinit(&shares);
}

static void nobody_is_known_for_long_nor_are_too_many(void **state)
{
    static const struct bucket_rate much = {10, SHARES_MAX};
    struct shares shares = {0};
    struct ip late = numbered(60000);
    size_t most = 0;

    (void)state;
    for (unsigned i = 0; i < 2 * SHARES_MAX; i++) {
        struct ip ip = numbered(i);

        shares_try(&shares, &much, &ip, 1000);
        most = shares_count(&shares) > most ? shares_count(&shares) : most;
    }
    assert_int_equal(most, SHARES_MAX);
    for (int i = 0; i < SHARES_MAX; i++)
        shares_try(&shares, &much, &late, 100000000);
    assert_int_equal(shares_count(&shares), 1);
    shares_deinit(&shares);
}

static void one_that_owes_much_keeps_no_other_known(void **state)
{
    struct shares shares = {0};
    struct ip greedy = numbered(1), late = numbered(100);

    (void)state;
    assert_int_equal(granted(&shares, &greedy, 100, 1000), 100);
    for (unsigned i = 2; i < 52; i++) {
        struct ip modest = numbered(i);

        assert_true(shares_try(&shares, &TEN, &modest, 1000));
    }
    granted(&shares, &late, 30, 7500);
    assert_int_equal(shares_count(&shares), 2);
    shares_deinit(&shares);
}

static void who_is_refused_and_has_nothing_is_not_counted(void **state)
{
    struct shares shares = {0};
    struct ip one = numbered(1), other = numbered(2), third = numbered(3);

    (void)state;
    granted(&shares, &one, 1000, 1000);
    for (unsigned i = 10; i < 200; i++) {
        struct ip ip = numbered(i);

        granted(&shares, &ip, 1, 1000);
    }
    size_t known = shares_count(&shares);

    assert_false(shares_try(&shares, &TEN, &other, 1000));
    assert_false(shares_try(&shares, &TEN, &third, 1000));
    assert_int_equal(shares_count(&shares), known);
    shares_deinit(&shares);
}

static void without_a_rate_everybody_may(void **state)
{
    struct shares shares = {0};
    struct bucket_rate none = {0};
    struct ip one = numbered(1);

    (void)state;
    assert_true(shares_try(&shares, &none, &one, 1000));
    shares_take(&shares, &none, &one, 1000);
    assert_int_equal(shares_count(&shares), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_alone_has_all_that_comes),
        cmocka_unit_test(whoever_comes_later_finds_something),
        cmocka_unit_test(one_that_takes_without_end_leaves_the_others_theirs),
        cmocka_unit_test(whoever_comes_finds_its_part_though_several_are_greedy),
        cmocka_unit_test(what_is_taken_in_any_case_counts_for_who_takes_it),
        cmocka_unit_test(what_is_taken_past_a_share_takes_nothing_from_the_others),
        cmocka_unit_test(the_addresses_of_a_household_are_one),
        cmocka_unit_test(nobody_is_known_for_long_nor_are_too_many),
        cmocka_unit_test(one_that_owes_much_keeps_no_other_known),
        cmocka_unit_test(who_is_refused_and_has_nothing_is_not_counted),
        cmocka_unit_test(without_a_rate_everybody_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
