/*
 * The WebSocket frames of a load generator (RFC 6455, section 5): those of a server are read where they lie,
 * those of a client are masked with the key 0, which leaves the bytes as they are.
 */
#ifndef RIDECAST_BENCH_FRAME_H
#define RIDECAST_BENCH_FRAME_H

#include "common/buf.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum frame_opcode { FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };

enum { FRAME_MASKED = 0x80 };

struct frame {
    unsigned opcode;
    char *data; /* the payload, still masked if it was */
    size_t len;
    uint32_t mask; /* as it lies in memory; 0 where there is none */
    size_t whole;  /* bytes of header and payload */
};

/* Whether a whole frame starts at `data`, then described in *frame. Inline: it runs for every delivery. */
static inline bool frame_read(char *data, size_t len, struct frame *frame)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t header = 2;

    if (len < header)
        return false;
    frame->opcode = bytes[0] & 15;
    frame->len = bytes[1] & 127;
    if (frame->len >= 126) {
        size_t wide = frame->len == 126 ? 2 : 8;
        uint64_t size = 0;

        header += wide;
        if (len < header)
            return false;
        memcpy((char *)&size + (8 - wide), bytes + 2, wide);
        frame->len = be64toh(size);
    }
    frame->mask = 0;
    if (bytes[1] & FRAME_MASKED) {
        if (len < header + 4)
            return false;
        memcpy(&frame->mask, bytes + header, 4);
        header += 4;
    }
    frame->data = data + header;
    frame->whole = header + frame->len;
    return frame->len <= len && frame->whole <= len;
}

/* Appends a frame; `masked`: as a client, with the key 0. 0, or -1 when `out` is full. */
int frame_append(struct buf *out, unsigned opcode, const char *data, size_t len, bool masked);

#endif
