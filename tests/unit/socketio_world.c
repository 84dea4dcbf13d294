/*
 * A recording application and carrier.
 */
#include "tests/unit/socketio_world.h"

#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

void take_kept(struct world *w, struct sio_socket *socket)
{
    struct sio_event event;

    while (sio_next_kept(socket, &event))
        speaks(w, socket, &event);
}

void accept_socket(struct world *w, struct sio_socket *socket, const char *id, const char *pid)
{
    sio_accept(socket, id, pid);
    take_kept(w, socket);
}

void accept_at_once(struct world *w, struct sio_socket *socket)
{
    accept_socket(w, socket, "S1", NULL);
}

int set_up(void **state)
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

int tear_down(void **state)
{
    struct world *w = *state;

    sio_client_free(w->client);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

void assert_journal(struct world *w, const char *expected)
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

void say(struct world *w, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    struct sio_message message;

    assert_non_null(copy);
    memcpy(copy, text, len);
    carry_out(w, sio_client_text(w->client, copy, len, &message), &message);
    free(copy);
}

void say_binary(struct world *w, const char *data)
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

void join(struct world *w, const char *connect)
{
    say(w, connect);
    buf_clear(&w->journal);
}
