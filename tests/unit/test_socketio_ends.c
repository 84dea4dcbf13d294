/*
 * One Socket.IO connection: what ends it, and how.
 */
#include "tests/unit/socketio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- timeout --- */

static void a_client_that_joins_nothing_is_closed(void **state)
{
    struct world *w = *state;

    timers_run(w->timers, START_MS + CONNECT_TIMEOUT_MS - 1);
    assert_journal(w, "");
    timers_run(w->timers, START_MS + CONNECT_TIMEOUT_MS);
    assert_journal(w, "limit time\nclose \n");
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
}

static void waiting_for_an_answer_is_not_joining(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    timers_run(w->timers, START_MS + CONNECT_TIMEOUT_MS);
    assert_journal(w, "limit time\nlost /\nclose \n");
}

static void a_binary_event_that_does_not_become_whole_costs_the_connection(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "52-[\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]");
    timers_run(w->timers, START_MS + GATHER_MS - 1);
    say_binary(w, "part");
    assert_journal(w, "");
    timers_run(w->timers, START_MS + GATHER_MS);
    assert_journal(w, "limit gathering\nlost /\nclose \n");
}

static void one_that_is_whole_in_time_costs_nothing(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
    say_binary(w, "all");
    buf_clear(&w->journal);
    timers_run(w->timers, START_MS + 2 * GATHER_MS);
    assert_journal(w, "");
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
}

static void one_that_begins_before_the_answer_has_its_time_from_then(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    say(w, "51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
    sio_accept(w->socket, "S1", NULL);
    buf_clear(&w->journal);
    timers_run(w->timers, START_MS + CONNECT_TIMEOUT_MS);
    assert_journal(w, "");
    timers_run(w->timers, START_MS + GATHER_MS);
    assert_journal(w, "limit gathering\nlost /\nclose \n");
}

static void a_client_that_joined_once_may_stay(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "1");
    assert_journal(w, "left /\n");
    timers_run(w->timers, START_MS + 2 * CONNECT_TIMEOUT_MS);
    say(w, "0");
    assert_journal(w, "connect / auth {}\nsend 0{\"sid\":\"S1\"}\n");
}

/* --- packets that close --- */

static void packets_outside_a_joined_namespace_close(void **state)
{
    const char *packets[] = {"2[\"m\"]", "1", "31[]", "51-[\"m\"]", "61-1[]", "2/b,[\"m\"]"};

    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        struct world *w;

        set_up(state);
        w = *state;
        join(w, "0/a");
        say(w, packets[i]);
        assert_journal(w, "lost /a\nclose \n");
        tear_down(state);
    }
}

static void a_bad_packet_closes_once_and_for_all(void **state)
{
    struct world *w = *state;

    join(w, "0");
    join(w, "0/a");
    say(w, "2{}");
    assert_journal(w, "lost /\nlost /a\nclose \n");
    say(w, "2{}");
    say(w, "0");
    say_binary(w, "x");
    timers_run(w->timers, START_MS + 2 * CONNECT_TIMEOUT_MS);
    sio_client_free(w->client);
    w->client = NULL;
    assert_journal(w, "");
}

static void text_between_attachments_closes(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "52-[\"m\"]");
    say_binary(w, "x");
    say(w, "2[\"m\"]");
    assert_journal(w, "lost /\nclose \n");
}

static void unexpected_binary_closes(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say_binary(w, "x");
    assert_journal(w, "lost /\nclose \n");
}

static void one_attachment_too_many_closes(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "51-[\"m\"]");
    say_binary(w, "x");
    assert_journal(w, "event / args [\"m\"]\nwith x\n");
    say_binary(w, "y");
    assert_journal(w, "lost /\nclose \n");
}

static void attachments_beyond_the_limit_close(void **state)
{
    struct world *w = *state;
    char half[PENDING_MAX / 2 + 1];

    memset(half, 'x', sizeof half - 1);
    half[sizeof half - 1] = '\0';
    join(w, "0");
    say(w, "53-[\"m\"]");
    say_binary(w, half);
    assert_journal(w, "");
    say_binary(w, half);
    assert_journal(w, "lost /\nclose \n");
}

/* --- ends --- */

static void a_pending_socket_can_be_left(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    say(w, "0");
    say(w, "2[\"early\"]");
    say(w, "1");
    assert_journal(w, "connect / auth {}\nleft /\n");
}

static void the_end_of_the_client_ends_its_sockets_silently(void **state)
{
    struct world *w = *state;

    join(w, "0");
    w->on_connect = NULL;
    join(w, "0/a");
    say(w, "2/a,[\"early\"]");
    say(w, "52-[\"m\"]");
    say_binary(w, "x");
    sio_client_free(w->client);
    w->client = NULL;
    assert_journal(w, "lost /\nlost /a\n");
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
}

static void disconnect_says_so_in_every_joined_namespace(void **state)
{
    struct world *w = *state;
    struct sio_socket *middle;

    join(w, "0");
    join(w, "0/a");
    middle = w->socket;
    w->on_connect = NULL;
    join(w, "0/pending");
    sio_disconnect(middle);
    assert_journal(w, "send 1/a,\nsend 1\nleft /\nleft /a\nleft /pending\ndismiss \n");
    say(w, "0");
    assert_journal(w, "");
}

static void exit_on_event(struct world *w, struct sio_socket *socket, const struct sio_event *event)
{
    (void)w;
    (void)event;
    sio_emit(socket, "\"bye\"", 5, NULL, 0);
    sio_disconnect(socket);
    sio_disconnect(socket);
    sio_emit(socket, "\"late\"", 6, NULL, 0);
    sio_ack(socket, 1, "", 0, NULL, 0);
}

static void disconnecting_inside_an_event_is_final(void **state)
{
    struct world *w = *state;

    join(w, "0");
    w->on_event = exit_on_event;
    say(w, "2[\"m\"]");
    assert_journal(w, "event / args [\"m\"]\nsend 2[\"bye\"]\nsend 1\nleft /\ndismiss \n");
}

static void disconnecting_inside_a_binary_event_is_final(void **state)
{
    struct world *w = *state;

    join(w, "0");
    w->on_event = exit_on_event;
    say(w, "51-[\"m\"]");
    say_binary(w, "x");
    assert_journal(w, "event / args [\"m\"]\nwith x\nsend 2[\"bye\"]\nsend 1\nleft /\ndismiss \n");
}

static void disconnecting_inside_a_held_event_drops_the_rest(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    w->on_event = exit_on_event;
    join(w, "0");
    say(w, "2[\"a\"]");
    say(w, "2[\"b\"]");
    accept_socket(w, w->socket, "S1", NULL);
    assert_journal(w, "send 0{\"sid\":\"S1\"}\nevent / args [\"a\"]\n"
                      "send 2[\"bye\"]\nsend 1\nleft /\ndismiss \n");
}

static void disconnect_at_once(struct world *w, struct sio_socket *socket)
{
    sio_disconnect(socket);
    accept_socket(w, socket, "S1", NULL);
    sio_refuse(socket, "no", NULL);
}

static void disconnecting_inside_connect_is_final(void **state)
{
    struct world *w = *state;

    w->on_connect = disconnect_at_once;
    say(w, "0");
    assert_journal(w, "connect / auth {}\nleft /\ndismiss \n");
}

static void refuse_then_use(struct world *w, struct sio_socket *socket)
{
    sio_refuse(socket, "no", NULL);
    sio_emit(socket, "1", 1, NULL, 0);
    accept_socket(w, socket, "S1", NULL);
    sio_disconnect(socket);
    assert_string_equal(sio_socket_nsp(socket), "/a");
}

static void a_socket_refused_inside_connect_stays_valid_until_it_returns(void **state)
{
    struct world *w = *state;

    w->on_connect = refuse_then_use;
    say(w, "0/a");
    assert_journal(w, "connect /a auth {}\nsend 4/a,{\"message\":\"no\"}\n");
}

static void disconnect_the_last_connected(struct world *w, struct sio_socket *socket)
{
    (void)socket;
    sio_disconnect(w->socket);
}

static void disconnecting_another_namespace_inside_disconnect_closes(void **state)
{
    struct world *w = *state;

    join(w, "0/a");
    join(w, "0/b");
    w->on_disconnect = disconnect_the_last_connected;
    say(w, "1/a");
    assert_journal(w, "left /a\nsend 1/b,\nleft /b\ndismiss \n");
}

static void disconnecting_while_the_connection_ends_closes_once(void **state)
{
    struct world *w = *state;

    join(w, "0/a");
    join(w, "0/b");
    w->on_disconnect = disconnect_the_last_connected;
    say(w, "2");
    assert_journal(w, "lost /a\nlost /b\nclose \n");
}

/* The pid is too long for the answer's ceiling, as good a failure as a lack of memory. */
static void a_packet_that_cannot_be_sent_closes_in_the_next_turn(void **state)
{
    struct world *w = *state;
    char pid[8192];

    memset(pid, 'p', sizeof pid - 1);
    pid[sizeof pid - 1] = '\0';
    join(w, "0/a");
    w->on_connect = NULL;
    join(w, "0");
    say(w, "2[\"early\"]");
    accept_socket(w, w->socket, "S1", pid);
    sio_emit(w->socket, "1", 1, NULL, 0);
    say(w, "2/a,[\"m\"]");
    say_binary(w, "x");
    assert_journal(w, "");
    timers_run(w->timers, START_MS);
    assert_journal(w, "lost /a\nlost /\nclose \n");
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_client_that_joins_nothing_is_closed),
        WORLD_TEST(waiting_for_an_answer_is_not_joining),
        WORLD_TEST(a_binary_event_that_does_not_become_whole_costs_the_connection),
        WORLD_TEST(one_that_is_whole_in_time_costs_nothing),
        WORLD_TEST(one_that_begins_before_the_answer_has_its_time_from_then),
        WORLD_TEST(a_client_that_joined_once_may_stay),
        cmocka_unit_test(packets_outside_a_joined_namespace_close),
        WORLD_TEST(a_bad_packet_closes_once_and_for_all),
        WORLD_TEST(text_between_attachments_closes),
        WORLD_TEST(unexpected_binary_closes),
        WORLD_TEST(one_attachment_too_many_closes),
        WORLD_TEST(attachments_beyond_the_limit_close),
        WORLD_TEST(a_pending_socket_can_be_left),
        WORLD_TEST(the_end_of_the_client_ends_its_sockets_silently),
        WORLD_TEST(disconnect_says_so_in_every_joined_namespace),
        WORLD_TEST(disconnecting_inside_an_event_is_final),
        WORLD_TEST(disconnecting_inside_a_binary_event_is_final),
        WORLD_TEST(disconnecting_inside_a_held_event_drops_the_rest),
        WORLD_TEST(disconnecting_inside_connect_is_final),
        WORLD_TEST(a_socket_refused_inside_connect_stays_valid_until_it_returns),
        WORLD_TEST(disconnecting_another_namespace_inside_disconnect_closes),
        WORLD_TEST(disconnecting_while_the_connection_ends_closes_once),
        WORLD_TEST(a_packet_that_cannot_be_sent_closes_in_the_next_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
