/*
 * What Redis has under this node's name but the node does not hold. A primary that failed over to a replica
 * which lagged, or one restored from an older copy, may have forgotten that a rider left, and nobody else
 * looks after the riders of a node that lives. So after every loss of the connection or the lease, and when a
 * ride has begun a new epoch, the node goes through its own sets and suspends whoever is not here. Broker
 * thread.
 */
#ifndef RIDECAST_BROKER_REDIS_DISOWN_H
#define RIDECAST_BROKER_REDIS_DISOWN_H

#include "broker/redis/scan.h"
#include "broker/redis/transitions.h"

struct disown {
    struct transitions *transitions;
    bool due; /* somebody wants it done */
    bool running;
    struct walk rides;   /* of this node */
    struct scan sockets; /* of its ride whose turn it is */
};

/* At rest. The parts outlive it. */
void disown_init(struct disown *disown, struct store *store, struct transitions *transitions);
void disown_deinit(struct disown *disown);

/* Goes through the sets once, if that is due and does not go on already. */
void disown_run(struct disown *disown);

#endif
