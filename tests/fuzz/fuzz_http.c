/*
 * HTTP requests from a hostile client. Whatever the bytes, cutting them differently gives the same requests
 * and the same end; limits hold; between requests the reader holds no buffers.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/net/http.h"

enum { BODY_MAX = 100 };

static void note_parameter(const char *query, const char *name, struct buf *seen)
{
    char value[16];
    int n = http_query_get(query, name, value, sizeof value);

    CHECK(n < (int)sizeof value);
    CHECK(n < 0 || strlen(value) == (size_t)n);
    CHECK(!buf_appendf(seen, "%d %s\n", n, n < 0 ? "" : value));
}

static void note_head(const struct http_request *request, struct buf *seen)
{
    CHECK(request->path[0] && !strchr(request->path, '?'));
    CHECK(!buf_appendf(seen, "%d %s?%s %d %d %d %d\n", (int)request->method, request->path, request->query,
                       request->keep_alive, request->upgrade, request->expects_continue, request->has_body));
    for (int i = 0; i < HTTP_FIELDS; i++) {
        const char *value = request->field[i];

        CHECK(!value || !strpbrk(value, "\r\n"));
        CHECK(!buf_appendf(seen, "%s\n", value ? value : "(none)"));
    }
    note_parameter(request->query, "sid", seen);
    note_parameter(request->query, "a", seen);
}

/* Notes what the reader said; false: it is not to be fed any more. */
static bool note(struct http_reader *reader, enum http_progress progress, struct buf *seen)
{
    const struct http_request *request = http_reader_request(reader);
    const struct buf *body = http_reader_body_bytes(reader);

    if (progress != HTTP_MORE)
        CHECK(!buf_appendf(seen, "-- %d\n", (int)progress));
    switch (progress) {
    case HTTP_MORE:
        return true;
    case HTTP_HEAD_DONE:
        note_head(request, seen);
        /* Both ways of taking a body, as the request says so that they are the same each time. */
        http_reader_body(reader, strlen(request->path) % 2, BODY_MAX);
        return true;
    case HTTP_DONE:
        CHECK(body->len <= BODY_MAX);
        CHECK(!buf_append(seen, body->data, body->len));
        return request->keep_alive && !request->upgrade;
    case HTTP_TOO_BIG:
        return false;
    case HTTP_BAD:
        /* Which of several faults is met first may depend on the cuts, so the status is not compared. */
        CHECK(http_reader_status(reader) >= 400);
        return false;
    }
    abort();
}

static void read_all(const uint8_t *data, size_t size, size_t piece, struct buf *seen)
{
    struct http_reader *reader = http_reader_new(HTTP_HEAD_MAX);
    bool more = true;

    CHECK(reader);
    for (size_t at = 0; at < size && more;) {
        size_t n = size - at < piece ? size - at : piece;
        size_t used;
        enum http_progress progress = http_reader_feed(reader, (const char *)data + at, n, &used);

        CHECK(used <= n);
        CHECK(progress != HTTP_MORE || used == n);
        CHECK(progress != HTTP_HEAD_DONE || used < n);
        at += used;
        more = note(reader, progress, seen);
        if (progress == HTTP_DONE) {
            CHECK(http_reader_feed(reader, "", 0, &used) == HTTP_MORE);
            CHECK(!http_reader_body_bytes(reader)->data);
        }
    }
    http_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 7};
    struct buf whole, cut;

    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&cut, SIZE_MAX / 2);
    read_all(data, size, SIZE_MAX, &whole);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        buf_clear(&cut);
        read_all(data, size, pieces[i], &cut);
        CHECK(cut.len == whole.len && (!cut.len || memcmp(cut.data, whole.data, cut.len) == 0));
    }
    buf_deinit(&whole);
    buf_deinit(&cut);
    return 0;
}
