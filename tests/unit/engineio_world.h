/*
 * A world for Engine.IO sessions: a transport and an application that only record, and the time in the test's
 * hands.
 *
 * Transport and application write one journal; each test checks and empties it. In it 0x1e is shown as '~'.
 */
#ifndef RIDECAST_TESTS_UNIT_ENGINEIO_WORLD_H
#define RIDECAST_TESTS_UNIT_ENGINEIO_WORLD_H

#include "gateway/protocol/engineio.h"

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

enum { START_MS = 1000, INTERVAL_MS = 300, TIMEOUT_MS = 200, UPGRADE_MS = 1000, BACKLOG = 500 };

/* An exchange or a WebSocket. */
struct handle {
    struct world *world;
    const char *name;
    bool blocked;
};

struct world {
    struct timers *timers;
    struct outlets outlets;
    struct eio_options options;
    struct eio *eio;
    struct eio_session *session; /* the one opened last */
    void (*on_message)(struct world *w, struct eio_session *session);
    struct member *member; /* taken off its ride by app->close */
    struct buf journal;
    struct handle handshake, get, get2, post, post2, ws, ws2;
};

/* --- transport and application --- */

static inline void note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void note(struct world *w, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *at = line; (at = strchr(at, 0x1e));)
        *at = '~';
    assert_int_equal(buf_appendf(&w->journal, "%s\n", line), 0);
}

static inline void transport_reply(void *exchange, int status, const char *content_type, const void *body,
                                   size_t n)
{
    struct handle *handle = exchange;
    bool usual =
        status != 200 ||
        !strcmp(content_type, !strncmp(handle->name, "post", 4) ? "text/html" : "text/plain; charset=UTF-8");
    assert_true(usual);
    note(handle->world, "%s %d %.*s", handle->name, status, (int)n, (const char *)body);
}

static inline void transport_drop(void *handle)
{
    struct handle *h = handle;
    note(h->world, "%s dropped", h->name);
}

static inline bool transport_ws_ready(void *socket)
{
    return !((struct handle *)socket)->blocked;
}

static inline void transport_ws_write(void *socket, const char *frames, size_t n)
{
    struct handle *handle = socket;
    enum ws_opcode opcode;
    const char *payload;
    size_t len;
    for (size_t at = 0; ws_frames_next(frames, n, &at, &opcode, &payload, &len);)
        note(handle->world, "%s < %s%.*s", handle->name, opcode == WS_BINARY ? "binary " : "", (int)len,
             payload);
}

static inline void transport_ws_close(void *socket)
{
    struct handle *handle = socket;
    note(handle->world, "%s close", handle->name);
}

static inline void app_open(void *app, struct eio_session *session)
{
    struct world *w = app;
    w->session = session;
    note(w, "open");
}

static inline void app_message(void *app, struct eio_session *session, bool binary, const char *data,
                               size_t len)
{
    struct world *w = app;
    note(w, "%s %.*s", binary ? "bytes" : "message", (int)len, data);
    if (w->on_message)
        w->on_message(w, session);
}

static inline void app_close(void *app, struct eio_session *session)
{
    struct world *w = app;
    (void)session;
    if (w->member)
        member_leave(w->member);
    w->member = NULL;
    note(w, "closed");
}

static inline int setup(void **state)
{
    static const struct eio_transport transport = {transport_reply,    transport_drop,     transport_ws_ready,
                                                   transport_ws_write, transport_ws_close, NULL};
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
        .backlog_bytes = BACKLOG,
        .transport = &transport,
        .app = &app,
        .app_data = w,
        .timers = w->timers,
        .outlets = &w->outlets,
    };
    w->eio = eio_new(&w->options);
    buf_init(&w->journal, 1 << 20);
    w->handshake = (struct handle){w, "handshake", false};
    w->get = (struct handle){w, "get", false};
    w->get2 = (struct handle){w, "get2", false};
    w->post = (struct handle){w, "post", false};
    w->post2 = (struct handle){w, "post2", false};
    w->ws = (struct handle){w, "ws", false};
    w->ws2 = (struct handle){w, "ws2", false};
    *state = w;
    return 0;
}

static inline int teardown(void **state)
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

/* The end of a loop turn. */
static inline void turn(struct world *w)
{
    outlets_flush(&w->outlets);
    eio_reap(w->eio);
}

/* Ends the turn, then checks what happened since the last check. */
static inline void assert_journal(struct world *w, const char *expected)
{
    turn(w);
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_string_equal(w->journal.data, expected);
    buf_clear(&w->journal);
}

static inline void advance(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, clock_ms());
    turn(w);
}

static inline void send(struct world *w, const char *text)
{
    eio_send(w->session, false, text, strlen(text));
}

/* Bodies and messages are changed by reading them, and must not be needed afterwards. */
static inline void finish_post(struct world *w, struct handle *exchange, const char *body)
{
    size_t len = strlen(body);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);
    eio_post(w->session, exchange, copy, len);
    free(copy);
}

static inline void post(struct world *w, const char *body)
{
    assert_int_equal(eio_post_begin(w->session, &w->post), 0);
    finish_post(w, &w->post, body);
}

static inline void say_as(struct world *w, struct handle *socket, bool binary, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    eio_ws_message(w->session, socket, binary, copy, len);
    free(copy);
}

static inline void say(struct world *w, const char *text)
{
    say_as(w, &w->ws, false, text);
}

static inline void get(struct world *w)
{
    eio_get(w->session, &w->get);
}

static inline void open_polling(struct world *w)
{
    eio_open_polling(w->eio, &w->handshake, NULL);
    turn(w);
    buf_clear(&w->journal);
}

static inline void open_ws(struct world *w)
{
    struct eio_session *session = eio_open_ws(w->eio, &w->ws, NULL);
    assert_ptr_equal(session, w->session);
    turn(w);
    buf_clear(&w->journal);
}

/* A polling session whose WebSocket has said 2probe. */
static inline void start_probe(struct world *w)
{
    open_polling(w);
    assert_true(eio_ws_attach(w->session, &w->ws));
    say(w, "2probe");
    assert_journal(w, "ws < 3probe\n");
}

static inline void assert_gone(const struct world *w)
{
    assert_int_equal(eio_session_count(w->eio), 0);
}

static inline void close_at_message(struct world *w, struct eio_session *session)
{
    (void)w;
    eio_close(session);
}

#endif
