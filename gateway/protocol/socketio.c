/*
 * One connection's namespaces: which are joined, what waits for an answer, and when it all ends.
 *
 * A socket's way: connect() ──▶ SOCKET_PENDING ──sio_accept()──▶ SOCKET_JOINED ──▶ socket_end() ──▶ freed.
 *
 * The application may end sockets, or the connection, while it uses them. So an ended socket is unlinked at
 * once, but its memory stays until that is over (sio_client_forget()).
 */
#include "gateway/protocol/socketio.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/buf.h"
#include "common/clock.h"
#include "gateway/protocol/sio_packet.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* An event that cannot be delivered yet: its attachments are still to come, or its socket is not accepted. */
struct held_event {
    struct held_event *prev, *next; /* in its socket's list */
    struct sio_socket *socket;
    bool has_id;
    uint64_t id;
    struct buf bytes; /* the arguments, then each attachment */
    size_t args_len;
    size_t attachment_count;                                /* arrived so far */
    struct sio_attachment attachments[SIO_ATTACHMENTS_MAX]; /* where they are only once the event is lent */
};

enum socket_state {
    SOCKET_PENDING, /* the application was asked; events are held */
    SOCKET_JOINED,  /* accepted: packets go both ways */
    SOCKET_ENDED,   /* out of the client's list, waits to be freed; sends go nowhere */
};

struct sio_socket {
    struct sio_socket *next; /* in one of the client's lists */
    struct sio_client *client;
    void *data;
    struct held_event *held; /* oldest first; gains events only while pending */
    enum socket_state state;
    char nsp[];
};

enum client_state {
    CLIENT_OPEN,
    CLIENT_BROKEN, /* a packet could not be sent; the timer closes the connection in the next turn */
    CLIENT_CLOSED, /* no sockets; input is ignored, sends are dropped */
};

/* Of a packet's text: its head, and a whole CONNECT or CONNECT_ERROR. */
enum { HEAD_MAX = SIO_NSP_MAX + 48, ANSWER_MAX = 4096 };

struct sio_client {
    const struct sio_options *options;
    void *session;
    struct timer timer; /* the connect timeout, until a namespace is joined; then of what is gathered */
    struct sio_socket *sockets;  /* pending and joined, in the order they were asked for */
    struct sio_socket *ended;    /* to free in sio_client_forget() */
    struct held_event *lent;     /* the same: the application has it */
    struct held_event *gathered; /* the binary packet that has come in part; NULL: none, or an ack, or its
                                    socket has ended: what still comes of it is dropped */
    uint32_t held_bytes;         /* of all held events, with their bookkeeping */
    uint8_t attachments_left;    /* of the binary packet, still to come */
    uint8_t refusals;            /* since the last namespace was joined, up to SIO_REFUSALS_MAX */
    enum client_state state : 8;
    bool joined; /* a namespace, at some time */
};

static void set_held(struct sio_client *client, size_t bytes)
{
    budget_move(client->options->budget, BUDGET_INPUT, client->held_bytes, bytes);
    client->held_bytes = (uint32_t)bytes;
}

/* Accounts for `n` more bytes to hold. -1: too many. */
static int charge(struct sio_client *client, size_t n)
{
    if (n > client->options->max_pending_bytes - client->held_bytes)
        return -1;
    set_held(client, client->held_bytes + n);
    return 0;
}

static void held_free(struct sio_client *client, struct held_event *held)
{
    if (!held)
        return;
    set_held(client, client->held_bytes - sizeof *held - held->bytes.len);
    buf_deinit(&held->bytes);
    free(held);
}

static int held_append(struct sio_client *client, struct held_event *held, const char *data, size_t len)
{
    if (charge(client, len) != 0)
        return -1;
    if (buf_append(&held->bytes, data, len) != 0) {
        set_held(client, client->held_bytes - len);
        return -1;
    }
    return 0;
}

/* NULL: no memory, or more than may be held. */
static struct held_event *held_new(struct sio_socket *socket, const struct sio_packet *packet)
{
    struct sio_client *client = socket->client;
    struct held_event *held;

    if (charge(client, sizeof *held) != 0)
        return NULL;
    held = alloc_zeroed(sizeof *held);
    held->socket = socket;
    held->has_id = packet->has_id;
    held->id = packet->id;
    held->args_len = packet->payload.len;
    buf_init(&held->bytes, client->options->max_pending_bytes);
    if (held_append(client, held, packet->payload.at, packet->payload.len) != 0) {
        held_free(client, held);
        return NULL;
    }
    return held;
}

static void take_back(struct sio_client *client)
{
    held_free(client, client->lent);
    client->lent = NULL;
}

/* Lends an event that was held. */
static void held_lend(struct sio_client *client, struct held_event *held, struct sio_event *event)
{
    const char *at = held->bytes.data + held->args_len;

    for (size_t i = 0; i < held->attachment_count; i++) {
        held->attachments[i].data = at;
        at += held->attachments[i].len;
    }
    *event = (struct sio_event){
        .args = {held->bytes.data, held->args_len},
        .attachments = held->attachments,
        .attachment_count = held->attachment_count,
        .has_id = held->has_id,
        .id = held->id,
    };
    take_back(client);
    client->lent = held;
}

void sio_client_forget(struct sio_client *client)
{
    struct sio_socket *socket;

    take_back(client);
    while ((socket = client->ended) != NULL) {
        client->ended = socket->next;
        free(socket);
    }
}

static struct sio_socket *socket_find(const struct sio_client *client, struct json_slice nsp)
{
    struct sio_socket *socket = client->sockets;

    while (socket && (strlen(socket->nsp) != nsp.len || memcmp(socket->nsp, nsp.at, nsp.len) != 0))
        socket = socket->next;
    return socket;
}

static size_t socket_count(const struct sio_client *client)
{
    size_t count = 0;

    for (const struct sio_socket *socket = client->sockets; socket; socket = socket->next)
        count++;
    return count;
}

/* Adds a pending socket to the client. */
static struct sio_socket *socket_new(struct sio_client *client, struct json_slice nsp)
{
    struct sio_socket *socket = alloc_zeroed(offsetof(struct sio_socket, nsp) + nsp.len + 1);
    struct sio_socket **end = &client->sockets;

    socket->client = client;
    memcpy(socket->nsp, nsp.at, nsp.len);
    while (*end)
        end = &(*end)->next;
    *end = socket;
    return socket;
}

/* Takes a socket off its client, with all that is held for it. */
static void socket_end(struct sio_socket *socket)
{
    struct sio_client *client = socket->client;
    struct sio_socket **link = &client->sockets;
    struct held_event *held;

    while (*link != socket)
        link = &(*link)->next;
    *link = socket->next;
    socket->next = client->ended;
    client->ended = socket;
    socket->state = SOCKET_ENDED;

    while ((held = socket->held) != NULL) {
        DL_DELETE(socket->held, held);
        held_free(client, held);
    }
    if (client->gathered && client->gathered->socket == socket) {
        held_free(client, client->gathered);
        client->gathered = NULL;
        if (client->joined && client->state == CLIENT_OPEN)
            timers_cancel(client->options->timers, &client->timer);
    }
}

static void socket_disconnect(struct sio_socket *socket, enum sio_end end)
{
    const struct sio_options *options = socket->client->options;

    socket_end(socket);
    options->app->disconnect(options->app_data, socket, end);
}

/* Ends every socket; nothing goes in or out from here on. */
static void client_end(struct sio_client *client, enum sio_end end)
{
    client->state = CLIENT_CLOSED;
    timers_cancel(client->options->timers, &client->timer);
    while (client->sockets)
        socket_disconnect(client->sockets, end);
}

static void client_close(struct sio_client *client, enum sio_end end)
{
    if (client->state == CLIENT_CLOSED)
        return;
    client_end(client, end);
    client->options->carrier->close(client->session, end);
}

static void on_timer(void *owner)
{
    struct sio_client *client = owner;
    const struct sio_options *options = client->options;

    if (client->state == CLIENT_OPEN && options->app->timed_out)
        options->app->timed_out(options->app_data, client->session, client->joined);
    client_close(client, SIO_LOST);
}

/*
 * Sends a packet's text and frees it. Without memory for a complete one the connection cannot go on, but the
 * application may be in the middle of using its sockets, so they end in the next turn.
 */
static void send_text(struct sio_client *client, struct buf *text, bool complete)
{
    if (client->state == CLIENT_OPEN && complete) {
        client->options->carrier->send_text(client->session, text->data, text->len);
    } else if (client->state == CLIENT_OPEN) {
        client->state = CLIENT_BROKEN;
        timers_set(client->options->timers, &client->timer, 0);
    }
    buf_deinit(text);
}

/* What an event and an ack have in common. */
struct arguments {
    const char *text; /* the inside of the array */
    size_t len;
    const struct sio_attachment *attachments;
    size_t attachment_count;
};

static void send_arguments(struct sio_socket *socket, enum sio_type type, const uint64_t *id,
                           const struct arguments *args)
{
    struct sio_client *client = socket->client;
    const struct sio_carrier *carrier = client->options->carrier;
    struct buf text;
    bool complete;

    if (socket->state != SOCKET_JOINED)
        return;
    buf_init(&text, HEAD_MAX + args->len);
    complete = buf_reserve(&text, text.max) &&
               sio_packet_head(&text, type, (unsigned)args->attachment_count, socket->nsp, id != NULL,
                               id ? *id : 0) == 0 &&
               buf_append_str(&text, "[") == 0 && buf_append(&text, args->text, args->len) == 0 &&
               buf_append_str(&text, "]") == 0;
    send_text(client, &text, complete);
    for (size_t i = 0; i < args->attachment_count && client->state == CLIENT_OPEN; i++)
        carrier->send_binary(client->session, args->attachments[i].data, args->attachments[i].len);
}

static void send_disconnect(const struct sio_socket *socket)
{
    struct buf text;
    bool complete;

    if (socket->state != SOCKET_JOINED)
        return;
    buf_init(&text, HEAD_MAX);
    complete = sio_packet_head(&text, SIO_DISCONNECT, 0, socket->nsp, false, 0) == 0;
    send_text(socket->client, &text, complete);
}

/* The client breaks the protocol, or more is to be held than may be: it is over. */
static enum sio_verdict fail(struct sio_client *client)
{
    client_close(client, SIO_LOST);
    return SIO_NOTHING;
}

static enum sio_verdict on_connect(struct sio_client *client, const struct sio_packet *packet,
                                   struct sio_message *message)
{
    size_t max = client->options->max_namespaces;
    struct sio_socket *socket = socket_new(client, packet->nsp);

    if (max && socket_count(client) > max) {
        sio_refuse(socket, "Too many namespaces", NULL);
        return SIO_TOO_MANY_NAMESPACES;
    }
    message->socket = socket;
    message->auth = packet->payload.at ? packet->payload : (struct json_slice){"{}", 2};
    return SIO_CONNECTS;
}

static enum sio_verdict on_event(struct sio_socket *socket, const struct sio_packet *packet,
                                 struct sio_message *message)
{
    if (socket->state == SOCKET_JOINED) {
        message->socket = socket;
        message->event =
            (struct sio_event){.args = packet->payload, .has_id = packet->has_id, .id = packet->id};
        return SIO_SPEAKS;
    }
    struct held_event *held = held_new(socket, packet);

    if (!held)
        return fail(socket->client);
    DL_APPEND(socket->held, held);
    return SIO_NOTHING;
}

/* Until a namespace is joined the connect timeout goes on. */
static void await_attachments(struct sio_client *client)
{
    const struct sio_options *options = client->options;

    if (client->joined && client->gathered && options->gather_ms)
        timers_set(options->timers, &client->timer, clock_ms() + options->gather_ms);
}

static enum sio_verdict on_binary_event(struct sio_socket *socket, const struct sio_packet *packet)
{
    struct sio_client *client = socket->client;

    client->gathered = held_new(socket, packet);
    if (!client->gathered)
        return fail(client);
    client->attachments_left = (uint8_t)packet->attachments;
    await_attachments(client);
    return SIO_NOTHING;
}

/* A packet for a namespace that is joined or pending. The server asks for no acks, so each is one too many
 * and ignored. */
static enum sio_verdict on_socket_packet(struct sio_socket *socket, const struct sio_packet *packet,
                                         struct sio_message *message)
{
    switch (packet->type) {
    case SIO_DISCONNECT:
        socket_disconnect(socket, SIO_LEFT);
        break;
    case SIO_EVENT:
        return on_event(socket, packet, message);
    case SIO_BINARY_EVENT:
        return on_binary_event(socket, packet);
    case SIO_ACK:
        break;
    case SIO_BINARY_ACK:
        socket->client->attachments_left = (uint8_t)packet->attachments;
        break;
    case SIO_CONNECT:
    case SIO_CONNECT_ERROR:
        return fail(socket->client);
    }
    return SIO_NOTHING;
}

enum sio_verdict sio_client_text(struct sio_client *client, const char *text, size_t len,
                                 struct sio_message *message)
{
    struct sio_packet packet;
    struct sio_socket *socket;

    sio_client_forget(client);
    if (client->state != CLIENT_OPEN)
        return SIO_NOTHING;
    if (client->attachments_left > 0 || sio_packet_parse(text, len, &packet) != 0)
        return fail(client);
    socket = socket_find(client, packet.nsp);
    if (socket)
        return on_socket_packet(socket, &packet, message);
    return packet.type == SIO_CONNECT ? on_connect(client, &packet, message) : fail(client);
}

enum sio_verdict sio_client_binary(struct sio_client *client, const char *data, size_t len,
                                   struct sio_message *message)
{
    struct held_event *held = client->gathered;

    sio_client_forget(client);
    if (client->state != CLIENT_OPEN)
        return SIO_NOTHING;
    if (client->attachments_left == 0 || (held && held_append(client, held, data, len) != 0))
        return fail(client);
    client->attachments_left--;
    if (!held)
        return SIO_NOTHING;
    held->attachments[held->attachment_count++].len = len;
    if (client->attachments_left > 0)
        return SIO_NOTHING;
    client->gathered = NULL;
    if (client->joined)
        timers_cancel(client->options->timers, &client->timer);
    struct sio_socket *socket = held->socket;

    if (socket->state != SOCKET_JOINED) {
        DL_APPEND(socket->held, held);
        return SIO_NOTHING;
    }
    message->socket = socket;
    held_lend(client, held, &message->event);
    return SIO_SPEAKS;
}

struct sio_client *sio_client_new(const struct sio_options *options, void *session, uint64_t now_ms)
{
    struct sio_client *client = alloc_zeroed(sizeof *client);

    client->options = options;
    client->session = session;
    client->timer.fire = on_timer;
    client->timer.owner = client;
    timers_set(options->timers, &client->timer, now_ms + options->connect_timeout_ms);
    return client;
}

void sio_client_free(struct sio_client *client)
{
    if (!client)
        return;
    client_end(client, SIO_LOST);
    sio_client_forget(client);
    free(client);
}

size_t sio_client_held(const struct sio_client *client)
{
    return client->held_bytes;
}

void *sio_client_session(const struct sio_client *client)
{
    return client->session;
}

const char *sio_socket_nsp(const struct sio_socket *socket)
{
    return socket->nsp;
}

struct sio_client *sio_socket_client(const struct sio_socket *socket)
{
    return socket->client;
}

void *sio_socket_data(const struct sio_socket *socket)
{
    return socket->data;
}

void sio_socket_set_data(struct sio_socket *socket, void *data)
{
    socket->data = data;
}

static int append_quoted(struct buf *out, const char *text)
{
    return json_text_quote(text, strlen(text), out);
}

void sio_accept(struct sio_socket *socket, const char *socket_id, const char *pid)
{
    struct sio_client *client = socket->client;
    struct buf text;
    bool complete;

    if (socket->state != SOCKET_PENDING || client->state != CLIENT_OPEN)
        return;
    buf_init(&text, ANSWER_MAX);
    complete = sio_packet_head(&text, SIO_CONNECT, 0, socket->nsp, false, 0) == 0 &&
               buf_append_str(&text, "{\"sid\":") == 0 && append_quoted(&text, socket_id) == 0 &&
               (!pid || (buf_append_str(&text, ",\"pid\":") == 0 && append_quoted(&text, pid) == 0)) &&
               buf_append_str(&text, "}") == 0;
    send_text(client, &text, complete);
    if (client->state == CLIENT_OPEN) {
        socket->state = SOCKET_JOINED;
        client->refusals = 0;
        if (!client->joined)
            timers_cancel(client->options->timers, &client->timer);
        client->joined = true;
        await_attachments(client);
    }
}

bool sio_next_kept(struct sio_socket *socket, struct sio_event *event)
{
    struct held_event *held = socket->held;

    take_back(socket->client);
    if (socket->state != SOCKET_JOINED || !held)
        return false;
    DL_DELETE(socket->held, held);
    held_lend(socket->client, held, event);
    return true;
}

static bool is_on_any(const struct sio_client *client)
{
    for (const struct sio_socket *socket = client->sockets; socket; socket = socket->next)
        if (socket->state == SOCKET_JOINED)
            return true;
    return false;
}

void sio_refuse(struct sio_socket *socket, const char *message, const char *data)
{
    struct sio_client *client = socket->client;
    struct buf text;
    bool complete;

    if (socket->state != SOCKET_PENDING)
        return;
    buf_init(&text, ANSWER_MAX);
    complete = sio_packet_head(&text, SIO_CONNECT_ERROR, 0, socket->nsp, false, 0) == 0 &&
               buf_append_str(&text, "{\"message\":") == 0 && append_quoted(&text, message) == 0 &&
               (!data || (buf_append_str(&text, ",\"data\":") == 0 && buf_append_str(&text, data) == 0)) &&
               buf_append_str(&text, "}") == 0;
    send_text(client, &text, complete);
    socket_end(socket);
    if (client->refusals < SIO_REFUSALS_MAX)
        client->refusals++;
    if (client->refusals == SIO_REFUSALS_MAX && !is_on_any(client))
        client_close(client, SIO_LOST);
}

void sio_emit(struct sio_socket *socket, const char *args, size_t len,
              const struct sio_attachment *attachments, size_t attachment_count)
{
    const struct arguments arguments = {args, len, attachments, attachment_count};

    send_arguments(socket, attachment_count > 0 ? SIO_BINARY_EVENT : SIO_EVENT, NULL, &arguments);
}

void sio_ack(struct sio_socket *socket, uint64_t id, const char *args, size_t len,
             const struct sio_attachment *attachments, size_t attachment_count)
{
    const struct arguments arguments = {args, len, attachments, attachment_count};

    send_arguments(socket, attachment_count > 0 ? SIO_BINARY_ACK : SIO_ACK, &id, &arguments);
}

void sio_ack_shared(struct sio_socket *socket, uint64_t id, struct blob *json)
{
    struct sio_client *client = socket->client;
    struct buf head;

    if (socket->state != SOCKET_JOINED)
        return;
    buf_init(&head, HEAD_MAX);
    bool complete =
        sio_packet_head(&head, SIO_ACK, 0, socket->nsp, true, id) == 0 && buf_append_str(&head, "[") == 0;
    if (client->state == CLIENT_OPEN && complete) {
        client->options->carrier->send_shared(client->session, head.data, head.len, json, "]");
        buf_deinit(&head);
    } else {
        send_text(client, &head, complete);
    }
}

void sio_disconnect(struct sio_socket *socket)
{
    struct sio_client *client = socket->client;

    if (socket->state == SOCKET_ENDED)
        return;
    send_disconnect(socket);
    for (const struct sio_socket *other = client->sockets; other; other = other->next)
        if (other != socket)
            send_disconnect(other);
    client_close(client, SIO_LEFT);
}
