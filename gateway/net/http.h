/*
 * HTTP/1.1 requests from bytes and responses to bytes (RFC 9110, 9112). Pure: no socket, no clock.
 *
 * Parsing is llhttp's or http_parser's (http_parse.h); this module gathers what the gateway needs, holds both
 * to one strictness, and keeps the limits: request line and headers together at most what the caller allows
 * (HTTP_HEAD_MAX bytes by default) and HTTP_HEADERS_MAX fields, the body at most what the caller allows.
 * Bodies may be chunked; then what is between two pieces of one (a size, extensions), or behind the last
 * (trailers), has the head's limit again. Pipelined requests are given out one by one. Memory is bounded by
 * the limits from the first byte on.
 */
#ifndef RIDECAST_GATEWAY_NET_HTTP_H
#define RIDECAST_GATEWAY_NET_HTTP_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_HEAD_MAX = 16384, HTTP_HEADERS_MAX = 200 };

/* The parsers have an `enum http_method` of their own. */
enum http_request_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_OTHER,
};

/* The header fields the gateway reads; a field that came more than once is joined with ", ". NULL: absent. */
enum http_field {
    HTTP_HOST,
    HTTP_ORIGIN,
    HTTP_CONNECTION,
    HTTP_UPGRADE,
    HTTP_CONTENT_TYPE,
    HTTP_EXPECT,
    HTTP_ACCESS_CONTROL_REQUEST_HEADERS,
    HTTP_SEC_WEBSOCKET_KEY,
    HTTP_SEC_WEBSOCKET_VERSION,
    HTTP_SEC_WEBSOCKET_PROTOCOL,
    HTTP_ACCEPT,
    HTTP_ACCEPT_ENCODING,
    HTTP_IF_MODIFIED_SINCE,
    HTTP_IF_NONE_MATCH,
    HTTP_AUTHORIZATION,
    HTTP_X_FORWARDED_FOR,
    HTTP_X_RIDECAST_SESSION,
    HTTP_FIELDS,
};

struct http_request {
    enum http_request_method method;
    const char *path;               /* as it came, before any '?'; NUL-terminated */
    const char *query;              /* after the '?', "" when there is none; still percent-encoded */
    const char *field[HTTP_FIELDS]; /* NUL-terminated, without white space around */
    bool keep_alive;                /* the peer will read another response on this connection */
    bool upgrade;                   /* asks for `Upgrade: websocket` (any case) with `Connection: upgrade` */
    bool expects_continue;          /* waits for `100 Continue` before sending the body */
    bool has_body;                  /* Content-Length above 0, or chunked; that of an upgrade comes first */
};

enum http_progress {
    HTTP_MORE,      /* all bytes are used, the request is not complete */
    HTTP_HEAD_DONE, /* request line and headers are complete; call http_reader_body(), feed the rest */
    HTTP_DONE,      /* the body is complete too; without one, the next feed says so */
    HTTP_TOO_BIG,   /* the body is over the limit; the connection can only be answered and closed */
    HTTP_BAD,       /* not HTTP, or over a limit: answer http_reader_status() and close */
};

struct http_reader;

/* For heads of up to `head_max` bytes. NULL: no memory. Freeing NULL is harmless. */
struct http_reader *http_reader_new(size_t head_max);
void http_reader_free(struct http_reader *reader);

/*
 * Reads some of `bytes` and stops at the next thing to say; `*used` tells how many were consumed. Call again
 * with the rest until it says HTTP_MORE, which it does at once for no bytes. At HTTP_HEAD_DONE at least one
 * byte is left.
 *
 * A request may be the last of its connection: after HTTP_DONE of one without `keep_alive` the rest is not to
 * be fed, and after one with `upgrade` that was accepted the rest is the new protocol's. HTTP_TOO_BIG and
 * HTTP_BAD are final.
 */
enum http_progress http_reader_feed(struct http_reader *reader, const char *bytes, size_t n, size_t *used);

/*
 * How to take the body: keep up to `max` bytes (HTTP_TOO_BIG past that), or, with `keep` false, drop up to
 * `max`. The last call counts.
 */
void http_reader_body(struct http_reader *reader, bool keep, size_t max);

/*
 * The request, since HTTP_HEAD_DONE, and its body, since HTTP_DONE. Owned by the reader, which frees both in
 * the first feed after HTTP_DONE, even one of no bytes: a reader between requests holds no memory but itself.
 */
const struct http_request *http_reader_request(const struct http_reader *reader);
const struct buf *http_reader_body_bytes(const struct http_reader *reader);

/* The bytes it holds: of a head, and of a body that is kept. */
size_t http_reader_held(const struct http_reader *reader);

/* The status to answer HTTP_BAD with: 400, 414, 431, or 503 when memory ran out. */
int http_reader_status(const struct http_reader *reader);

/*
 * One parameter of a query string, percent-decoded ('+' is a space; names are compared as they came) into
 * `out` (at most `size` - 1 bytes and a NUL). The first occurrence counts. -1: absent; -2: too long for
 * `out`, badly encoded, or holding a NUL; else its length.
 */
int http_query_get(const char *query, const char *name, char *out, size_t size);

/* The same of a whole path, in which '+' is one; its slashes are those that came and those that were encoded.
 */
int http_path_decode(const char *path, char *out, size_t size);

struct http_response {
    int status;
    const char *content_type; /* NULL: no such line */
    const char *headers;      /* further lines, each ended by CRLF; NULL: none */
    const void *body;
    size_t body_len; /* of a 304: ignored */
    bool keep_alive; /* false adds `Connection: close` */
    bool head_only;  /* answers HEAD: Content-Length without the body */
};

/* Appends the whole response. 0, or -1 when `out` is full (and unchanged). */
int http_respond(struct buf *out, const struct http_response *response);

/* The same without the body, which the caller sends itself. */
int http_respond_head(struct buf *out, const struct http_response *response);

#endif
