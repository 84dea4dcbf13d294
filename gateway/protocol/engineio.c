/* Engine.IO sessions: see engineio.h. */
#include "gateway/protocol/engineio.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/slice.h"
#include "gateway/net/ws.h"
#include "gateway/protocol/eio_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char TEXT_PLAIN[] = "text/plain; charset=UTF-8";
static const char TEXT_HTML[] = "text/html";
static const char JSON[] = "application/json";

/* What single packets look like in a polling payload. */
static const char CLOSE[] = "1";
static const char NOOP[] = "6";
static const char NOOP_THEN_CLOSE[] = "6\x1e"
                                      "1";

/* A ping that fires later than this counts from when it was sent, so that a stalled process does not blame
 * its clients. */
enum { LATE_MS = 50 };

struct eio {
    struct eio_options options;
    struct eio_session *sessions;  /* by sid */
    struct eio_session *departing; /* whom the app must be told of, or who can be freed */
    size_t websockets;             /* sessions on WebSocket */
};

const char *eio_error_message(enum eio_error error)
{
    static const char *const messages[] = {
        "Transport unknown", "Session ID unknown", "Bad handshake method",
        "Bad request",       "Forbidden",          "Unsupported protocol version"};

    return messages[error];
}

void eio_error_body(enum eio_error error, char *out, size_t size)
{
    snprintf(out, size, "{\"code\":%d,\"message\":\"%s\"}", (int)error, eio_error_message(error));
}

struct eio *eio_new(const struct eio_options *options)
{
    struct eio *eio = alloc_zeroed(sizeof *eio);

    eio->options = *options;
    return eio;
}

size_t eio_session_count(const struct eio *eio)
{
    return HASH_COUNT(eio->sessions);
}

size_t eio_websocket_count(const struct eio *eio)
{
    return eio->websockets;
}

struct eio_session *eio_find(const struct eio *eio, const char *sid)
{
    struct eio_session *session;

    HASH_FIND_STR(eio->sessions, sid, session);
    return session;
}

bool eio_sid_valid(const char *sid)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(sid);

    return len >= EIO_SID_MIN && len <= EIO_SID_MAX && strspn(sid, letters) == len;
}

static void reply(struct eio_session *session, void *exchange, int status, const char *type, const char *body)
{
    session->eio->options.transport->reply(exchange, status, type, body, strlen(body));
}

static void reply_error(struct eio_session *session, void *exchange, enum eio_error error)
{
    char body[EIO_ERROR_BODY_SIZE];

    eio_error_body(error, body, sizeof body);
    reply(session, exchange, 400, JSON, body);
}

/* Answers the poll that waits, if one does. */
static void reply_get(struct eio_session *session, const char *payload)
{
    void *exchange = session->get;

    session->get = NULL;
    if (exchange)
        reply(session, exchange, 200, TEXT_PLAIN, payload);
}

static void set_state(struct eio_session *session, enum eio_state state)
{
    if (session->state == EIO_WEBSOCKET)
        session->eio->websockets--;
    session->state = state;
    if (state == EIO_WEBSOCKET)
        session->eio->websockets++;
}

/* --- ends --- */

static void depart(struct eio_session *session)
{
    if (session->departing)
        return;
    session->departing = true;
    LL_PREPEND2(session->eio->departing, session, departing_next);
}

/* The socket that wanted to take over, which has its deadline no more; NULL: there is none. */
static void *take_probe(struct eio_session *session)
{
    struct eio_probe *probe = session->probe;
    void *socket = probe ? probe->socket : NULL;

    if (probe)
        timers_cancel(session->eio->options.timers, &probe->timer);
    session->probe = NULL;
    free(probe);
    return socket;
}

static void give_up_probe(struct eio_session *session)
{
    void *socket = take_probe(session);

    if (socket)
        session->eio->options.transport->ws_close(socket);
}

/* The session is over now; a poll that waits is told with `payload`. */
static void end_with(struct eio_session *session, const char *payload)
{
    if (session->state != EIO_ENDED)
        outlet_flush(&session->outlet); /* answers to what came before whatever ends it */
    if (session->state == EIO_ENDED)
        return;
    const struct eio_options *options = &session->eio->options;

    set_state(session, EIO_ENDED);
    HASH_DEL(session->eio->sessions, session);
    timers_cancel(options->timers, &session->heartbeat);

    reply_get(session, payload);
    if (session->post)
        reply_error(session, session->post, EIO_UNKNOWN_SID);
    give_up_probe(session);
    if (session->ws)
        options->transport->ws_close(session->ws);
    session->post = session->ws = NULL;
    depart(session);
}

static void end(struct eio_session *session)
{
    end_with(session, CLOSE);
}

/* On a WebSocket the end follows what was queued; on polling the client fetches both. */
static void finish_closing(struct eio_session *session)
{
    if (session->state != EIO_WEBSOCKET || outlet_pending(&session->outlet))
        return;
    if (session->dismissed) {
        session->eio->options.transport->ws_dismiss(session->ws);
        session->ws = NULL;
    }
    end(session);
}

static void begin_closing(struct eio_session *session, bool dismissed)
{
    if (session->closing || session->state == EIO_ENDED)
        return;
    outlet_gather(&session->outlet); /* the app takes it off its rides */
    if (session->state == EIO_ENDED)
        return;
    session->closing = true;
    session->dismissed = dismissed;
    timers_set(session->eio->options.timers, &session->heartbeat, clock_ms() + EIO_CLOSING_MS);
    depart(session);
    if (session->state == EIO_POLLING && session->get && !outlet_pending(&session->outlet))
        end(session);
    else
        finish_closing(session);
}

void eio_close(struct eio_session *session)
{
    begin_closing(session, false);
}

void eio_dismiss(struct eio_session *session)
{
    begin_closing(session, true);
}

size_t eio_let_go(struct eio *eio, size_t count, bool all)
{
    struct eio_session *session, *next;
    size_t gone = 0;

    HASH_ITER(hh, eio->sessions, session, next)
    {
        if (gone == count || !slice_left(eio->options.slice))
            break;
        if (!all && session->state == EIO_POLLING && !session->get)
            continue;
        slice_begin(eio->options.slice);
        end(session);
        eio_reap(eio);
        slice_end(eio->options.slice);
        gone++;
    }
    return gone;
}

void eio_visit(struct eio *eio, void (*visit)(struct eio_session *session, void *arg), void *arg)
{
    struct eio_session *session, *next;

    HASH_ITER(hh, eio->sessions, session, next)
    visit(session, arg);
}

/* The transport has nothing more to tell of it. */
static void let_answer_go(struct eio_session *session)
{
    if (session->answered)
        session->eio->options.transport->let_go(session->answered);
    session->answered = NULL;
}

void eio_reap(struct eio *eio)
{
    while (eio->departing) {
        struct eio_session *session = eio->departing;

        LL_DELETE2(eio->departing, session, departing_next);
        session->departing = false;
        if (!session->told) {
            session->told = true;
            eio->options.app->close(eio->options.app_data, session);
        }
        if (session->state == EIO_ENDED && !session->departing) {
            peer_close(session->guest, PEER_CLIENT, clock_ms());
            let_answer_go(session);
            outlet_deinit(&session->outlet);
            free(session->authorization);
            free(session);
        }
    }
}

void eio_free(struct eio *eio)
{
    if (!eio)
        return;
    struct eio_session *session, *next;

    HASH_ITER(hh, eio->sessions, session, next)
    {
        HASH_DEL(eio->sessions, session);
        timers_cancel(eio->options.timers, &session->heartbeat);
        take_probe(session);
        set_state(session, EIO_ENDED);
        depart(session);
    }
    eio_reap(eio);
    free(eio);
}

/* --- the outlet's carrier --- */

static struct eio_session *session_of(struct outlet *outlet)
{
    return (struct eio_session *)((char *)outlet - offsetof(struct eio_session, outlet));
}

static size_t carrier_room(struct outlet *outlet)
{
    struct eio_session *session = session_of(outlet);

    switch (session->state) {
    case EIO_WEBSOCKET:
        return session->ws && session->eio->options.transport->ready(session->ws) ? OUTLET_PIECE_BYTES : 0;
    case EIO_POLLING:
        return session->get && session->eio->options.transport->ready(session->get) ? SIZE_MAX
                                                                                    : 0; /* one payload */
    case EIO_ENDED:
        break;
    }
    return 0;
}

static void write_poll(struct eio_session *session, const char *frames, size_t n)
{
    struct buf payload;

    buf_init(&payload, 2 * n + 16); /* base64 grows by a third */
    if (eio_payload_from_frames(&payload, frames, n) != 0) {
        end(session); /* no memory */
    } else {
        void *exchange = session->get;

        session->get = NULL;
        session->eio->options.transport->reply(exchange, 200, TEXT_PLAIN, payload.data, payload.len);
    }
    buf_deinit(&payload);
}

static void carrier_write(struct outlet *outlet, const char *frames, size_t n)
{
    struct eio_session *session = session_of(outlet);

    if (session->state == EIO_POLLING) {
        write_poll(session, frames, n);
        return;
    }
    session->eio->options.transport->ws_write(session->ws, frames, n);
    if (session->closing)
        finish_closing(session);
}

static void carrier_overflow(struct outlet *outlet)
{
    struct eio_session *session = session_of(outlet);

    if (session->ws) {
        session->eio->options.transport->drop(session->ws);
        session->ws = NULL;
    }
    end(session);
}

void eio_abort(struct eio_session *session)
{
    outlet_overflow(&session->outlet); /* keeps back what is queued */
}

/* In a payload a text is what it is in a frame. */
static void carrier_hand_over(struct outlet *outlet, struct parcel *packet)
{
    struct eio_session *session = session_of(outlet);
    void *exchange = session->get;

    session->get = NULL;
    let_answer_go(session);
    if (session->eio->options.transport->send(exchange, TEXT_PLAIN, packet, session))
        session->answered = exchange;
}

void eio_answered(struct eio_session *session, const void *exchange)
{
    if (session->answered == exchange)
        session->answered = NULL;
}

static const struct outlet_carrier CARRIER = {.room = carrier_room,
                                              .write = carrier_write,
                                              .overflow = carrier_overflow,
                                              .hand_over = carrier_hand_over};

static void send_packet(struct eio_session *session, const char *text)
{
    outlet_packet(&session->outlet, WS_TEXT, text, NULL, 0);
}

void eio_send(struct eio_session *session, bool binary, const char *data, size_t len)
{
    if (session->closing || session->state == EIO_ENDED)
        return;
    if (binary)
        outlet_packet(&session->outlet, WS_BINARY, "", data, len);
    else
        outlet_packet(&session->outlet, WS_TEXT, "4", data, len);
}

void eio_send_shared(struct eio_session *session, const char *head, size_t head_len, struct blob *shared,
                     const char *tail)
{
    struct buf packet;

    if (session->closing || session->state == EIO_ENDED)
        return;
    buf_init(&packet, head_len + 1);
    if (buf_append(&packet, "4", 1) == 0 && buf_append(&packet, head, head_len) == 0)
        outlet_shared(&session->outlet, &packet, shared, tail);
    else
        end(session); /* no memory */
    buf_deinit(&packet);
}

/* --- opening --- */

/* Whether the client is in the middle of taking what it is sent. */
static bool is_taking(const struct eio_session *session)
{
    if (session->answered)
        return true;
    return session->ws && !session->eio->options.transport->ready(session->ws);
}

/*
 * Whether the client has more time: it is slow, but takes what it is sent, and the ping is somewhere in that;
 * or it was so until lately.
 */
static bool has_more_time(struct eio_session *session)
{
    bool was_held_up = session->held_up;

    session->held_up = is_taking(session);
    if (session->answered)
        return true; /* else it would have been cut */
    return session->held_up ? session->eio->options.transport->ws_progressed(session->ws, &session->acked)
                            : was_held_up;
}

/* The ping's time, or the pong's, or the end of an orderly close. */
static void heartbeat(void *owner)
{
    struct eio_session *session = owner;
    const struct eio_options *options = &session->eio->options;

    if ((session->closing || session->awaits_pong) && has_more_time(session)) {
        timers_set(options->timers, &session->heartbeat, clock_ms() + options->ping_timeout_ms);
        return;
    }
    if (session->closing || session->awaits_pong) {
        end(session);
        return;
    }
    uint64_t now = clock_ms();
    uint64_t due = session->heartbeat.at_ms;
    uint64_t from = now - due > LATE_MS ? now : due;

    session->awaits_pong = true;
    session->extended = false;
    session->held_up = is_taking(session);
    if (session->held_up && session->ws)
        options->transport->ws_progressed(session->ws, &session->acked); /* from here on */
    timers_set(options->timers, &session->heartbeat, from + options->ping_timeout_ms);
    send_packet(session, "2");
}

static void upgrade_timeout(void *owner)
{
    struct eio_session *session = owner;

    refuse(session->eio->options.refusals, REFUSED_UPGRADE_TIMEOUT, &session->client);
    give_up_probe(session);
}

static struct eio_session *open_session(struct eio *eio, enum eio_state state,
                                        const struct eio_origin *origin)
{
    const struct eio_options *options = &eio->options;
    char sid[EIO_SID_MAX + 1];

    if (origin && origin->sid[0])
        memcpy(sid, origin->sid, sizeof sid);
    else
        id_make(sid, ID_LEN);
    size_t sid_size = strlen(sid) + 1;
    struct eio_session *session = alloc_zeroed(offsetof(struct eio_session, sid) + sid_size);

    session->eio = eio;
    memcpy(session->sid, sid, sid_size);
    set_state(session, state);
    if (origin) {
        session->client = origin->client;
        session->guest = origin->guest;
        session->authorization = origin->authorization;
        session->declines_recovery = origin->declines_recovery;
    }
    HASH_ADD_STR(eio->sessions, sid, session);
    outlet_init(&session->outlet, options->outlets, &CARRIER);
    session->heartbeat = (struct timer){.fire = heartbeat, .owner = session};
    timers_set(options->timers, &session->heartbeat, clock_ms() + options->ping_interval_ms);
    return session;
}

static void open_packet(const struct eio_session *session, char *out, size_t size)
{
    const struct eio_options *options = &session->eio->options;

    snprintf(
        out, size,
        "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%llu,\"pingTimeout\":%llu,\"maxPayload\":%zu}",
        session->sid, session->state == EIO_POLLING ? "\"websocket\"" : "",
        (unsigned long long)options->ping_interval_ms, (unsigned long long)options->ping_timeout_ms,
        options->max_payload_bytes);
}

void eio_open_polling(struct eio *eio, void *exchange, const struct eio_origin *origin)
{
    struct eio_session *session = open_session(eio, EIO_POLLING, origin);
    char packet[256];

    open_packet(session, packet, sizeof packet);
    reply(session, exchange, 200, TEXT_PLAIN, packet);
    eio->options.app->open(eio->options.app_data, session);
}

struct eio_session *eio_open_ws(struct eio *eio, void *socket, const struct eio_origin *origin)
{
    struct eio_session *session = open_session(eio, EIO_WEBSOCKET, origin);

    session->ws = socket;
    char packet[256];

    open_packet(session, packet, sizeof packet);
    send_packet(session, packet);
    eio->options.app->open(eio->options.app_data, session);
    return session;
}

/* --- packets in --- */

static void handle_pong(struct eio_session *session)
{
    if (!session->awaits_pong)
        return;
    const struct eio_options *options = &session->eio->options;

    session->awaits_pong = false;
    timers_set(options->timers, &session->heartbeat, clock_ms() + options->ping_interval_ms);
}

/* Whoever speaks is alive: the pong may come a little later, once per ping. */
static void extend_deadline(struct eio_session *session)
{
    if (!session->awaits_pong || session->extended)
        return;
    const struct eio_options *options = &session->eio->options;

    session->extended = true;
    timers_set(options->timers, &session->heartbeat, clock_ms() + options->ping_timeout_ms);
}

/* Whether the client sends packets without end that no message's limit counts. */
static bool chatters(struct eio_session *session, const struct eio_packet *packet)
{
    const struct eio_options *options = &session->eio->options;

    if (packet->type == EIO_MESSAGE ||
        bucket_take(&session->chatter, &options->chatter, 1, clock_ms()) != BUCKET_FLOODED)
        return false;
    refuse(options->refusals, REFUSED_MESSAGES, &session->client);
    return true;
}

/* A packet on the session's own transport. */
static void handle_packet(struct eio_session *session, const struct eio_packet *packet)
{
    if (packet->type == EIO_CLOSE) {
        end_with(session, NOOP);
        return;
    }
    if (session->closing)
        return;
    if (chatters(session, packet)) {
        end(session);
        return;
    }
    if (packet->type == EIO_PONG) {
        handle_pong(session);
        return;
    }
    extend_deadline(session);
    if (packet->type == EIO_PING)
        end(session); /* pings are the server's */
    else if (packet->type == EIO_MESSAGE)
        session->eio->options.app->message(session->eio->options.app_data, session, packet->binary,
                                           packet->data, packet->len);
    /* open, upgrade and noop mean nothing here */
}

/* --- polling --- */

void eio_get(struct eio_session *session, void *exchange)
{
    if (session->get) {
        reply(session, exchange, 400, NULL, "");
        end(session);
        return;
    }
    session->get = exchange;
    if (outlet_pending(&session->outlet))
        outlet_touch(&session->outlet);
    else if (session->closing)
        end_with(session, NOOP_THEN_CLOSE);
    else if (session->probe && session->probe->answered)
        reply_get(session, NOOP);
}

int eio_post_begin(struct eio_session *session, void *exchange)
{
    if (session->post) {
        session->eio->options.transport->drop(session->post);
        session->post = NULL;
        reply(session, exchange, 400, NULL, "");
        end(session);
        return -1;
    }
    session->post = exchange;
    return 0;
}

void eio_post(struct eio_session *session, void *exchange, char *body, size_t len)
{
    session->post = NULL;
    struct eio_packet packet;
    size_t at = 0;
    int got;

    while ((got = eio_payload_next(body, len, &at, &packet)) == 1) {
        handle_packet(session, &packet);
        if (session->state == EIO_ENDED)
            break;
    }
    if (got < 0 && !session->closing) {
        reply_error(session, exchange, EIO_BAD_REQUEST);
        end(session);
        return;
    }
    reply(session, exchange, 200, TEXT_HTML, "ok");
}

void eio_post_refused(struct eio_session *session, void *exchange, bool end_session)
{
    if (session->post == exchange)
        session->post = NULL;
    if (end_session)
        end(session);
}

/* --- WebSocket and upgrade --- */

bool eio_ws_attach(struct eio_session *session, void *socket)
{
    if (session->state != EIO_POLLING || session->probe || session->closing)
        return false;
    const struct eio_options *options = &session->eio->options;

    session->probe = alloc_zeroed(sizeof *session->probe);
    session->probe->socket = socket;
    session->probe->timer = (struct timer){.fire = upgrade_timeout, .owner = session};
    timers_set(options->timers, &session->probe->timer, clock_ms() + options->upgrade_timeout_ms);
    return true;
}

static bool is_probe(const struct eio_session *session, const void *socket)
{
    return session->probe && session->probe->socket == socket;
}

static void start_probing(struct eio_session *session)
{
    struct buf out;

    buf_init(&out, WS_HEADER_MAX + 8);
    session->probe->answered = true;
    if (ws_frame_append(&out, WS_TEXT, "3probe", 6) == 0)
        session->eio->options.transport->ws_write(session->probe->socket, out.data, out.len);
    buf_deinit(&out);
    if (session->get && !outlet_pending(&session->outlet))
        reply_get(session, NOOP);
}

static void switch_to_ws(struct eio_session *session)
{
    session->ws = take_probe(session);
    set_state(session, EIO_WEBSOCKET);
    reply_get(session, NOOP);
    outlet_touch(&session->outlet);
    if (session->closing)
        finish_closing(session);
}

static void handle_probe(struct eio_session *session, bool binary, const char *data, size_t len)
{
    if (!binary && !session->probe->answered && len == 6 && !memcmp(data, "2probe", 6))
        start_probing(session);
    else if (!binary && len >= 1 && data[0] == '5')
        switch_to_ws(session);
    else
        give_up_probe(session);
}

void eio_ws_message(struct eio_session *session, void *socket, bool binary, char *data, size_t len)
{
    if (is_probe(session, socket)) {
        handle_probe(session, binary, data, len);
        return;
    }
    struct eio_packet packet = {.type = EIO_MESSAGE, .binary = true, .data = data, .len = len};

    if (!binary && eio_packet_parse(data, len, &packet))
        end(session);
    else
        handle_packet(session, &packet);
}

void eio_ws_flush(struct eio_session *session, void *socket)
{
    if (socket == session->ws)
        outlet_flush(&session->outlet);
}

void eio_lost(struct eio_session *session, void *handle)
{
    if (is_probe(session, handle)) {
        take_probe(session);
        return;
    }
    if (handle == session->get)
        session->get = NULL;
    if (handle == session->post)
        session->post = NULL;
    if (handle == session->ws)
        session->ws = NULL;
    end(session);
}
