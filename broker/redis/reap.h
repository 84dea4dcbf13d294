/*
 * The riders of dead nodes: whoever is the sweeper looks at the lease of every node, and where there is none
 * takes the node's riders out of its hands, ride by ride and in bites, until none is left. They are
 * suspended, so that their clients can still come back; without a recovery window they leave at once.
 *
 * In a cluster the home may be another one by now (slot.h), where nodes have their leases. So before a run
 * takes anybody it makes sure that the server does not have a better one.
 *
 * A node that was stalled may go on writing for a while. So it is looked at again and again, and struck off
 * the list of nodes when it has been dead and empty for a minute. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_REAP_H
#define RIDECAST_BROKER_REDIS_REAP_H

#include "broker/redis/rides.h"
#include "broker/redis/scan.h"

struct dead_node;

struct reap {
    struct store *store;
    struct redis_rides *known;
    bool running;
    bool looking;                  /* this run takes nobody, and notes whose lease is not there */
    bool looked;                   /* one such run came to its end, and noted all */
    bool lapsed_only;              /* this run leaves alone whom that one noted */
    bool at_home;                  /* this run has made sure that the server has no better home by now */
    unsigned better;               /* of the homes that would be better, which is asked about */
    struct dead_node *dead;        /* by name */
    struct walk nodes, rides;      /* all others that are listed; those of the node whose turn it is */
    bool found;                    /* some rider on this look at the node */
    char cursor[SCAN_CURSOR_SIZE]; /* on the ride whose turn it is */
    unsigned bites;                /* of it, so far */
};

/* At rest. The parts outlive it. */
void reap_init(struct reap *reap, struct store *store, struct redis_rides *known);
void reap_deinit(struct reap *reap);

/* Only notes which nodes have no lease to begin with. To be called until reap->looked. */
void reap_look(struct reap *reap);

/* Looks at all nodes once, one after the other. Does nothing while that goes on. `lapsed_only`: takes only
 * the riders of nodes whose lease was there when reap_look() was called. */
void reap_run(struct reap *reap, bool lapsed_only);

/* Another sweeper looks after dead nodes now: forgets what was seen of them. */
void reap_forget(struct reap *reap);

#endif
