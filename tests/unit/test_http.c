/*
 * HTTP: requests however the bytes are cut, what is refused and with which status, query strings, responses.
 */
#include "gateway/net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 1000 };

/* ---- feeding ---- */

/* Writes what a request says, in one line of text. */
static void describe(const struct http_request *request, struct buf *seen)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS", "OTHER"};

    assert_int_equal(buf_appendf(seen, "%s %s", methods[request->method], request->path), 0);
    if (request->query[0])
        assert_int_equal(buf_appendf(seen, "?%s", request->query), 0);
    if (!request->keep_alive)
        assert_int_equal(buf_append_str(seen, " close"), 0);
    if (request->upgrade)
        assert_int_equal(buf_append_str(seen, " upgrade"), 0);
    if (request->expects_continue)
        assert_int_equal(buf_append_str(seen, " expects"), 0);
    if (request->has_body)
        assert_int_equal(buf_append_str(seen, " body"), 0);
    assert_int_equal(buf_append_str(seen, "\n"), 0);
}

/* What the reader said, as lines; true: it wants more. */
static bool take(struct http_reader *reader, enum http_progress progress, struct buf *seen)
{
    switch (progress) {
    case HTTP_MORE:
        return true;
    case HTTP_HEAD_DONE:
        describe(http_reader_request(reader), seen);
        http_reader_body(reader, true, BODY_MAX);
        break;
    case HTTP_DONE:
        assert_int_equal(buf_append_str(seen, "= "), 0);
        assert_int_equal(
            buf_append(seen, http_reader_body_bytes(reader)->data, http_reader_body_bytes(reader)->len), 0);
        assert_int_equal(buf_append_str(seen, "\n"), 0);
        break;
    case HTTP_TOO_BIG:
        assert_int_equal(buf_append_str(seen, "too big\n"), 0);
        break;
    case HTTP_BAD:
        assert_int_equal(buf_appendf(seen, "bad %d\n", http_reader_status(reader)), 0);
        break;
    }
    return false;
}

/* Feeds `sent` in pieces of at most `piece` bytes until an error or a request that is not HTTP's last word.
 */
static void feed(const char *sent, size_t piece, struct buf *seen)
{
    struct http_reader *reader = http_reader_new(HTTP_HEAD_MAX);
    size_t len = strlen(sent);
    bool ended = false;

    assert_non_null(reader);
    for (size_t at = 0; at < len && !ended; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        char *copy = malloc(n);
        size_t done = 0, used;

        memcpy(copy, sent + at, n);
        while (!ended) {
            enum http_progress progress = http_reader_feed(reader, copy + done, n - done, &used);

            done += used;
            if (take(reader, progress, seen))
                break;
            const struct http_request *request = http_reader_request(reader);

            ended = progress == HTTP_BAD || progress == HTTP_TOO_BIG ||
                    (progress == HTTP_DONE && (!request->keep_alive || request->upgrade));
        }
        if (!ended)
            assert_int_equal(done, n);
        free(copy);
    }
    http_reader_free(reader);
}

static void assert_reads(const char *sent, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 10, 100, SIZE_MAX / 2};

    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct buf seen;

        buf_init(&seen, 1 << 20);
        feed(sent, pieces[i], &seen);
        assert_int_equal(buf_append(&seen, "", 1), 0);
        assert_string_equal(seen.data, expected);
        buf_deinit(&seen);
    }
}

/* Reads one head and lends it out; free the reader. */
static struct http_reader *head_of(const char *sent)
{
    struct http_reader *reader = http_reader_new(HTTP_HEAD_MAX);
    size_t used;

    assert_int_equal(http_reader_feed(reader, sent, strlen(sent), &used), HTTP_HEAD_DONE);
    return reader;
}

static void assert_field(const char *lines, enum http_field field, const char *expected)
{
    char head[1000];

    snprintf(head, sizeof head, "GET / HTTP/1.1\r\n%s\r\n", lines);
    struct http_reader *reader = head_of(head);
    const char *value = http_reader_request(reader)->field[field];

    if (expected)
        assert_string_equal(value, expected);
    else
        assert_null(value);
    http_reader_free(reader);
}

/* ---- requests ---- */

static void a_request_without_a_body_is_complete_after_its_head(void **state)
{
    (void)state;
    assert_reads("GET /socket.io/?EIO=4&t=a%20b HTTP/1.1\r\nHost: a\r\n\r\n",
                 "GET /socket.io/?EIO=4&t=a%20b\n= \n");
    assert_reads("\r\nHEAD / HTTP/1.1\nHost: a\n\n", "HEAD /\n= \n");
    assert_reads("\nHEAD / HTTP/1.1\r\nHost: a\n\r\n", "HEAD /\n= \n");
    assert_reads("HEAD / HTTP/1.1\n\n", "HEAD /\n= \n");
    assert_reads("PUT /? HTTP/1.1\r\n\r\n", "OTHER /\n= \n");
}

static void an_unfinished_request_says_nothing(void **state)
{
    (void)state;
    assert_reads("GET / HTTP/1.1\r\nHost: a\r\n", "");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", "POST / body\n");
}

static void pipelined_requests_are_given_out_one_by_one(void **state)
{
    (void)state;
    assert_reads("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
                 "GET /b HTTP/1.1\r\nOrigin: x\r\n\r\n"
                 "POST /c HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
                 "GET /d HTTP/1.1\r\n\r\n",
                 "POST /a body\n= abc\nGET /b\n= \nPOST /c\n= \nGET /d\n= \n");
}

static void a_chunked_body_is_joined_and_its_trailer_dropped(void **state)
{
    (void)state;
    assert_reads("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nOrigin: trailer\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
                 "POST / body\n= abcde\nGET /b\n= \n");
    assert_reads("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                 "POST / body\n= a\n");
}

static void a_trailer_is_no_field_of_the_request(void **state)
{
    static const char rest[] = "\n0\r\nOrigin: trailer\r\n\r\n";
    struct http_reader *reader = head_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t used;

    (void)state;
    http_reader_body(reader, true, BODY_MAX);
    assert_int_equal(http_reader_feed(reader, rest, sizeof rest - 1, &used), HTTP_DONE);
    assert_null(http_reader_request(reader)->field[HTTP_ORIGIN]);
    http_reader_free(reader);
}

static void keep_alive_follows_version_and_connection(void **state)
{
    (void)state;
    assert_reads("GET / HTTP/1.0\r\n\r\n", "GET / close\n= \n");
    assert_reads("GET / HTTP/1.2\r\n\r\n", "GET /\n= \n");
    assert_reads("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /\n= \n");
    assert_reads("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", "GET / close\n= \n");
    assert_reads("GET / HTTP/1.1\r\nConnection: foo, close\r\n\r\n", "GET / close\n= \n");
}

static void a_websocket_upgrade_is_told_and_its_bytes_left_alone(void **state)
{
    static const char sent[] =
        "GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
        "\x81\x80";
    struct http_reader *reader = head_of(sent);
    size_t head_used = strlen(sent) - 3, used;

    (void)state;
    assert_true(http_reader_request(reader)->upgrade);
    http_reader_body(reader, false, 0);
    assert_int_equal(http_reader_feed(reader, sent + head_used, 3, &used), HTTP_DONE);
    assert_int_equal(used, 1);
    http_reader_free(reader);
}

static void an_upgrade_needs_both_header_fields(void **state)
{
    (void)state;
    assert_reads("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "GET /ws\n= \n");
    assert_reads("GET /ws HTTP/1.1\r\nConnection: upgrade\r\n\r\n", "GET /ws\n= \n");
    assert_reads("POST /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                 "POST /ws upgrade\n= \n");
}

static void an_upgrade_to_anything_else_is_an_ordinary_request(void **state)
{
    (void)state;
    assert_reads(
        "POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
        "Content-Length: 2\r\n\r\nab"
        "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"
        "GET /next HTTP/1.1\r\n\r\n",
        "POST / body\n= ab\nGET /\n= \nGET /next\n= \n");
}

static void connect_ends_http(void **state)
{
    (void)state;
    assert_reads("CONNECT example.com:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
                 "OTHER example.com:443 close\n= \n");
}

static void expect_continue_is_flagged_where_a_body_follows(void **state)
{
    (void)state;
    assert_reads("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na",
                 "POST / expects body\n= a\n");
    assert_reads("GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "GET /\n= \n");
    assert_reads("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
                 "POST / close body\n= a\n");
}

static void a_target_is_a_path_or_an_absolute_form(void **state)
{
    (void)state;
    assert_reads("GET http://a.b/c?d HTTP/1.1\r\n\r\n", "GET /c?d\n= \n");
    assert_reads("GET HTTPS://a.b:1?d HTTP/1.1\r\n\r\n", "GET /?d\n= \n");
    assert_reads("GET http://a.b HTTP/1.1\r\n\r\n", "GET /\n= \n");
    assert_reads("GET //a/../b?c?d HTTP/1.1\r\n\r\n", "GET //a/../b?c?d\n= \n");
    assert_reads("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS *\n= \n");
    assert_reads("GET * HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("GET ftp://a.b/c HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("GET /a#b HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("GET /a\tb HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("GET /\xc3\xa9 HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("GET /?\x7f HTTP/1.1\r\n\r\n", "bad 400\n");
}

static void fields_are_found_in_any_case_and_trimmed(void **state)
{
    (void)state;
    assert_field("hOST: \t a b \t \r\n", HTTP_HOST, "a b");
    assert_field("X-Host: a\r\nHos: b\r\nHost2: c\r\n", HTTP_HOST, NULL);
    assert_field("Access-Control-Request-Headers: x\r\n", HTTP_ACCESS_CONTROL_REQUEST_HEADERS, "x");
    assert_field("Access-Control-Request-Headers-And-More-Of-Them: x\r\n",
                 HTTP_ACCESS_CONTROL_REQUEST_HEADERS, NULL);
    assert_field("Origin:\r\n", HTTP_ORIGIN, "");
    assert_field("Origin: \t\r\n", HTTP_ORIGIN, "");
}

static void a_repeated_field_is_joined(void **state)
{
    (void)state;
    assert_field("Sec-WebSocket-Protocol: a\r\nHost: h\r\nSec-WebSocket-Protocol: b\r\n",
                 HTTP_SEC_WEBSOCKET_PROTOCOL, "a, b");
    assert_field("Origin:\r\nOrigin: b\r\n", HTTP_ORIGIN, ", b");
}

static void a_folded_value_is_one_value(void **state)
{
    (void)state;
    assert_field("Origin: a\r\n b\r\n", HTTP_ORIGIN, "a b");
    assert_field("Origin: a\n\tb\n\t\r\n", HTTP_ORIGIN, "a\tb");
    assert_field("Origin:\r\n b\r\n", HTTP_ORIGIN, "b");
}

/* ---- what is refused ---- */

static void what_is_not_http_1_is_bad(void **state)
{
    (void)state;
    assert_reads("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/2.0\r\n\r\n", "bad 400\n");
    assert_reads("GET /\r\n\r\n", "bad 400\n");
    assert_reads("\x16\x03\x01\x02", "bad 400\n");
    assert_reads("GARBAGE / HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("QUERY / HTTP/1.1\r\n\r\n", "bad 400\n");
    assert_reads("DESCRIBE / RTSP/1.0\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.12\r\n\r\n", "bad 400\n");
    assert_reads("GET / FTP/1.1\r\n\r\n", "bad 400\n");
}

static void an_ambiguous_length_is_bad(void **state)
{
    (void)state;
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 1\r\n 2\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", "bad 400\n");
    assert_reads("POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", "bad 400\n");
}

static void an_unknown_transfer_encoding_is_bad(void **state)
{
    (void)state;
    assert_reads("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "POST /\nbad 400\n");
}

static void a_bare_cr_is_bad(void **state)
{
    (void)state;
    assert_reads("GET / HTTP/1.1\r\nOrigin: a\rb\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\nOrigin: \rb\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\nOrigin: a\r\n\rb", "bad 400\n");
    assert_reads("GET / HTTP/1.1\rOrigin: a\r\n\r\n", "bad 400\n");
}

static void a_nul_or_a_control_character_in_a_value_is_bad(void **state)
{
    static const char nul[] = "GET / HTTP/1.1\r\nOrigin: a\0b\r\n\r\n";
    struct http_reader *reader = http_reader_new(HTTP_HEAD_MAX);
    size_t used;

    (void)state;
    assert_int_equal(http_reader_feed(reader, nul, sizeof nul - 1, &used), HTTP_BAD);
    assert_int_equal(http_reader_feed(reader, nul, sizeof nul - 1, &used), HTTP_BAD);
    assert_int_equal(http_reader_status(reader), 400);
    http_reader_free(reader);
    assert_reads("GET / HTTP/1.1\r\nOrigin: a\x01\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\nOri gin: a\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\n Origin: a\r\n\r\n", "bad 400\n");
    assert_reads("GET / HTTP/1.1\r\n\tOrigin: a\r\n\r\n", "bad 400\n");
}

/* A head of `size` bytes in all, padded in a header field; `end` NULL leaves it unfinished. */
static char *head_of_size(size_t size, bool finished)
{
    static const char start[] = "GET / HTTP/1.1\r\nX: ";
    char *head = malloc(size + 1);

    memset(head, 'x', size);
    memcpy(head, start, sizeof start - 1);
    if (finished)
        memcpy(head + size - 4, "\r\n\r\n", 4);
    head[size] = '\0';
    return head;
}

static void a_head_of_the_limit_passes_and_one_more_byte_is_431(void **state)
{
    char *fits = head_of_size(HTTP_HEAD_MAX, true);
    char *long_head = head_of_size(HTTP_HEAD_MAX + 1, true);
    char *unfinished = head_of_size(HTTP_HEAD_MAX, false);

    (void)state;
    assert_reads(fits, "GET /\n= \n");
    assert_reads(long_head, "bad 431\n");
    assert_reads(unfinished, "bad 431\n");
    free(fits);
    free(long_head);
    free(unfinished);
}

/* A chunked POST whose chunk, or trailer, comes with as many letters of no use. */
static char *chunked_with(const char *before, size_t letters, const char *after)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct buf text;

    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_str(&text, head), 0);
    assert_int_equal(buf_append_str(&text, before), 0);
    memset(buf_reserve(&text, letters), 'x', letters);
    buf_added(&text, letters);
    assert_int_equal(buf_append(&text, after, strlen(after) + 1), 0);
    return text.data;
}

static void what_is_between_pieces_of_a_body_has_the_heads_limit(void **state)
{
    /* Besides the letters: the LF that ends the head, or the CRLF that ends the piece. */
    size_t extension = HTTP_HEAD_MAX - strlen("\n"
                                              "2;"
                                              "\r\n");
    size_t trailer = HTTP_HEAD_MAX - strlen("\r\n"
                                            "0\r\n"
                                            "A:"
                                            "\r\n"
                                            "\r\n");
    char *texts[] = {
        chunked_with("2;", extension, "\r\nab\r\n0\r\n\r\n"),
        chunked_with("2;", extension + 1, "\r\nab\r\n0\r\n\r\n"),
        chunked_with("2\r\nab\r\n0\r\nA:", trailer, "\r\n\r\n"),
        chunked_with("2\r\nab\r\n0\r\nA:", trailer + 1, "\r\n\r\n"),
        chunked_with("2\r\nab\r\n0\r\nA:", 2 * trailer, ""),
    };

    (void)state;
    assert_reads(texts[0], "POST / body\n= ab\n");
    assert_reads(texts[1], "POST / body\nbad 431\n");
    assert_reads(texts[2], "POST / body\n= ab\n");
    assert_reads(texts[3], "POST / body\nbad 431\n");
    assert_reads(texts[4], "POST / body\nbad 431\n");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
}

static void a_limit_may_be_larger_than_any_of_the_parsers_own(void **state)
{
    enum { LARGE = 200000 };
    char *fits = head_of_size(LARGE, true);
    struct http_reader *reader = http_reader_new(LARGE);
    size_t used;

    (void)state;
    assert_non_null(reader);
    assert_int_equal(http_reader_feed(reader, fits, LARGE, &used), HTTP_HEAD_DONE);
    http_reader_free(reader);
    free(fits);
}

static void a_request_line_past_the_limit_is_414(void **state)
{
    char *line = malloc(HTTP_HEAD_MAX + 1);

    (void)state;
    memset(line, 'a', HTTP_HEAD_MAX);
    memcpy(line, "GET /", 5);
    line[HTTP_HEAD_MAX] = '\0';
    assert_reads(line, "bad 414\n");
    free(line);
}

static void more_fields_than_allowed_are_431(void **state)
{
    struct buf head;

    (void)state;
    buf_init(&head, HTTP_HEAD_MAX);
    assert_int_equal(buf_append_str(&head, "GET / HTTP/1.1\r\n"), 0);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        assert_int_equal(buf_append_str(&head, "Host:a\r\n"), 0);
    size_t allowed = head.len;

    assert_int_equal(buf_append(&head, "\r\n", 3), 0);
    assert_reads(head.data, "GET /\n= \n");
    head.len = allowed;
    assert_int_equal(buf_append(&head, "A:\r\n\r\n", 7), 0);
    assert_reads(head.data, "bad 431\n");
    buf_deinit(&head);
}

static void a_body_of_the_limit_passes_and_one_more_byte_is_too_big(void **state)
{
    char body[BODY_MAX + 2], sent[BODY_MAX + 200], expected[BODY_MAX + 200];

    (void)state;
    memset(body, 'b', sizeof body);
    body[BODY_MAX + 1] = '\0';
    snprintf(sent, sizeof sent, "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", BODY_MAX, body + 1);
    snprintf(expected, sizeof expected, "POST / body\n= %s\n", body + 1);
    assert_reads(sent, expected);
    snprintf(sent, sizeof sent, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", BODY_MAX + 1,
             body);
    assert_reads(sent, "POST / body\ntoo big\n");
}

static void an_announced_body_past_the_limit_is_too_big_before_it_comes(void **state)
{
    (void)state;
    assert_reads("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "POST / body\ntoo big\n");
}

static void a_body_not_kept_is_dropped_up_to_its_limit(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char rest[] = "\n3\r\nabc\r\n0\r\n\r\n";
    size_t used;

    (void)state;
    for (size_t max = 2; max <= 3; max++) {
        struct http_reader *reader = head_of(head);

        http_reader_body(reader, false, max);
        assert_int_equal(http_reader_feed(reader, rest, sizeof rest - 1, &used),
                         max < 3 ? HTTP_TOO_BIG : HTTP_DONE);
        assert_null(http_reader_body_bytes(reader)->data);
        http_reader_free(reader);
    }
}

static void buffers_are_freed_by_the_feed_after_a_request(void **state)
{
    static const char rest[] = "\nabc";
    struct http_reader *reader = head_of("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
    size_t used;

    (void)state;
    http_reader_body(reader, true, BODY_MAX);
    assert_int_equal(http_reader_feed(reader, rest, sizeof rest - 1, &used), HTTP_DONE);
    assert_int_equal(http_reader_body_bytes(reader)->len, 3);
    assert_int_equal(http_reader_feed(reader, "", 0, &used), HTTP_MORE);
    assert_null(http_reader_body_bytes(reader)->data);
    assert_null(http_reader_request(reader)->path);
    http_reader_free(reader);
    http_reader_free(NULL);
}

/* ---- paths and query strings ---- */

static void assert_path(const char *path, const char *expected)
{
    char out[8];
    int n = http_path_decode(path, out, sizeof out);

    if (!expected) {
        assert_int_equal(n, -2);
        return;
    }
    assert_int_equal(n, strlen(expected));
    assert_string_equal(out, expected);
}

static void a_path_is_percent_decoded(void **state)
{
    (void)state;
    assert_path("", "");
    assert_path("/a%2D7", "/a-7");
    assert_path("/%c3%A4+%2f", "/\xc3\xa4+/");
    assert_path("/123456", "/123456");
    assert_path("/1234567", NULL);
    assert_path("/%", NULL);
    assert_path("/%4", NULL);
    assert_path("/%4g", NULL);
    assert_path("/%00", NULL);
}

static void assert_query(const char *query, const char *name, const char *expected)
{
    char out[8];
    int n = http_query_get(query, name, out, sizeof out);

    assert_int_equal(n, strlen(expected));
    assert_string_equal(out, expected);
}

static void a_parameter_is_found_and_decoded(void **state)
{
    (void)state;
    assert_query("EIO=4&transport=ws&sid=abc", "sid", "abc");
    assert_query("a=%41%2b+%2F", "a", "A+ /");
    assert_query("a=%4a%4A", "a", "JJ");
    assert_query("a=1&a=2", "a", "1");
    assert_query("aa=1&a=2", "a", "2");
    assert_query("&&a=1=2&", "a", "1=2");
    assert_query("a", "a", "");
    assert_query("b&a&c", "a", "");
    assert_query("a=", "a", "");
    assert_query("a=1234567", "a", "1234567");
}

static void an_absent_parameter_is_told_from_a_bad_one(void **state)
{
    char out[8];

    (void)state;
    assert_int_equal(http_query_get("", "a", out, sizeof out), -1);
    assert_int_equal(http_query_get("b=a&c=1&", "a", out, sizeof out), -1);
    assert_int_equal(http_query_get("%61=1", "a", out, sizeof out), -1);
    assert_int_equal(http_query_get("a=12345678", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=%", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=%4", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=%4&b=1", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=%&41", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=%gg", "a", out, sizeof out), -2);
    assert_int_equal(http_query_get("a=b%00c", "a", out, sizeof out), -2);
}

/* ---- responses ---- */

static void assert_response(const struct http_response *response, const char *expected)
{
    struct buf out;

    buf_init(&out, 1000);
    assert_int_equal(http_respond(&out, response), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
}

static void a_response_has_its_length_and_says_what_becomes_of_the_connection(void **state)
{
    (void)state;
    assert_response(&(struct http_response){.status = 200,
                                            .content_type = "text/html",
                                            .headers = "A: b\r\nC: d\r\n",
                                            .body = "ok",
                                            .body_len = 2,
                                            .keep_alive = true},
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nA: b\r\nC: d\r\nContent-Length: 2\r\n"
                    "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nok");
    assert_response(&(struct http_response){.status = 204},
                    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void the_answer_to_head_has_the_length_but_not_the_body(void **state)
{
    (void)state;
    assert_response(&(struct http_response){.status = 404, .body = "gone", .body_len = 4, .head_only = true},
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
}

static void a_response_that_does_not_fit_changes_nothing(void **state)
{
    const struct http_response response = {.status = 200, .body = "0123456789", .body_len = 10};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(http_respond(&out, &response), 0);
    size_t needed = out.len;

    buf_deinit(&out);
    for (size_t max = 1; max <= needed; max++) {
        buf_init(&out, max);
        assert_int_equal(buf_append_str(&out, "x"), 0);
        assert_int_equal(http_respond(&out, &response), -1);
        assert_int_equal(out.len, 1);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_a_body_is_complete_after_its_head),
        cmocka_unit_test(an_unfinished_request_says_nothing),
        cmocka_unit_test(pipelined_requests_are_given_out_one_by_one),
        cmocka_unit_test(a_chunked_body_is_joined_and_its_trailer_dropped),
        cmocka_unit_test(a_trailer_is_no_field_of_the_request),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(a_websocket_upgrade_is_told_and_its_bytes_left_alone),
        cmocka_unit_test(an_upgrade_needs_both_header_fields),
        cmocka_unit_test(an_upgrade_to_anything_else_is_an_ordinary_request),
        cmocka_unit_test(connect_ends_http),
        cmocka_unit_test(expect_continue_is_flagged_where_a_body_follows),
        cmocka_unit_test(a_target_is_a_path_or_an_absolute_form),
        cmocka_unit_test(fields_are_found_in_any_case_and_trimmed),
        cmocka_unit_test(a_repeated_field_is_joined),
        cmocka_unit_test(a_folded_value_is_one_value),
        cmocka_unit_test(what_is_not_http_1_is_bad),
        cmocka_unit_test(an_ambiguous_length_is_bad),
        cmocka_unit_test(an_unknown_transfer_encoding_is_bad),
        cmocka_unit_test(a_bare_cr_is_bad),
        cmocka_unit_test(a_nul_or_a_control_character_in_a_value_is_bad),
        cmocka_unit_test(a_head_of_the_limit_passes_and_one_more_byte_is_431),
        cmocka_unit_test(what_is_between_pieces_of_a_body_has_the_heads_limit),
        cmocka_unit_test(a_limit_may_be_larger_than_any_of_the_parsers_own),
        cmocka_unit_test(a_request_line_past_the_limit_is_414),
        cmocka_unit_test(more_fields_than_allowed_are_431),
        cmocka_unit_test(a_body_of_the_limit_passes_and_one_more_byte_is_too_big),
        cmocka_unit_test(an_announced_body_past_the_limit_is_too_big_before_it_comes),
        cmocka_unit_test(a_body_not_kept_is_dropped_up_to_its_limit),
        cmocka_unit_test(buffers_are_freed_by_the_feed_after_a_request),
        cmocka_unit_test(a_path_is_percent_decoded),
        cmocka_unit_test(a_parameter_is_found_and_decoded),
        cmocka_unit_test(an_absent_parameter_is_told_from_a_bad_one),
        cmocka_unit_test(a_response_has_its_length_and_says_what_becomes_of_the_connection),
        cmocka_unit_test(the_answer_to_head_has_the_length_but_not_the_body),
        cmocka_unit_test(a_response_that_does_not_fit_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
