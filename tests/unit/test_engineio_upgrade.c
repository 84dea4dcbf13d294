/*
 * Engine.IO sessions: the upgrade from polling to WebSocket, in all its orders of events.
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

/* --- upgrade --- */

static void an_upgrade_runs_probe_release_switch_and_flush(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    assert_true(eio_ws_attach(w->session, &w->ws));
    assert_journal(w, "");
    say(w, "2probe");
    assert_journal(w, "ws < 3probe\nget 200 6\n");
    send_text(w, "buffered");
    eio_send(w->session, true, "too", 3);
    assert_journal(w, "");
    say(w, "5");
    assert_journal(w, "ws < 4buffered\nws < binary too\n");
    send_text(w, "later");
    assert_journal(w, "ws < 4later\n");
    assert_int_equal(w->session->state, EIO_WEBSOCKET);
    assert_int_equal(eio_session_count(w->eio), 1);
}

static void every_poll_is_released_until_the_switch(void **state)
{
    struct world *w = *state;

    start_probe(w);
    get(w);
    get(w);
    assert_journal(w, "get 200 6\nget 200 6\n");
}

static void packets_are_a_better_release_than_a_noop(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    eio_ws_attach(w->session, &w->ws);
    send_text(w, "one");
    say(w, "2probe");
    assert_journal(w, "ws < 3probe\nget 200 4one\n");
    send_text(w, "two");
    get(w);
    assert_journal(w, "get 200 4two\n");
}

static void posts_work_while_probing(void **state)
{
    struct world *w = *state;

    start_probe(w);
    post(w, "4one");
    assert_journal(w, "message one\npost 200 ok\n");
}

static void a_post_under_way_at_the_switch_is_still_taken(void **state)
{
    struct world *w = *state;

    start_probe(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    say(w, "5");
    finish_post(w, &w->post, "4one");
    say(w, "4two");
    assert_journal(w, "message one\npost 200 ok\nmessage two\n");
}

static void an_upgrade_without_a_probe_is_accepted(void **state)
{
    struct world *w = *state;

    open_polling(w);
    get(w);
    eio_ws_attach(w->session, &w->ws);
    say(w, "5");
    say(w, "4one");
    assert_journal(w, "get 200 6\nmessage one\n");
    assert_int_equal(w->session->state, EIO_WEBSOCKET);
}

static void a_poll_that_waits_at_the_switch_gets_a_noop_and_its_packets_go_to_the_websocket(void **state)
{
    struct world *w = *state;

    open_polling(w);
    eio_ws_attach(w->session, &w->ws);
    get(w);
    send_text(w, "one");
    say(w, "5");
    assert_journal(w, "get 200 6\nws < 4one\n");
}

static void any_other_first_packet_closes_the_probe_only(void **state)
{
    static const char *const packets[] = {"", "4one", "1", "2", "3probe", "2probe!"};
    struct world *w = *state;

    open_polling(w);
    get(w);
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        assert_true(eio_ws_attach(w->session, &w->ws));
        say(w, packets[i]);
        assert_journal(w, "ws close\n");
    }
    assert_true(eio_ws_attach(w->session, &w->ws));
    say_as(w, &w->ws, true, "2probe");
    assert_journal(w, "ws close\n");
    send_text(w, "one");
    assert_journal(w, "get 200 4one\n");
}

static void a_lost_probe_leaves_polling_as_it_was(void **state)
{
    struct world *w = *state;

    start_probe(w);
    eio_lost(w->session, &w->ws);
    get(w);
    assert_journal(w, "");
    advance(w, INTERVAL_MS);
    assert_journal(w, "get 200 2\n");
}

static void a_failed_upgrade_may_be_tried_again(void **state)
{
    struct world *w = *state;

    start_probe(w);
    eio_lost(w->session, &w->ws);
    assert_true(eio_ws_attach(w->session, &w->ws2));
    say_as(w, &w->ws2, false, "2probe");
    say_as(w, &w->ws2, false, "5");
    assert_journal(w, "ws2 < 3probe\n");
    assert_int_equal(w->session->state, EIO_WEBSOCKET);
}

/* Answers the ping that comes every INTERVAL_MS. */
/* So that no ping comes in between. */
static void ping_rarely(struct world *w)
{
    eio_free(w->eio);
    w->options.ping_interval_ms = 100000;
    w->eio = eio_new(&w->options);
}

static void live_for(struct world *w, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i++) {
        advance(w, 1);
        if (w->session->awaits_pong)
            post(w, "3");
    }
}

static void a_probe_has_the_upgrade_timeout_to_finish(void **state)
{
    struct world *w = *state;

    ping_rarely(w);
    start_probe(w);
    advance(w, UPGRADE_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws close\n");
    get(w);
    assert_journal(w, "");
    send_text(w, "one");
    assert_journal(w, "get 200 4one\n");
}

static void a_silent_probe_times_out_too(void **state)
{
    struct world *w = *state;

    open_polling(w);
    eio_ws_attach(w->session, &w->ws);
    live_for(w, UPGRADE_MS);
    turn(w);
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_non_null(strstr(w->journal.data, "ws close\n"));
    assert_int_equal(w->session->state, EIO_POLLING);
    assert_null(w->session->probe);
}

static void no_timeout_is_left_after_the_switch(void **state)
{
    struct world *w = *state;

    ping_rarely(w);
    start_probe(w);
    say(w, "5");
    assert_int_equal(timers_next_ms(w->timers), START_MS + 100000); /* the ping */
    advance(w, 2 * UPGRADE_MS);
    assert_journal(w, "");
}

static void a_second_websocket_is_not_wanted(void **state)
{
    struct world *w = *state;

    start_probe(w);
    assert_false(eio_ws_attach(w->session, &w->ws2));
    say(w, "5");
    assert_false(eio_ws_attach(w->session, &w->ws2));
    send_text(w, "one");
    assert_journal(w, "ws < 4one\n");
}

static void the_probe_is_closed_with_its_session(void **state)
{
    struct world *w = *state;

    start_probe(w);
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    eio_lost(w->session, &w->post);
    assert_journal(w, "ws close\nclosed\n");
}

static void an_upgrade_keeps_the_pongs_deadline(void **state)
{
    struct world *w = *state;

    start_probe(w);
    advance(w, INTERVAL_MS);
    say(w, "5");
    assert_journal(w, "ws < 2\n");
    advance(w, TIMEOUT_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ws close\nclosed\n");
}

static void a_pong_may_come_on_the_new_transport(void **state)
{
    struct world *w = *state;

    start_probe(w);
    get(w);
    assert_journal(w, "get 200 6\n");
    advance(w, INTERVAL_MS);
    say(w, "5");
    say(w, "3");
    advance(w, INTERVAL_MS - 1);
    assert_journal(w, "ws < 2\n");
    advance(w, 1);
    assert_journal(w, "ws < 2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_upgrade_runs_probe_release_switch_and_flush),
        TEST(every_poll_is_released_until_the_switch),
        TEST(packets_are_a_better_release_than_a_noop),
        TEST(posts_work_while_probing),
        TEST(a_post_under_way_at_the_switch_is_still_taken),
        TEST(an_upgrade_without_a_probe_is_accepted),
        TEST(a_poll_that_waits_at_the_switch_gets_a_noop_and_its_packets_go_to_the_websocket),
        TEST(any_other_first_packet_closes_the_probe_only),
        TEST(a_lost_probe_leaves_polling_as_it_was),
        TEST(a_failed_upgrade_may_be_tried_again),
        TEST(a_probe_has_the_upgrade_timeout_to_finish),
        TEST(a_silent_probe_times_out_too),
        TEST(no_timeout_is_left_after_the_switch),
        TEST(a_second_websocket_is_not_wanted),
        TEST(the_probe_is_closed_with_its_session),
        TEST(an_upgrade_keeps_the_pongs_deadline),
        TEST(a_pong_may_come_on_the_new_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
