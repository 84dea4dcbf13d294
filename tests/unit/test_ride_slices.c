/*
 * The fan-out: rides so large that a turn does not reach everybody.
 */
#include "tests/unit/ride_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- slices --- */

enum { CROWD = 5000 };

struct crowd {
    struct client client[CROWD];
    struct member member[CROWD];
};

static struct crowd *gather_crowd(struct world *w)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);

    assert_non_null(crowd);
    for (int i = 0; i < CROWD; i++) {
        outlet_init(&crowd->client[i].outlet, &w->outlets, w->client[0].outlet.carrier);
        buf_init(&crowd->client[i].heard, 1 << 20);
        member_join(&crowd->member[i], w->ride, &crowd->client[i].outlet, WIRE_SOCKETIO);
    }
    return crowd;
}

static void leave_crowd(struct crowd *crowd, int i)
{
    member_leave(&crowd->member[i]);
}

static void free_crowd(struct crowd *crowd)
{
    for (int i = 0; i < CROWD; i++) {
        if (crowd->member[i].ride)
            leave_crowd(crowd, i);
        outlet_deinit(&crowd->client[i].outlet);
        buf_deinit(&crowd->client[i].heard);
    }
    free(crowd);
}

static int served(const struct crowd *crowd)
{
    int count = 0;

    for (int i = 0; i < CROWD; i++)
        count += crowd->client[i].writes > 0;
    return count;
}

static void a_large_ride_is_flushed_in_slices_and_others_come_in_between(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);
    struct ride *small = ride_new(&w->rides, "/small");

    memcpy(small->position.epoch, "e", 2);
    struct member member;

    member_join(&member, small, &w->client[0].outlet, WIRE_SOCKETIO);
    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    assert_in_range(served(crowd), 1, CROWD / 2);
    tell(small);
    assert_true(rides_flush(&w->rides));
    assert_true(rides_flush(&w->rides));
    assert_heard(&w->client[0], 1, "42/small,[\"userBoarded\",1,\"1-e\"]\n");
    assert_in_range(served(crowd), 1, CROWD - 1);
    while (rides_flush(&w->rides))
        ;
    for (int i = 0; i < CROWD; i++)
        assert_heard(&crowd->client[i], 1, EVENT(1));
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    member_leave(&member);
    free_crowd(crowd);
}

static void who_comes_late_in_a_round_gets_more_at_once(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);

    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    int early = served(crowd);
    leave_crowd(crowd, early);     /* the next to be visited */
    leave_crowd(crowd, early - 1); /* the last that was */
    tell(w->ride);
    while (rides_flush(&w->rides))
        ;
    for (int i = 0; i < CROWD; i++)
        if (crowd->member[i].ride)
            assert_heard(&crowd->client[i], i < early ? 2 : 1, EVENT(1) EVENT(2));
    tell(w->ride);
    while (rides_flush(&w->rides))
        ;
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    free_crowd(crowd);
}

static void flush_all(struct world *w)
{
    while (rides_flush(&w->rides))
        ;
}

/* A round that begins in the middle comes by the list's end, where newcomers are. */
static void who_joins_in_the_middle_of_a_round_takes_nobodys_place(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);

    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    tell(w->ride);
    flush_all(w);
    for (int i = 0; i < CROWD; i++) {
        buf_clear(&crowd->client[i].heard);
        crowd->client[i].writes = 0;
    }
    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    for (int i = 0; i < RIDERS; i++)
        join(w, i);
    flush_all(w);
    for (int i = 0; i < CROWD; i++)
        assert_heard(&crowd->client[i], 1, EVENT(3));
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    tell(w->ride);
    flush_all(w);
    for (int i = 0; i < CROWD; i++)
        assert_heard(&crowd->client[i], 1, EVENT(4));
    for (int i = 0; i < RIDERS; i++)
        assert_heard(&w->client[i], 1, EVENT(4));
    free_crowd(crowd);
}

/* A round that is not over when the last member leaves is forgotten with it. */
static void a_round_ends_with_its_last_member(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);

    crowd->client[0].blocked = true; /* and so the slowest */
    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    for (int i = 0; i < CROWD; i++)
        leave_crowd(crowd, i);
    flush_all(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    crowd->client[0].blocked = false;
    for (int i = 0; i < CROWD; i++) {
        buf_clear(&crowd->client[i].heard);
        crowd->client[i].writes = 0;
        member_join(&crowd->member[i], w->ride, &crowd->client[i].outlet, WIRE_SOCKETIO);
    }
    tell(w->ride);
    flush_all(w);
    for (int i = 0; i < CROWD; i++)
        assert_heard(&crowd->client[i], 1, EVENT(2));
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    free_crowd(crowd);
}

/* Whether a client has heard exactly the events behind `after`. */
static void assert_heard_all_since(const struct world *w, struct client *client, uint64_t after)
{
    struct buf expected;

    buf_init(&expected, 1 << 20);
    while (after < w->ride->position.offset)
        assert_int_equal(buf_appendf(&expected, "42[\"userBoarded\",1,\"%d-e\"]\n", (int)++after), 0);
    assert_int_equal(client->heard.len, expected.len);
    if (expected.len)
        assert_memory_equal(client->heard.data, expected.data, expected.len);
    buf_deinit(&expected);
}

/* Comes, goes, blocks, and takes more again; now and then what nobody needs is given back. */
static void whoever_comes_and_goes_between_slices_all_hear_everything(void **state)
{
    static uint64_t joined_at[CROWD];
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);
    unsigned random = 1;

    memset(joined_at, 0, sizeof joined_at);
    for (int step = 0; step < 3000; step++) {
        random = random * 1103515245 + 12345;
        int i = (int)(random >> 8) % CROWD;

        if (random >> 28 < 2) {
            tell(w->ride);
        } else if (random >> 28 < 5) {
            turn(w);
        } else if (random >> 28 < 7) {
            crowd->client[i].blocks = true;
        } else if (random >> 28 < 8) {
            unblock(&crowd->client[i]);
        } else if (random >> 28 < 9) {
            rides_shed(&w->rides);
        } else if (crowd->member[i].ride) {
            leave_crowd(crowd, i);
        } else {
            buf_clear(&crowd->client[i].heard);
            joined_at[i] = w->ride->position.offset;
            member_join(&crowd->member[i], w->ride, &crowd->client[i].outlet, WIRE_SOCKETIO);
        }
    }
    for (int i = 0; i < CROWD; i++)
        unblock(&crowd->client[i]);
    outlets_flush(&w->outlets);
    flush_all(w);
    tell(w->ride);
    flush_all(w);
    int left = 0;
    for (int i = 0; i < CROWD; i++) {
        left += crowd->client[i].overflows > 0;
        if (crowd->member[i].ride && crowd->client[i].overflows == 0)
            assert_heard_all_since(w, &crowd->client[i], joined_at[i]);
    }
    assert_in_range(left, 1, CROWD / 4); /* who blocked for too long */
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    free_crowd(crowd);
}

/* What a round has met on its way may be given back before it ends. */
static void what_nobody_needs_goes_in_the_middle_of_a_round(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);

    crowd->client[0].blocked = true;
    tell_sized(w->ride, 500);
    flush_all(w);
    tell(w->ride);
    assert_true(rides_flush(&w->rides));
    size_t before = kept(w->ride, WIRE_SOCKETIO);
    leave_crowd(crowd, 0);
    rides_shed(&w->rides);
    assert_in_range(kept(w->ride, WIRE_SOCKETIO), 1, before - 500);
    flush_all(w);
    for (int i = 1; i < CROWD; i++)
        assert_heard(&crowd->client[i], 2, EVENT(2));
    tell(w->ride);
    flush_all(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    free_crowd(crowd);
}

static void a_long_run_of_events_does_not_wait_for_the_next_slice(void **state)
{
    struct world *w = *state;
    struct crowd *crowd = gather_crowd(w);

    for (int i = 0; i < 300; i++)
        tell_sized(w->ride, 4096);
    assert_int_equal(served(crowd), CROWD);
    assert_in_range(kept(w->ride, WIRE_SOCKETIO), 0, (1 << 20) + (1 << 17));
    while (rides_flush(&w->rides))
        ;
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(crowd->client[i].overflows, 0);
    free_crowd(crowd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_large_ride_is_flushed_in_slices_and_others_come_in_between),
        TEST(who_comes_late_in_a_round_gets_more_at_once),
        TEST(who_joins_in_the_middle_of_a_round_takes_nobodys_place),
        TEST(a_round_ends_with_its_last_member),
        TEST(whoever_comes_and_goes_between_slices_all_hear_everything),
        TEST(what_nobody_needs_goes_in_the_middle_of_a_round),
        TEST(a_long_run_of_events_does_not_wait_for_the_next_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
