/*
 * Riders that come over a plain WebSocket with JSON: /ws is the ride `/`, /ws/line-7 the ride `/line-7`. The
 * shape is that of NestJS's ws adapter (docs/protocol.md, Plain WebSocket).
 *
 *   {"event":"message","data":{…user…},"id":1}   or a bare user record
 *   {"event":"activeUsers","id":2}
 *
 * The server pings every ping interval and gives up a client that says nothing for the ping timeout after it.
 */
#ifndef RIDECAST_GATEWAY_PLAIN_RIDERS_H
#define RIDECAST_GATEWAY_PLAIN_RIDERS_H

#include "gateway/auth/auth.h"
#include "gateway/net/traffic.h"
#include "gateway/rides/presence.h"

struct link;
struct plain_client;

struct plain_riders_options {
    struct presence *presence;
    struct auth *auth; /* NULL: anybody may connect */
    struct timers *timers;
    struct slice *slice; /* for ends of crowds; NULL: no bound */
    struct outlets *outlets;
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    struct traffic_limits traffic; /* of one client; zeroed: none */
    struct refusals *refusals;     /* told of what was refused; may be NULL */
};

/* Embedded in the gateway. */
struct plain_riders {
    struct plain_riders_options options;
    struct plain_client *clients;
    size_t count; /* of them */
};

void plain_riders_init(struct plain_riders *riders, const struct plain_riders_options *options);

/*
 * The link's request asks for a WebSocket. It opens once the ride is known, so that its client hears
 * everything from then on; or the request is answered with the reason why not.
 */
void plain_open(struct plain_riders *riders, struct link *link);

/* Calls for each client, with what it is still to be sent, and where it is. */
void plain_visit(struct plain_riders *riders,
                 void (*visit)(struct outlet *outlet, const struct ip *address, void *arg), void *arg);

/* Closes up to `count` clients, as far as the slice reaches, with 1001, "going away"; their riders leave. */
void plain_let_go(struct plain_riders *riders, size_t count);

#endif
