/*
 * Engine.IO sessions: orderly ends, and what is still delivered.
 */
#include "gateway/net/slice.h"
#include "gateway/rides/ride.h"
#include "tests/lib/virtual_clock.h"
#include "tests/unit/engineio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- an orderly end --- */

static void a_closed_websocket_gets_what_was_sent_then_a_close_frame(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "1");
    eio_close(w->session);
    send_text(w, "late");
    assert_journal(w, "ws < 41\nws close\nclosed\n");
    assert_gone(w);
}

static void a_closed_websocket_with_nothing_to_send_is_closed_at_once(void **state)
{
    struct world *w = *state;

    open_ws(w);
    eio_close(w->session);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_blocked_websocket_is_closed_behind_what_it_is_owed(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "closed\n");
    advance(w, EIO_CLOSING_MS - 1);
    w->ws.blocked = false;
    outlet_touch(&w->session->outlet);
    assert_journal(w, "ws < 41\nws close\n");
    assert_gone(w);
}

static void an_orderly_end_has_its_time(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_close(w->session);
    advance(w, EIO_CLOSING_MS - 1);
    assert_journal(w, "closed\n");
    advance(w, 1);
    assert_journal(w, "ws close\n");
    assert_gone(w);
}

static void the_app_is_told_once_and_not_inside_its_own_call(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->on_message = close_at_message;
    say(w, "4one");
    eio_close(w->session);
    journal_check(&w->journal, "message one\nws close\n");
    assert_journal(w, "closed\n");
}

static void a_waiting_poll_gets_what_was_sent_and_the_next_one_the_close(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    send_text(w, "2[\"userExited\"]");
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "get 200 42[\"userExited\"]~41\nclosed\n");
    get(w);
    assert_journal(w, "get 200 6~1\n");
    assert_gone(w);
}

static void without_a_poll_the_next_two_get_what_was_sent_and_the_close(void **state)
{
    struct world *w = *state;

    open_polling(w);
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "closed\n");
    get(w);
    assert_journal(w, "get 200 41\n");
    get(w);
    assert_journal(w, "get 200 6~1\n");
    assert_gone(w);
}

static void a_waiting_poll_with_nothing_to_get_gets_the_close(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    eio_close(w->session);
    assert_journal(w, "get 200 1\nclosed\n");
    assert_gone(w);
}

static void the_next_poll_gets_the_close_when_there_is_nothing_to_get(void **state)
{
    struct world *w = *state;

    open_polling(w);
    eio_close(w->session);
    assert_journal(w, "closed\n");
    assert_ptr_equal(eio_find(w->eio, w->session->sid), w->session);
    get(w);
    assert_journal(w, "get 200 6~1\n");
}

static void what_a_closing_client_says_is_ignored(void **state)
{
    struct world *w = *state;

    open_polling(w);
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "closed\n");
    post(w, "4one\x1e"
            "3\x1e"
            "2");
    post(w, "nonsense");
    assert_journal(w, "post 200 ok\npost 200 ok\n");
    assert_false(eio_ws_attach(w->session, &w->ws));
    get(w);
    assert_journal(w, "get 200 41\n");
}

static void a_close_packet_ends_a_closing_session(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "get 200 41\nclosed\n");
    get(w);
    assert_journal(w, "get 200 6~1\n");
    assert_gone(w);

    open_polling(w);
    send_text(w, "1");
    eio_close(w->session);
    post(w, "1");
    assert_journal(w, "post 200 ok\nclosed\n");
    assert_gone(w);
}

static void packets_behind_the_one_that_closes_are_ignored(void **state)
{
    struct world *w = *state;

    open_polling(w);
    w->on_message = close_at_message;
    post(w, "4one\x1e"
            "4two\x1e"
            "nonsense");
    assert_journal(w, "message one\npost 200 ok\nclosed\n");
}

static void a_polling_client_that_never_comes_back_is_forgotten(void **state)
{
    struct world *w = *state;

    open_polling(w);
    send_text(w, "1");
    eio_close(w->session);
    advance(w, EIO_CLOSING_MS);
    assert_journal(w, "closed\n");
    assert_gone(w);
}

static void closing_during_an_upgrade_delivers_on_the_websocket(void **state)
{
    struct world *w = *state;

    start_probe(w);
    send_text(w, "1");
    eio_close(w->session);
    assert_journal(w, "closed\n");
    say(w, "5");
    assert_journal(w, "ws < 41\nws close\n");
    assert_gone(w);
}

static void closing_during_an_upgrade_with_nothing_to_send_closes_at_the_switch(void **state)
{
    struct world *w = *state;

    start_probe(w);
    eio_close(w->session);
    say(w, "5");
    assert_journal(w, "ws close\nclosed\n");
    assert_gone(w);
}

static void closing_during_an_upgrade_can_end_on_polling(void **state)
{
    struct world *w = *state;

    start_probe(w);
    send_text(w, "1");
    eio_close(w->session);
    get(w);
    assert_journal(w, "get 200 41\nclosed\n");
    get(w);
    assert_journal(w, "get 200 6~1\nws close\n");
    assert_gone(w);
}

/* --- of clients that were told to close --- */

static void a_client_that_was_told_to_close_is_not_closed_but_gone_all_the_same(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "1");
    eio_dismiss(w->session);
    eio_close(w->session);
    send_text(w, "late");
    assert_journal(w, "ws < 41\nws is dismissed\nclosed\n");
    assert_gone(w);
}

static void it_is_dismissed_behind_what_it_is_owed(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_dismiss(w->session);
    say(w, "4one");
    assert_journal(w, "closed\n");
    advance(w, EIO_CLOSING_MS - 1);
    w->ws.blocked = false;
    outlet_touch(&w->session->outlet);
    assert_journal(w, "ws < 41\nws is dismissed\n");
    assert_gone(w);
}

static void one_that_does_not_take_it_has_the_time_of_an_orderly_end(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_dismiss(w->session);
    advance(w, EIO_CLOSING_MS - 1);
    assert_journal(w, "closed\n");
    advance(w, 1);
    assert_journal(w, "ws close\n");
    assert_gone(w);
}

static void one_that_closes_before_is_not_waited_for(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_dismiss(w->session);
    eio_lost(w->session, &w->ws);
    assert_journal(w, "closed\n");
    assert_gone(w);
}

static void one_that_upgrades_meanwhile_is_dismissed_on_the_websocket(void **state)
{
    struct world *w = *state;

    start_probe(w);
    send_text(w, "1");
    eio_dismiss(w->session);
    assert_journal(w, "closed\n");
    say(w, "5");
    assert_journal(w, "ws < 41\nws is dismissed\n");
    assert_gone(w);
}

static void on_polling_it_fetches_the_end_like_any_other(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    send_text(w, "1");
    eio_dismiss(w->session);
    assert_journal(w, "get 200 41\nclosed\n");
    get(w);
    assert_journal(w, "get 200 6~1\n");
    assert_gone(w);
}

static void whoever_lets_go_of_it_meanwhile_does_not_wait_for_it(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "1");
    eio_dismiss(w->session);
    assert_int_equal(eio_let_go(w->eio, 1, false), 1);
    assert_journal(w, "ws close\nclosed\n");

    open_ws(w);
    send_text(w, "1");
    eio_dismiss(w->session);
    eio_abort(w->session);
    assert_journal(w, "ws dropped\nclosed\n");
    assert_gone(w);
}

/* --- with rides --- */

static void tell(struct ride *ride)
{
    struct blob *user = blob_new("1", 1);

    ride->position.offset++;
    ride_event(ride, BROKER_EXITED, user, &ride->position);
    blob_unref(user);
}

static void events_so_far_are_delivered_before_an_orderly_end(void **state)
{
    struct world *w = *state;
    struct rides rides;

    rides_init(&rides, BACKLOG, NULL);
    struct ride *ride = ride_new(&rides, "/");

    open_polling(w);
    member_join(&w->member, ride, &w->session->outlet, WIRE_SOCKETIO);
    tell(ride);
    eio_close(w->session);
    tell(ride);
    rides_flush(&rides);
    assert_journal(w, "closed\n");
    get(w);
    assert_journal(w, "get 200 42[\"userExited\",1,\"1-\"]\n");
    get(w);
    assert_journal(w, "get 200 6~1\n");

    open_ws(w);
    w->ws.blocked = true;
    member_join(&w->member, ride, &w->session->outlet, WIRE_SOCKETIO);
    tell(ride);
    eio_close(w->session);
    rides_flush(&rides);
    assert_journal(w, "closed\n");
    w->ws.blocked = false;
    outlet_touch(&w->session->outlet);
    assert_journal(w, "ws < 42[\"userExited\",1,\"3-\"]\nws close\n");
    assert_gone(w);
    rides_deinit(&rides);
}

static void a_client_owed_more_than_the_backlog_is_cut_instead_of_closed(void **state)
{
    struct world *w = *state;
    struct rides rides;

    rides_init(&rides, BACKLOG, NULL);
    struct ride *ride = ride_new(&rides, "/");
    open_ws(w);
    w->ws.blocked = true;
    member_join(&w->member, ride, &w->session->outlet, WIRE_SOCKETIO);
    for (int i = 0; i < BACKLOG / 60; i++) {
        send_text(w, "01234567890123456789012345");
        tell(ride);
    }
    for (int i = 0; i < BACKLOG / 60; i++)
        tell(ride);
    eio_close(w->session);
    assert_journal(w, "ws dropped\nclosed\n");
    assert_gone(w);
    rides_deinit(&rides);
}

static void a_ride_feeds_a_poll_from_its_log(void **state)
{
    struct world *w = *state;
    struct rides rides;

    rides_init(&rides, BACKLOG, NULL);
    struct ride *ride = ride_new(&rides, "/");
    open_polling(w);
    member_join(&w->member, ride, &w->session->outlet, WIRE_SOCKETIO);
    tell(ride);
    tell(ride);
    rides_flush(&rides);
    assert_journal(w, "");
    get(w);
    assert_journal(w, "get 200 42[\"userExited\",1,\"1-\"]~42[\"userExited\",1,\"2-\"]\n");
    for (int i = 0; i < 100; i++) {
        tell(ride);
        rides_flush(&rides);
    }
    assert_journal(w, "closed\n");
    rides_deinit(&rides);
}

/* --- the engine's own end --- */

static void freeing_no_engine_is_harmless(void **state)
{
    (void)state;
    eio_free(NULL);
}

static void the_engine_can_be_freed_with_everything_pending(void **state)
{
    struct world *w = *state;

    /* Probing, a POST under way, a poll and packets that wait for each other, a pong awaited. */
    start_probe(w);
    advance(w, INTERVAL_MS);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    get(w);
    /* Blocked while closing; the application knows. */
    eio_open_ws(w->eio, &w->ws2, NULL);
    w->ws2.blocked = true;
    eio_close(w->session);
    eio_reap(w->eio);
    /* Closing, and over; the application does not know. */
    eio_open_polling(w->eio, &w->handshake, NULL);
    eio_close(w->session);
    eio_open_polling(w->eio, &w->handshake, NULL);
    eio_lost(w->session, &w->get2);
    buf_clear(&w->journal);

    eio_free(w->eio);
    w->eio = NULL;
    journal_check(&w->journal, "closed\nclosed\nclosed\n");
}

/* --- let go --- */

static void count_wake(void *arg)
{
    ++*(size_t *)arg;
}

static void no_more_sessions_are_let_go_than_a_slice_has_time_for(void **state)
{
    enum { CROWD = 50, COST_US = 300, SLICE = (SLICE_US + COST_US - 1) / COST_US };
    struct world *w = *state;
    size_t gone = 0, wakes = 0, slices = 0;
    struct slice slice = {.wake = count_wake, .wake_arg = &wakes};
    char sid[CROWD + 1][EIO_SID_MAX + 1] = {""};

    eio_free(w->eio);
    w->options.slice = &slice;
    w->eio = eio_new(&w->options);
    w->close_us = COST_US;
    for (size_t i = 0; i < CROWD; i++) {
        open_ws(w);
        strcpy(sid[i], w->session->sid);
    }
    while (gone < CROWD) {
        size_t some = eio_let_go(w->eio, CROWD, false);

        assert_in_range(some, 1, SLICE);
        gone += some;
        slices++;
        assert_int_equal(eio_session_count(w->eio), CROWD - gone);
        assert_null(eio_find(w->eio, sid[gone - 1])); /* whoever came first goes first */
        assert_true(gone == CROWD || eio_find(w->eio, sid[gone]));
        assert_int_equal(eio_let_go(w->eio, 1, false), 0);
        slice_renew(&slice);
    }
    assert_in_range(wakes, slices - 1, slices);
    buf_clear(&w->journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_closed_websocket_gets_what_was_sent_then_a_close_frame),
        TEST(a_closed_websocket_with_nothing_to_send_is_closed_at_once),
        TEST(a_blocked_websocket_is_closed_behind_what_it_is_owed),
        TEST(an_orderly_end_has_its_time),
        TEST(the_app_is_told_once_and_not_inside_its_own_call),
        TEST(a_waiting_poll_gets_what_was_sent_and_the_next_one_the_close),
        TEST(without_a_poll_the_next_two_get_what_was_sent_and_the_close),
        TEST(a_waiting_poll_with_nothing_to_get_gets_the_close),
        TEST(the_next_poll_gets_the_close_when_there_is_nothing_to_get),
        TEST(what_a_closing_client_says_is_ignored),
        TEST(a_close_packet_ends_a_closing_session),
        TEST(packets_behind_the_one_that_closes_are_ignored),
        TEST(a_polling_client_that_never_comes_back_is_forgotten),
        TEST(closing_during_an_upgrade_delivers_on_the_websocket),
        TEST(closing_during_an_upgrade_with_nothing_to_send_closes_at_the_switch),
        TEST(closing_during_an_upgrade_can_end_on_polling),
        TEST(a_client_that_was_told_to_close_is_not_closed_but_gone_all_the_same),
        TEST(it_is_dismissed_behind_what_it_is_owed),
        TEST(one_that_does_not_take_it_has_the_time_of_an_orderly_end),
        TEST(one_that_closes_before_is_not_waited_for),
        TEST(one_that_upgrades_meanwhile_is_dismissed_on_the_websocket),
        TEST(on_polling_it_fetches_the_end_like_any_other),
        TEST(whoever_lets_go_of_it_meanwhile_does_not_wait_for_it),
        TEST(events_so_far_are_delivered_before_an_orderly_end),
        TEST(a_client_owed_more_than_the_backlog_is_cut_instead_of_closed),
        TEST(a_ride_feeds_a_poll_from_its_log),
        TEST(no_more_sessions_are_let_go_than_a_slice_has_time_for),
        cmocka_unit_test(freeing_no_engine_is_harmless),
        TEST(the_engine_can_be_freed_with_everything_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
