/*
 * Draining: a gateway that is to end lets its clients go one after the other, so that they come back to
 * others in a spread and not all at once. A state machine: what clients are and how they are let go are
 * functions given to it.
 */
#ifndef RIDECAST_GATEWAY_DRAIN_H
#define RIDECAST_GATEWAY_DRAIN_H

#include "gateway/net/timers.h"

struct drain_options {
    uint64_t timeout_ms; /* all have been let go by then; 0: at once */
    struct timers *timers;
    /* Clients that are to be let go. */
    size_t (*clients)(void *owner);
    /* Lets some go. `all`: also those for whom it is no good moment. False: there was no time for more now.
     */
    bool (*let_go)(void *owner, size_t count, bool all);
    /* Connections that still have something to send or to hear. */
    size_t (*connections)(void *owner);
    /* All are gone, or had their time: end. Called once. */
    void (*done)(void *owner);
    void *owner;
};

/* Embedded in its owner. */
struct drain {
    struct drain_options options;
    struct timer timer;
    uint64_t begun_ms;
    uint64_t gone_ms; /* since when no client is there; 0: some are */
    size_t clients;   /* there were when it began */
    bool begun;
};

/* How long connections may take to close after the last client has gone. */
enum { DRAIN_GRACE_MS = 1000 };

void drain_init(struct drain *drain, const struct drain_options *options);

/* False: it had begun already. */
bool drain_begin(struct drain *drain);
bool drain_begun(const struct drain *drain);

#endif
