/*
 * HTTP/1.1: see http.h.
 *
 * The parser (http_parse.h) calls back for each piece of a request; the callbacks gather what the gateway
 * needs. Where there is something to say (the head, the end) the callback notes it and stops the parser,
 * which then returns to http_reader_feed(). Where llhttp and http_parser would answer differently, the
 * stricter answer is given here, except that line ends and folded values are taken as RFC 9112 allows.
 *
 *   feed ─▶ on_url, on_header_field, on_header_value … on_headers_complete ─▶ HTTP_HEAD_DONE
 *   feed ─▶ on_body … on_message_complete ─▶ HTTP_DONE
 */
#include "gateway/net/http.h"

#include "gateway/net/http_parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELD_NAME_MAX = 32 };

static const char *const field_names[HTTP_FIELDS] = {
    [HTTP_HOST] = "host",
    [HTTP_ORIGIN] = "origin",
    [HTTP_CONNECTION] = "connection",
    [HTTP_UPGRADE] = "upgrade",
    [HTTP_CONTENT_TYPE] = "content-type",
    [HTTP_EXPECT] = "expect",
    [HTTP_ACCESS_CONTROL_REQUEST_HEADERS] = "access-control-request-headers",
    [HTTP_SEC_WEBSOCKET_KEY] = "sec-websocket-key",
    [HTTP_SEC_WEBSOCKET_VERSION] = "sec-websocket-version",
    [HTTP_SEC_WEBSOCKET_PROTOCOL] = "sec-websocket-protocol",
    [HTTP_ACCEPT] = "accept",
    [HTTP_ACCEPT_ENCODING] = "accept-encoding",
    [HTTP_IF_MODIFIED_SINCE] = "if-modified-since",
    [HTTP_IF_NONE_MATCH] = "if-none-match",
    [HTTP_AUTHORIZATION] = "authorization",
    [HTTP_X_FORWARDED_FOR] = "x-forwarded-for",
    [HTTP_X_RIDECAST_SESSION] = "x-ridecast-session",
};

struct http_reader {
    http_parser parser;
    struct http_request request; /* filled at the end of the head; until then field[] only tells which came */
    enum http_progress progress; /* what was said last */
    int status;                  /* of HTTP_BAD */
    bool head_done;
    unsigned char last; /* byte of the head that was read */
    size_t head_len, head_max;
    unsigned header_count;
    struct buf target;             /* the request target; cut into path and query at the end of the head */
    struct buf field[HTTP_FIELDS]; /* values; each byte of one was a byte of the head, so that limit holds
                                      here too */
    bool in_name;                  /* a field's name is being read, not yet its value */
    char name[FIELD_NAME_MAX];
    size_t name_len;         /* FIELD_NAME_MAX: longer than any of field_names */
    enum http_field current; /* whose value is being read; HTTP_FIELDS: nobody's */
    bool keep_body;
    uint64_t body_left; /* bytes of body that may still come */
    /* Between the head or a piece of body and the next: sizes of chunks, their extensions, trailers. */
    size_t framing_len;
    const char *framing_from; /* in what is being fed: the first byte of it not counted yet */
    struct buf body;
};

/* Makes the running callback fail, and with it the request. */
static int refuse(struct http_reader *reader, int status)
{
    reader->status = status;
    return -1;
}

static int gather(struct http_reader *reader, struct buf *buf, const char *at, size_t n)
{
    return buf_append(buf, at, n) != 0 ? refuse(reader, HTTP_STATUS_SERVICE_UNAVAILABLE) : 0;
}

/* ---- the head ---- */

static int on_url(http_parser *parser, const char *at, size_t n)
{
    struct http_reader *reader = parser->data;

    /* Visible ASCII (RFC 3986); http_parser as Debian builds it lets more pass. */
    for (size_t i = 0; i < n; i++)
        if (at[i] <= ' ' || at[i] > '~')
            return refuse(reader, HTTP_STATUS_BAD_REQUEST);
    return gather(reader, &reader->target, at, n);
}

static int on_header_field(http_parser *parser, const char *at, size_t n)
{
    struct http_reader *reader = parser->data;

    /* RFC 9112 section 5.1: no space before the colon. http_parser as Debian builds it lets it pass. */
    if (memchr(at, ' ', n))
        return refuse(reader, HTTP_STATUS_BAD_REQUEST);
    if (!reader->in_name) {
        reader->in_name = true;
        reader->name_len = 0;
        if (++reader->header_count > HTTP_HEADERS_MAX)
            return refuse(reader, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if (n >= FIELD_NAME_MAX - reader->name_len) {
        reader->name_len = FIELD_NAME_MAX;
        return 0;
    }
    memcpy(reader->name + reader->name_len, at, n);
    reader->name_len += n;
    return 0;
}

static bool is_name(const struct http_reader *reader, const char *name)
{
    return strlen(name) == reader->name_len && strncasecmp(name, reader->name, reader->name_len) == 0;
}

static enum http_field known_field(const struct http_reader *reader)
{
    enum http_field field = 0;

    while (field < HTTP_FIELDS && !is_name(reader, field_names[field]))
        field++;
    return field;
}

static int on_header_value(http_parser *parser, const char *at, size_t n)
{
    struct http_reader *reader = parser->data;

    if (reader->in_name) {
        reader->in_name = false;
        if (n == 0 && is_name(reader, "content-length")) /* which http_parser takes for none */
            return refuse(reader, HTTP_STATUS_BAD_REQUEST);
        /* Fields after a chunked body are not the request's. */
        reader->current = reader->head_done ? HTTP_FIELDS : known_field(reader);
        if (reader->current == HTTP_FIELDS)
            return 0;
        if (reader->request.field[reader->current] &&
            gather(reader, &reader->field[reader->current], ", ", 2))
            return -1;
        reader->request.field[reader->current] = "";
    }
    return reader->current == HTTP_FIELDS ? 0 : gather(reader, &reader->field[reader->current], at, n);
}

/* Ends the gathered values with a NUL and lends them to the request. */
static int finish_fields(struct http_reader *reader)
{
    for (int i = 0; i < HTTP_FIELDS; i++) {
        struct buf *value = &reader->field[i];

        while (value->len && strchr(" \t", value->data[value->len - 1]))
            value->len--;
        if (!value->len)
            continue;
        if (gather(reader, value, "", 1) != 0)
            return -1;
        reader->request.field[i] = value->data;
    }
    return 0;
}

/*
 * The path of an absolute-form target (RFC 9112 section 3.2.2), which proxies and some clients send; empty
 * where it has none. NULL: not such a target.
 */
static char *absolute_form_path(char *target)
{
    char *authority = strncasecmp(target, "http://", 7) == 0    ? target + 7
                      : strncasecmp(target, "https://", 8) == 0 ? target + 8
                                                                : NULL;
    size_t len = authority ? strcspn(authority, "/?") : 0;

    return len ? authority + len : NULL;
}

/* Cuts the target into path and query. */
static int finish_target(struct http_reader *reader)
{
    struct http_request *request = &reader->request;

    if (gather(reader, &reader->target, "", 1) != 0)
        return -1;
    char *path = reader->target.data;
    bool as_it_is = path[0] == '/' || reader->parser.method == HTTP_CONNECT ||
                    (reader->parser.method == HTTP_OPTIONS && strcmp(path, "*") == 0);

    if (!as_it_is)
        path = absolute_form_path(path);
    /* A fragment is not sent (RFC 9112 section 3.2). */
    if (!path || strchr(path, '#'))
        return refuse(reader, HTTP_STATUS_BAD_REQUEST);
    char *query = strchr(path, '?');

    request->query = query ? query + 1 : "";
    if (query)
        *query = '\0';
    request->path = path[0] ? path : "/";
    return 0;
}

static enum http_request_method known_method(unsigned method)
{
    switch (method) {
    case HTTP_GET:
        return HTTP_METHOD_GET;
    case HTTP_HEAD:
        return HTTP_METHOD_HEAD;
    case HTTP_POST:
        return HTTP_METHOD_POST;
    case HTTP_OPTIONS:
        return HTTP_METHOD_OPTIONS;
    default:
        return HTTP_METHOD_OTHER;
    }
}

static bool is_token(const char *value, const char *token)
{
    return value && strcasecmp(value, token) == 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct http_reader *reader = parser->data;
    struct http_request *request = &reader->request;
    bool connect = parser->method == HTTP_CONNECT;

    /* RTSP's methods, and QUERY, are llhttp's alone. */
    if (parser->http_major != 1 || parser->method > HTTP_SOURCE)
        return refuse(reader, HTTP_STATUS_BAD_REQUEST);
    if (finish_fields(reader) != 0 || finish_target(reader) != 0)
        return -1;
    request->method = known_method(parser->method);
    request->upgrade = !connect && parser->upgrade && is_token(request->field[HTTP_UPGRADE], "websocket");
    request->keep_alive = !connect && http_parse_keeps_alive(parser);
    request->has_body = (parser->flags & F_CHUNKED) || http_parse_length(parser) > 0;
    request->expects_continue =
        request->has_body && parser->http_minor >= 1 && is_token(request->field[HTTP_EXPECT], "100-continue");

    reader->head_done = true;
    reader->progress = HTTP_HEAD_DONE;
    return http_parse_pause(parser);
}

/* ---- the body ---- */

void http_reader_body(struct http_reader *reader, bool keep, size_t max)
{
    reader->keep_body = keep;
    reader->body_left = max;
    buf_init(&reader->body, max);
    reader->progress = http_parse_length(&reader->parser) > max ? HTTP_TOO_BIG : HTTP_HEAD_DONE;
}

/* Counts what is between pieces of body, up to `end`. Whether it keeps within the head's limit. */
static bool framing_fits(struct http_reader *reader, const char *end)
{
    reader->framing_len += (size_t)(end - reader->framing_from);
    return reader->framing_len <= reader->head_max;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    struct http_reader *reader = parser->data;

    if (!framing_fits(reader, at))
        return refuse(reader, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
    reader->framing_len = 0;
    reader->framing_from = at + n;
    if (n > reader->body_left) {
        reader->progress = HTTP_TOO_BIG;
        return -1;
    }
    reader->body_left -= n;
    return reader->keep_body ? gather(reader, &reader->body, at, n) : 0;
}

static int on_message_complete(http_parser *parser)
{
    struct http_reader *reader = parser->data;

    reader->progress = HTTP_DONE;
    return -1; /* stop; the next request has a new parser */
}

/* ---- the reader ---- */

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void free_buffers(struct http_reader *reader)
{
    buf_deinit(&reader->target);
    for (int i = 0; i < HTTP_FIELDS; i++)
        buf_deinit(&reader->field[i]);
    buf_deinit(&reader->body);
}

/* Everything as before the first byte of a request; the buffers must be empty. */
static void begin_request(struct http_reader *reader, size_t head_max)
{
    *reader =
        (struct http_reader){.head_max = head_max, .progress = HTTP_MORE, .status = HTTP_STATUS_BAD_REQUEST};
    http_parse_init(&reader->parser, &settings, reader);
    /* One more than the head may have, for the NUL. */
    buf_init(&reader->target, head_max + 1);
    for (int i = 0; i < HTTP_FIELDS; i++)
        buf_init(&reader->field[i], head_max + 1);
}

struct http_reader *http_reader_new(size_t head_max)
{
    struct http_reader *reader = malloc(sizeof *reader);

    if (reader)
        begin_request(reader, head_max);
    return reader;
}

size_t http_reader_held(const struct http_reader *reader)
{
    return reader->head_len + reader->body.size;
}

void http_reader_free(struct http_reader *reader)
{
    if (!reader)
        return;
    free_buffers(reader);
    free(reader);
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t';
}

/*
 * How many of the bytes come before a CR without its LF, a LF without its CR, a line that begins with a
 * blank, or a control character; mostly all of them.
 */
static size_t regular(struct http_reader *reader, const char *bytes, size_t n)
{
    unsigned char last = reader->last;
    size_t i = 0;

    for (; i < n; last = (unsigned char)bytes[i++]) {
        unsigned char c = (unsigned char)bytes[i];
        bool is_control = c == 0x7f || (c < ' ' && c != '\r' && c != '\n' && c != '\t');

        if (last >= ' ' && c >= ' ' && c != 0x7f)
            continue; /* most often: within a line */
        if ((c == '\n') != (last == '\r') || (last == '\n' && is_blank(c)) || is_control)
            break;
    }
    reader->last = last;
    return i;
}

static enum http_progress feed_parser(struct http_reader *reader, const char *bytes, size_t n, size_t *used)
{
    reader->progress = HTTP_MORE;
    if (!http_parse_bytes(&reader->parser, &settings, bytes, n, used) && reader->progress == HTTP_MORE)
        reader->progress = HTTP_BAD;
    return reader->progress;
}

/*
 * A lone LF ends a line too (RFC 9112 section 2.2), and a line may go on with the field before it (section
 * 5.2); of both the parsers have ideas of their own.
 */
static void feed_lines(struct http_reader *reader, const char *bytes, size_t n, size_t *used)
{
    size_t done;

    while (*used < n && reader->progress == HTTP_MORE) {
        size_t run = regular(reader, bytes + *used, n - *used);

        if (run > 0) {
            feed_parser(reader, bytes + *used, run, &done);
            *used += done;
        } else if (bytes[*used] == '\n') {
            feed_parser(reader, "\r", 1, &done);
            reader->last = '\r';
        } else if (is_blank(bytes[*used]) && reader->last == '\n' && reader->header_count > 0) {
            reader->last = ' ';
        } else {
            reader->progress = HTTP_BAD;
        }
    }
}

static enum http_progress feed_head(struct http_reader *reader, const char *bytes, size_t n, size_t *used)
{
    size_t room = reader->head_max - reader->head_len;

    feed_lines(reader, bytes, n < room ? n : room, used);
    reader->head_len += *used;
    if (reader->progress == HTTP_MORE && reader->head_len == reader->head_max) {
        reader->status =
            reader->header_count ? HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE : HTTP_STATUS_URI_TOO_LONG;
        reader->progress = HTTP_BAD;
    }
    return reader->progress;
}

static enum http_progress feed_body(struct http_reader *reader, const char *bytes, size_t n, size_t *used)
{
    reader->framing_from = bytes;
    feed_parser(reader, bytes, n, used);
    if ((reader->progress == HTTP_MORE || reader->progress == HTTP_DONE) &&
        !framing_fits(reader, bytes + *used)) {
        reader->status = HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
        reader->progress = HTTP_BAD;
    }
    return reader->progress;
}

enum http_progress http_reader_feed(struct http_reader *reader, const char *bytes, size_t n, size_t *used)
{
    *used = 0;
    if (reader->progress == HTTP_DONE) {
        free_buffers(reader);
        begin_request(reader, reader->head_max);
    }
    if (reader->progress == HTTP_TOO_BIG || reader->progress == HTTP_BAD)
        return reader->progress;
    /* To http_parser no bytes would be the end of the stream. */
    if (n == 0)
        return HTTP_MORE;
    return reader->head_done ? feed_body(reader, bytes, n, used) : feed_head(reader, bytes, n, used);
}

const struct http_request *http_reader_request(const struct http_reader *reader)
{
    return &reader->request;
}

const struct buf *http_reader_body_bytes(const struct http_reader *reader)
{
    return &reader->body;
}

int http_reader_status(const struct http_reader *reader)
{
    return reader->status;
}

/* ---- query strings ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at `*at`, which is moved behind it; -1: badly encoded. `plus` is what a '+' stands for. */
static int decoded_char(const char **at, char plus)
{
    char c = *(*at)++;

    if (c == '+')
        return plus;
    if (c != '%')
        return (unsigned char)c;
    int high = hex_value((*at)[0]);
    int low = high < 0 ? -1 : hex_value((*at)[1]);

    *at += 2;
    return low < 0 ? -1 : high * 16 + low;
}

static int decode(const char *value, size_t len, char plus, char *out, size_t size)
{
    const char *end = value + len;
    size_t n = 0;

    while (value < end) {
        int c = decoded_char(&value, plus);

        if (c <= 0 || n + 1 >= size)
            return -2;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return (int)n;
}

int http_path_decode(const char *path, char *out, size_t size)
{
    return decode(path, strlen(path), '+', out, size);
}

int http_query_get(const char *query, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);

    for (const char *at = query;; at++) {
        size_t len = strcspn(at, "&");

        if (len >= name_len && memcmp(at, name, name_len) == 0) {
            if (len == name_len)
                return decode(at + len, 0, ' ', out, size);
            if (at[name_len] == '=')
                return decode(at + name_len + 1, len - name_len - 1, ' ', out, size);
        }
        at += len;
        if (!*at)
            return -1;
    }
}

/* ---- responses ---- */

/* RFC 9110 section 15, RFC 6585: what the gateway answers with. */
static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {HTTP_STATUS_OK, "OK"},
        {HTTP_STATUS_NO_CONTENT, "No Content"},
        {HTTP_STATUS_NOT_MODIFIED, "Not Modified"},
        {HTTP_STATUS_BAD_REQUEST, "Bad Request"},
        {HTTP_STATUS_UNAUTHORIZED, "Unauthorized"},
        {HTTP_STATUS_FORBIDDEN, "Forbidden"},
        {HTTP_STATUS_NOT_FOUND, "Not Found"},
        {HTTP_STATUS_METHOD_NOT_ALLOWED, "Method Not Allowed"},
        {HTTP_STATUS_REQUEST_TIMEOUT, "Request Timeout"},
        {HTTP_STATUS_PAYLOAD_TOO_LARGE, "Payload Too Large"},
        {HTTP_STATUS_URI_TOO_LONG, "URI Too Long"},
        {HTTP_STATUS_TOO_MANY_REQUESTS, "Too Many Requests"},
        {HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large"},
        {HTTP_STATUS_INTERNAL_SERVER_ERROR, "Internal Server Error"},
        {HTTP_STATUS_SERVICE_UNAVAILABLE, "Service Unavailable"},
    };
    size_t i = 0;

    while (i < sizeof reasons / sizeof *reasons && reasons[i].status != status)
        i++;
    return i < sizeof reasons / sizeof *reasons ? reasons[i].reason : ""; /* it may be empty */
}

int http_respond_head(struct buf *out, const struct http_response *response)
{
    size_t before = out->len;
    const char *type = response->content_type;
    /* RFC 9110 section 8.6: a length in a 304 would be that of the response it stands for. */
    bool has_length = response->status != HTTP_STATUS_NOT_MODIFIED;

    if (buf_appendf(out, "HTTP/1.1 %d %s\r\n%s%s%s%s", response->status, reason(response->status),
                    type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "",
                    response->headers ? response->headers : "") ||
        (has_length && buf_appendf(out, "Content-Length: %zu\r\n", response->body_len)) ||
        buf_appendf(out, "%s\r\n",
                    response->keep_alive ? "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
                                         : "Connection: close\r\n")) {
        out->len = before;
        return -1;
    }
    return 0;
}

int http_respond(struct buf *out, const struct http_response *response)
{
    size_t before = out->len;

    if (http_respond_head(out, response) != 0)
        return -1;
    if (!response->head_only && buf_append(out, response->body, response->body_len)) {
        out->len = before;
        return -1;
    }
    return 0;
}
