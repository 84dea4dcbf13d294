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

/* Embedded in the gateway; the eio_app's data. */
struct sio_riders {
    struct presence *presence;
    struct auth *auth; /* set by the gateway; NULL: anybody may connect */
    struct sio_options options;
    struct traffic_limits traffic; /* of one client; zeroed: none */
    struct refusals *refusals;     /* told of what was refused; may be NULL */
};

/* `max_pending_bytes` bounds one client's binary event. */
void sio_riders_init(struct sio_riders *riders, struct presence *presence, struct timers *timers,
                     uint64_t connect_timeout_ms, size_t max_pending_bytes);

/* Give this and the `struct sio_riders` to eio_new(). */
const struct eio_app *sio_riders_app(void);

#endif
