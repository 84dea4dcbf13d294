/*
 * The Engine.IO endpoint: HTTP requests and upgrades under the Engine.IO path, checked in the order
 * docs/protocol.md gives, to sessions (engineio.h); and the transport those sessions speak through. CORS as
 * well.
 */
#include "common/clock.h"
#include "common/log.h"
#include "common/origin.h"
#include "gateway/auth/token.h"
#include "gateway/net/server_private.h"
#include "gateway/protocol/engineio.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of an Authorization header as much is kept: more than any token that is taken. */
enum { AUTHORIZATION_MAX = TOKEN_MAX + 64 };

static const char JSON[] = "application/json";
static const char TEXT_HTML[] = "text/html";

/* What a request asks for, as far as the checks need it. */
struct target {
    bool polling; /* else websocket */
    bool version_ok;
    bool has_sid;
    struct eio_session *session; /* NULL: no sid, or unknown */
};

bool endpoint_owns(const struct server *server, const char *path)
{
    return !strncmp(path, server->options.path, strlen(server->options.path));
}

/* --- CORS --- */

bool cors_headers(const char *allowed, const char *origin, char *out, size_t size)
{
    if (!strcmp(allowed, "*")) {
        snprintf(out, size, "Access-Control-Allow-Origin: *\r\n");
        return true;
    }
    if (!origin) {
        snprintf(out, size, "Vary: Origin\r\n");
        return true;
    }
    if (strlen(origin) > size / 2 || !origin_list_has(allowed, origin)) {
        snprintf(out, size, "Vary: Origin\r\n");
        return false;
    }
    snprintf(out, size, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
    return true;
}

static bool cors(const struct link *link, char *out, size_t size)
{
    const char *origin = http_reader_request(link->reader)->field[HTTP_ORIGIN];
    return cors_headers(link->server->options.cors_origin, origin, out, size);
}

void cors_preflight(struct link *link)
{
    char allow[CORS_HEADERS_SIZE];
    cors(link, allow, sizeof allow);
    const char *asked = http_reader_request(link->reader)->field[HTTP_ACCESS_CONTROL_REQUEST_HEADERS];
    struct buf headers;
    buf_init(&headers, HTTP_HEAD_MAX + CORS_HEADERS_SIZE + 256);
    buf_appendf(&headers,
                "%sAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
                "Vary: Access-Control-Request-Headers\r\n",
                allow);
    if (asked)
        buf_appendf(&headers, "Access-Control-Allow-Headers: %s\r\n", asked);
    buf_append(&headers, "", 1);
    link_respond(link, 204, NULL, headers.data, "", 0);
    buf_deinit(&headers);
}

/* --- the transport --- */

/* `more`: further lines ended by CRLF, or NULL. */
static void answer(struct link *link, int status, const char *content_type, const char *more,
                   const void *body, size_t n)
{
    char allow[CORS_HEADERS_SIZE];
    char headers[CORS_HEADERS_SIZE + 128];
    cors(link, allow, sizeof allow);
    snprintf(headers, sizeof headers, "%s%s%s", allow, status == 200 ? "Cache-Control: no-store\r\n" : "",
             more ? more : "");
    if (http_reader_request(link->reader)->upgrade)
        link_refuse(link, status, content_type, headers, body, n);
    else
        link_respond(link, status, content_type, headers, body, n);
}

static void transport_reply(void *exchange, int status, const char *content_type, const void *body, size_t n)
{
    answer(exchange, status, content_type, NULL, body, n);
}

static void transport_drop(void *handle)
{
    link_drop(handle);
}

static bool transport_ws_ready(void *socket)
{
    return link_ready(socket);
}

static void transport_ws_write(void *socket, const char *frames, size_t n)
{
    link_write(socket, frames, n);
}

static void transport_ws_close(void *socket)
{
    link_ws_close(socket, WS_STATUS_NONE);
}

static void transport_ended(struct peer *guest)
{
    peer_close(guest, PEER_CLIENT, clock_ms());
}

const struct eio_transport *server_transport(void)
{
    static const struct eio_transport transport = {
        .reply = transport_reply,
        .drop = transport_drop,
        .ws_ready = transport_ws_ready,
        .ws_write = transport_ws_write,
        .ws_close = transport_ws_close,
        .ended = transport_ended,
    };
    return &transport;
}

/* --- checks --- */

static enum eio_error check(const struct server *server, const struct http_request *request,
                            struct target *target)
{
    char value[EIO_SID_MAX + 1];
    *target = (struct target){0};

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
        target->session = sid_len > 0 ? eio_find(server->eio, value) : NULL;
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
    if (http_reader_request(link->reader)->upgrade) {
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

static bool may_open(const struct server *server, struct link *link)
{
    if (server->draining)
        refuse_text(link, 503, NULL, server_going_away);
    return !server->draining;
}

static bool admit(struct server *server, struct link *link, struct eio_origin *origin)
{
    const char *error = server_admit(server, &origin->client, &origin->guest);
    if (error)
        refuse_text(link, 429, "Retry-After: 5\r\n", error);
    return !error;
}

/*
 * Whom a new session comes from, and the id a trusted proxy wants it to have. False: it cannot be had, and
 * the request is answered.
 */
static bool find_sid(struct server *server, struct link *link, struct eio_origin *origin)
{
    const char *sid = http_reader_request(link->reader)->field[HTTP_X_RIDECAST_SESSION];
    bool trusted;
    *origin = (struct eio_origin){.client = link_client(link, &trusted)};
    if (!sid || !trusted)
        return admit(server, link, origin);
    if (!eio_sid_valid(sid)) {
        refuse_text(link, 400, NULL, "X-Ridecast-Session must be 20 to 64 of A-Z a-z 0-9 _ -\n");
        return false;
    }
    if (eio_find(server->eio, sid)) {
        refuse_text(link, 400, NULL, "X-Ridecast-Session names a session that is there\n");
        return false;
    }
    memcpy(origin->sid, sid, strlen(sid));
    return admit(server, link, origin);
}

static bool find_origin(struct server *server, struct link *link, struct eio_origin *origin)
{
    const char *authorization = http_reader_request(link->reader)->field[HTTP_AUTHORIZATION];
    if (!find_sid(server, link, origin))
        return false;
    if (server->options.keeps_authorization && authorization)
        origin->authorization = strndup(authorization, AUTHORIZATION_MAX);
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

static void upgrade(struct server *server, struct link *link, const struct target *target)
{
    const struct http_request *request = http_reader_request(link->reader);
    char headers[CORS_HEADERS_SIZE];
    cors(link, headers, sizeof headers);
    if (request->method != HTTP_METHOD_GET ||
        !ws_handshake_valid(request->field[HTTP_SEC_WEBSOCKET_KEY],
                            request->field[HTTP_SEC_WEBSOCKET_VERSION])) {
        static const char message[] = "Invalid WebSocket handshake";
        link_refuse(link, 400, TEXT_HTML, "Sec-WebSocket-Version: 13, 8\r\n", message, sizeof message - 1);
        return;
    }

    bool opens = !target->session && !target->polling;
    struct eio_origin origin;
    if (opens && (!may_open(server, link) || !find_origin(server, link, &origin)))
        return;
    bool attached = target->session && !target->polling && eio_ws_attach(target->session, link);
    if (opens)
        log_opening(&origin, "WebSocket");
    link_become_ws(link, headers, attached ? target->session : NULL, NULL);
    if (attached)
        return;
    if (!opens) {
        link_ws_close(link, WS_STATUS_NONE);
        return;
    }
    struct eio_session *session = eio_open_ws(server->eio, link, &origin);
    if (link->state == LINK_WS_SESSION)
        link->session = session;
}

static void open_polling(struct server *server, struct link *link)
{
    struct eio_origin origin;
    if (!may_open(server, link) || !find_origin(server, link, &origin))
        return;
    log_opening(&origin, "polling");
    eio_open_polling(server->eio, link, &origin);
}

static void begin_post(struct server *server, struct link *link, struct eio_session *session)
{
    const struct http_request *request = http_reader_request(link->reader);
    const char *type = request->field[HTTP_CONTENT_TYPE];
    if (type && !strncasecmp(type, "application/octet-stream", 24)) {
        eio_post_refused(session, link, true);
        answer_error(link, EIO_BAD_REQUEST);
        return;
    }
    if (eio_post_begin(session, link))
        return;
    link->session = session;
    http_reader_body(link->reader, true, server->options.max_payload_bytes);
    if (request->expects_continue) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        link_write(link, go_on, sizeof go_on - 1);
    }
}

/* What is wrong with the request; `target` is filled as far as it is right. */
static enum eio_error judge(const struct server *server, const struct link *link, struct target *target)
{
    char headers[CORS_HEADERS_SIZE];
    if (!cors(link, headers, sizeof headers))
        return EIO_FORBIDDEN;
    return check(server, http_reader_request(link->reader), target);
}

void endpoint_head(struct server *server, struct link *link)
{
    const struct http_request *request = http_reader_request(link->reader);
    http_reader_body(link->reader, false, server->options.max_payload_bytes);
    if (request->method != HTTP_METHOD_POST || request->upgrade)
        return;
    struct target target;
    if (judge(server, link, &target) == EIO_OK)
        begin_post(server, link, target.session);
}

void endpoint_too_big(struct link *link)
{
    if (link->session)
        eio_post_refused(link->session, link, false);
    link->session = NULL;
    answer(link, 413, NULL, NULL, "", 0);
}

void endpoint_request(struct server *server, struct link *link)
{
    const struct http_request *request = http_reader_request(link->reader);
    if (link->session) {
        const struct buf *body = http_reader_body_bytes(link->reader);
        struct eio_session *session = link->session;
        link->session = NULL;
        eio_post(session, link, body->data, body->len);
        return;
    }
    if (request->method == HTTP_METHOD_OPTIONS) {
        cors_preflight(link);
        return;
    }
    char headers[CORS_HEADERS_SIZE];
    struct target target;
    enum eio_error error =
        cors(link, headers, sizeof headers) ? check(server, request, &target) : EIO_FORBIDDEN;
    if (error != EIO_OK) {
        answer_error(link, error);
    } else if (request->upgrade) {
        upgrade(server, link, &target);
    } else if (!target.session) {
        open_polling(server, link);
    } else if (request->method == HTTP_METHOD_GET) {
        link->session = target.session;
        eio_get(target.session, link);
    } else {
        answer(link, 500, NULL, NULL, "", 0);
    }
}
