/*
 * Token buckets: what a full one gives, how it fills, and who is told apart as a flood.
 */
#include "gateway/net/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static const struct bucket_rate RATE = {.per_second = 10, .burst = 20};

static void take(struct bucket *bucket, uint64_t n, uint64_t now_ms, enum bucket_verdict expected)
{
    assert_int_equal(bucket_take(bucket, &RATE, n, now_ms), expected);
}

static void a_full_bucket_gives_a_burst_and_no_more(void **state)
{
    struct bucket bucket = {0};

    (void)state;
    for (int i = 0; i < 20; i++)
        take(&bucket, 1, NOW_MS, BUCKET_OK);
    take(&bucket, 1, NOW_MS, BUCKET_EMPTY);
}

static void it_fills_at_its_rate_up_to_a_burst(void **state)
{
    struct bucket bucket = {0};

    (void)state;
    take(&bucket, 20, NOW_MS, BUCKET_OK);
    take(&bucket, 5, NOW_MS + 500, BUCKET_OK);
    assert_false(bucket_full(&bucket, NOW_MS + 2499));
    assert_true(bucket_full(&bucket, NOW_MS + 2500));
    take(&bucket, 20, NOW_MS + 3600000, BUCKET_OK);
    take(&bucket, 1, NOW_MS + 3600000, BUCKET_EMPTY);
}

static void who_stops_is_served_again_and_who_goes_on_is_a_flood(void **state)
{
    struct bucket bucket = {0};

    (void)state;
    take(&bucket, 20, NOW_MS, BUCKET_OK);
    take(&bucket, 10, NOW_MS, BUCKET_EMPTY);
    take(&bucket, 1, NOW_MS + 1000, BUCKET_EMPTY); /* the debt is paid off first */
    take(&bucket, 1, NOW_MS + 1200, BUCKET_OK);

    take(&bucket, 20, NOW_MS + 1200, BUCKET_EMPTY);
    take(&bucket, 1, NOW_MS + 1200, BUCKET_FLOODED);
}

static void somewhat_too_fast_for_long_is_a_flood_too(void **state)
{
    struct bucket bucket = {0};
    unsigned refused = 0;
    uint64_t now_ms = NOW_MS;
    enum bucket_verdict verdict;

    (void)state;
    while ((verdict = bucket_take(&bucket, &RATE, 1, now_ms)) != BUCKET_FLOODED) {
        refused += verdict == BUCKET_EMPTY;
        now_ms += 50; /* twice the rate */
    }
    assert_in_range(refused, 39, 41);
    assert_in_range(now_ms - NOW_MS, 3900, 4100);
}

static void the_debt_of_a_flood_is_bounded(void **state)
{
    struct bucket bucket = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        bucket_take(&bucket, &RATE, 20, NOW_MS);
    assert_true(bucket_full(&bucket, NOW_MS + 4000));
}

static void large_rates_and_amounts_do_not_overflow(void **state)
{
    const struct bucket_rate rate = {.per_second = 1000000000, .burst = 10000000000};
    struct bucket bucket = {0};

    (void)state;
    assert_int_equal(bucket_take(&bucket, &rate, 10000000000, NOW_MS), BUCKET_OK);
    assert_int_equal(bucket_take(&bucket, &rate, 1, NOW_MS), BUCKET_EMPTY);
    assert_true(bucket_full(&bucket, NOW_MS + 10001));
}

/* RATE: 10 a second, 20 at once. */
static void who_tries_again_and_again_gets_as_much_as_who_waits(void **state)
{
    struct bucket bucket = {0};
    unsigned got = 0;

    (void)state;
    for (uint64_t now_ms = NOW_MS; now_ms < NOW_MS + 10000; now_ms += 10)
        got += bucket_try(&bucket, &RATE, 5, now_ms);
    assert_int_equal(got, 4 + 19); /* the burst, then two a second */
}

static void a_full_bucket_is_enough_for_any_try(void **state)
{
    struct bucket bucket = {0};

    (void)state;
    assert_true(bucket_try(&bucket, &RATE, 1000000, NOW_MS));
    assert_false(bucket_try(&bucket, &RATE, 1, NOW_MS));
    assert_false(bucket_try(&bucket, &RATE, 1000000, NOW_MS + 1999));
    assert_true(bucket_try(&bucket, &RATE, 1000000, NOW_MS + 2000));
}

static void without_a_rate_there_is_no_limit(void **state)
{
    const struct bucket_rate rate = {0};
    struct bucket bucket = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bucket_take(&bucket, &rate, UINT64_MAX, NOW_MS), BUCKET_OK);
    assert_true(bucket_try(&bucket, &rate, UINT64_MAX, NOW_MS));
    assert_true(bucket_full(&bucket, NOW_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_gives_a_burst_and_no_more),
        cmocka_unit_test(it_fills_at_its_rate_up_to_a_burst),
        cmocka_unit_test(who_stops_is_served_again_and_who_goes_on_is_a_flood),
        cmocka_unit_test(somewhat_too_fast_for_long_is_a_flood_too),
        cmocka_unit_test(the_debt_of_a_flood_is_bounded),
        cmocka_unit_test(large_rates_and_amounts_do_not_overflow),
        cmocka_unit_test(who_tries_again_and_again_gets_as_much_as_who_waits),
        cmocka_unit_test(a_full_bucket_is_enough_for_any_try),
        cmocka_unit_test(without_a_rate_there_is_no_limit),
    };

    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
