/* A link: see link.h. */
#include "gateway/net/link.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/clock.h"
#include "gateway/net/net.h"
#include "gateway/net/parcel.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/timers.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A body nobody asked for is read and dropped up to this size; a larger one costs the connection. */
enum { UNWANTED_BODY_MAX = 65536 };

enum link_state {
    LINK_HTTP,       /* reading requests, or waiting to answer one */
    LINK_WS,         /* a WebSocket of `user` */
    LINK_WS_CLOSING, /* our close frame is out, input is ignored until the peer's */
    LINK_LEAVING,    /* the peer is still to take the last bytes, then it is closed; input is ignored */
    LINK_GONE,       /* freed at the end of the turn */
};

enum link_exchange {
    EXCHANGE_NONE,    /* between requests, or reading a head */
    EXCHANGE_BODY,    /* the body is on its way */
    EXCHANGE_WAITING, /* the request is complete, the answer is to come */
    EXCHANGE_SENDING, /* the answer's body is on its way, piece by piece */
};

struct link {
    struct links *links;
    struct conn *conn;            /* NULL once gone */
    const struct link_user *user; /* NULL: nobody is to hear of it */
    void *data;                   /* the user's */
    enum link_state state;
    enum link_exchange exchange;
    struct peer *peer;          /* whose connection this is; NULL: a trusted proxy's */
    struct peer *guest;         /* whose client this is, of link_admit() */
    struct ip address;          /* of the client where it is known, else of the connection */
    struct bucket chatter;      /* the WebSocket's pings and pongs */
    bool in_head;               /* a request's head is due, or some of it is here */
    bool resumable;             /* in links->resumable: pipelined bytes can be read */
    bool last;                  /* the connection is closed after what is being sent */
    uint32_t counted;           /* of what has come, in the budget */
    struct http_reader *reader; /* LINK_HTTP */
    struct buf pipelined;       /* bytes behind the request being served */
    struct ws_decoder decoder;  /* LINK_WS, LINK_WS_CLOSING */
    struct parcel *sending;     /* EXCHANGE_SENDING: the body */
    uint64_t due_ms;            /* when the body, or the message, that has begun to come must be whole */
    struct timer timer;
    struct link *resumable_next;
    struct link *all_prev, *all_next; /* in links->open, or links->gone */
};

static void set_timer(struct link *link, uint64_t after_ms)
{
    timers_set(link->links->options.timers, &link->timer, clock_ms() + after_ms);
}

/* Of requests and messages of which a part has come, or that are not served yet. */
static size_t held(const struct link *link)
{
    size_t bytes = link->pipelined.size;

    return bytes + (link->reader ? http_reader_held(link->reader) : ws_decoder_held(&link->decoder));
}

static void count(struct link *link)
{
    size_t now = held(link);

    budget_move(link->links->options.budget, BUDGET_INPUT, link->counted, now);
    link->counted = (uint32_t)now;
}

/* A body or a message has begun to come. */
static void begin_input(struct link *link)
{
    link->due_ms = clock_ms() + link->links->options.body_ms;
}

/* Some more of it has come: it has until then, and no longer than that for the next bytes. */
static void await_input(struct link *link)
{
    uint64_t now = clock_ms(), stalled_ms = now + link->links->options.stall_ms;

    timers_set(link->links->options.timers, &link->timer,
               stalled_ms < link->due_ms ? stalled_ms : link->due_ms);
}

/* The peer is to take some of what it is sent. */
static void await_output(struct link *link)
{
    conn_progressed(link->conn);
    set_timer(link, link->links->options.stall_ms);
}

static void cancel_timer(struct link *link)
{
    timers_cancel(link->links->options.timers, &link->timer);
}

/* Lets go of everything but the memory. */
static void mark_gone(struct link *link)
{
    cancel_timer(link);
    link->state = LINK_GONE;
    link->user = NULL;
    link->conn = NULL;
    peer_close(link->peer, PEER_CONNECTION, clock_ms());
    peer_close(link->guest, PEER_CLIENT, clock_ms());
    link->peer = link->guest = NULL;
    DL_DELETE2(link->links->open, link, all_prev, all_next);
    DL_APPEND2(link->links->gone, link, all_prev, all_next);
}

/* Whoever does not take the last bytes is counted, and can be cut, until it has. */
static void close_link(struct link *link)
{
    if (conn_blocked(link->conn)) {
        link->state = LINK_LEAVING;
        link->user = NULL;
        await_output(link);
        return;
    }
    conn_close(link->conn);
    mark_gone(link);
}

void link_drop(struct link *link)
{
    if (link->state == LINK_GONE)
        return;
    conn_abort(link->conn);
    mark_gone(link);
}

void link_use(struct link *link, const struct link_user *user, void *data)
{
    if (link->state != LINK_HTTP && link->state != LINK_WS)
        return;
    link->user = user;
    link->data = data;
}

void *link_data(const struct link *link, const struct link_user *user)
{
    return link->user == user ? link->data : NULL;
}

/* The user, which hears nothing more of the link; NULL: there is none. */
static const struct link_user *part_with_user(struct link *link)
{
    const struct link_user *user = link->user;

    link->user = NULL;
    return user;
}

static void abandon(struct link *link)
{
    const struct link_user *user = part_with_user(link);

    if (user)
        user->lost(link->data, link);
}

static void note_refusal(const struct link *link, enum refusal refusal)
{
    refuse(link->links->options.refusals, refusal, &link->address);
}

static void ws_failed(struct link *link, enum ws_status status);

/* Whether the peer is slow to take what it is sent, but takes it. Meanwhile nothing is read from it. */
static bool is_slow(struct link *link)
{
    return conn_blocked(link->conn) && conn_progressed(link->conn);
}

static void timed_out(void *owner)
{
    struct link *link = owner;

    if (link->state != LINK_WS_CLOSING && is_slow(link)) {
        set_timer(link, link->links->options.stall_ms);
        return;
    }
    if (link->state == LINK_WS) {
        note_refusal(link, REFUSED_BODY_TIMEOUT);
        ws_failed(link, WS_STATUS_POLICY);
        return;
    }
    if (link->exchange == EXCHANGE_BODY)
        note_refusal(link, REFUSED_BODY_TIMEOUT);
    else if (link->state == LINK_HTTP && link->exchange == EXCHANGE_NONE && link->in_head)
        note_refusal(link, REFUSED_HEADER_TIMEOUT);
    abandon(link);
    link_drop(link);
}

struct link *link_new(struct links *links, struct conn *conn, struct peer *peer)
{
    struct link *link = calloc(1, sizeof *link);

    if (!link)
        return NULL;
    link->reader = http_reader_new(links->options.head_bytes);
    if (!link->reader) {
        free(link);
        return NULL;
    }
    link->links = links;
    link->conn = conn;
    link->peer = peer;
    link->address = conn_peer(conn);
    link->in_head = true;
    buf_init(&link->pipelined, LINK_PIPELINE_MAX);
    link->timer = (struct timer){.fire = timed_out, .owner = link};
    DL_APPEND2(links->open, link, all_prev, all_next);
    set_timer(link, links->options.head_ms);
    return link;
}

/* What came behind a request is read on when the turn ends: whoever answers must not find more served inside
 * its call. */
static void read_on(struct link *link)
{
    if (!link->pipelined.len || link->resumable || conn_blocked(link->conn))
        return; /* whoever does not take answers gets no more; link_writable() goes on */
    link->resumable = true;
    LL_PREPEND2(link->links->resumable, link, resumable_next);
}

static void leave_http(struct link *link)
{
    http_reader_free(link->reader);
    link->reader = NULL;
}

static void free_link(struct link *link)
{
    DL_DELETE2(link->links->gone, link, all_prev, all_next);
    if (link->resumable)
        LL_DELETE2(link->links->resumable, link, resumable_next);
    leave_http(link);
    parcel_free(link->sending);
    buf_deinit(&link->pipelined);
    ws_decoder_deinit(&link->decoder);
    count(link);
    free(link);
}

size_t link_cost(const struct link *link)
{
    size_t unsent = link->conn && conn_blocked(link->conn) ? LINK_PIECE_BYTES : 0;

    return link->counted + unsent + (link->sending ? parcel_cost(link->sending) : 0);
}

/* Picked before anybody is told: whoever is told of one may let go of others. Nothing is freed meanwhile. */
void links_sacrifice(struct links *links, bool (*is_due)(const struct link *link, void *arg), void *arg)
{
    struct link *link, **due;
    size_t count = 0;

    DL_COUNT2(links->open, link, count, all_next);
    due = alloc_zeroed((count + 1) * sizeof(struct link *));
    count = 0;
    DL_FOREACH2(links->open, link, all_next)
    if (is_due(link, arg))
        due[count++] = link;
    for (size_t i = 0; i < count; i++) {
        if (due[i]->state == LINK_GONE)
            continue;
        note_refusal(due[i], REFUSED_MEMORY);
        abandon(due[i]);
        link_drop(due[i]);
    }
    free(due);
}

void links_reap(struct links *links)
{
    while (links->gone)
        free_link(links->gone);
}

void link_closed(struct link *link)
{
    abandon(link);
    if (link->state != LINK_GONE)
        mark_gone(link);
}

/* --- HTTP --- */

static struct http_response make_response(const struct link *link, int status, const char *content_type,
                                          const char *headers)
{
    const struct http_request *request = http_reader_request(link->reader);

    return (struct http_response){
        .status = status,
        .content_type = content_type,
        .headers = headers,
        /* A body that is not read whole cannot be told from the next request. */
        .keep_alive =
            request && request->keep_alive && link->exchange == EXCHANGE_WAITING && !link->links->draining,
        .head_only = request && request->method == HTTP_METHOD_HEAD,
    };
}

/* The exchange is over as far as the others are concerned. */
static void end_exchange(struct link *link)
{
    link->user = NULL;
    link->exchange = EXCHANGE_NONE;
}

/* The response is out. */
static void go_on(struct link *link, bool keep_alive)
{
    if (!keep_alive) {
        close_link(link);
        return;
    }
    if (conn_blocked(link->conn))
        await_output(link);
    else
        set_timer(link, LINK_IDLE_MS);
    read_on(link);
}

static void respond(struct link *link, int status, const char *content_type, const char *headers,
                    const void *body, size_t n, bool keep_alive)
{
    if (link->state != LINK_HTTP)
        return;
    struct http_response response = make_response(link, status, content_type, headers);

    response.body = body;
    response.body_len = n;
    response.keep_alive = response.keep_alive && keep_alive;
    end_exchange(link);

    struct buf out;

    buf_init(&out, LINK_RESPONSE_MAX);
    if (http_respond(&out, &response) != 0)
        response.keep_alive = false; /* no memory: close without an answer */
    else
        conn_write(link->conn, out.data, out.len);
    buf_deinit(&out);

    go_on(link, response.keep_alive);
}

/* Sends what the peer takes. */
static void send_on(struct link *link)
{
    while (parcel_left(link->sending) && !conn_blocked(link->conn)) {
        size_t n;
        const char *bytes = parcel_next(link->sending, LINK_PIECE_BYTES, &n);

        conn_write(link->conn, bytes, n);
        parcel_sent(link->sending, n);
    }
    if (parcel_left(link->sending)) {
        await_output(link);
        return;
    }
    parcel_free(link->sending);
    link->sending = NULL;
    link->exchange = EXCHANGE_NONE;
    const struct link_user *user = part_with_user(link);

    if (user && user->sent)
        user->sent(link->data, link);
    go_on(link, !link->last);
}

bool link_sending(const struct link *link)
{
    return link->exchange == EXCHANGE_SENDING;
}

void link_send(struct link *link, int status, const char *content_type, const char *headers,
               struct parcel *body)
{
    if (link->state != LINK_HTTP) {
        parcel_free(body);
        return;
    }
    struct http_response response = make_response(link, status, content_type, headers);
    bool no_body = response.head_only || status == 304;
    struct buf head;

    response.body_len = body ? parcel_len(body) : 0;
    end_exchange(link);
    buf_init(&head, HTTP_HEAD_MAX);
    if (!body || http_respond_head(&head, &response) != 0) {
        buf_deinit(&head);
        parcel_free(body);
        close_link(link); /* no memory: close without an answer */
        return;
    }
    conn_write(link->conn, head.data, head.len);
    buf_deinit(&head);
    if (no_body) {
        parcel_free(body);
        go_on(link, response.keep_alive);
        return;
    }
    link->exchange = EXCHANGE_SENDING;
    link->sending = body;
    link->last = !response.keep_alive;
    send_on(link);
}

void link_respond(struct link *link, int status, const char *content_type, const char *headers,
                  const void *body, size_t n)
{
    if (n > LINK_PIECE_BYTES)
        link_send(link, status, content_type, headers,
                  parcel_new(link->links->options.budget, body, n, NULL, NULL, 0));
    else
        respond(link, status, content_type, headers, body, n, true);
}

void link_refuse(struct link *link, int status, const char *content_type, const char *headers,
                 const void *body, size_t n)
{
    respond(link, status, content_type, headers, body, n, false);
}

static void bad_request(struct link *link, int status)
{
    if (status == 414 || status == 431)
        note_refusal(link, REFUSED_HEADERS);
    link->exchange = EXCHANGE_NONE;
    abandon(link);
    link_refuse(link, status, NULL, NULL, "", 0);
}

/* Reads one step. False: stop, there is nothing more to read now. */
static bool http_step(struct link *link, char **bytes, size_t *n)
{
    const struct link_site *site = link->links->options.site;
    void *site_data = link->links->options.site_data;
    size_t used = 0;
    enum http_progress progress = http_reader_feed(link->reader, *bytes, *n, &used);

    *bytes += used;
    *n -= used;
    switch (progress) {
    case HTTP_MORE:
        if (link->exchange == EXCHANGE_NONE && used && !link->in_head) {
            link->in_head = true;
            set_timer(link, link->links->options.head_ms);
        } else if (link->exchange == EXCHANGE_BODY) {
            await_input(link);
        }
        return false;
    case HTTP_HEAD_DONE:
        link->in_head = false;
        link->exchange = EXCHANGE_BODY;
        begin_input(link);
        await_input(link);
        http_reader_body(link->reader, false, UNWANTED_BODY_MAX);
        site->head(site_data, link);
        return true;
    case HTTP_DONE:
        link->exchange = EXCHANGE_WAITING;
        cancel_timer(link);
        if (!site->request(site_data, link))
            link_respond(link, 404, NULL, NULL, "", 0);
        return true;
    case HTTP_TOO_BIG:
        note_refusal(link, REFUSED_PAYLOAD);
        if (!site->too_big(site_data, link))
            link_refuse(link, 413, NULL, NULL, "", 0);
        return false;
    case HTTP_BAD:
        break;
    }
    bad_request(link, http_reader_status(link->reader));
    return false;
}

static void ws_received(struct link *link, char *bytes, size_t n);

static void http_received(struct link *link, char *bytes, size_t n)
{
    while (link->state == LINK_HTTP) {
        if (link->exchange >= EXCHANGE_WAITING || link->resumable || conn_blocked(link->conn)) {
            if (n && buf_append(&link->pipelined, bytes, n) != 0)
                bad_request(link, 400);
            return;
        }
        if (!http_step(link, &bytes, &n))
            return;
    }
    /* Frames may follow the handshake in the same segment. */
    ws_received(link, bytes, n);
}

static void resume(struct link *link)
{
    LL_DELETE2(link->links->resumable, link, resumable_next);
    link->resumable = false;
    struct buf bytes = link->pipelined;

    buf_init(&link->pipelined, LINK_PIPELINE_MAX);
    http_received(link, bytes.data, bytes.len);
    buf_deinit(&bytes);
    count(link);
}

void links_read_on(struct links *links)
{
    while (links->resumable)
        resume(links->resumable);
}

const struct http_request *link_request(const struct link *link)
{
    return http_reader_request(link->reader);
}

void link_take_body(struct link *link, bool keep, size_t max)
{
    static const char go_on_please[] = "HTTP/1.1 100 Continue\r\n\r\n";

    http_reader_body(link->reader, keep, max);
    if (keep && link_request(link)->expects_continue)
        conn_write(link->conn, go_on_please, sizeof go_on_please - 1);
}

const struct buf *link_body(const struct link *link)
{
    return http_reader_body_bytes(link->reader);
}

const struct link_options *link_options(const struct link *link)
{
    return &link->links->options;
}

const char link_going_away[] = "This gateway is being stopped; try another\n";

bool link_draining(const struct link *link)
{
    return link->links->draining;
}

bool link_is_admin(const struct link *link)
{
    return conn_is_admin(link->conn);
}

const char *link_admit(struct link *link)
{
    struct peers *peers = link->links->options.peers;
    struct ip client = link_client(link, NULL);
    uint64_t now = clock_ms();

    if (!peers_take(peers, &client, PEER_HANDSHAKES, 1, now)) {
        refuse(link->links->options.refusals, REFUSED_HANDSHAKES, &client);
        return "Too many handshakes from your address; try again in a while\n";
    }
    link->guest = peer_open(peers, &client, PEER_CLIENT, now);
    if (!link->guest) {
        refuse(link->links->options.refusals, REFUSED_ADDRESS_CONNECTIONS, &client);
        return "Too many clients at your address\n";
    }
    return NULL;
}

bool link_ask(struct link *link, uint64_t asks)
{
    struct ip client = link_client(link, NULL);

    if (link_is_admin(link) || peers_take(link->links->options.peers, &client, PEER_ASKS, asks, clock_ms()))
        return true;
    refuse(link->links->options.refusals, REFUSED_ASKS, &client);
    return false;
}

struct peer *link_take_guest(struct link *link)
{
    struct peer *guest = link->guest;

    link->guest = NULL;
    return guest;
}

struct ip link_client(const struct link *link, bool *trusted)
{
    const char *proxies = link->links->options.trusted_proxy;
    const char *forwarded = http_reader_request(link->reader)->field[HTTP_X_FORWARDED_FOR];
    struct ip peer = conn_peer(link->conn);

    if (trusted)
        *trusted = ip_list_has(proxies, &peer);
    return ip_behind_proxies(proxies, &peer, forwarded);
}

/* --- WebSocket --- */

bool link_offers_ws(const struct link *link)
{
    const struct http_request *request = link_request(link);

    return request->method == HTTP_METHOD_GET &&
           ws_handshake_valid(request->field[HTTP_SEC_WEBSOCKET_KEY],
                              request->field[HTTP_SEC_WEBSOCKET_VERSION]);
}

void link_become_ws(struct link *link, const char *headers)
{
    if (link->state != LINK_HTTP)
        return;
    const struct http_request *request = link_request(link);
    struct buf out;

    buf_init(&out, 4096);
    if (ws_handshake_respond(&out, request->field[HTTP_SEC_WEBSOCKET_KEY],
                             request->field[HTTP_SEC_WEBSOCKET_PROTOCOL], headers) == 0)
        conn_write(link->conn, out.data, out.len);
    buf_deinit(&out);

    cancel_timer(link);
    link->address = link_client(link, NULL);
    leave_http(link);
    ws_decoder_init(&link->decoder, link->links->options.max_payload_bytes);
    count(link);
    link->exchange = EXCHANGE_NONE;
    link->state = LINK_WS;
    read_on(link); /* frames may follow the handshake at once */
}

bool link_ready(const struct link *link)
{
    return link->conn && !conn_blocked(link->conn);
}

void link_write(struct link *link, const void *frames, size_t n)
{
    if (link->conn)
        conn_write(link->conn, frames, n);
}

bool link_progressed(struct link *link)
{
    return link->conn && conn_progressed(link->conn);
}

static void write_control(struct link *link, enum ws_opcode opcode, const void *data, size_t n)
{
    struct buf out;

    buf_init(&out, WS_HEADER_MAX + WS_CONTROL_MAX);
    if (ws_frame_append(&out, opcode, data, n) == 0)
        conn_write(link->conn, out.data, out.len);
    buf_deinit(&out);
}

static void write_close(struct link *link, enum ws_status status)
{
    struct buf out;

    buf_init(&out, WS_HEADER_MAX + WS_CONTROL_MAX);
    if (ws_close_append(&out, status) == 0)
        conn_write(link->conn, out.data, out.len);
    buf_deinit(&out);
}

void link_ws_close(struct link *link, enum ws_status status)
{
    if (link->state != LINK_WS)
        return;
    write_close(link, status);
    link->user = NULL;
    link->state = LINK_WS_CLOSING;
    set_timer(link, LINK_WS_CLOSE_MS);
}

/* The peer says goodbye: its frame is echoed (unless it answers ours) and the connection closed. */
static void peer_closes(struct link *link, const struct ws_message *message)
{
    if (link->state != LINK_WS_CLOSING)
        write_control(link, WS_CLOSE, message->data, message->len < 2 ? 0 : 2);
    abandon(link);
    if (link->state != LINK_GONE)
        close_link(link);
}

static void ws_failed(struct link *link, enum ws_status status)
{
    const struct link_user *user = part_with_user(link);

    if (status == WS_STATUS_TOO_BIG)
        note_refusal(link, REFUSED_PAYLOAD);
    if (user)
        user->closed(link->data, link);
    if (link->state == LINK_WS)
        write_close(link, status);
    if (link->state != LINK_GONE)
        close_link(link);
}

/* Whether the peer sends pings and pongs without end, which no message's limit counts. */
static bool chatters(struct link *link, enum ws_opcode opcode)
{
    return (opcode == WS_PING || opcode == WS_PONG) &&
           bucket_take(&link->chatter, &link->links->options.chatter, 1, clock_ms()) == BUCKET_FLOODED;
}

static void ws_message(struct link *link, const struct ws_message *message)
{
    if (chatters(link, message->opcode)) {
        note_refusal(link, REFUSED_MESSAGES);
        ws_failed(link, WS_STATUS_POLICY);
        return;
    }
    /* What comes next has its own time; what is being gathered goes on to have it. */
    if (link->state == LINK_WS && !ws_decoder_gathers(&link->decoder))
        cancel_timer(link);
    switch (message->opcode) {
    case WS_CLOSE:
        peer_closes(link, message);
        break;
    case WS_PING:
        if (link->state == LINK_WS)
            write_control(link, WS_PONG, message->data, message->len);
        break;
    case WS_PONG:
        if (link->user && link->user->pong)
            link->user->pong(link->data);
        break;
    case WS_TEXT:
    case WS_BINARY:
        if (link->user)
            link->user->message(link->data, link, message->opcode == WS_BINARY, message->data, message->len);
    }
}

/* A message has its time from its first byte on, whatever comes between its fragments. */
static void await_rest(struct link *link, bool more)
{
    if (link->state != LINK_WS || !ws_decoder_waits(&link->decoder))
        return;
    if (!link->timer.place)
        begin_input(link);
    else if (!more)
        return;
    await_input(link);
}

static void ws_received(struct link *link, char *bytes, size_t n)
{
    size_t had = link->decoder.message.len;

    while (link->state == LINK_WS || link->state == LINK_WS_CLOSING) {
        struct ws_message message;
        enum ws_status status;
        size_t used = 0;
        enum ws_progress progress = ws_decoder_feed(&link->decoder, bytes, n, &used, &message, &status);

        bytes += used;
        n -= used;
        if (progress == WS_MORE) {
            await_rest(link, link->decoder.message.len > had);
            return;
        }
        if (progress == WS_ERROR) {
            ws_failed(link, status);
            return;
        }
        ws_message(link, &message);
    }
}

void link_received(struct link *link, char *bytes, size_t n)
{
    if (link->state == LINK_HTTP)
        http_received(link, bytes, n);
    else
        ws_received(link, bytes, n);
    count(link);
}

void link_writable(struct link *link)
{
    if (link->state == LINK_LEAVING) {
        close_link(link);
        return;
    }
    if (link->exchange == EXCHANGE_SENDING) {
        send_on(link);
        return;
    }
    if (link->state == LINK_HTTP && link->exchange == EXCHANGE_NONE && !link->in_head)
        set_timer(link, LINK_IDLE_MS);
    if (link->state == LINK_WS && link->user)
        link->user->writable(link->data);
    if (link->state != LINK_GONE)
        read_on(link);
}
