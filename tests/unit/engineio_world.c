/*
 * Transport and application that write what they are told into the journal.
 */
#include "tests/unit/engineio_world.h"

#include "common/clock.h"
#include "gateway/rides/ride.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- transport and application --- */

static void transport_reply(void *exchange, int status, const char *content_type, const void *body, size_t n)
{
    struct handle *handle = exchange;
    bool usual =
        status != 200 ||
        !strcmp(content_type, !strncmp(handle->name, "post", 4) ? "text/html" : "text/plain; charset=UTF-8");

    assert_true(usual);
    journal_note(&handle->world->journal, "%s %d %.*s", handle->name, status, (int)n, (const char *)body);
}

static void transport_drop(void *handle)
{
    struct handle *h = handle;

    journal_note(&h->world->journal, "%s dropped", h->name);
}

static bool transport_ready(void *handle)
{
    return !((struct handle *)handle)->blocked;
}

static bool transport_ws_progressed(void *socket, uint32_t *mark)
{
    const struct handle *handle = socket;
    bool progressed = *mark != handle->acked;

    *mark = handle->acked;
    return progressed;
}

static void transport_ws_write(void *socket, const char *frames, size_t n)
{
    struct handle *handle = socket;
    enum ws_opcode opcode;
    const char *payload;
    size_t len;

    for (size_t at = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len);)
        journal_note(&handle->world->journal, "%s < %s%.*s", handle->name,
                     opcode == WS_BINARY ? "binary " : "", (int)len, payload);
}

static void transport_ws_close(void *socket)
{
    struct handle *handle = socket;

    journal_note(&handle->world->journal, "%s close", handle->name);
}

static void transport_ws_dismiss(void *socket)
{
    struct handle *handle = socket;

    journal_note(&handle->world->journal, "%s is dismissed", handle->name);
}

static void app_open(void *app, struct eio_session *session)
{
    struct world *w = app;

    w->session = session;
    journal_note(&w->journal, "open");
}

static void app_message(void *app, struct eio_session *session, bool binary, const char *data, size_t len)
{
    struct world *w = app;

    journal_note(&w->journal, "%s %.*s", binary ? "bytes" : "message", (int)len, data);
    if (w->on_message)
        w->on_message(w, session);
}

static void app_close(void *app, struct eio_session *session)
{
    struct world *w = app;

    (void)session;
    if (w->member.ride)
        member_leave(&w->member);
    virtual_us += w->close_us;
    journal_note(&w->journal, "closed");
}

int setup(void **state)
{
    static const struct eio_transport transport = {.reply = transport_reply,
                                                   .drop = transport_drop,
                                                   .ready = transport_ready,
                                                   .ws_progressed = transport_ws_progressed,
                                                   .ws_write = transport_ws_write,
                                                   .ws_close = transport_ws_close,
                                                   .ws_dismiss = transport_ws_dismiss};
    static const struct eio_app app = {app_open, app_message, app_close};
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    w->timers = timers_new();
    virtual_us = START_MS * 1000;
    w->options = (struct eio_options){
        .ping_interval_ms = INTERVAL_MS,
        .ping_timeout_ms = TIMEOUT_MS,
        .upgrade_timeout_ms = UPGRADE_MS,
        .max_payload_bytes = 1000000,
        .transport = &transport,
        .app = &app,
        .app_data = w,
        .timers = w->timers,
        .outlets = &w->outlets,
    };
    w->outlets.backlog_bytes = BACKLOG;
    w->eio = eio_new(&w->options);
    journal_init(&w->journal);
    w->handshake = (struct handle){.world = w, .name = "handshake"};
    w->get = (struct handle){.world = w, .name = "get"};
    w->get2 = (struct handle){.world = w, .name = "get2"};
    w->post = (struct handle){.world = w, .name = "post"};
    w->post2 = (struct handle){.world = w, .name = "post2"};
    w->ws = (struct handle){.world = w, .name = "ws"};
    w->ws2 = (struct handle){.world = w, .name = "ws2"};
    *state = w;
    return 0;
}

int teardown(void **state)
{
    struct world *w = *state;

    eio_free(w->eio);
    assert_null(w->outlets.dirty);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    timers_free(w->timers);
    buf_deinit(&w->journal);
    free(w);
    return 0;
}

/* --- what tests do --- */

void turn(struct world *w)
{
    outlets_flush(&w->outlets);
    eio_reap(w->eio);
}

void assert_journal(struct world *w, const char *expected)
{
    turn(w);
    journal_check(&w->journal, expected);
}

void advance(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, clock_ms());
    turn(w);
}

void send_text(struct world *w, const char *text)
{
    eio_send(w->session, false, text, strlen(text));
}

void finish_post(struct world *w, struct handle *exchange, const char *body)
{
    size_t len = strlen(body);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, body, len);
    eio_post(w->session, exchange, copy, len);
    free(copy);
}

void post(struct world *w, const char *body)
{
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    finish_post(w, &w->post, body);
}

void say_as(struct world *w, struct handle *socket, bool binary, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    eio_ws_message(w->session, socket, binary, copy, len);
    free(copy);
}

void say(struct world *w, const char *text)
{
    say_as(w, &w->ws, false, text);
}

void get(struct world *w)
{
    eio_get(w->session, &w->get);
}

void open_polling(struct world *w)
{
    eio_open_polling(w->eio, &w->handshake, NULL);
    turn(w);
    buf_clear(&w->journal);
}

void open_ws(struct world *w)
{
    struct eio_session *session = eio_open_ws(w->eio, &w->ws, NULL);

    assert_ptr_equal(session, w->session);
    turn(w);
    buf_clear(&w->journal);
}

void start_probe(struct world *w)
{
    open_polling(w);
    assert_true(eio_ws_attach(w->session, &w->ws));
    say(w, "2probe");
    assert_journal(w, "ws < 3probe\n");
}

void assert_gone(const struct world *w)
{
    assert_int_equal(eio_session_count(w->eio), 0);
}

void close_at_message(struct world *w, struct eio_session *session)
{
    (void)w;
    eio_close(session);
}
