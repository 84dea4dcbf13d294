/*
 * One Socket.IO connection: how namespaces are joined, events and acks.
 */
#include "gateway/protocol/sio_packet.h"
#include "tests/unit/socketio_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- connecting --- */

static void connect_is_answered_with_the_socket_id(void **state)
{
    struct world *w = *state;

    say(w, "0");
    assert_journal(w, "connect / auth {}\nsend 0{\"sid\":\"S1\"}\n");
    assert_string_equal(sio_socket_nsp(w->socket), "/");
    assert_ptr_equal(sio_socket_client(w->socket), w->client);
    assert_ptr_equal(sio_client_session(w->client), w);
}

static void the_connect_payload_reaches_the_application(void **state)
{
    struct world *w = *state;

    say(w, "0/custom,{\"token\":\"123\"}");
    assert_journal(w, "connect /custom auth {\"token\":\"123\"}\nsend 0/custom,{\"sid\":\"S1\"}\n");
}

static void accept_later_with_pid(struct world *w, struct sio_socket *socket)
{
    accept_socket(w, socket, "S\"2", "P2");
}

static void a_recovery_id_is_answered_too(void **state)
{
    struct world *w = *state;

    w->on_connect = accept_later_with_pid;
    say(w, "0");
    assert_journal(w, "connect / auth {}\nsend 0{\"sid\":\"S\\\"2\",\"pid\":\"P2\"}\n");
}

static void refuse(struct world *w, struct sio_socket *socket)
{
    (void)w;
    sio_refuse(socket, "Invalid \"namespace\"", NULL);
}

static void a_refusal_leaves_the_connection_open(void **state)
{
    struct world *w = *state;

    w->on_connect = refuse;
    say(w, "0/x");
    assert_journal(w, "connect /x auth {}\nsend 4/x,{\"message\":\"Invalid \\\"namespace\\\"\"}\n");
    w->on_connect = accept_at_once;
    say(w, "0/x");
    assert_journal(w, "connect /x auth {}\nsend 0/x,{\"sid\":\"S1\"}\n");
}

static void a_socket_can_be_refused_later(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    say(w, "0/x");
    say(w, "2/x,[\"early\"]");
    assert_journal(w, "connect /x auth {}\n");
    sio_refuse(w->socket, "no", NULL);
    assert_journal(w, "send 4/x,{\"message\":\"no\"}\n");
    sio_client_free(w->client);
    w->client = NULL;
    assert_journal(w, "");
}

static void refuse_times(struct world *w, int times)
{
    w->on_connect = refuse;
    for (int i = 0; i < times; i++)
        say(w, "0/x");
    buf_clear(&w->journal);
}

static void a_client_refused_again_and_again_is_closed(void **state)
{
    struct world *w = *state;

    refuse_times(w, SIO_REFUSALS_MAX - 1);
    w->on_connect = accept_at_once;
    join(w, "0");
    say(w, "1");
    refuse_times(w, SIO_REFUSALS_MAX - 1);
    say(w, "0/x");
    assert_journal(w, "connect /x auth {}\nsend 4/x,{\"message\":\"Invalid \\\"namespace\\\"\"}\nclose \n");
}

static void a_client_that_has_joined_one_is_not_closed_for_others(void **state)
{
    struct world *w = *state;

    join(w, "0");
    refuse_times(w, 3 * SIO_REFUSALS_MAX);
    w->on_connect = accept_at_once;
    join(w, "0/y");
    refuse_times(w, SIO_REFUSALS_MAX);
    say(w, "1");
    say(w, "1/y");
    buf_clear(&w->journal);
    say(w, "0/x");
    assert_journal(w, "connect /x auth {}\nsend 4/x,{\"message\":\"Invalid \\\"namespace\\\"\"}\nclose \n");
}

static void only_the_first_answer_counts(void **state)
{
    struct world *w = *state;

    join(w, "0");
    accept_socket(w, w->socket, "S2", NULL);
    sio_refuse(w->socket, "no", NULL);
    assert_journal(w, "");
}

static void events_before_the_answer_are_kept_in_order(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    say(w, "0");
    say(w, "2[\"a\"]");
    say(w, "51-7[\"b\",{\"_placeholder\":true,\"num\":0}]");
    say_binary(w, "xyz");
    say(w, "2[\"c\"]");
    assert_journal(w, "connect / auth {}\n");
    accept_socket(w, w->socket, "S1", NULL);
    assert_journal(w, "send 0{\"sid\":\"S1\"}\n"
                      "event / args [\"a\"]\n"
                      "event / id 7 args [\"b\",{\"_placeholder\":true,\"num\":0}]\nwith xyz\n"
                      "event / args [\"c\"]\n");
    say(w, "2[\"d\"]");
    assert_journal(w, "event / args [\"d\"]\n");
}

static void what_is_said_after_the_answer_comes_before_what_was_kept(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    say(w, "0");
    say(w, "2[\"a\"]");
    take_kept(w, w->socket);
    assert_journal(w, "connect / auth {}\n");
    sio_accept(w->socket, "S1", "P1");
    sio_emit(w->socket, "\"missed\"", 8, NULL, 0);
    assert_journal(w, "send 0{\"sid\":\"S1\",\"pid\":\"P1\"}\nsend 2[\"missed\"]\n");
    take_kept(w, w->socket);
    assert_journal(w, "event / args [\"a\"]\n");
    take_kept(w, w->socket);
    sio_accept(w->socket, "S2", NULL);
    assert_journal(w, "");
}

static void an_answer_ends_the_connect_timeout(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    sio_accept(w->socket, "S1", NULL);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
}

static void what_was_kept_goes_with_the_socket(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    say(w, "2[\"a\"]");
    sio_accept(w->socket, "S1", NULL);
    sio_disconnect(w->socket);
    assert_journal(w, "send 0{\"sid\":\"S1\"}\nsend 1\nleft /\ndismiss \n");
}

static void too_much_before_the_answer_closes(void **state)
{
    struct world *w = *state;
    int events = 0;

    w->on_connect = NULL;
    say(w, "0");
    assert_journal(w, "connect / auth {}\n");
    while (w->journal.len == 0 && events < PENDING_MAX) {
        say(w, "2[1]");
        events++;
    }
    assert_journal(w, "lost /\nclose \n");
    assert_in_range(events, 8, PENDING_MAX / 32);
}

static void an_event_too_long_to_keep_closes(void **state)
{
    const char *heads[] = {"2", "51-"};

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char text[PENDING_MAX + 64];
        struct world *w;

        set_up(state);
        w = *state;
        w->on_connect = NULL;
        join(w, "0");
        snprintf(text, sizeof text, "%s[\"%0*d\"]", heads[i], PENDING_MAX, 0);
        say(w, text);
        assert_journal(w, "lost /\nclose \n");
        tear_down(state);
    }
}

static void what_was_held_and_delivered_no_longer_counts(void **state)
{
    struct world *w = *state;

    join(w, "0");
    for (int i = 0; i < 100; i++) {
        say(w, "51-[\"b\"]");
        say_binary(w, "0123456789012345678901234567890123456789");
        assert_journal(w, "event / args [\"b\"]\nwith 0123456789012345678901234567890123456789\n");
    }
}

static void namespaces_are_independent(void **state)
{
    struct world *w = *state;

    join(w, "0");
    join(w, "0/a");
    say(w, "2/a,[\"m\"]");
    assert_journal(w, "event /a args [\"m\"]\n");
    say(w, "1/a,");
    assert_journal(w, "left /a\n");
    say(w, "2[\"m\"]");
    assert_journal(w, "event / args [\"m\"]\n");
}

static void connecting_twice_closes(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "0");
    assert_journal(w, "lost /\nclose \n");
}

static void connecting_twice_closes_while_the_first_is_pending(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    say(w, "0");
    assert_journal(w, "lost /\nclose \n");
}

static void one_namespace_too_many_is_refused(void **state)
{
    struct world *w = *state;
    char text[32];

    for (int i = 0; i < NAMESPACES_MAX; i++) {
        snprintf(text, sizeof text, "0/%d", i);
        say(w, text);
        assert_string_equal(sio_socket_nsp(w->socket), text + 1);
    }
    buf_clear(&w->journal);
    say(w, "0/more");
    assert_journal(w, "send 4/more,{\"message\":\"Too many namespaces\"}\nlimit namespaces\n");
    say(w, "1/0");
    assert_journal(w, "left /0\n");
    say(w, "0/more");
    assert_journal(w, "connect /more auth {}\nsend 0/more,{\"sid\":\"S1\"}\n");
}

/* --- events and acks --- */

static void a_binary_event_comes_with_its_attachments(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "53-789[\"m\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":2}]");
    say_binary(w, "one");
    say_binary(w, "");
    assert_journal(w, "");
    say_binary(w, "three");
    assert_journal(w, "event / id 789 args [\"m\",{\"_placeholder\":true,\"num\":0},"
                      "{\"_placeholder\":true,\"num\":2}]\nwith one\nwith \nwith three\n");
}

static void acks_nobody_asked_for_are_ignored(void **state)
{
    struct world *w = *state;

    join(w, "0");
    say(w, "35[1]");
    say(w, "3[]");
    say(w, "62-6[{\"_placeholder\":true,\"num\":1}]");
    say_binary(w, "x");
    say_binary(w, "y");
    assert_journal(w, "");
    say(w, "2[\"m\"]");
    assert_journal(w, "event / args [\"m\"]\n");
}

static void attachments_for_a_socket_refused_meanwhile_are_dropped(void **state)
{
    struct world *w = *state;

    join(w, "0");
    w->on_connect = NULL;
    join(w, "0/x");
    say(w, "52-/x,[\"m\"]");
    say_binary(w, "x");
    sio_refuse(w->socket, "no", NULL);
    assert_journal(w, "send 4/x,{\"message\":\"no\"}\n");
    say_binary(w, "y");
    say(w, "2[\"m\"]");
    assert_journal(w, "event / args [\"m\"]\n");
}

static void an_event_is_sent_with_its_attachments(void **state)
{
    struct world *w = *state;
    const struct sio_attachment attachments[] = {{"one", 3}, {"two", 3}};

    join(w, "0/a");
    sio_emit(w->socket, "\"m\",1", 5, NULL, 0);
    sio_emit(w->socket, "\"b\"", 3, attachments, 2);
    assert_journal(w, "send 2/a,[\"m\",1]\nsend 52-/a,[\"b\"]\nsend binary one\nsend binary two\n");
}

static void an_ack_carries_its_id(void **state)
{
    struct world *w = *state;
    const struct sio_attachment attachment = {"one", 3};

    join(w, "0");
    sio_ack(w->socket, 456, "1,\"2\"", 5, NULL, 0);
    sio_ack(w->socket, 0, "", 0, NULL, 0);
    sio_ack(w->socket, 789, "{\"_placeholder\":true,\"num\":0}", 29, &attachment, 1);
    assert_journal(w, "send 3456[1,\"2\"]\nsend 30[]\n"
                      "send 61-789[{\"_placeholder\":true,\"num\":0}]\nsend binary one\n");
}

static void long_arguments_are_sent_whole(void **state)
{
    struct world *w = *state;
    char nsp[1 + SIO_NSP_MAX + 1] = "0/";
    char args[5000];
    struct buf expected;

    memset(nsp + 2, 'n', SIO_NSP_MAX - 1);
    memset(args, '1', sizeof args);
    join(w, nsp);
    buf_init(&expected, 10000);
    assert_int_equal(
        buf_appendf(&expected, "send 3%s,999999999999999[%.*s]\n", nsp + 1, (int)sizeof args, args), 0);
    assert_int_equal(buf_append(&expected, "", 1), 0);
    sio_ack(w->socket, 999999999999999, args, sizeof args, NULL, 0);
    assert_journal(w, expected.data);
    buf_deinit(&expected);
}

static void nothing_is_sent_on_a_pending_socket(void **state)
{
    struct world *w = *state;

    w->on_connect = NULL;
    join(w, "0");
    sio_emit(w->socket, "1", 1, NULL, 0);
    sio_ack(w->socket, 1, "1", 1, NULL, 0);
    assert_journal(w, "");
}

static void a_socket_keeps_the_pointer_it_was_given(void **state)
{
    struct world *w = *state;

    join(w, "0");
    assert_null(sio_socket_data(w->socket));
    sio_socket_set_data(w->socket, w);
    assert_ptr_equal(sio_socket_data(w->socket), w);
}

#ifdef __SANITIZE_ADDRESS__

/* AddressSanitizer's, whose header not every compiler's package has. */
int __sanitizer_get_ownership(const volatile void *memory);

static const char *lent; /* the attachment last heard */

static void remember(struct world *w, struct sio_socket *socket, const struct sio_event *event)
{
    (void)w, (void)socket;
    lent = event->attachments[0].data - 5; /* behind `["b"]` */
    assert_true(__sanitizer_get_ownership(lent));
}

static void what_has_been_heard_is_not_kept_for_a_silent_client(void **state)
{
    struct world *w = *state;

    w->on_event = remember;
    join(w, "0");
    say(w, "51-[\"b\"]");
    say_binary(w, "x");
    sio_client_forget(w->client);
    assert_false(__sanitizer_get_ownership(lent));

    w->on_connect = NULL;
    join(w, "0/a,");
    say(w, "51-/a,[\"b\"]");
    say_binary(w, "x");
    accept_socket(w, w->socket, "S2", NULL);
    assert_false(__sanitizer_get_ownership(lent));
}

#endif

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __SANITIZE_ADDRESS__
        WORLD_TEST(what_has_been_heard_is_not_kept_for_a_silent_client),
#endif
        WORLD_TEST(connect_is_answered_with_the_socket_id),
        WORLD_TEST(the_connect_payload_reaches_the_application),
        WORLD_TEST(a_recovery_id_is_answered_too),
        WORLD_TEST(a_refusal_leaves_the_connection_open),
        WORLD_TEST(a_socket_can_be_refused_later),
        WORLD_TEST(a_client_refused_again_and_again_is_closed),
        WORLD_TEST(a_client_that_has_joined_one_is_not_closed_for_others),
        WORLD_TEST(only_the_first_answer_counts),
        WORLD_TEST(events_before_the_answer_are_kept_in_order),
        WORLD_TEST(what_is_said_after_the_answer_comes_before_what_was_kept),
        WORLD_TEST(an_answer_ends_the_connect_timeout),
        WORLD_TEST(what_was_kept_goes_with_the_socket),
        WORLD_TEST(too_much_before_the_answer_closes),
        cmocka_unit_test(an_event_too_long_to_keep_closes),
        WORLD_TEST(what_was_held_and_delivered_no_longer_counts),
        WORLD_TEST(namespaces_are_independent),
        WORLD_TEST(connecting_twice_closes),
        WORLD_TEST(connecting_twice_closes_while_the_first_is_pending),
        WORLD_TEST(one_namespace_too_many_is_refused),
        WORLD_TEST(a_binary_event_comes_with_its_attachments),
        WORLD_TEST(acks_nobody_asked_for_are_ignored),
        WORLD_TEST(attachments_for_a_socket_refused_meanwhile_are_dropped),
        WORLD_TEST(an_event_is_sent_with_its_attachments),
        WORLD_TEST(an_ack_carries_its_id),
        WORLD_TEST(long_arguments_are_sent_whole),
        WORLD_TEST(nothing_is_sent_on_a_pending_socket),
        WORLD_TEST(a_socket_keeps_the_pointer_it_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
