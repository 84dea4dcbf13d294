/*
 * A link that is a WebSocket: what its user hears, how it ends, and how long messages may take.
 */
#include "tests/unit/link_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- WebSockets --- */

static void what_a_websocket_says_reaches_its_user(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_BINARY, "ho", 2);
    send_frame(w, WS_PONG, "", 0);
    send_frame(w, WS_PING, "p", 1); /* the link's own */
    journal_check(&w->journal, "message hi\nbinary ho\npong\n> pong p\n");
}

static void the_user_is_told_when_it_may_write_again(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocked = true;
    assert_false(link_ready(w->link));
    w->conn.blocked = false;
    w->net.options.handler->writable(w->conn.data);
    assert_true(link_ready(w->link));
    say(w->link, "hello");
    journal_check(&w->journal, "writable\n> text hello\n");
}

static void a_websocket_that_opens_later_does_not_hold_its_request(void **state)
{
    struct world *w = *state;

    ask(w, UPGRADE("/later"));
    assert_true(w->budget.used[BUDGET_INPUT] > 0);
    link_become_ws(w->link, NULL);
    assert_int_equal(w->budget.used[BUDGET_INPUT], 0);
    journal_check(&w->journal, "request /later\n> HTTP/1.1 101 Switching Protocols\n");
}

static void last_words_go_ahead_of_the_close_frame(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->last_words = true;
    receive(w, "\x81\x02hi", 4); /* not masked */
    journal_check(&w->journal, "closed\n> text last words\n> close 1002\n> end\n");
}

static void a_goodbye_is_echoed_and_the_user_told(void **state)
{
    struct world *w = *state;

    open_ws(w);
    send_frame(w, WS_CLOSE, "\x03\xe8", 2);
    journal_check(&w->journal, "> close 1000\nlost\n> end\n");
}

static void a_user_that_has_closed_hears_nothing_more(void **state)
{
    struct world *w = *state;

    open_ws(w);
    link_ws_close(w->link, WS_STATUS_GOING_AWAY);
    link_ws_close(w->link, WS_STATUS_GOING_AWAY);
    assert_null(link_data(w->link, &USER));
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_CLOSE, "", 0);
    journal_check(&w->journal, "> close 1001\n> end\n");
}

static void a_peer_that_does_not_say_goodbye_is_cut(void **state)
{
    struct world *w = *state;

    open_ws(w);
    link_ws_close(w->link, WS_STATUS_NONE);
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "> close 0\n> cut\n");
}

/* --- a peer that was told to close --- */

/* Its user has said something that tells the peer to close. */
static void dismiss(struct world *w)
{
    say(w->link, "go");
    link_ws_dismiss(w->link);
    link_ws_dismiss(w->link);
    assert_null(link_data(w->link, &USER));
    journal_check(&w->journal, "> text go\n");
}

static void a_peer_that_is_to_close_does_so_first(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    send_frame(w, WS_TEXT, "hi", 2);
    send_frame(w, WS_PING, "", 0);
    journal_check(&w->journal, "");
    send_frame(w, WS_CLOSE, "\x03\xe8", 2);
    journal_check(&w->journal, "> close 1000\n> end\n");
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "");
}

static void one_that_hangs_up_is_gone(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    hang_up(w);
    pass(w, LINK_WS_CLOSE_MS);
    journal_check(&w->journal, "");
}

static void one_that_does_not_is_closed_like_any_other(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> close 0\n");
    send_frame(w, WS_TEXT, "hi", 2);
    pass(w, LINK_WS_CLOSE_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void one_that_breaks_the_protocol_instead_hears_so(void **state)
{
    struct world *w = *state;

    open_ws(w);
    dismiss(w);
    receive(w, "\x81\x02hi", 4); /* not masked */
    journal_check(&w->journal, "> close 1002\n> end\n");
}

static void its_time_begins_when_it_has_been_sent_that_it_is_to_close(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    for (int i = 0; i < 3; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    unblock(w);
    pass(w, LINK_WS_DISMISS_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> close 0\n");
}

static void one_that_takes_nothing_of_it_is_cut(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void meanwhile_it_can_be_cut_for_what_it_holds(void **state)
{
    struct world *w = *state;

    open_ws(w);
    w->conn.blocks = true;
    dismiss(w);
    link_sacrifice(w->link);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

/* --- messages that come in parts --- */

/* The first fragment of a text. */
static void begin_message(struct world *w)
{
    receive(w, "\x01\x81\0\0\0\0x", 7);
}

static void a_message_has_its_time_from_its_first_fragment_whatever_comes_between(void **state)
{
    struct world *w = *state;

    open_ws(w);
    begin_message(w);
    pass(w, STALL_MS - 1);
    receive(w, "\x00\x81\0\0\0\0y", 7); /* another fragment */
    send_frame(w, WS_PONG, "", 0);
    send_frame(w, WS_PING, "", 0);
    journal_check(&w->journal, "pong\n> pong \n");
    pass(w, BODY_MS - STALL_MS);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "closed\n> close 1008\n> end\n");
    w->conn.data = NULL;
    settle(w);
}

static void pongs_alone_are_no_progress_of_a_message(void **state)
{
    struct world *w = *state;

    open_ws(w);
    begin_message(w);
    pass(w, STALL_MS - 1);
    send_frame(w, WS_PONG, "", 0);
    pass(w, 1);
    journal_check(&w->journal, "pong\nclosed\n> close 1008\n> end\n");
    settle(w);
}

static void a_frame_that_is_not_whole_has_no_more(void **state)
{
    struct world *w = *state;

    open_ws(w);
    receive(w, "\x81", 1);
    pass(w, STALL_MS);
    journal_check(&w->journal, "closed\n> close 1008\n> end\n");
    settle(w);
}

static void each_message_has_its_own_time(void **state)
{
    struct world *w = *state;

    open_ws(w);
    for (int i = 0; i < 3; i++) {
        begin_message(w);
        pass(w, STALL_MS - 1);
        receive(w, "\x80\x81\0\0\0\0y\x01\x81\0\0\0\0x", 14); /* its end, and the next one's beginning */
        journal_check(&w->journal, "message xy\n");
        pass(w, STALL_MS - 1);
        receive(w, "\x80\x81\0\0\0\0y", 7);
        journal_check(&w->journal, "message xy\n");
    }
    pass(w, 2 * BODY_MS);
    journal_check(&w->journal, "");
}

static void nobody_else_who_asks_has_a_slow_peer_cut(void **state)
{
    struct world *w = *state;
    uint32_t heartbeats = 0;

    open_ws(w);
    begin_message(w);
    w->conn.blocked = true;
    for (int i = 0; i < 5; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        assert_true(link_progressed(w->link, &heartbeats));
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    assert_false(link_progressed(w->link, &heartbeats));
    pass(w, STALL_MS);
    journal_check(&w->journal, "closed\n> close 1008\n");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_a_websocket_says_reaches_its_user),
        WORLD_TEST(the_user_is_told_when_it_may_write_again),
        WORLD_TEST(a_websocket_that_opens_later_does_not_hold_its_request),
        WORLD_TEST(last_words_go_ahead_of_the_close_frame),
        WORLD_TEST(a_goodbye_is_echoed_and_the_user_told),
        WORLD_TEST(a_user_that_has_closed_hears_nothing_more),
        WORLD_TEST(a_peer_that_does_not_say_goodbye_is_cut),
        WORLD_TEST(a_peer_that_is_to_close_does_so_first),
        WORLD_TEST(one_that_hangs_up_is_gone),
        WORLD_TEST(one_that_does_not_is_closed_like_any_other),
        WORLD_TEST(one_that_breaks_the_protocol_instead_hears_so),
        WORLD_TEST(its_time_begins_when_it_has_been_sent_that_it_is_to_close),
        WORLD_TEST(one_that_takes_nothing_of_it_is_cut),
        WORLD_TEST(meanwhile_it_can_be_cut_for_what_it_holds),
        WORLD_TEST(a_message_has_its_time_from_its_first_fragment_whatever_comes_between),
        WORLD_TEST(pongs_alone_are_no_progress_of_a_message),
        WORLD_TEST(a_frame_that_is_not_whole_has_no_more),
        WORLD_TEST(each_message_has_its_own_time),
        WORLD_TEST(nobody_else_who_asks_has_a_slow_peer_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
