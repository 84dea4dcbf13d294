/*
 * What Redis has of a process as its last operation on a ride: it is the latest, and where somebody has
 * spoiled it, nothing is taken for done that is not.
 */
#include "common/clock.h"
#include "tests/cluster/node_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of the one process that there is. */
static const char LAST_DONE[] = "local all = redis.call('HGETALL', 'ridecast:{/r}:meta') "
                                "for i = 1, #all, 2 do if string.find(all[i], '^done:') then "
                                "  if ARGV[1] ~= '' then "
                                "    redis.call('HSET', 'ridecast:{/r}:meta', all[i], all[i + 1] + ARGV[1]) "
                                "  end "
                                "  return tonumber(all[i + 1]) end end";

static long long last_done(struct world *world)
{
    return redis_integer(redis_ask(world->server, "EVAL %s 0 %s", LAST_DONE, ""));
}

static void spoil_last_done(struct world *world, const char *added)
{
    redis_run(world->server, "EVAL %s 0 %s", LAST_DONE, added);
}

/* What is submitted within a millisecond is numbered on from its first microsecond. */
static uint64_t latest_number(void)
{
    return 1000 * (clock_wall_ms() + 1);
}

/* A value of long ago is forgotten where there are many (audit.lua). */
static void the_last_operation_tells_when_it_was(void **state)
{
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);

    for (unsigned i = 0; i < 3; i++) {
        uint64_t before = clock_wall_ms();

        while (clock_wall_ms() == before)
            ;
        board(a, i, 1);
        assert_in_range(last_done(world), 1000 * before + 1, latest_number());
    }
}

static void what_was_never_sent_is_not_taken_for_done(void **state)
{
    static const char *const ahead[] = {"1000000", "500000000", "86400000000", "9e15"};
    struct world *world = *state;
    struct box *a = watching_node_on(world, "a", LONG_MS);
    unsigned boarded = 0;

    for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++) {
        board(a, boarded, 1);
        spoil_last_done(world, ahead[i]);
        board(a, boarded + 1, 20);
        boarded += 21;
        assert_int_equal(riders_in(world), boarded);
        assert_in_range(last_done(world), 1, latest_number());
    }
    box_submit(a, BROKER_EXIT, "/r", 0);
    expect_result(a);
    assert_int_equal(riders_in(world), boarded - 1);
    expect_heard_once_each(a, BROKER_BOARDED, 0, boarded);
    box_check_promises(a, "/r");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_nodes(the_last_operation_tells_when_it_was),
        with_nodes(what_was_never_sent_is_not_taken_for_done),
    };

    node_world_child(argc, argv);
    return cmocka_run_group_tests_name("redis_once", tests, NULL, NULL);
}
