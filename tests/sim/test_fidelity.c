/*
 * Whether the simulated Redis does what a real one does: random calls on both, the same answers, the same
 * messages and the same keys. Real ones are `redis-server` and those that REDIS_SERVERS names, with colons
 * between.
 *
 * The seed is drawn anew every time and told when something differs; SIM_SEED=… repeats that.
 */
#include "tests/sim/random_calls.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

enum { ROUNDS = 30, STEPS = 40, LOGGED = 1500 };

static uint64_t seed_of_run(void)
{
    const char *given = getenv("SIM_SEED");
    uint32_t seed;

    if (given)
        return strtoull(given, NULL, 10);
    assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    return seed;
}

static void compare(size_t listed_max, bool ordered)
{
    uint64_t seed = seed_of_run();
    struct side_by_side *both = side_by_side_new(seed, listed_max);
    struct random_calls *calls = random_calls_new(both, seed, ordered);

    print_message("Redis %s, seed %" PRIu64 "\n", side_by_side_version(both), seed);
    for (int round = 0; round < ROUNDS; round++) {
        for (int step = 0; step < STEPS; step++)
            random_calls_step(calls);
        compare_heard(both);
        compare_keys(both);
    }
    random_calls_free(calls);
    side_by_side_free(both);
}

static void test_small_hashes(void **state)
{
    (void)state;
    compare(1000, true);
}

static void test_large_hashes(void **state)
{
    (void)state;
    compare(64, false);
}

static void test_logs(void **state)
{
    uint64_t seed = seed_of_run();
    struct side_by_side *both = side_by_side_new(seed, 64);
    struct random_calls *calls = random_calls_new(both, seed, false);

    (void)state;
    print_message("Redis %s, seed %" PRIu64 "\n", side_by_side_version(both), seed);
    for (int entry = 0; entry < LOGGED; entry++)
        random_calls_log(calls);
    compare_keys(both);
    random_calls_free(calls);
    side_by_side_free(both);
}

static int compare_with(const char *program)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_hashes),
        cmocka_unit_test(test_large_hashes),
        cmocka_unit_test(test_logs),
    };

    setenv("RIDECAST_REDIS", program, 1);
    return cmocka_run_group_tests_name(program, tests, NULL, NULL);
}

int main(void)
{
    const char *others = getenv("REDIS_SERVERS");
    char *copy = strdup(others ? others : ""), *rest = copy, *program;
    int failed = compare_with("redis-server");

    while ((program = strsep(&rest, ":")))
        if (*program)
            failed += compare_with(program);
    free(copy);
    return failed;
}
