/*
 * Engine.IO sessions: handshake, polling, WebSocket, heartbeat.
 */
#include "tests/unit/engineio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- handshake --- */

static void a_polling_handshake_answers_the_open_packet_then_tells_the_app(void **state)
{
    struct world *w = *state;
    char expected[256];

    eio_open_polling(w->eio, &w->handshake, NULL);
    assert_int_equal(strlen(w->session->sid), ID_LEN);
    snprintf(expected, sizeof expected,
             "handshake 200 "
             "0{\"sid\":\"%s\",\"upgrades\":[\"websocket\"],\"pingInterval\":300,\"pingTimeout\":200,"
             "\"maxPayload\":1000000}\nopen\n",
             w->session->sid);
    assert_journal(w, expected);
    assert_ptr_equal(eio_find(w->eio, w->session->sid), w->session);
    assert_int_equal(eio_session_count(w->eio), 1);
}

static void a_websocket_handshake_offers_no_upgrade(void **state)
{
    struct world *w = *state;
    char expected[256];

    eio_open_ws(w->eio, &w->ws, NULL);
    snprintf(expected, sizeof expected,
             "open\nws < 0{\"sid\":\"%s\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200,"
             "\"maxPayload\":1000000}\n",
             w->session->sid);
    assert_journal(w, expected);
}

static void sessions_have_ids_of_their_own(void **state)
{
    struct world *w = *state;

    open_polling(w);
    struct eio_session *first = w->session;
    open_polling(w);
    assert_string_not_equal(first->sid, w->session->sid);
    assert_ptr_equal(eio_find(w->eio, first->sid), first);
    assert_null(eio_find(w->eio, "unknown"));
    assert_null(eio_find(w->eio, ""));
    assert_int_equal(eio_session_count(w->eio), 2);
}

static void errors_read_as_the_protocol_words_them(void **state)
{
    char body[EIO_ERROR_BODY_SIZE];

    (void)state;
    eio_error_body(EIO_UNKNOWN_TRANSPORT, body, sizeof body);
    assert_string_equal(body, "{\"code\":0,\"message\":\"Transport unknown\"}");
    eio_error_body(EIO_FORBIDDEN, body, sizeof body);
    assert_string_equal(body, "{\"code\":4,\"message\":\"Forbidden\"}");
    eio_error_body(EIO_UNSUPPORTED_VERSION, body, sizeof body);
    assert_string_equal(body, "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
}

/* --- polling --- */

static void a_poll_waits_for_packets_and_takes_all_of_a_turn(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    assert_journal(w, "");
    send_text(w, "one");
    send_text(w, "two");
    assert_journal(w, "get 200 4one~4two\n");
    send_text(w, "three");
    assert_journal(w, "");
}

static void a_poll_is_answered_with_what_was_buffered(void **state)
{
    struct world *w = *state;

    open_polling(w);
    send_text(w, "one");
    turn(w);
    eio_send(w->session, true, "\1\2\3\4", 4);
    turn(w);
    get(w);
    assert_journal(w, "get 200 4one~bAQIDBA==\n");
    get(w);
    assert_journal(w, "");
}

static void posted_packets_reach_the_app_in_order(void **state)
{
    struct world *w = *state;

    open_polling(w);
    post(w, "4one\x1e"
            "bYnl0ZXM=\x1e"
            "4\x1e"
            "4two");
    assert_journal(w, "message one\nbytes bytes\nmessage \nmessage two\npost 200 ok\n");
}

static void open_upgrade_and_noop_from_a_client_mean_nothing(void **state)
{
    struct world *w = *state;

    open_polling(w);
    post(w, "0{}\x1e"
            "5\x1e"
            "6\x1e"
            "4one");
    assert_journal(w, "message one\npost 200 ok\n");
}

static void a_parse_error_ends_the_session_after_the_packets_before_it(void **state)
{
    static const char *const bodies[] = {"4one\x1e"
                                         "9\x1e"
                                         "4two",
                                         "4one\x1e",
                                         "4one\x1e\x1e"
                                         "4two",
                                         "4one\x1e"
                                         "b!"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        open_polling(w);
        get(w);
        post(w, bodies[i]);
        assert_journal(w,
                       "message one\npost 400 {\"code\":3,\"message\":\"Bad request\"}\nget 200 1\nclosed\n");
        assert_gone(w);
    }
}

static void an_empty_body_and_bare_separators_are_parse_errors(void **state)
{
    static const char *const bodies[] = {"", "\x1e", "\x1e\x1e\x1e"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        open_polling(w);
        post(w, bodies[i]);
        assert_journal(w, "post 400 {\"code\":3,\"message\":\"Bad request\"}\nclosed\n");
        assert_gone(w);
    }
}

static void a_close_packet_releases_the_poll_with_a_noop(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    post(w, "4one\x1e"
            "1\x1e"
            "4two");
    assert_journal(w, "message one\nget 200 6\npost 200 ok\nclosed\n");
    assert_gone(w);
}

static void a_second_poll_ends_the_session(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    eio_get(w->session, &w->get2);
    assert_journal(w, "get2 400 \nget 200 1\nclosed\n");
    assert_gone(w);
}

static void a_second_post_ends_the_session(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    assert_int_equal(eio_post_begin(w->session, &w->post2), -1);
    assert_journal(w, "post dropped\npost2 400 \nget 200 1\nclosed\n");
    assert_gone(w);
}

static void posts_one_after_the_other_are_fine(void **state)
{
    struct world *w = *state;

    open_polling(w);
    post(w, "4one");
    post(w, "4two");
    assert_journal(w, "message one\npost 200 ok\nmessage two\npost 200 ok\n");
}

static void a_post_under_way_is_answered_when_the_session_ends(void **state)
{
    struct world *w = *state;

    open_polling(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    get(w);
    eio_lost(w->session, &w->get);
    assert_journal(w, "post 400 {\"code\":1,\"message\":\"Session ID unknown\"}\nclosed\n");
    assert_gone(w);
}

/* The end of its connection is known, but not to the session yet. */
static void a_poll_that_nobody_waits_for_takes_nothing_and_its_end_is_the_sessions(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    w->get.blocked = true;
    send_text(w, "one");
    assert_journal(w, "");
    eio_lost(w->session, &w->get);
    assert_journal(w, "closed\n");
    assert_gone(w);
}

static void losing_a_post_ends_the_session(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    eio_lost(w->session, &w->post);
    assert_journal(w, "get 200 1\nclosed\n");
    assert_gone(w);
}

static void a_body_over_the_limit_leaves_the_session_alone(void **state)
{
    struct world *w = *state;

    open_polling(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    eio_post_refused(w->session, &w->post, false);
    post(w, "4one");
    assert_journal(w, "message one\npost 200 ok\n");
}

static void an_unusable_body_ends_the_session(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    eio_post_refused(w->session, &w->post, true);
    assert_journal(w, "get 200 1\nclosed\n");
}

static void a_client_that_does_not_poll_overflows(void **state)
{
    struct world *w = *state;

    open_polling(w);
    for (int i = 0; i < 100; i++)
        send_text(w, "0123456789");
    assert_journal(w, "closed\n");
    assert_gone(w);
}

/* --- WebSocket --- */

static void websocket_messages_are_packets(void **state)
{
    struct world *w = *state;

    open_ws(w);
    say(w, "4one");
    say_as(w, &w->ws, true, "bytes");
    say(w, "bYnl0ZXM=");
    say(w, "6");
    assert_journal(w, "message one\nbytes bytes\nbytes bytes\n");
}

static void packets_to_a_websocket_are_frames_of_one_write(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "one");
    eio_send(w->session, true, "two", 3);
    assert_journal(w, "ws < 4one\nws < binary two\n");
}

static void a_bad_packet_on_a_websocket_closes_it(void **state)
{
    static const char *const packets[] = {"", "9", "x", "b!!", "2", "2probe"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        open_ws(w);
        say(w, packets[i]);
        assert_journal(w, "ws close\nclosed\n");
        assert_gone(w);
    }
}

static void a_close_packet_on_a_websocket_closes_it_behind_what_was_sent(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "one");
    say(w, "1");
    assert_journal(w, "ws < 4one\nws close\nclosed\n");
}

static void a_lost_websocket_ends_the_session(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "late");
    eio_lost(w->session, &w->ws);
    assert_journal(w, "closed\n");
    assert_gone(w);
}

static void a_blocked_websocket_is_written_to_when_it_is_ready(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "one");
    turn(w);
    send_text(w, "two");
    assert_journal(w, "");
    w->ws.blocked = false;
    outlet_touch(&w->session->outlet);
    assert_journal(w, "ws < 4one\nws < 4two\n");
}

static void what_is_queued_can_be_written_before_the_sockets_last_word(void **state)
{
    struct world *w = *state;

    start_probe(w);
    send_text(w, "one");
    eio_ws_flush(w->session, &w->ws);
    assert_int_equal(w->journal.len, 0); /* a probe carries no packets */
    say(w, "5");
    eio_ws_flush(w->session, &w->ws);
    eio_lost(w->session, &w->ws);
    assert_journal(w, "ws < 4one\nclosed\n");
}

static void a_websocket_that_stays_blocked_is_cut(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    for (int i = 0; i < 100; i++)
        send_text(w, "0123456789");
    assert_journal(w, "ws dropped\nclosed\n");
    assert_gone(w);
}

static void who_is_cut_off_gets_nothing_more(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_text(w, "late");
    eio_abort(w->session);
    eio_abort(w->session);
    send_text(w, "later");
    assert_journal(w, "ws dropped\nclosed\n");
    assert_gone(w);

    open_polling(w);
    get(w);
    send_text(w, "late");
    eio_abort(w->session);
    assert_journal(w, "get 200 1\nclosed\n");
    assert_gone(w);
}

static void who_is_cut_off_while_closing_gets_nothing_more_either(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    send_text(w, "late");
    eio_close(w->session);
    assert_journal(w, "closed\n");
    eio_abort(w->session);
    w->ws.blocked = false;
    assert_journal(w, "ws dropped\n");
    assert_gone(w);
}

static void who_is_cut_off_while_it_probes_loses_that_websocket_too(void **state)
{
    struct world *w = *state;

    start_probe(w);
    eio_abort(w->session);
    assert_journal(w, "ws close\nclosed\n");
    assert_gone(w);
}

static void cutting_off_who_has_gone_changes_nothing(void **state)
{
    struct world *w = *state;

    open_ws(w);
    eio_lost(w->session, &w->ws);
    eio_abort(w->session);
    assert_journal(w, "closed\n");
}

static void the_app_may_send_to_a_session_that_has_ended(void **state)
{
    struct world *w = *state;

    open_ws(w);
    eio_lost(w->session, &w->ws);
    send_text(w, "late");
    eio_close(w->session);
    assert_journal(w, "closed\n");
}

/* --- heartbeat --- */

static void pings_follow_the_handshake_and_each_pong_by_the_interval(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws < 2\n");
    advance(w, TIMEOUT_MS - 1);
    say(w, "3");
    advance(w, INTERVAL_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws < 2\n");
}

static void a_session_without_a_pong_is_dead_at_interval_and_timeout(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS);
    advance(w, TIMEOUT_MS - 1);
    assert_journal(w, "ws < 2\n");
    advance(w, 1);
    assert_journal(w, "ws close\nclosed\n");
    assert_gone(w);
}

static void who_takes_what_it_is_sent_however_slowly_is_not_dead(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    advance(w, INTERVAL_MS); /* the ping waits */
    for (int i = 0; i < 5; i++) {
        w->ws.acked++;
        advance(w, TIMEOUT_MS);
        assert_journal(w, "");
    }
    w->ws.blocked = false;
    outlet_touch(&w->session->outlet);
    assert_journal(w, "ws < 2\n");
    advance(w, TIMEOUT_MS - 1); /* it may have left just now */
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "");
    advance(w, TIMEOUT_MS);
    assert_journal(w, "ws close\nclosed\n");
}

static void who_takes_nothing_is(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->ws.blocked = true;
    advance(w, INTERVAL_MS);
    w->ws.acked++;
    advance(w, TIMEOUT_MS);
    assert_journal(w, "");
    advance(w, TIMEOUT_MS);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_poll_without_a_pong_is_released_with_a_close(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    advance(w, INTERVAL_MS);
    assert_journal(w, "get 200 2\n");
    get(w);
    advance(w, TIMEOUT_MS);
    assert_journal(w, "get 200 1\nclosed\n");
}

static void the_pong_is_awaited_even_while_the_ping_waits_for_a_poll(void **state)
{
    struct world *w = *state;

    open_polling(w);
    advance(w, INTERVAL_MS);
    advance(w, TIMEOUT_MS - 1);
    get(w);
    assert_journal(w, "get 200 2\n");
    advance(w, 1);
    assert_journal(w, "closed\n");
}

static void a_pong_nobody_asked_for_changes_nothing(void **state)
{
    struct world *w = *state;

    open_ws(w);
    for (int i = 0; i < INTERVAL_MS - 1; i++) {
        advance(w, 1);
        say(w, "3");
    }
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws < 2\n");
}

static void another_packet_extends_the_deadline_once_per_ping(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS);
    advance(w, 150);
    say(w, "4a");
    advance(w, 100);
    say(w, "4b");
    advance(w, 99);
    assert_journal(w, "ws < 2\nmessage a\nmessage b\n");
    advance(w, 1);
    assert_journal(w, "ws close\nclosed\n");
}

static void each_ping_may_be_extended_anew(void **state)
{
    struct world *w = *state;

    open_ws(w);
    for (int i = 0; i < 3; i++) {
        advance(w, INTERVAL_MS);
        advance(w, TIMEOUT_MS - 1);
        say(w, "6");
        advance(w, TIMEOUT_MS - 1);
        assert_journal(w, "ws < 2\n");
        say(w, "3");
    }
}

static void packets_before_the_ping_extend_nothing(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS - 1);
    say(w, "6");
    advance(w, 1);
    advance(w, TIMEOUT_MS - 1);
    assert_journal(w, "ws < 2\n");
    advance(w, 1);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_ping_sent_late_gives_the_client_the_whole_timeout(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS + 10000);
    assert_journal(w, "ws < 2\n");
    advance(w, TIMEOUT_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_timer_that_is_a_little_late_does_not_move_the_deadline(void **state)
{
    struct world *w = *state;

    open_ws(w);
    advance(w, INTERVAL_MS + 20);
    assert_journal(w, "ws < 2\n");
    advance(w, TIMEOUT_MS - 20);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_ping_from_the_client_closes_a_polling_session_too(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    post(w, "2\x1e"
            "4late");
    assert_journal(w, "get 200 1\npost 200 ok\nclosed\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_polling_handshake_answers_the_open_packet_then_tells_the_app),
        TEST(a_websocket_handshake_offers_no_upgrade),
        TEST(sessions_have_ids_of_their_own),
        cmocka_unit_test(errors_read_as_the_protocol_words_them),
        TEST(a_poll_waits_for_packets_and_takes_all_of_a_turn),
        TEST(a_poll_is_answered_with_what_was_buffered),
        TEST(posted_packets_reach_the_app_in_order),
        TEST(open_upgrade_and_noop_from_a_client_mean_nothing),
        TEST(a_parse_error_ends_the_session_after_the_packets_before_it),
        TEST(an_empty_body_and_bare_separators_are_parse_errors),
        TEST(a_close_packet_releases_the_poll_with_a_noop),
        TEST(a_second_poll_ends_the_session),
        TEST(a_second_post_ends_the_session),
        TEST(posts_one_after_the_other_are_fine),
        TEST(a_post_under_way_is_answered_when_the_session_ends),
        TEST(a_poll_that_nobody_waits_for_takes_nothing_and_its_end_is_the_sessions),
        TEST(losing_a_post_ends_the_session),
        TEST(a_body_over_the_limit_leaves_the_session_alone),
        TEST(an_unusable_body_ends_the_session),
        TEST(a_client_that_does_not_poll_overflows),
        TEST(websocket_messages_are_packets),
        TEST(packets_to_a_websocket_are_frames_of_one_write),
        TEST(a_bad_packet_on_a_websocket_closes_it),
        TEST(a_close_packet_on_a_websocket_closes_it_behind_what_was_sent),
        TEST(a_lost_websocket_ends_the_session),
        TEST(a_blocked_websocket_is_written_to_when_it_is_ready),
        TEST(what_is_queued_can_be_written_before_the_sockets_last_word),
        TEST(a_websocket_that_stays_blocked_is_cut),
        TEST(who_is_cut_off_gets_nothing_more),
        TEST(who_is_cut_off_while_closing_gets_nothing_more_either),
        TEST(who_is_cut_off_while_it_probes_loses_that_websocket_too),
        TEST(cutting_off_who_has_gone_changes_nothing),
        TEST(the_app_may_send_to_a_session_that_has_ended),
        TEST(pings_follow_the_handshake_and_each_pong_by_the_interval),
        TEST(a_session_without_a_pong_is_dead_at_interval_and_timeout),
        TEST(who_takes_what_it_is_sent_however_slowly_is_not_dead),
        TEST(who_takes_nothing_is),
        TEST(a_poll_without_a_pong_is_released_with_a_close),
        TEST(the_pong_is_awaited_even_while_the_ping_waits_for_a_poll),
        TEST(a_pong_nobody_asked_for_changes_nothing),
        TEST(another_packet_extends_the_deadline_once_per_ping),
        TEST(each_ping_may_be_extended_anew),
        TEST(packets_before_the_ping_extend_nothing),
        TEST(a_ping_sent_late_gives_the_client_the_whole_timeout),
        TEST(a_timer_that_is_a_little_late_does_not_move_the_deadline),
        TEST(a_ping_from_the_client_closes_a_polling_session_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
