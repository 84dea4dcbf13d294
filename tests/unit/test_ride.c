/*
 * The fan-out: outlets, rides and their logs together, with carriers that record what they are given.
 */
#include "gateway/rides/ride.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BACKLOG = 1000, RIDERS = 4 };

struct client {
    struct outlet outlet; /* first: the carrier finds its client by it */
    bool blocked;
    bool blocks; /* with the next write */
    size_t room; /* 0: any */
    unsigned overflows;
    unsigned writes;
    const char *written; /* the last write, to compare; its memory may be gone */
    size_t heard_bytes;
    struct buf heard;          /* the payloads, each with a newline */
    const char *while_writing; /* a packet to add inside the next write */
};

struct world {
    struct outlets outlets;
    struct rides rides;
    struct ride *ride;
    struct client client[RIDERS];
    struct member member[RIDERS]; /* of `ride` */
};

static struct client *client_of(struct outlet *outlet)
{
    return (struct client *)outlet;
}

static size_t carrier_room(struct outlet *outlet)
{
    const struct client *client = client_of(outlet);

    return client->blocked ? 0 : client->room ? client->room : SIZE_MAX;
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct client *client = client_of(outlet);
    enum ws_opcode opcode;
    const char *payload;
    size_t payload_len;
    size_t at = 0;

    assert_false(client->blocked);
    assert_int_equal(client->overflows, 0);
    assert_int_not_equal(n, 0);
    client->writes++;
    client->written = frames;
    client->heard_bytes += n;
    client->blocked = client->blocks;
    if (client->while_writing) {
        const char *packet = client->while_writing;

        client->while_writing = NULL;
        outlet_packet(outlet, WS_TEXT, packet, NULL, 0);
    }
    while (ws_frames_next(frames, n, &at, &opcode, &payload, &payload_len))
        if (payload_len < 100)
            assert_int_equal(buf_appendf(&client->heard, "%.*s\n", (int)payload_len, payload), 0);
}

static void carrier_overflow(struct outlet *outlet)
{
    client_of(outlet)->overflows++;
}

static void carrier_summary(struct outlet *outlet)
{
    assert_false(client_of(outlet)->blocked);
    outlet_packet(outlet, WS_TEXT, "summary", NULL, 0);
}

static int setup(void **state)
{
    static const struct outlet_carrier carrier = {.room = carrier_room,
                                                  .write = carrier_write,
                                                  .overflow = carrier_overflow,
                                                  .summary = carrier_summary};
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    rides_init(&w->rides, BACKLOG, NULL);
    w->outlets.backlog_bytes = BACKLOG;
    w->ride = ride_new(&w->rides, "/");
    memcpy(w->ride->position.epoch, "e", 2);
    for (int i = 0; i < RIDERS; i++) {
        outlet_init(&w->client[i].outlet, &w->outlets, &carrier);
        buf_init(&w->client[i].heard, 1 << 20);
    }
    *state = w;
    return 0;
}

static void join(struct world *w, int i)
{
    member_join(&w->member[i], w->ride, &w->client[i].outlet, WIRE_SOCKETIO);
}

static void leave(struct world *w, int i)
{
    member_leave(&w->member[i]);
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < RIDERS; i++) {
        if (w->member[i].ride)
            leave(w, i);
        outlet_deinit(&w->client[i].outlet);
        buf_deinit(&w->client[i].heard);
    }
    rides_deinit(&w->rides);
    assert_null(w->outlets.dirty);
    assert_null(w->rides.dirty);
    free(w);
    return 0;
}

/* Tells the ride the next event, with a user record of `size` letters 1. */
static void tell_sized(struct ride *ride, size_t size)
{
    char *user = malloc(size);

    assert_non_null(user);
    memset(user, '1', size);
    struct blob *blob = blob_new(user, size);
    assert_non_null(blob);
    free(user);
    ride->position.offset++;
    ride_event(ride, BROKER_BOARDED, blob, &ride->position);
    blob_unref(blob);
}

static void tell(struct ride *ride)
{
    tell_sized(ride, 1);
}

/* What a client hears of that event. */
#define EVENT(offset) "42[\"userBoarded\",1,\"" #offset "-e\"]\n"

static void turn(struct world *w)
{
    rides_flush(&w->rides);
    outlets_flush(&w->outlets);
}

static void unblock(struct client *client)
{
    client->blocked = client->blocks = false;
    outlet_touch(&client->outlet);
}

/* Checks what a client has heard since the last check, and in how many writes. */
static void assert_heard(struct client *client, unsigned writes, const char *payloads)
{
    assert_int_equal(buf_append(&client->heard, "", 1), 0);
    assert_string_equal(client->heard.data, payloads);
    assert_int_equal(client->writes, writes);
    buf_clear(&client->heard);
    client->writes = 0;
}

static void packet(struct client *client, const char *text)
{
    outlet_packet(&client->outlet, WS_TEXT, text, NULL, 0);
}

static size_t kept(const struct ride *ride, enum wire_form form)
{
    return ride->log[form].bytes.len;
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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

static void what_is_kept_for_who_is_behind_costs_each_a_part(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        join(w, i);
        w->client[i].blocked = i > 0;
    }
    tell_sized(w->ride, 500);
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
        TEST(an_outlet_that_waits_to_be_flushed_can_go),
        TEST(a_laggard_that_skips_gets_a_summary_instead_of_what_it_missed),
        TEST(a_laggard_that_skips_is_ended_when_too_many_packets_wait),
        TEST(a_large_ride_is_flushed_in_slices_and_others_come_in_between),
        TEST(who_comes_late_in_a_round_gets_more_at_once),
        TEST(who_joins_in_the_middle_of_a_round_takes_nobodys_place),
        TEST(a_round_ends_with_its_last_member),
        TEST(whoever_comes_and_goes_between_slices_all_hear_everything),
        TEST(what_is_kept_for_who_is_behind_costs_each_a_part),
        TEST(what_nobody_needs_goes_in_the_middle_of_a_round),
        TEST(a_long_run_of_events_does_not_wait_for_the_next_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
