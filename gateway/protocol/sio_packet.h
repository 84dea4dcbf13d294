/*
 * Socket.IO v5 packets (the published protocol, revision 5), the text that rides inside an Engine.IO message:
 *
 *   <type>[<attachments>-][/namespace,][<ack id>][JSON]
 *
 * Pure. JSON is kept as text (common/json_text.h).
 */
#ifndef RIDECAST_GATEWAY_PROTOCOL_SIO_PACKET_H
#define RIDECAST_GATEWAY_PROTOCOL_SIO_PACKET_H

#include "common/buf.h"
#include "common/json_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sio_type {
    SIO_CONNECT,
    SIO_DISCONNECT,
    SIO_EVENT,
    SIO_ACK,
    SIO_CONNECT_ERROR,
    SIO_BINARY_EVENT,
    SIO_BINARY_ACK,
};

enum {
    SIO_ATTACHMENTS_MAX = 10,
    SIO_DEPTH_MAX = 64, /* arrays and objects inside each other */
    SIO_NSP_MAX = 256,  /* bytes of a namespace, its '/' included */
};

struct sio_packet {
    enum sio_type type;
    unsigned attachments;  /* announced; 1-10 for the binary types, else 0 */
    struct json_slice nsp; /* "/" where the text has none; borrowed, as is the rest */
    bool has_id;
    uint64_t id;               /* the ack id */
    struct json_slice payload; /* without white space around it; at NULL: none */
};

/*
 * Reads a packet from a client and checks everything protocol.md lists for it that can be seen from the
 * packet alone:
 *
 * - the type, which is not CONNECT_ERROR: only servers send that;
 * - the attachment count of the binary types, 1-10;
 * - the namespace: at most SIO_NSP_MAX bytes, none of them a control character; one that carries a query
 *   (`/a?b`) is taken whole, as the reference does;
 * - the ack id, of at most 15 digits;
 * - the payload: JSON right after the head, an object or nothing for CONNECT, nothing for DISCONNECT, else an
 *   array, which for events begins with a string or a number that is not a reserved name;
 * - the placeholders of a binary packet: each {"_placeholder":true,"num":N} has N below the count.
 *
 * 0, or -1: close the connection.
 */
int sio_packet_parse(const char *text, size_t len, struct sio_packet *packet);

/*
 * Appends `<type>[<attachments>-][/nsp,][id]`: the head of a packet the server sends. `nsp` "/" is omitted,
 * and so is a count of 0. 0, or -1 when `out` is full (and unchanged).
 */
int sio_packet_head(struct buf *out, enum sio_type type, unsigned attachments, const char *nsp, bool has_id,
                    uint64_t id);

#endif
