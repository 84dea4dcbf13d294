/* A link's exchanges: requests in, answers out. See link.h. */
#include "gateway/net/link.h"

#include "gateway/net/link_state.h"
#include "gateway/net/net.h"
#include "gateway/net/parcel.h"
#include "gateway/net/refusals.h"

#include <utlist.h>

/* A body nobody asked for is read and dropped up to this size; a larger one costs the connection. */
enum { UNWANTED_BODY_MAX = 65536 };

/* What came behind a request is read on when the turn ends: whoever answers must not find more served inside
 * its call. */
void link_read_on(struct link *link)
{
    if (!link->pipelined.len || link->resumable || conn_blocked(link->conn))
        return; /* whoever does not take answers gets no more; link_writable() goes on */
    link->resumable = true;
    LL_PREPEND2(link->links->resumable, link, resumable_next);
}

void link_leave_http(struct link *link)
{
    http_reader_free(link->http.reader);
    parcel_free(link->http.sending);
}

static struct http_response make_response(const struct link *link, int status, const char *content_type,
                                          const char *headers)
{
    const struct http_request *request = http_reader_request(link->http.reader);

    return (struct http_response){
        .status = status,
        .content_type = content_type,
        .headers = headers,
        /* A body that is not read whole cannot be told from the next request. */
        .keep_alive = link->conn && request && request->keep_alive && link->exchange == EXCHANGE_WAITING &&
                      !link->links->draining,
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
        link_end(link);
        return;
    }
    if (conn_blocked(link->conn))
        link_await_output(link);
    else
        link_set_timer(link, LINK_IDLE_MS);
    link_read_on(link);
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

void link_send_on(struct link *link)
{
    while (parcel_left(link->http.sending) && !conn_blocked(link->conn)) {
        size_t n;
        const char *bytes = parcel_next(link->http.sending, LINK_PIECE_BYTES, &n);

        conn_write(link->conn, bytes, n);
        parcel_sent(link->http.sending, n);
    }
    if (parcel_left(link->http.sending)) {
        link_await_output(link);
        return;
    }
    parcel_free(link->http.sending);
    link->http.sending = NULL;
    link->exchange = EXCHANGE_NONE;
    const struct link_user *user = link_part(link);

    if (user && user->sent)
        user->sent(link->data, link);
    go_on(link, !link->http.last);
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
        link_end(link); /* no memory: close without an answer */
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
    link->http.sending = body;
    link->http.last = !response.keep_alive;
    link_send_on(link);
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
        link_refused(link, REFUSED_HEADERS);
    link->exchange = EXCHANGE_NONE;
    link_abandon(link);
    link_refuse(link, status, NULL, NULL, "", 0);
}

/* Whose request it is, now that its head is here. */
static void learn_client(struct link *link)
{
    const char *proxies = link->links->options.trusted_proxy;
    const char *forwarded = link_request(link)->field[HTTP_X_FORWARDED_FOR];
    const struct ip *peer = &link->http.peer;

    link->behind_proxy = ip_list_has(proxies, peer);
    link->address = ip_behind_proxies(proxies, peer, forwarded);
    if (forwarded && !link->behind_proxy && link->peer)
        refusals_warn_of_proxy(link->links->options.refusals, peer);
}

/* Reads one step. False: stop, there is nothing more to read now. */
static bool http_step(struct link *link, char **bytes, size_t *n)
{
    const struct link_site *site = link->links->options.site;
    void *site_data = link->links->options.site_data;
    size_t used = 0;
    enum http_progress progress = http_reader_feed(link->http.reader, *bytes, *n, &used);

    *bytes += used;
    *n -= used;
    switch (progress) {
    case HTTP_MORE:
        if (link->exchange == EXCHANGE_NONE && used && !link->in_head) {
            link->in_head = true;
            link->address = link->http.peer;
            link_set_timer(link, link->links->options.head_ms);
        } else if (link->exchange == EXCHANGE_BODY) {
            link_await_input(link);
        }
        return false;
    case HTTP_HEAD_DONE:
        link->in_head = false;
        link->exchange = EXCHANGE_BODY;
        learn_client(link);
        link_begin_input(link);
        link_await_input(link);
        http_reader_body(link->http.reader, false, UNWANTED_BODY_MAX);
        site->head(site_data, link);
        return true;
    case HTTP_DONE:
        link->exchange = EXCHANGE_WAITING;
        link_cancel_timer(link);
        if (!site->request(site_data, link))
            link_respond(link, 404, NULL, NULL, "", 0);
        return true;
    case HTTP_TOO_BIG:
        link_refused(link, REFUSED_PAYLOAD);
        if (!site->too_big(site_data, link))
            link_refuse(link, 413, NULL, NULL, "", 0);
        return false;
    case HTTP_BAD:
        break;
    }
    bad_request(link, http_reader_status(link->http.reader));
    return false;
}

void link_http_received(struct link *link, char *bytes, size_t n)
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
    if (link->is_ws) /* frames may follow the handshake in the same segment */
        link_ws_received(link, bytes, n);
}

static void resume(struct link *link)
{
    LL_DELETE2(link->links->resumable, link, resumable_next);
    link->resumable = false;
    struct buf bytes = link->pipelined;

    buf_init(&link->pipelined, LINK_PIPELINE_MAX);
    link_http_received(link, bytes.data, bytes.len);
    buf_deinit(&bytes);
    link_count(link);
}

void links_read_on(struct links *links)
{
    while (links->resumable)
        resume(links->resumable);
}

const struct http_request *link_request(const struct link *link)
{
    return http_reader_request(link->http.reader);
}

void link_take_body(struct link *link, bool keep, size_t max)
{
    static const char go_on_please[] = "HTTP/1.1 100 Continue\r\n\r\n";

    http_reader_body(link->http.reader, keep, max);
    if (keep && link_request(link)->expects_continue)
        conn_write(link->conn, go_on_please, sizeof go_on_please - 1);
}

const struct buf *link_body(const struct link *link)
{
    return http_reader_body_bytes(link->http.reader);
}
