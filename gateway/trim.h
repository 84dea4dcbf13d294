/*
 * Gives memory back to the system after a crowd has gone. The allocator keeps what was freed between pieces
 * still in use; asked to, it returns that. (After 13,000 connections had come and gone a gateway of 5.4 MB
 * stayed at 30.9 MB without this, and went back to 8.4 MB with it.) It takes milliseconds, so it is done only
 * when half of the connections have ended since the last time. Gateway thread.
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
