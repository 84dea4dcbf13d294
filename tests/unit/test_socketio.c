/*
 * One Socket.IO connection: what the application hears and what the client is sent, in order.
 *
 * A recording application and carrier write one journal; each test checks and empties it.
 */
#include "gateway/protocol/socketio.h"

#include "tests/lib/virtual_clock.h"

#include "common/buf.h"
#include "gateway/protocol/sio_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    CONNECT_TIMEOUT_MS = 1000,
    GATHER_MS = 3000,
    START_MS = 5000,
    PENDING_MAX = 4096,
    NAMESPACES_MAX = 64
};

struct world {
    struct timers *timers;
    struct sio_options options;
    struct sio_client *client;
    struct sio_socket *socket;                                     /* of the last SIO_CONNECTS */
    void (*on_connect)(struct world *, struct sio_socket *socket); /* NULL: leave it pending */
    void (*on_event)(struct world *, struct sio_socket *socket, const struct sio_event *event);
    void (*on_disconnect)(struct world *, struct sio_socket *socket);
    struct buf journal;
};

static void note(struct world *w, const char *what, const char *text, size_t len)
{
    assert_int_equal(buf_appendf(&w->journal, "%s %.*s\n", what, (int)len, text), 0);
}

static void connects(struct world *w, struct sio_socket *socket, struct json_slice auth)
{
    w->socket = socket;
    assert_int_equal(buf_appendf(&w->journal, "connect %s ", sio_socket_nsp(socket)), 0);
    note(w, "auth", auth.at, auth.len);
    if (w->on_connect)
        w->on_connect(w, socket);
}

static void speaks(struct world *w, struct sio_socket *socket, const struct sio_event *event)
{
    assert_int_equal(buf_appendf(&w->journal, "event %s ", sio_socket_nsp(socket)), 0);
    if (event->has_id)
        assert_int_equal(buf_appendf(&w->journal, "id %llu ", (unsigned long long)event->id), 0);
    note(w, "args", event->args.at, event->args.len);
    for (size_t i = 0; i < event->attachment_count; i++)
        note(w, "with", event->attachments[i].data, event->attachments[i].len);
    if (w->on_event)
        w->on_event(w, socket, event);
}

static void app_disconnect(void *app, struct sio_socket *socket, enum sio_end end)
{
    struct world *w = app;

    note(w, end == SIO_LEFT ? "left" : "lost", sio_socket_nsp(socket), strlen(sio_socket_nsp(socket)));
    if (w->on_disconnect)
        w->on_disconnect(w, socket);
}

static void app_timed_out(void *app, void *session, bool gathering)
{
    assert_ptr_equal(app, session); /* both are the world */
    note(app, "limit", gathering ? "gathering" : "time", gathering ? 9 : 4);
}

static void carrier_text(void *session, const char *text, size_t len)
{
    note(session, "send", text, len);
}

static void carrier_binary(void *session, const char *data, size_t len)
{
    note(session, "send binary", data, len);
}

static void carrier_close(void *session, enum sio_end end)
{
    note(session, end == SIO_LEFT ? "dismiss" : "close", "", 0);
}

static const struct sio_app app = {app_disconnect, app_timed_out};
static const struct sio_carrier carrier = {
    .send_text = carrier_text, .send_binary = carrier_binary, .close = carrier_close};

static void take_kept(struct world *w, struct sio_socket *socket)
{
    struct sio_event event;

    while (sio_next_kept(socket, &event))
        speaks(w, socket, &event);
}

static void accept(struct world *w, struct sio_socket *socket, const char *id, const char *pid)
{
    sio_accept(socket, id, pid);
    take_kept(w, socket);
}

static void accept_at_once(struct world *w, struct sio_socket *socket)
{
    accept(w, socket, "S1", NULL);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->timers = timers_new();
    virtual_us = START_MS * 1000;
    w->options = (struct sio_options){
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .gather_ms = GATHER_MS,
        .max_pending_bytes = PENDING_MAX,
        .max_namespaces = NAMESPACES_MAX,
        .app = &app,
        .app_data = w,
        .carrier = &carrier,
        .timers = w->timers,
    };
    buf_init(&w->journal, 65536);
    w->on_connect = accept_at_once;
    w->client = sio_client_new(&w->options, w, START_MS);
    assert_non_null(w->client);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    sio_client_free(w->client);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

/* Checks what has happened since the last check. */
static void assert_journal(struct world *w, const char *expected)
{
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_string_equal(w->journal.data, expected);
    buf_clear(&w->journal);
}

static void carry_out(struct world *w, enum sio_verdict verdict, const struct sio_message *message)
{
    switch (verdict) {
    case SIO_NOTHING:
        break;
    case SIO_CONNECTS:
        connects(w, message->socket, message->auth);
        break;
    case SIO_SPEAKS:
        speaks(w, message->socket, &message->event);
        break;
    case SIO_TOO_MANY_NAMESPACES:
        note(w, "limit", "namespaces", 10);
    }
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

#endif

/* From memory that ends where the text ends and is gone afterwards: nothing may be kept by reference. */
static void say(struct world *w, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    struct sio_message message;

    assert_non_null(copy);
    memcpy(copy, text, len);
    carry_out(w, sio_client_text(w->client, copy, len, &message), &message);
    free(copy);
}

/* Gone at once: of a binary event nothing is lent from what was given. */
static void say_binary(struct world *w, const char *data)
{
    size_t len = strlen(data);
    char *copy = malloc(len ? len : 1);
    struct sio_message message;

    assert_non_null(copy);
    memcpy(copy, data, len);
    enum sio_verdict verdict = sio_client_binary(w->client, copy, len, &message);

    free(copy);
    carry_out(w, verdict, &message);
}

static void join(struct world *w, const char *connect)
{
    say(w, connect);
    buf_clear(&w->journal);
}

/* Connecting */

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
    accept(w, socket, "S\"2", "P2");
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
    accept(w, w->socket, "S2", NULL);
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
    accept(w, w->socket, "S1", NULL);
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

/* Timeout */

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

/* Packets that close */

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

#ifdef __SANITIZE_ADDRESS__

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
    accept(w, w->socket, "S2", NULL);
    assert_false(__sanitizer_get_ownership(lent));
}

#endif

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

/* Events and acks */

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

/* Ends */

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
    accept(w, w->socket, "S1", NULL);
    assert_journal(w, "send 0{\"sid\":\"S1\"}\nevent / args [\"a\"]\n"
                      "send 2[\"bye\"]\nsend 1\nleft /\ndismiss \n");
}

static void disconnect_at_once(struct world *w, struct sio_socket *socket)
{
    sio_disconnect(socket);
    accept(w, socket, "S1", NULL);
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
    accept(w, socket, "S1", NULL);
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
    accept(w, w->socket, "S1", pid);
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
        WORLD_TEST(a_binary_event_comes_with_its_attachments),
        WORLD_TEST(acks_nobody_asked_for_are_ignored),
        WORLD_TEST(attachments_for_a_socket_refused_meanwhile_are_dropped),
        WORLD_TEST(an_event_is_sent_with_its_attachments),
        WORLD_TEST(an_ack_carries_its_id),
        WORLD_TEST(long_arguments_are_sent_whole),
        WORLD_TEST(nothing_is_sent_on_a_pending_socket),
        WORLD_TEST(a_socket_keeps_the_pointer_it_was_given),
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

    return cmocka_run_group_tests_name("socketio", tests, NULL, NULL);
}
