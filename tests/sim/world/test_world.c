/* A simulation does the same whenever it has the same seed. */
#include "tests/sim/world/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct world_options small(uint64_t seed)
{
    return (struct world_options){
        .seed = seed, .nodes = 3, .visitors = 12, .rides = 2, .seconds = 60, .fault_ms = 1500};
}

static char *trace_of(uint64_t seed)
{
    struct world_options options = small(seed);
    char *text = NULL;
    size_t len = 0;

    options.trace = open_memstream(&text, &len);
    assert_non_null(options.trace);
    world_run(&options);
    fclose(options.trace);
    assert_true(len > 0);
    return text;
}

static void the_same_seed_gives_the_same_trace(void **state)
{
    char *once = trace_of(1), *twice = trace_of(1);

    (void)state;
    assert_true(strcmp(once, twice) == 0);
    free(once);
    free(twice);
}

static void another_seed_gives_another(void **state)
{
    char *one = trace_of(1), *other = trace_of(2);

    (void)state;
    assert_true(strcmp(one, other) != 0);
    free(one);
    free(other);
}

enum { SEEDS_MAX = 20 };

/* What befalls them does, sooner or later. */
static void traces_tell_of_all(void **state)
{
    static const char *const things[] = {
        " a         starts",
        "SIGTERM",
        "SIGKILL",
        "stalls its broker",
        "stalls its network",
        "redis     restarts with older data",
        "redis     restarts with no data",
        "redis     does nothing",
        "redis     is full",
        "is cut off from Redis",
        "userBoarded",
        "userExited",
        "\"users\":",
        "is cut off",
        "stops reading",
        "is recovered",
    };
    enum { THINGS = sizeof things / sizeof *things };
    bool seen[THINGS] = {false};
    size_t count = 0;

    (void)state;
    for (uint64_t seed = 3; count < THINGS && seed < 3 + SEEDS_MAX; seed++) {
        char *trace = trace_of(seed);

        count = 0;
        for (size_t i = 0; i < THINGS; i++)
            count += seen[i] |= strstr(trace, things[i]) != NULL;
        free(trace);
    }
    for (size_t i = 0; i < THINGS; i++)
        if (!seen[i])
            fail_msg("nothing of: %s", things[i]);
}

static void one_gateway_alone(void **state)
{
    struct world_options options = small(4);

    (void)state;
    options.nodes = 1;
    options.fault_ms = 0;
    assert_true(world_run(&options).happenings > 0);
}

static void riders_in_memory(void **state)
{
    struct world_options options = small(5);

    (void)state;
    options.memory = true;
    assert_true(world_run(&options).happenings > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_trace),
        cmocka_unit_test(another_seed_gives_another),
        cmocka_unit_test(traces_tell_of_all),
        cmocka_unit_test(one_gateway_alone),
        cmocka_unit_test(riders_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
