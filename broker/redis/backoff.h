/*
 * Pauses between attempts: 50 ms, doubling to 1 s, each drawn at random from its upper half, so that gateways
 * that lost Redis together do not come back together.
 */
#ifndef RIDECAST_BROKER_REDIS_BACKOFF_H
#define RIDECAST_BROKER_REDIS_BACKOFF_H

enum { BACKOFF_FIRST_MS = 50, BACKOFF_LAST_MS = 1000 };

struct backoff {
    unsigned ceiling_ms; /* of the next pause */
};

/* The next pause is the shortest again. Call it before first use as well. */
void backoff_reset(struct backoff *backoff);

/* The pause before the next attempt, in milliseconds. */
unsigned backoff_pause(struct backoff *backoff);

#endif
