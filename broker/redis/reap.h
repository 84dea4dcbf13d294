/*
 * The riders of dead nodes: whoever is the sweeper looks at the lease of every node, and where there is none
 * takes the node's riders out of its hands, ride by ride and in bites, until none is left. They are
 * suspended, so that their clients can still come back; without a recovery window they leave at once.
 *
 * A node that was stalled may go on writing for a while. So it is looked at again and again, and struck off
 * the list of nodes when it has been dead and empty for a minute. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_REAP_H
#define RIDECAST_BROKER_REDIS_REAP_H

#include "broker/redis/record.h"

#include <stddef.h>

struct dead_node;
struct redis;

/* Embedded in struct redis; zeroed is at rest. */
struct reap {
    bool running;
    struct dead_node *dead;             /* by name */
    char (*nodes)[RECORD_NODE_MAX + 1]; /* one page of those that are listed */
    size_t node_count, node;
    char nodes_cursor[24];            /* of the next page; "0" after the last */
    char (*rides)[RIDE_NAME_MAX + 1]; /* of that node: one page */
    size_t ride_count, ride;
    char cursor[24]; /* the same of rides */
    bool found;      /* some rider on this look at the node */
};

/* Looks at all nodes once, one after the other. Does nothing while that goes on. */
void reap_run(struct redis *redis);

/* What was seen of dead nodes is for another sweeper to see now. */
void reap_forget(struct redis *redis);

void reap_deinit(struct redis *redis);

#endif
