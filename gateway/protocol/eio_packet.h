/*
 * Engine.IO v4 packets (the published protocol, revision 4) and the payloads that carry several of them over
 * HTTP long-polling. Pure.
 */
#ifndef RIDECAST_GATEWAY_PROTOCOL_EIO_PACKET_H
#define RIDECAST_GATEWAY_PROTOCOL_EIO_PACKET_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum eio_type { EIO_OPEN, EIO_CLOSE, EIO_PING, EIO_PONG, EIO_MESSAGE, EIO_UPGRADE, EIO_NOOP };

struct eio_packet {
    enum eio_type type;
    bool binary;      /* a MESSAGE of bytes */
    const char *data; /* what follows the type; borrowed */
    size_t len;
};

/*
 * Reads one packet in text form: a type digit and data, or `b` and base64 (a binary message; the padding may
 * be missing), which is decoded in place, over `text`. 0, or -1: a parse error (empty, unknown type, bad
 * base64).
 */
int eio_packet_parse(char *text, size_t len, struct eio_packet *packet);

/*
 * Steps through a polling payload, packets separated by 0x1e: set `*at` to 0 before the first call.
 * 1: `*packet` is filled; 0: the end; -1: a parse error (an empty payload is one, and so is an empty packet
 * between or after separators).
 */
int eio_payload_next(char *payload, size_t len, size_t *at, struct eio_packet *packet);

/*
 * Appends server frames (gateway/net/ws.h), as an outlet keeps them, to a polling payload: a text frame's
 * bytes as they are, a binary frame as `b` and base64, with 0x1e between packets (before the first, too, when
 * `out` holds some already). 0, or -1 when `out` is full (and unchanged).
 */
int eio_payload_from_frames(struct buf *out, const char *frames, size_t len);

#endif
