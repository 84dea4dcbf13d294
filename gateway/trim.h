/*
 * Gives memory back to the system after a crowd has gone. The allocator keeps what lies between pieces still
 * in use, which after thousands of connections are many megabytes; asked to, it returns them. That takes
 * milliseconds, so it is done only when half of the connections have ended since the last time. Gateway
 * thread.
 */
#ifndef RIDECAST_GATEWAY_TRIM_H
#define RIDECAST_GATEWAY_TRIM_H

#include "gateway/timers.h"

struct net;

enum { TRIM_EVERY_MS = 5000, TRIM_CROWD = 256 /* fewer are not worth it */ };

/* Embedded in the gateway. */
struct trim {
    struct net *net;
    struct timer timer;
    size_t peak; /* connections, since the last time */
};

void trim_start(struct trim *trim, struct net *net);

#endif
