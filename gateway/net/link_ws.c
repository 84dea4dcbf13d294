/* A link's WebSocket: frames in and out, and its end. See link.h. */
#include "gateway/net/link.h"

#include "common/clock.h"
#include "gateway/net/link_state.h"
#include "gateway/net/net.h"
#include "gateway/net/refusals.h"

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

    link_cancel_timer(link);
    link_leave_http(link);
    link->is_ws = true;
    ws_decoder_init(&link->decoder, link->links->options.max_payload_bytes);
    link_count(link);
    link->exchange = EXCHANGE_NONE;
    link->state = LINK_WS;
    link_read_on(link); /* frames may follow the handshake at once */
}

bool link_ready(const struct link *link)
{
    return link->conn && !conn_blocked(link->conn);
}

void link_write(struct link *link, const void *frames, size_t n)
{
    conn_write(link->conn, frames, n);
}

bool link_progressed(const struct link *link, uint32_t *mark)
{
    return conn_progressed(link->conn, mark);
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

/* Whether neither side has said goodbye. */
static bool is_open(const struct link *link)
{
    return link->state == LINK_WS || link->state == LINK_WS_DISMISSED;
}

void link_ws_close(struct link *link, enum ws_status status)
{
    if (!is_open(link))
        return;
    write_close(link, status);
    link->user = NULL;
    link->state = LINK_WS_CLOSING;
    link_set_timer(link, LINK_WS_CLOSE_MS);
}

void link_ws_dismiss(struct link *link)
{
    if (link->state != LINK_WS)
        return;
    link->user = NULL;
    link->state = LINK_WS_DISMISSED;
    if (conn_blocked(link->conn))
        link_await_output(link);
    else
        link_set_timer(link, LINK_WS_DISMISS_MS);
}

/* The peer says goodbye: its frame is echoed (unless it answers ours) and the connection closed. */
static void peer_closes(struct link *link, const struct ws_message *message)
{
    if (is_open(link))
        write_control(link, WS_CLOSE, message->data, message->len < 2 ? 0 : 2);
    link_abandon(link);
    if (link->state != LINK_GONE)
        link_end(link);
}

void link_ws_failed(struct link *link, enum ws_status status)
{
    const struct link_user *user = link_part(link);

    if (status == WS_STATUS_TOO_BIG)
        link_refused(link, REFUSED_PAYLOAD);
    if (user)
        user->closed(link->data, link);
    if (is_open(link))
        write_close(link, status);
    if (link->state != LINK_GONE)
        link_end(link);
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
        link_refused(link, REFUSED_MESSAGES);
        link_ws_failed(link, WS_STATUS_POLICY);
        return;
    }
    /* What comes next has its own time; what is being gathered goes on to have it. */
    if (link->state == LINK_WS && !ws_decoder_gathers(&link->decoder))
        link_cancel_timer(link);
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
        link_begin_input(link);
    else if (!more)
        return;
    link_await_input(link);
}

void link_ws_received(struct link *link, char *bytes, size_t n)
{
    size_t had = ws_decoder_gathered(&link->decoder);

    while (is_open(link) || link->state == LINK_WS_CLOSING) {
        struct ws_message message;
        enum ws_status status;
        size_t used = 0;
        enum ws_progress progress = ws_decoder_feed(&link->decoder, bytes, n, &used, &message, &status);

        bytes += used;
        n -= used;
        if (progress == WS_MORE) {
            await_rest(link, ws_decoder_gathered(&link->decoder) > had);
            return;
        }
        if (progress == WS_ERROR) {
            link_ws_failed(link, status);
            return;
        }
        ws_message(link, &message);
    }
}
