/*
 * Riders that come over Socket.IO: how a CONNECT is answered, and what the broker is told of sockets that
 * end.
 */
#include "common/log.h"
#include "tests/unit/sio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* --- connecting --- */

static void connect_is_answered_with_a_socket_id_and_a_recovery_id(void **state)
{
    struct site *s = *state;

    opens(s, 0);
    tells(s, 0, "40");
    assert_happened(s, "watch /\n");
    says_roster(s->world, "/", 0, "");
    assert_happened(s, "ws1 < 40 ann P1\n");
    opens(s, 1);
    tells(s, 1, "40{\"token\":\"x\"}");
    assert_happened(s, "ws2 < 40 bob P2\n");
}

static void without_a_broker_it_is_answered_late_and_without_a_recovery_id(void **state)
{
    struct site *s = *state;

    opens(s, 0);
    tells(s, 0, "40");
    advance(s->world, WATCHED_ASK_MS);
    assert_happened(s, "watch /\nws1 < 40 ann\n");
}

static void without_a_window_there_are_no_recovery_ids(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    eio_free(s->eio);
    presence_free(s->world->presence);
    s->world->window_ms = 0;
    start(s->world, "*");
    says_secret(s->world, 'k');
    start_clients(s);
    shows(s, 0, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    says_roster(s->world, "/", 0, "");
    assert_happened(s, "watch /\nws1 < 40 bob\n");
    tells(s, 0, SAY_BOARDING);
    loses(s, 0);
    assert_happened(s, "board / bob " BOARDING "\ndisconnect / bob\n");
}

static void without_a_window_events_have_one_argument(void **state)
{
    struct site *s = *state;

    eio_free(s->eio);
    presence_free(s->world->presence);
    s->world->window_ms = 0;
    start(s->world, "*");
    start_clients(s);
    opens(s, 0);
    tells(s, 0, "40{\"recover\":true}");
    says_roster(s->world, "/", 0, "");
    says_event(s->world, 1, BROKER_BOARDED, "A", "1");
    says_roster(s->world, "/", 9, "");
    assert_happened(s,
                    "watch /\nws1 < 40 ann\nws1 < 42[\"userBoarded\",1]\nws1 < 42[\"userDisconnected\",1]\n");
}

static void who_declines_recovery_gets_neither_recovery_id_nor_positions(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    opens(s, 1);
    tells(s, 1, "40{\"recover\":false}");
    assert_happened(s, "ws2 < 40 bob\n");
    tells(s, 1, "425" SAY_BOARDING_ARGS);
    assert_happened(s, "board / bob " BOARDING "\n");
    says_event(s->world, 1, BROKER_BOARDED, s->world->client[1].id, "1");
    says_result(s->world, 0, 1, NULL);
    turn(s->world);
    tells(s, 1, "427[\"activeUsers\"]");
    assert_happened(s, "ws1 < " EVENT(1) "ws2 < 42[\"userBoarded\",1]\n"
                                         "ws2 < 435[{\"ok\":true,\"offset\":\"1.00000001-epoch-01\"}]\n"
                                         "ws2 < 437[{\"offset\":\"1.00000001-epoch-01\",\"users\":[1]}]\n");
    says_roster(s->world, "/", 9, "");
    assert_happened(s, "ws1 < 42[\"userDisconnected\",1,\"9-\"]\nws2 < 42[\"userDisconnected\",1]\n");
}

static void what_it_shows_of_a_former_connection_is_then_ignored(void **state)
{
    struct site *s = *state;
    char packet[512];

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    snprintf(packet, sizeof packet, "40{\"recover\":false,\"pid\":\"%s\"}", s->recovery_id[0]);
    opens(s, 1);
    tells(s, 1, packet);
    assert_happened(s, "ws2 < 40 bob\n");
}

static void connect_has_the_last_word_on_what_the_query_declined(void **state)
{
    static const struct eio_origin origin = {.declines_recovery = true};
    struct site *s = *state;

    connects_after(s, 0);
    s->phone[1].session = eio_open_ws(s->eio, &s->phone[1], &origin);
    tells(s, 1, "40{\"recover\":\"yes\"}");
    assert_happened(s, "ws2 < 40 bob\n");
    s->phone[2].session = eio_open_ws(s->eio, &s->phone[2], &origin);
    tells(s, 2, "40{\"recover\":true}");
    assert_happened(s, "ws3 < 40 cyd P2\n");
    says_event(s->world, 1, BROKER_BOARDED, "A", "1");
    assert_happened(s, "ws1 < " EVENT(1) "ws3 < " EVENT(1) "ws2 < 42[\"userBoarded\",1]\n");
}

/* --- ending --- */

static void who_was_aboard_is_suspended_when_the_connection_ends_under_it(void **state)
{
    static const struct {
        const char *packet;
        const char *happens;
    } ends[] = {
        {"1", "ws2 close\nsuspend / ann\n"}, /* the transport's close is not the client's `41` */
        {"2", "ws2 close\nsuspend / ann\n"},
        {"4nonsense", "suspend / ann\nws2 close\n"},
        {"40", "suspend / ann\nws2 close\n"},
    };
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    assert_happened(s, "suspend / ann\n");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
        says_resumed(s->world, s->world->broker.submitted_count - 1, 0, BOARDING);
        forget_what_happened(s);
        tells(s, 1, ends[i].packet);
        assert_happened(s, ends[i].happens);
    }
}

static void who_was_aboard_is_suspended_when_the_gateway_stops(void **state)
{
    struct site *s = *state;

    boards(s);
    eio_free(s->eio);
    s->eio = NULL;
    assert_journal(s->world, "suspend / ann\n");
}

static void who_only_watched_ends_in_silence(void **state)
{
    struct site *s = *state;

    connects_after(s, 0);
    loses(s, 0);
    assert_happened(s, "");
}

static void who_leaves_the_namespace_is_disconnected_and_not_suspended(void **state)
{
    struct site *s = *state;

    boards(s);
    tells(s, 0, "41");
    tells(s, 0, "1");
    assert_happened(s, "disconnect / ann\nws1 close\n");
}

static void who_exits_is_neither(void **state)
{
    struct site *s = *state;

    boards(s);
    tells(s, 0, SAY_EXITING);
    says_event(s->world, 1, BROKER_EXITED, s->world->client[0].id, "1");
    says_result(s->world, 1, 1, NULL);
    assert_happened(s, "exit / ann " EXITING
                       "\nws1 < 42[\"userExited\",1,\"1.00000001-epoch-01\"]\nws1 < 41\nws1 is dismissed\n");
}

static void who_drops_while_resuming_is_suspended_again(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    loses(s, 1);
    says_resumed(s->world, 2, 0, BOARDING);
    assert_happened(s, "resume / ann\nsuspend / ann\n");
}

static void who_leaves_while_resuming_is_disconnected(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    tells(s, 1, SAY_BOARDING);
    tells(s, 1, "41");
    says_resumed(s->world, 2, 0, BOARDING);
    assert_happened(s, "resume / ann\ndisconnect / ann\n");
}

static void who_comes_back_on_another_connection_ends_the_first(void **state)
{
    struct site *s = *state;

    boards(s);
    shows(s, 1, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    assert_happened(s, "ws1 dropped\nresume / ann\n");
    says_resumed(s->world, 1, 0, BOARDING);
    assert_happened(s, "ws2 < 40 ann P1\n");
    loses(s, 1);
    assert_happened(s, "suspend / ann\n");
}

static void one_that_comes_back_thrice_at_once_ends_up_with_the_last(void **state)
{
    struct site *s = *state;

    boards(s);
    loses(s, 0);
    forget_what_happened(s);
    for (int i = 0; i < 3; i++)
        shows(s, i, s->recovery_id[0], "\"0.00000000-epoch-01\"");
    for (size_t i = 2; i < 5; i++)
        says_resumed(s->world, i, 0, BOARDING);
    assert_happened(s,
                    "resume / ann\nws1 dropped\nresume / ann\nws2 dropped\nresume / ann\nws3 < 40 ann P1\n");
    assert_int_equal(presence_riders(s->world->presence)->count, 1);
}

static void who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended(void **state)
{
    struct site *s = *state;

    boards(s);
    says_evicted(s->world, "/", s->world->client[0].id);
    assert_happened(s, "ws1 dropped\n");
    assert_int_equal(eio_session_count(s->eio), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_site, teardown_site)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connect_is_answered_with_a_socket_id_and_a_recovery_id),
        TEST(without_a_broker_it_is_answered_late_and_without_a_recovery_id),
        TEST(without_a_window_there_are_no_recovery_ids),
        TEST(without_a_window_events_have_one_argument),
        TEST(who_declines_recovery_gets_neither_recovery_id_nor_positions),
        TEST(what_it_shows_of_a_former_connection_is_then_ignored),
        TEST(connect_has_the_last_word_on_what_the_query_declined),
        TEST(who_was_aboard_is_suspended_when_the_connection_ends_under_it),
        TEST(who_was_aboard_is_suspended_when_the_gateway_stops),
        TEST(who_only_watched_ends_in_silence),
        TEST(who_leaves_the_namespace_is_disconnected_and_not_suspended),
        TEST(who_exits_is_neither),
        TEST(who_drops_while_resuming_is_suspended_again),
        TEST(who_leaves_while_resuming_is_disconnected),
        TEST(who_comes_back_on_another_connection_ends_the_first),
        TEST(one_that_comes_back_thrice_at_once_ends_up_with_the_last),
        TEST(who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
