/*
 * The fan-out: what everybody on a ride hears, with what is for one client alone, in order.
 */
#include "tests/unit/ride_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- broadcasts --- */

static void nothing_is_written_before_the_turn_ends(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    packet(&w->client[1], "3");
    assert_heard(&w->client[0], 0, "");
    assert_heard(&w->client[1], 0, "");
}

static void all_events_of_a_turn_are_one_write_per_member(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    tell(w->ride);
    tell(w->ride);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1) EVENT(2) EVENT(3));
    assert_heard(&w->client[1], 1, EVENT(1) EVENT(2) EVENT(3));
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

static void broadcasts_are_written_from_the_log_itself(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    tell(w->ride);
    const char *log = w->ride->log[WIRE_SOCKETIO].bytes.data;
    turn(w);
    assert_ptr_equal(w->client[0].written, log);
    assert_ptr_equal(w->client[1].written, log);
    assert_int_equal(w->client[0].outlet.queued.size, 0);
}

static void what_all_have_heard_is_kept_no_longer(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    tell(w->ride);
    turn(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void members_hear_the_ride_in_their_own_form(void **state)
{
    struct world *w = *state;

    join(w, 0);
    member_join(&w->member[1], w->ride, &w->client[1].outlet, WIRE_PLAIN);
    member_join(&w->member[2], w->ride, &w->client[2].outlet, WIRE_SOCKETIO_SHORT);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1));
    assert_heard(&w->client[1], 1, "{\"event\":\"userBoarded\",\"data\":1,\"offset\":\"1-e\"}\n");
    assert_heard(&w->client[2], 1, "42[\"userBoarded\",1]\n");
}

static void a_form_that_nobody_uses_is_not_written(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    assert_int_equal(kept(w->ride, WIRE_PLAIN), 0);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO_SHORT), 0);
    assert_int_not_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void a_ride_without_members_keeps_nothing(void **state)
{
    struct world *w = *state;

    tell(w->ride);
    assert_null(w->rides.dirty);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    assert_int_equal(w->rides.events, 0);
}

static void events_and_deliveries_are_counted(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    join(w, 1);
    tell(w->ride);
    assert_int_equal(w->rides.events, 2);
    assert_int_equal(w->rides.deliveries, 3);
}

static void a_late_joiner_hears_only_what_comes_after(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    join(w, 1);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1) EVENT(2));
    assert_heard(&w->client[1], 1, EVENT(2));
}

static void who_leaves_before_the_turn_ends_hears_no_more(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    tell(w->ride);
    leave(w, 0);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 0, "");
    assert_heard(&w->client[1], 1, EVENT(1) EVENT(2));
    assert_int_equal(w->ride->member_count, 1);
}

static void what_only_the_last_leaver_needed_goes_with_the_next_flush(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    tell(w->ride);
    turn(w);
    leave(w, 0);
    assert_int_not_equal(kept(w->ride, WIRE_SOCKETIO), 0);
    member_join(&w->member[1], w->ride, &w->client[1].outlet, WIRE_PLAIN);
    tell(w->ride);
    turn(w);
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void a_ride_with_news_can_be_freed(void **state)
{
    struct world *w = *state;
    struct ride *other = ride_new(&w->rides, "/other");
    struct member member;

    member_join(&member, other, &w->client[0].outlet, WIRE_SOCKETIO);

    join(w, 1);
    tell(other);
    tell(w->ride);
    member_leave(&member);
    ride_free(other);
    assert_null(rides_find(&w->rides, "/other"));
    turn(w);
    assert_heard(&w->client[0], 0, "");
    assert_heard(&w->client[1], 1, EVENT(1));
}

static void rides_are_found_by_their_whole_name(void **state)
{
    struct world *w = *state;
    char longest[RIDE_NAME_MAX + 1] = "/";

    memset(longest + 1, 'r', RIDE_NAME_MAX - 1);
    struct ride *ride = ride_new(&w->rides, longest);
    assert_ptr_equal(rides_find(&w->rides, longest), ride);
    assert_ptr_equal(rides_find(&w->rides, "/"), w->ride);
    longest[RIDE_NAME_MAX - 1] = '\0';
    assert_null(rides_find(&w->rides, longest));
}

/* --- private packets --- */

static void private_packets_of_a_turn_are_one_write(void **state)
{
    struct world *w = *state;

    packet(&w->client[0], "one");
    outlet_packet(&w->client[0].outlet, WS_TEXT, "4", "two", 3);
    turn(w);
    assert_heard(&w->client[0], 1, "one\n4two\n");
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

static void a_private_packet_keeps_its_place_among_the_events(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    packet(&w->client[0], "before");
    tell(w->ride);
    tell(w->ride);
    packet(&w->client[0], "between");
    tell(w->ride);
    packet(&w->client[0], "after");
    turn(w);
    assert_heard(&w->client[0], 1, "before\n" EVENT(1) EVENT(2) "between\n" EVENT(3) "after\n");
    assert_heard(&w->client[1], 1, EVENT(1) EVENT(2) EVENT(3));
    assert_int_equal(kept(w->ride, WIRE_SOCKETIO), 0);
}

static void a_packet_added_while_writing_belongs_to_the_next_write(void **state)
{
    struct world *w = *state;

    packet(&w->client[0], "one");
    w->client[0].while_writing = "two";
    outlet_flush(&w->client[0].outlet);
    assert_heard(&w->client[0], 1, "one\n");
    outlets_flush(&w->outlets);
    assert_heard(&w->client[0], 1, "two\n");
}

/* Finished frames, each with `payload`, for outlet_frames(). */
static void frames(struct client *client, const char *payload, int count)
{
    struct buf bytes;

    buf_init(&bytes, 1 << 20);
    for (int i = 0; i < count; i++)
        assert_int_equal(ws_frame_append(&bytes, WS_TEXT, payload, strlen(payload)), 0);
    outlet_frames(&client->outlet, bytes.data, bytes.len);
    buf_deinit(&bytes);
}

static void finished_frames_keep_their_place_among_events_and_packets(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    packet(&w->client[0], "answer");
    frames(&w->client[0], "missed", 2);
    tell(w->ride);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1) "answer\nmissed\nmissed\n" EVENT(2));
}

static void no_frames_write_nothing(void **state)
{
    struct world *w = *state;

    frames(&w->client[0], "", 0);
    assert_null(w->outlets.dirty);
    turn(w);
    assert_heard(&w->client[0], 0, "");
}

static void more_frames_than_may_wait_follow_what_a_client_that_keeps_up_has_been_given(void **state)
{
    struct world *w = *state;

    join(w, 0);
    tell(w->ride);
    packet(&w->client[0], "answer");
    frames(&w->client[0], "missed", BACKLOG);
    assert_heard(&w->client[0], 1, EVENT(1) "answer\n");
    tell(w->ride);
    turn(w);
    assert_int_equal(w->client[0].overflows, 0);
    assert_in_range(w->client[0].writes, 1, 2);
    assert_int_equal(buf_append(&w->client[0].heard, "", 1), 0);
    assert_non_null(strstr(w->client[0].heard.data, "missed\n" EVENT(2)));
    assert_true(w->client[0].heard_bytes > BACKLOG * strlen("missed"));
}

static void they_overflow_a_blocked_client_unless_they_wait_alone(void **state)
{
    struct world *w = *state;

    w->client[0].blocked = w->client[1].blocked = true;
    frames(&w->client[0], "missed", BACKLOG);
    assert_int_equal(w->client[0].overflows, 0);
    packet(&w->client[1], "answer");
    frames(&w->client[1], "missed", BACKLOG);
    assert_int_equal(w->client[1].overflows, 1);
    frames(&w->client[1], "missed", 1);
    assert_false(w->client[1].outlet.queued.len > BACKLOG);
    unblock(&w->client[0]);
    turn(w);
    assert_true(w->client[0].heard_bytes > BACKLOG * strlen("missed"));
    assert_int_equal(w->client[1].overflows, 1);
}

static void what_was_gathered_survives_leaving_the_ride(void **state)
{
    struct world *w = *state;

    join(w, 0);
    w->client[0].blocked = true;
    tell(w->ride);
    outlet_gather(&w->client[0].outlet);
    leave(w, 0);
    assert_true(outlet_pending(&w->client[0].outlet));
    turn(w);
    unblock(&w->client[0]);
    turn(w);
    assert_heard(&w->client[0], 1, EVENT(1));
}

static void what_is_too_much_to_gather_is_written_at_once_or_overflows(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    w->client[1].blocked = true;
    tell_sized(w->ride, 2 * BACKLOG);
    outlet_gather(&w->client[0].outlet);
    assert_int_equal(w->client[0].writes, 1);
    assert_int_equal(w->client[0].overflows, 0);
    outlet_gather(&w->client[1].outlet);
    assert_int_equal(w->client[1].overflows, 1);
}

static void an_outlet_that_waits_to_be_flushed_can_go(void **state)
{
    struct world *w = *state;

    packet(&w->client[0], "one");
    packet(&w->client[1], "two");
    packet(&w->client[2], "three");
    outlet_deinit(&w->client[1].outlet);
    turn(w);
    assert_heard(&w->client[0], 1, "one\n");
    assert_heard(&w->client[1], 0, "");
    assert_heard(&w->client[2], 1, "three\n");
}

/* --- several rides --- */

static void news_of_several_rides_is_one_write(void **state)
{
    struct world *w = *state;
    struct ride *other = ride_new(&w->rides, "/o");
    struct member member;

    member_join(&member, other, &w->client[0].outlet, WIRE_SOCKETIO);

    join(w, 0);
    tell(w->ride);
    tell(other);
    packet(&w->client[0], "ack");
    tell(other);
    turn(w);
    assert_int_equal(w->client[0].writes, 1);
    assert_int_equal(buf_append(&w->client[0].heard, "", 1), 0);
    char *ack = strstr(w->client[0].heard.data, "ack\n");
    assert_non_null(ack);
    assert_string_equal(ack, "ack\n42/o,[\"userBoarded\",1,\"2-\"]\n");
    assert_non_null(strstr(w->client[0].heard.data, EVENT(1)));
    assert_non_null(strstr(w->client[0].heard.data, "42/o,[\"userBoarded\",1,\"1-\"]\n"));
    member_leave(&member);
}

static void news_of_one_ride_only_is_written_from_its_log(void **state)
{
    struct world *w = *state;
    struct ride *other = ride_new(&w->rides, "/o");
    struct member member;

    member_join(&member, other, &w->client[0].outlet, WIRE_SOCKETIO);

    join(w, 0);
    tell(other);
    const char *log = other->log[WIRE_SOCKETIO].bytes.data;
    turn(w);
    assert_ptr_equal(w->client[0].written, log);
    assert_heard(&w->client[0], 1, "42/o,[\"userBoarded\",1,\"1-\"]\n");
    member_leave(&member);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_written_before_the_turn_ends),
        TEST(all_events_of_a_turn_are_one_write_per_member),
        TEST(broadcasts_are_written_from_the_log_itself),
        TEST(what_all_have_heard_is_kept_no_longer),
        TEST(members_hear_the_ride_in_their_own_form),
        TEST(a_form_that_nobody_uses_is_not_written),
        TEST(a_ride_without_members_keeps_nothing),
        TEST(events_and_deliveries_are_counted),
        TEST(a_late_joiner_hears_only_what_comes_after),
        TEST(who_leaves_before_the_turn_ends_hears_no_more),
        TEST(what_only_the_last_leaver_needed_goes_with_the_next_flush),
        TEST(a_ride_with_news_can_be_freed),
        TEST(rides_are_found_by_their_whole_name),
        TEST(private_packets_of_a_turn_are_one_write),
        TEST(a_private_packet_keeps_its_place_among_the_events),
        TEST(a_packet_added_while_writing_belongs_to_the_next_write),
        TEST(finished_frames_keep_their_place_among_events_and_packets),
        TEST(no_frames_write_nothing),
        TEST(more_frames_than_may_wait_follow_what_a_client_that_keeps_up_has_been_given),
        TEST(they_overflow_a_blocked_client_unless_they_wait_alone),
        TEST(what_was_gathered_survives_leaving_the_ride),
        TEST(what_is_too_much_to_gather_is_written_at_once_or_overflows),
        TEST(news_of_several_rides_is_one_write),
        TEST(news_of_one_ride_only_is_written_from_its_log),
        TEST(an_outlet_that_waits_to_be_flushed_can_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
