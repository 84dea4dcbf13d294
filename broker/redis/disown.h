/*
 * What Redis has under this node's name but the node does not hold. A primary that failed over to a replica
 * which lagged, or one restored from an older copy, may have forgotten that a rider left, and nobody else
 * looks after the riders of a node that lives. So after every loss of the connection or the lease, and when a
 * ride has begun a new epoch, the node goes through its own sets and suspends whoever is not here. Broker
 * thread.
 */
#ifndef RIDECAST_BROKER_REDIS_DISOWN_H
#define RIDECAST_BROKER_REDIS_DISOWN_H

#include "broker/broker.h"

#include <stddef.h>

struct redis;

/* Embedded in struct redis; zeroed is at rest. */
struct disown {
    bool due;
    bool running;
    char (*rides)[RIDE_NAME_MAX + 1]; /* one page */
    size_t ride_count, ride;
    char rides_cursor[24], sockets_cursor[24]; /* of the next pages; "0" after the last */
};

/* Goes through the sets once, if that is due and does not go on already. */
void disown_run(struct redis *redis);

void disown_deinit(struct redis *redis);

#endif
