/* The Engine.IO endpoint: see endpoint.h. */
#include "gateway/protocol/endpoint.h"

#include "common/alloc.h"
#include "common/log.h"
#include "gateway/net/cors.h"
#include "gateway/net/link.h"
#include "gateway/protocol/engineio.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char JSON[] = "application/json";
static const char TEXT_HTML[] = "text/html";

/* What a request asks for, as far as the checks need it. */
struct target {
    bool polling; /* else websocket */
    bool version_ok;
    bool has_sid;
    struct eio_session *session; /* NULL: no sid, or unknown */
};

/* --- a link that a session waits on, or speaks over --- */

static void session_message(void *data, struct link *link, bool binary, char *bytes, size_t len)
{
    eio_ws_message(data, link, binary, bytes, len);
}

static void session_writable(void *data)
{
    struct eio_session *session = data;

    outlet_touch(&session->outlet);
}

static void session_closed(void *data, struct link *link)
{
    eio_ws_flush(data, link);
    eio_lost(data, link);
}

static void session_lost(void *data, struct link *link)
{
    eio_lost(data, link);
}

static const struct link_user SESSION = {
    .message = session_message,
    .writable = session_writable,
    .closed = session_closed,
    .lost = session_lost,
};

/* --- the transport --- */

/* `more`: further lines ended by CRLF, or NULL. */
static void answer(struct link *link, int status, const char *content_type, const char *more,
                   const void *body, size_t n)
{
    char allow[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 128];

    cors_headers(link, allow);
    snprintf(headers, sizeof headers, "%s%s%s", allow, status == 200 ? "Cache-Control: no-store\r\n" : "",
             more ? more : "");
    if (link_request(link)->upgrade)
        link_refuse(link, status, content_type, headers, body, n);
    else
        link_respond(link, status, content_type, headers, body, n);
}

static void answer_over(void *data, struct link *link)
{
    eio_answered(data, link);
}

/* A poll whose answer is on its way. */
static const struct link_user ANSWERED = {.sent = answer_over, .lost = answer_over};

/* To a poll. */
static bool transport_send(void *exchange, const char *content_type, struct parcel *body,
                           struct eio_session *session)
{
    char allow[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 128];

    cors_headers(exchange, allow);
    snprintf(headers, sizeof headers, "%sCache-Control: no-store\r\n", allow);
    link_send(exchange, 200, content_type, headers, body);
    if (!link_sending(exchange))
        return false;
    link_use(exchange, &ANSWERED, session);
    return true;
}

static void transport_let_go(void *exchange)
{
    link_use(exchange, NULL, NULL);
}

static void transport_reply(void *exchange, int status, const char *content_type, const void *body, size_t n)
{
    answer(exchange, status, content_type, NULL, body, n);
}

static void transport_drop(void *handle)
{
    link_drop(handle);
}

static bool transport_ready(void *handle)
{
    return link_ready(handle);
}

static bool transport_ws_progressed(void *socket, uint32_t *mark)
{
    return link_progressed(socket, mark);
}

static void transport_ws_write(void *socket, const char *frames, size_t n)
{
    link_write(socket, frames, n);
}

static void transport_ws_close(void *socket)
{
    link_ws_close(socket, WS_STATUS_NONE);
}

static void transport_ws_dismiss(void *socket)
{
    link_ws_dismiss(socket);
}

const struct eio_transport *endpoint_transport(void)
{
    static const struct eio_transport transport = {
        .reply = transport_reply,
        .send = transport_send,
        .let_go = transport_let_go,
        .drop = transport_drop,
        .ready = transport_ready,
        .ws_progressed = transport_ws_progressed,
        .ws_write = transport_ws_write,
        .ws_close = transport_ws_close,
        .ws_dismiss = transport_ws_dismiss,
    };

    return &transport;
}

/* --- checks --- */

/* What is wrong with the request; `target` is filled as far as it is right. */
static enum eio_error check(const struct endpoint *endpoint, const struct link *link, struct target *target)
{
    const struct http_request *request = link_request(link);
    char cors[CORS_HEADERS_SIZE];
    char value[EIO_SID_MAX + 1];

    *target = (struct target){0};
    if (!cors_headers(link, cors))
        return EIO_FORBIDDEN;
    if (http_query_get(request->query, "transport", value, sizeof value) < 0)
        return EIO_UNKNOWN_TRANSPORT;
    target->polling = !strcmp(value, "polling");
    if (!target->polling && strcmp(value, "websocket") != 0)
        return EIO_UNKNOWN_TRANSPORT;
    target->version_ok =
        http_query_get(request->query, "EIO", value, sizeof value) > 0 && !strcmp(value, "4");

    int sid_len = http_query_get(request->query, "sid", value, sizeof value);

    target->has_sid = sid_len != -1 && sid_len != 0;
    if (target->has_sid) {
        target->session = sid_len > 0 ? eio_find(endpoint->eio, value) : NULL;
        if (!target->session)
            return EIO_UNKNOWN_SID;
        if (!request->upgrade && target->polling != (target->session->state == EIO_POLLING))
            return EIO_BAD_REQUEST;
        return target->version_ok ? EIO_OK : EIO_BAD_REQUEST;
    }
    if (request->method != HTTP_METHOD_GET)
        return EIO_BAD_HANDSHAKE_METHOD;
    if (!target->polling && !request->upgrade)
        return EIO_BAD_REQUEST;
    return target->version_ok ? EIO_OK : EIO_UNSUPPORTED_VERSION;
}

static void answer_error(struct link *link, enum eio_error error)
{
    int status = error == EIO_FORBIDDEN ? 403 : 400;

    if (link_request(link)->upgrade) {
        const char *message = eio_error_message(error);

        answer(link, status, TEXT_HTML, NULL, message, strlen(message));
        return;
    }
    char body[EIO_ERROR_BODY_SIZE];

    eio_error_body(error, body, sizeof body);
    answer(link, status, JSON, NULL, body, strlen(body));
}

static void refuse_text(struct link *link, int status, const char *headers, const char *text)
{
    answer(link, status, "text/plain; charset=utf-8", headers, text, strlen(text));
}

/* --- opening --- */

static bool admit(struct link *link, struct eio_origin *origin)
{
    const char *error = link_admit(link);

    if (error)
        refuse_text(link, 429, "Retry-After: 5\r\n", error);
    origin->guest = link_take_guest(link);
    return !error;
}

/*
 * Whom a new session comes from, and the id a trusted proxy wants it to have. False: it cannot be had, and
 * the request is answered.
 */
static bool find_sid(const struct endpoint *endpoint, struct link *link, struct eio_origin *origin)
{
    const char *sid = link_request(link)->field[HTTP_X_RIDECAST_SESSION];
    bool trusted;

    *origin = (struct eio_origin){.client = link_client(link, &trusted)};
    if (!sid || !trusted)
        return admit(link, origin);
    if (!eio_sid_valid(sid)) {
        refuse_text(link, 400, NULL, "X-Ridecast-Session must be 20 to 64 of A-Z a-z 0-9 _ -\n");
        return false;
    }
    if (eio_find(endpoint->eio, sid)) {
        refuse_text(link, 400, NULL, "X-Ridecast-Session names a session that is there\n");
        return false;
    }
    memcpy(origin->sid, sid, strlen(sid));
    return admit(link, origin);
}

/* `recover=0` or `recover=false` */
static bool declines_recovery(const struct http_request *request)
{
    char value[sizeof "false"];

    return http_query_get(request->query, "recover", value, sizeof value) > 0 &&
           (!strcmp(value, "0") || !strcmp(value, "false"));
}

/* The same, with what else is known of it; also false where no clients are taken any more. */
static bool find_origin(const struct endpoint *endpoint, struct link *link, struct eio_origin *origin)
{
    const char *authorization = link_request(link)->field[HTTP_AUTHORIZATION];

    if (link_draining(link)) {
        refuse_text(link, 503, NULL, link_going_away);
        return false;
    }
    if (!find_sid(endpoint, link, origin))
        return false;
    origin->declines_recovery = declines_recovery(link_request(link));
    if (endpoint->authorization_max && authorization)
        origin->authorization =
            alloc_text(authorization, strnlen(authorization, endpoint->authorization_max));
    return true;
}

static void log_opening(const struct eio_origin *origin, const char *transport)
{
    char client[IP_TEXT_SIZE];

    if (!log_enabled(LOG_LEVEL_DEBUG))
        return;
    ip_print(&origin->client, client);
    log_debug("gateway", "%s opens a session over %s", client, transport);
}

/* --- requests --- */

static void upgrade(const struct endpoint *endpoint, struct link *link, const struct target *target)
{
    bool opens = !target->session && !target->polling;
    char headers[CORS_HEADERS_SIZE];
    struct eio_origin origin;

    cors_headers(link, headers);
    if (!link_offers_ws(link)) {
        static const char message[] = "Invalid WebSocket handshake";

        link_refuse(link, 400, TEXT_HTML, "Sec-WebSocket-Version: 13, 8\r\n", message, sizeof message - 1);
        return;
    }
    if (opens && !find_origin(endpoint, link, &origin))
        return;
    if (opens)
        log_opening(&origin, "WebSocket");
    bool attached = target->session && !target->polling && eio_ws_attach(target->session, link);

    link_become_ws(link, headers);
    if (attached)
        link_use(link, &SESSION, target->session);
    else if (opens)
        link_use(link, &SESSION, eio_open_ws(endpoint->eio, link, &origin));
    else
        link_ws_close(link, WS_STATUS_NONE);
}

static void open_polling(const struct endpoint *endpoint, struct link *link)
{
    struct eio_origin origin;

    if (!find_origin(endpoint, link, &origin))
        return;
    log_opening(&origin, "polling");
    eio_open_polling(endpoint->eio, link, &origin);
}

static void begin_post(const struct endpoint *endpoint, struct link *link, struct eio_session *session)
{
    const char *type = link_request(link)->field[HTTP_CONTENT_TYPE];

    if (type && !strncasecmp(type, "application/octet-stream", 24)) {
        eio_post_refused(session, link, true);
        answer_error(link, EIO_BAD_REQUEST);
        return;
    }
    if (eio_post_begin(session, link) != 0)
        return;
    link_use(link, &SESSION, session);
    link_take_body(link, true, endpoint->max_payload_bytes);
}

/* Whether the request is a client's. */
static bool is_ours(const struct endpoint *endpoint, const struct link *link)
{
    return !link_is_admin(link) && !strncmp(link_request(link)->path, endpoint->path, strlen(endpoint->path));
}

bool endpoint_head(const struct endpoint *endpoint, struct link *link)
{
    const struct http_request *request = link_request(link);
    struct target target;

    if (!is_ours(endpoint, link))
        return false;
    link_take_body(link, false, endpoint->max_payload_bytes);
    if (request->method == HTTP_METHOD_POST && !request->upgrade && check(endpoint, link, &target) == EIO_OK)
        begin_post(endpoint, link, target.session);
    return true;
}

bool endpoint_too_big(const struct endpoint *endpoint, struct link *link)
{
    struct eio_session *session = link_data(link, &SESSION);

    if (!is_ours(endpoint, link))
        return false;
    if (session)
        eio_post_refused(session, link, false);
    answer(link, 413, NULL, NULL, "", 0);
    return true;
}

bool endpoint_request(const struct endpoint *endpoint, struct link *link)
{
    const struct http_request *request = link_request(link);
    struct eio_session *posting = link_data(link, &SESSION);
    struct target target;

    if (!is_ours(endpoint, link))
        return false;
    if (posting) {
        const struct buf *body = link_body(link);

        link_use(link, NULL, NULL);
        eio_post(posting, link, body->data, body->len);
        return true;
    }
    if (request->method == HTTP_METHOD_OPTIONS) {
        cors_preflight(link);
        return true;
    }
    enum eio_error error = check(endpoint, link, &target);

    if (error != EIO_OK) {
        answer_error(link, error);
    } else if (request->upgrade) {
        upgrade(endpoint, link, &target);
    } else if (!target.session) {
        open_polling(endpoint, link);
    } else if (request->method == HTTP_METHOD_GET) {
        link_use(link, &SESSION, target.session);
        eio_get(target.session, link);
    } else {
        answer(link, 500, NULL, NULL, "", 0);
    }
    return true;
}
