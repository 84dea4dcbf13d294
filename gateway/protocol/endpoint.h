/*
 * The Engine.IO endpoint: HTTP requests and upgrades under the Engine.IO path, checked in the order
 * docs/protocol.md gives, to sessions (engineio.h); and the transport those sessions speak through, whose
 * handles are links. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PROTOCOL_ENDPOINT_H
#define RIDECAST_GATEWAY_PROTOCOL_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

struct eio;
struct eio_transport;
struct link;

/* Embedded in its owner. */
struct endpoint {
    struct eio *eio;          /* made with endpoint_transport() */
    const char *path;         /* with both slashes: "/socket.io/" */
    size_t max_payload_bytes; /* of a POST's body */
    size_t authorization_max; /* bytes of the Authorization header that sessions keep; 0: none */
};

const struct eio_transport *endpoint_transport(void);

/* What server.h asks of a site. False: the request is not under the path, or an operator's. */
bool endpoint_head(const struct endpoint *endpoint, struct link *link);
bool endpoint_too_big(const struct endpoint *endpoint, struct link *link);
bool endpoint_request(const struct endpoint *endpoint, struct link *link);

#endif
