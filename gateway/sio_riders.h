/*
 * Riders that come over Socket.IO: an Engine.IO session carries a Socket.IO client, every namespace it joins
 * is a rider on the ride of that name.
 */
#ifndef RIDECAST_GATEWAY_SIO_RIDERS_H
#define RIDECAST_GATEWAY_SIO_RIDERS_H

#include "gateway/auth/auth.h"
#include "gateway/net/traffic.h"
#include "gateway/protocol/engineio.h"
#include "gateway/protocol/socketio.h"
#include "gateway/rides/presence.h"

struct sio_riders_options {
    struct presence *presence;
    struct auth *auth; /* NULL: anybody may connect */
    struct timers *timers;
    uint64_t connect_timeout_ms;
    uint64_t gather_ms;            /* for a binary event to come; 0: any time */
    size_t max_pending_bytes;      /* of one client's binary event */
    size_t max_namespaces;         /* of one client; 0: any number */
    struct traffic_limits traffic; /* of one client; zeroed: none */
    struct refusals *refusals;     /* told of what was refused; may be NULL */
    struct budget *budget;         /* which what is held counts against; NULL: nothing does */
};

/* Embedded in the gateway; the eio_app's data. */
struct sio_riders {
    struct sio_riders_options options;
    struct sio_options sio;
};

void sio_riders_init(struct sio_riders *riders, const struct sio_riders_options *options);

/* Give this and the `struct sio_riders` to eio_new(). */
const struct eio_app *sio_riders_app(void);

/* What it costs to keep a session: what it is still to be sent, and what has come of its events. */
size_t sio_riders_cost(struct eio_session *session);

#endif
