/*
 * Engine.IO polling payloads from a hostile client. Whatever the bytes, reading ends, stays inside them, and
 * the packets, queued as frames and turned into a payload again, are read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/net/ws.h"
#include "gateway/protocol/eio_packet.h"

/* Appends a packet as the frame an outlet would hold. */
static void add_frame(struct buf *frames, const struct eio_packet *packet)
{
    const char type = (char)('0' + packet->type);
    struct buf text;

    if (packet->binary) {
        CHECK(!ws_frame_append(frames, WS_BINARY, packet->data, packet->len));
        return;
    }
    buf_init(&text, packet->len + 1);
    CHECK(!buf_append(&text, &type, 1));
    CHECK(!buf_append(&text, packet->data, packet->len));
    CHECK(!ws_frame_append(frames, WS_TEXT, text.data, text.len));
    buf_deinit(&text);
}

/* Reads a payload, which it changes, into frames; whether it was good to the end. */
static bool read_payload(char *payload, size_t len, struct buf *frames)
{
    struct eio_packet packet;
    size_t at = 0, packets = 0;
    int more;

    while ((more = eio_payload_next(payload, len, &at, &packet)) == 1) {
        CHECK(++packets <= len);
        CHECK(packet.type <= EIO_NOOP && (!packet.binary || packet.type == EIO_MESSAGE));
        CHECK(packet.data > payload && packet.data + packet.len <= payload + len);
        CHECK(packet.binary || !memchr(packet.data, 0x1e, packet.len));
        add_frame(frames, &packet);
    }
    CHECK(packets || more < 0);
    return more == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf payload, frames, again;

    buf_init(&payload, SIZE_MAX / 2);
    buf_init(&frames, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    /* The packets' data is a copy of exactly this size, so that the sanitizer sees a read past it. */
    char *copy = malloc(size ? size : 1);

    CHECK(copy);
    if (size)
        memcpy(copy, data, size);
    read_payload(copy, size, &frames);
    free(copy);
    CHECK(!eio_payload_from_frames(&payload, frames.data, frames.len));
    if (frames.len)
        CHECK(read_payload(payload.data, payload.len, &again));
    CHECK(again.len == frames.len && (!again.len || memcmp(again.data, frames.data, again.len) == 0));

    buf_deinit(&payload);
    buf_deinit(&frames);
    buf_deinit(&again);
    return 0;
}
