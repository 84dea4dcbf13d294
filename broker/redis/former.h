/*
 * Notes that nobody looks for any more, of a Redis Cluster: those at a server's former home, and those under
 * the names that they had while one server had everything (store.h). Whoever suspended a rider there, or held
 * one, may have ended since, so that nobody notes it again.
 *
 * Now and then a gateway goes through all candidates for a home that are not their server's, where it is that
 * server's sweeper, and the plain names, where it is the sweeper of the one that has their slot. A ride that
 * is noted there as having suspended riders, or somebody's who has no lease there, is noted at the server
 * that has it by now, and struck off. Nobody is swept or reaped here. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_FORMER_H
#define RIDECAST_BROKER_REDIS_FORMER_H

#include "broker/redis/scan.h"
#include "broker/redis/shards.h"

enum { FORMER_PLACES = SLOT_CANDIDATES + 1 };

struct former {
    struct shards *shards;
    bool running, looking;
    uint64_t begun_ms;                        /* when the last run did; 0: none yet */
    char homes[FORMER_PLACES][SLOT_TAG_SIZE]; /* the candidates, and none: the plain names */
    unsigned place;                           /* of these, whose turn it is */
    struct walk away, nodes, rides; /* noted there; the rides are those of the node whose turn it is */
    bool kept;                      /* one of these rides is a server's that is away, and stays */
};

/* At rest. The servers outlive it. */
void former_init(struct former *former, struct shards *shards);
void former_deinit(struct former *former);

/* The end of every callback: begins a run when it is time. Does nothing where there is no cluster. */
void former_settle(struct former *former);

#endif
