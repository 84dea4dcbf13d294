/*
 * WebSocket (RFC 6455), the server's side: the handshake's answer, a decoder for masked client frames, an
 * encoder for server frames. No extensions. Pure: no socket, no clock.
 */
#ifndef RIDECAST_GATEWAY_NET_WS_H
#define RIDECAST_GATEWAY_NET_WS_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_status {
    WS_STATUS_NONE = 0, /* a close frame without a code */
    WS_STATUS_NORMAL = 1000,
    WS_STATUS_GOING_AWAY = 1001,
    WS_STATUS_PROTOCOL_ERROR = 1002,
    WS_STATUS_INVALID_UTF8 = 1007,
    WS_STATUS_POLICY = 1008, /* said too much */
    WS_STATUS_TOO_BIG = 1009,
    WS_STATUS_INTERNAL_ERROR = 1011, /* no memory */
    WS_STATUS_TOKEN_EXPIRED = 4401,
};

enum { WS_HEADER_MAX = 10, WS_CONTROL_MAX = 125 };

/*
 * Checks the handshake's header values (NULL: absent): a key of 16 bytes in base64 and version 13 or 8. True:
 * fine.
 */
bool ws_handshake_valid(const char *key, const char *version);

/* What a subprotocol begins with that carries a secret of the client's: it is never sent back. */
#define WS_PROTOCOL_BEARER "bearer."

/*
 * Appends the 101 answer. `protocols` is the client's Sec-WebSocket-Protocol (the first one offered that
 * carries no secret is echoed when it is a token of RFC 9110) or NULL; `headers` is further lines ended by
 * CRLF, or NULL. 0, or -1 when `out` is full.
 */
int ws_handshake_respond(struct buf *out, const char *key, const char *protocols, const char *headers);

/*
 * A message or control frame that is complete. Its bytes are in the decoder or in what was fed, and borrowed
 * until the next call on the decoder; they may be changed.
 */
struct ws_message {
    enum ws_opcode opcode; /* TEXT, BINARY: a whole message, fragments joined; CLOSE, PING, PONG: a frame */
    char *data;            /* unmasked; for CLOSE: the payload, code included */
    size_t len;
};

/* The decoder; small while no frame is pending: embedded in every connection. Fields are private to ws.c. */
struct ws_decoder {
    struct buf message; /* the data message being gathered, or lent out, then the same of a control frame */
    uint64_t payload_left;  /* bytes of the current frame still to come */
    uint8_t head[14];       /* header of the current frame; its last 4 bytes are the masking key */
    uint8_t head_len;       /* how many are there */
    uint8_t head_need;      /* how many there must be, as far as known */
    uint8_t mask_at;        /* position in the masking key, 0-3 */
    uint8_t message_opcode; /* of the data message being gathered; 0: none */
    uint8_t control_len;    /* how much of `message` is the control frame's */
    bool in_payload;        /* the header is complete */
};

/* `max_message` limits the sum of a message's fragments. */
void ws_decoder_init(struct ws_decoder *decoder, size_t max_message);
void ws_decoder_deinit(struct ws_decoder *decoder);

/* Whether a part of a message, or of a frame, has come; whether that of a message that is data. */
bool ws_decoder_waits(const struct ws_decoder *decoder);
bool ws_decoder_gathers(const struct ws_decoder *decoder);
/* How much of that message is here, and the bytes it holds of that and of a control frame. */
size_t ws_decoder_gathered(const struct ws_decoder *decoder);
size_t ws_decoder_held(const struct ws_decoder *decoder);

enum ws_progress {
    WS_MORE,    /* all bytes used, nothing complete */
    WS_MESSAGE, /* `*message` is filled; call again with the rest, until WS_MORE */
    WS_ERROR,   /* `*status` tells the close code; the decoder must not be fed again */
};

/*
 * Reads some of `bytes`, which it unmasks in place; `*used` tells how many. A client frame must be masked,
 * with RSV 0 and a known opcode; a control frame must be unfragmented and at most 125 bytes; a close code
 * must be one that may be sent; text and close reasons must be valid UTF-8. A frame that would take its
 * message past the limit is refused by its header alone.
 *
 * Cost is linear in bytes whatever their framing. A message that lies whole in `bytes` as one frame is not
 * copied; memory for any other grows with what has arrived and is given back by the next call, even one of no
 * bytes.
 */
enum ws_progress ws_decoder_feed(struct ws_decoder *decoder, char *bytes, size_t n, size_t *used,
                                 struct ws_message *message, enum ws_status *status);

/*
 * Writes a server frame's header (FIN set, no mask) for a payload of `len` bytes. Returns its length, at most
 * WS_HEADER_MAX.
 */
size_t ws_frame_header(enum ws_opcode opcode, size_t len, uint8_t out[WS_HEADER_MAX]);

/* The same for a part of a text of which `len` bytes come now. */
size_t ws_fragment_header(bool first, bool last, size_t len, uint8_t out[WS_HEADER_MAX]);

/* Appends a whole server frame. 0, or -1 when `out` is full. */
int ws_frame_append(struct buf *out, enum ws_opcode opcode, const void *data, size_t len);

/* Appends a close frame: empty for WS_STATUS_NONE, else with the code. 0, or -1. */
int ws_close_append(struct buf *out, enum ws_status status);

/*
 * Steps through finished server frames: the payload and opcode of the frame at `*at`, which is moved behind
 * it. False at the end. `frames` must hold whole frames made by this module.
 */
bool ws_frames_next(const char *frames, size_t len, size_t *at, enum ws_opcode *opcode, const char **payload,
                    size_t *payload_len);

#endif
