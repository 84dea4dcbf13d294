/*
 * WebSocket frames from a hostile client. Whatever the bytes, cutting them differently gives the same
 * messages and the same error; a message sent again as one frame is read as the same; limits hold; memory is
 * given back.
 */
#include "tests/fuzz/fuzz.h"

#include "common/json_text.h"
#include "gateway/net/ws.h"

enum { LIMIT = 300, MASKED = 0x80 };

static void check_message(const struct ws_message *message)
{
    bool control = message->opcode >= WS_CLOSE;

    CHECK(message->data);
    CHECK(message->len <= (control ? (size_t)WS_CONTROL_MAX : (size_t)LIMIT));
    CHECK(message->opcode != WS_CLOSE || message->len != 1);
    for (size_t at = 0; message->opcode == WS_TEXT && at < message->len;) {
        size_t n = json_text_utf8(message->data + at, message->len - at);

        CHECK(n);
        at += n;
    }
}

/* Appends the message as one masked frame. */
static void send_again(const struct ws_message *message, struct buf *sent)
{
    static const uint8_t key[4] = {0xde, 0xad, 0xbe, 0xef};
    uint8_t head[WS_HEADER_MAX];
    size_t head_len = ws_frame_header(message->opcode, message->len, head);

    head[1] |= MASKED;
    CHECK(!buf_append(sent, head, head_len) && !buf_append(sent, key, sizeof key));
    char *to = buf_reserve(sent, message->len);

    CHECK(to);
    for (size_t i = 0; i < message->len; i++)
        to[i] = (char)(message->data[i] ^ key[i % sizeof key]);
    buf_added(sent, message->len);
}

/*
 * Decodes copies of `piece` bytes; `seen` gets messages as server frames and perhaps the close frame of an
 * error, `again` (NULL: not wanted) the messages as a client would send them.
 */
static void decode(const void *data, size_t size, size_t piece, struct buf *seen, struct buf *again)
{
    struct ws_decoder decoder;
    struct ws_message message;
    enum ws_status status = WS_STATUS_NONE;
    enum ws_progress progress = WS_MORE;

    ws_decoder_init(&decoder, LIMIT);
    for (size_t at = 0; at < size && progress != WS_ERROR;) {
        size_t n = size - at < piece ? size - at : piece;
        char *copy = malloc(n);
        size_t done = 0, used;

        CHECK(copy);
        memcpy(copy, (const char *)data + at, n);
        while ((progress = ws_decoder_feed(&decoder, copy + done, n - done, &used, &message, &status)) ==
               WS_MESSAGE) {
            CHECK(used <= n - done);
            done += used;
            check_message(&message);
            CHECK(!ws_frame_append(seen, message.opcode, message.data, message.len));
            if (again)
                send_again(&message, again);
        }
        CHECK(progress == WS_ERROR || used == n - done);
        CHECK(ws_decoder_gathered(&decoder) <= LIMIT && decoder.control_len <= WS_CONTROL_MAX);
        CHECK(progress == WS_ERROR || decoder.message_opcode || decoder.control_len || !decoder.message.data);
        free(copy);
        at += n;
    }
    if (progress == WS_ERROR)
        CHECK(!ws_close_append(seen, status));
    ws_decoder_deinit(&decoder);
}

/* The same messages, where `all` may go on with an error. */
static void check_starts_with(const struct buf *all, const struct buf *start)
{
    CHECK(start->len <= all->len);
    CHECK(!start->len || memcmp(all->data, start->data, start->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut, again, repeated;

    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&cut, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    buf_init(&repeated, SIZE_MAX / 2);

    decode(data, size, SIZE_MAX, &whole, &again);
    decode(data, size, 1, &cut, NULL);
    CHECK(cut.len == whole.len);
    check_starts_with(&whole, &cut);
    buf_clear(&cut);
    decode(data, size, 5, &cut, NULL);
    CHECK(cut.len == whole.len);
    check_starts_with(&whole, &cut);

    decode(again.data, again.len, 3, &repeated, NULL);
    check_starts_with(&whole, &repeated);
    /* What an error adds is one close frame with a code. */
    CHECK(whole.len == repeated.len || whole.len == repeated.len + 4);

    buf_deinit(&whole);
    buf_deinit(&cut);
    buf_deinit(&again);
    buf_deinit(&repeated);
    return 0;
}
