/*
 * What one node of a Redis Cluster tells of all (CLUSTER NODES), read with suspicion. Pure.
 * https://redis.io/docs/latest/commands/cluster-nodes/
 */
#ifndef RIDECAST_BROKER_REDIS_CLUSTER_VIEW_H
#define RIDECAST_BROKER_REDIS_CLUSTER_VIEW_H

#include "broker/redis/redis_address.h"
#include "broker/redis/slot.h"

enum {
    CLUSTER_ID_LEN = 40,
    CLUSTER_NODES_MAX = 1000, /* as many as Redis itself is made for */
    CLUSTER_NOBODY = -1,
};

struct cluster_member {
    char id[CLUSTER_ID_LEN + 1]; /* hexadecimal digits */
    struct redis_address address;
    bool certain;   /* that is where it is now: it says so itself, or is connected with who says it */
    bool failed;    /* most of the cluster take it for dead */
    uint64_t epoch; /* its config epoch; of a replica, its primary's */
};

struct cluster_view {
    struct cluster_member *members; /* all but those that are not known yet, or have no address */
    size_t count;
    size_t self;           /* the one that has told this */
    int16_t owners[SLOTS]; /* indices of members, or CLUSTER_NOBODY */
    size_t owned;          /* slots that somebody has */
};

/*
 * For cluster_view_free(); NULL: it is no answer to CLUSTER NODES.
 *
 * A node that does not know its own host has that of `from`, where it was asked. `by_name`: those that
 * announce a host name are called by it, as certificates are, and not by their IP address.
 */
struct cluster_view *cluster_view_read(const char *text, size_t len, const struct redis_address *from,
                                       bool by_name);

/* NULL is harmless. */
void cluster_view_free(struct cluster_view *view);

#endif
