/*
 * The fan-out: clients that do not keep up, and what is kept for them.
 */
#include "tests/unit/ride_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- clients that do not keep up --- */

static void a_blocked_member_keeps_its_cursor_until_it_is_ready(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    w->client[0].blocked = true;
    tell(w->ride);
    turn(w);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 0, "");
    assert_heard(&w->client[1], 2, EVENT(1) EVENT(2));
    assert_true(outlet_pending(&w->client[0].outlet));

    unblock(&w->client[0]);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1) EVENT(2));
    assert_false(outlet_pending(&w->client[0].outlet));
    tell(w->ride);
    turn(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void private_packets_wait_for_a_blocked_client_in_order(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    packet(&w->client[0], "one");
    turn(w);
    tell(w->ride);
    turn(w);
    packet(&w->client[0], "two");
    turn(w);
    assert_heard(&w->client[0], 0, "");
    unblock(&w->client[0]);
    turn(w);
    assert_heard(&w->client[0], 1, "one\n" EVENT(1) "two\n");
}

/* Whole frames: what blocks the client in between is not for the outlet to undo. */
static void a_long_stretch_is_written_in_pieces_as_the_client_takes_them(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    for (int i = 0; i < 5; i++)
        tell(w->ride);
    size_t frame = kept(w->ride, WIRE_SOCKETIO) / 5;
    w->client[0].room = 2 * frame + frame / 2;
    unblock(&w->client[0]);
    w->client[0].blocks = true;
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1) EVENT(2));
    packet(&w->client[0], "ack");
    unblock(&w->client[0]);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(3) EVENT(4) EVENT(5) "ack\n");

    for (int i = 0; i < 5; i++)
        tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 3, EVENT(6) EVENT(7) EVENT(8) EVENT(9) "42[\"userBoarded\",1,\"10-e\"]\n");
    w->client[0].room = 1;
    tell(w->ride);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 2, "42[\"userBoarded\",1,\"11-e\"]\n42[\"userBoarded\",1,\"12-e\"]\n");
}

static void a_laggard_overflows_once_and_the_log_goes_on_without_it(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    w->client[0].blocked = true;
    while (kept(w->ride, WIRE_SOCKETIO) <= BACKLOG - 50) {
        tell(w->ride);
        turn(w);
    }
    assert_int_equal(w->client[0].overflows, 0);
    for (int i = 0; i < 100; i++) {
        tell(w->ride);
        turn(w);
    }
    assert_int_equal(w->client[0].overflows, 1);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    assert_int_equal(w->client[0].writes, 0);
    assert_int_equal(w->client[1].overflows, 0);

    unblock(&w->client[0]);
    packet(&w->client[0], "late");
    assert_false(outlet_pending(&w->client[0].outlet));
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

static void exactly_the_backlog_may_be_behind(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    tell_sized(w->ride, 1);
    size_t overhead = kept(w->ride, WIRE_SOCKETIO) - 1;
    tell_sized(w->ride, BACKLOG - 2 * overhead - 1 - 2); /* its header is longer by 2 bytes */
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), BACKLOG);
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    tell(w->ride);
    turn(w);
    assert_int_equal(w->client[0].overflows, 1);
}

static void a_member_that_overflowed_may_leave_in_its_own_time(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    w->client[0].blocked = true;
    tell_sized(w->ride, 2 * BACKLOG);
    turn(w);
    assert_int_equal(w->client[0].overflows, 1);
    leave(w, 0);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[1], 2, EVENT(2));
}

static void private_packets_beyond_the_backlog_overflow(void **state)
{
    struct world *w = *state;

    w->client[0].blocked = true;
    for (int i = 0; i < BACKLOG; i++) {
        packet(&w->client[0], "0123456789");
        turn(w);
        assert_in_range(w->client[0].outlet.queued.len, 0, BACKLOG);
    }
    assert_int_equal(w->client[0].overflows, 1);
    unblock(&w->client[0]);
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

static void a_packet_that_waits_alone_may_be_larger_than_the_backlog(void **state)
{
    struct world *w = *state;
    static char answer[4 * BACKLOG];
    struct client *c = &w->client[0];

    c->blocked = true;
    outlet_packet(&c->outlet, WS_TEXT, "", answer, sizeof answer);
    assert_int_equal(c->overflows, 0);
    outlet_packet(&c->outlet, WS_TEXT, "", "more", 4);
    assert_int_equal(c->overflows, 1);
}

static void a_client_that_keeps_up_is_never_too_far_behind(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell_sized(w->ride, 5 * BACKLOG);
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_int_equal(w->client[0].writes, 1);
}

static void nor_when_private_packets_come_before_its_events(void **state)
{
    struct world *w = *state;

    join(w, 0);
    packet(&w->client[0], "ack");
    tell_sized(w->ride, 5 * BACKLOG);
    tell(w->ride);
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_true(w->client[0].heard_bytes > 5 * BACKLOG);
    assert_heard(&w->client[0], 2, "ack\n" EVENT(2));
}

static void nor_when_private_packets_come_behind_its_events(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell_sized(w->ride, 5 * BACKLOG);
    tell(w->ride);
    packet(&w->client[0], "ack");
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_heard(&w->client[0], 2, EVENT(2) "ack\n");
}

static void nor_when_it_is_on_several_rides(void **state)
{
    struct world *w = *state;
    struct ride *other = ride_new(&w->rides, "/o");
    struct member member;

    member_join(&member, other, &w->client[0].outlet, WIRE_SOCKETIO);

    join(w, 0);
    tell_sized(other, BACKLOG);
    tell_sized(w->ride, BACKLOG);
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_true(w->client[0].heard_bytes > 2 * BACKLOG);
    member_leave(&member);
}

static void too_much_to_join_waits_in_the_logs_when_the_client_blocks(void **state)
{
    struct world *w = *state;
    struct ride *other = ride_new(&w->rides, "/o");
    struct member member;

    member_join(&member, other, &w->client[0].outlet, WIRE_SOCKETIO);

    join(w, 0);
    tell_sized(other, BACKLOG - 100);
    tell_sized(w->ride, BACKLOG - 100);
    w->client[0].blocks = true;
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_int_equal(w->client[0].writes, 1);
    assert_true(outlet_pending(&w->client[0].outlet));
    unblock(&w->client[0]);
    turn(w);
    assert_false(outlet_pending(&w->client[0].outlet));
    assert_true(w->client[0].heard_bytes > 2 * (BACKLOG - 100));
    member_leave(&member);
}

static void a_blocked_client_with_too_much_to_join_overflows(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    tell_sized(w->ride, BACKLOG / 2);
    packet(&w->client[0], "ack");
    assert_int_equal(w->client[0].overflows, 0);
    tell_sized(w->ride, BACKLOG / 2);
    packet(&w->client[0], "ack");
    assert_int_equal(w->client[0].overflows, 1);
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

/* --- bounds of the log --- */

static void a_long_run_of_events_is_flushed_in_between(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    w->client[1].blocked = true;
    for (int i = 0; i < 100; i++) {
        tell_sized(w->ride, 65536);
        assert_in_range(kept(w->ride, WIRE_SOCKETIO), 0, (1 << 20) + (1 << 17));
    }
    assert_in_range(w->client[0].writes, 4, 8);
    turn(w);
    assert_true(w->client[0].heard_bytes > 100 * 65536);
    assert_int_equal(w->client[0].overflows, 0);
    assert_int_equal(w->client[1].overflows, 1);
}

static void an_event_there_is_no_room_for_ends_its_members_instead_of_missing_them(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    tell(w->ride);
    tell_sized(w->ride, 2 * (BACKLOG + (2 << 20) + (1 << 17)));
    assert_int_equal(w->client[0].overflows, 1);
    assert_int_equal(w->client[1].overflows, 1);
    turn(w);
    assert_heard(&w->client[0], 0, "");

    join(w, 2);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[2], 1, EVENT(3));
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void what_is_kept_for_who_is_behind_costs_each_a_part(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        join(w, i);
        w->client[i].blocked = i > 0;
    }
    tell_sized(w->ride, 500);
    assert_int_equal(outlet_cost(&w->client[0].outlet), 0); /* it has it in this turn */
    turn(w);
    size_t bytes = kept(w->ride, WIRE_SOCKETIO);
    assert_in_range(bytes, 500, BACKLOG);
    rides_shed(&w->rides);
    assert_int_equal(outlet_cost(&w->client[0].outlet), 0);
    for (int i = 1; i < 3; i++)
        assert_int_equal(outlet_cost(&w->client[i].outlet), bytes / 2);
    leave(w, 1);
    rides_shed(&w->rides);
    assert_int_equal(outlet_cost(&w->client[2].outlet), bytes);
    leave(w, 2);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), bytes);
    rides_shed(&w->rides);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

/* --- who may be given a summary --- */

static void a_laggard_that_skips_gets_a_summary_instead_of_what_it_missed(void **state)
{
    struct world *w = *state;
    struct client *c = &w->client[0];

    join(w, 0);
    join(w, 1);
    c->outlet.skips = true;
    c->blocked = true;
    packet(c, "before");
    for (int i = 1; i <= 5; i++) {
        tell_sized(w->ride, BACKLOG / 4);
        turn(w);
    }
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    packet(c, "ack");
    tell(w->ride);
    turn(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    unblock(c);
    turn(w);
    assert_heard(c, 1, "before\nack\nsummary\n");
    tell(w->ride);
    turn(w);
    assert_heard(c, 1, EVENT(7));
    assert_int_equal(c->overflows, 0);
    assert_int_equal(w->client[1].overflows, 0);
}

static void a_laggard_that_skips_is_ended_when_too_many_packets_wait(void **state)
{
    struct world *w = *state;
    struct client *c = &w->client[0];

    join(w, 0);
    c->outlet.skips = true;
    c->blocked = true;
    tell_sized(w->ride, 2 * BACKLOG);
    turn(w);
    for (int i = 0; i < BACKLOG / 5; i++)
        packet(c, "ack");
    assert_int_equal(c->overflows, 1);
    unblock(c);
    turn(w);
    assert_heard(c, 0, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_blocked_member_keeps_its_cursor_until_it_is_ready),
        TEST(private_packets_wait_for_a_blocked_client_in_order),
        TEST(a_long_stretch_is_written_in_pieces_as_the_client_takes_them),
        TEST(a_laggard_overflows_once_and_the_log_goes_on_without_it),
        TEST(exactly_the_backlog_may_be_behind),
        TEST(a_member_that_overflowed_may_leave_in_its_own_time),
        TEST(private_packets_beyond_the_backlog_overflow),
        TEST(a_packet_that_waits_alone_may_be_larger_than_the_backlog),
        TEST(a_client_that_keeps_up_is_never_too_far_behind),
        TEST(nor_when_private_packets_come_before_its_events),
        TEST(nor_when_private_packets_come_behind_its_events),
        TEST(nor_when_it_is_on_several_rides),
        TEST(too_much_to_join_waits_in_the_logs_when_the_client_blocks),
        TEST(a_blocked_client_with_too_much_to_join_overflows),
        TEST(a_long_run_of_events_is_flushed_in_between),
        TEST(an_event_there_is_no_room_for_ends_its_members_instead_of_missing_them),
        TEST(a_laggard_that_skips_gets_a_summary_instead_of_what_it_missed),
        TEST(a_laggard_that_skips_is_ended_when_too_many_packets_wait),
        TEST(what_is_kept_for_who_is_behind_costs_each_a_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
