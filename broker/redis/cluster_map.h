/*
 * Which server has which slot of a Redis Cluster, put together from what its nodes tell. Owned by value;
 * pure.
 *
 * Nodes may tell different things, and one that was cut off tells what was so before. Of each slot the owner
 * with the highest config epoch is believed, as the nodes do among themselves: a failover, and a slot that
 * has moved, come with a higher one than any before.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ ("Hash slots configuration
 * propagation")
 */
#ifndef RIDECAST_BROKER_REDIS_CLUSTER_MAP_H
#define RIDECAST_BROKER_REDIS_CLUSTER_MAP_H

#include "broker/redis/cluster_view.h"

struct cluster_node {
    char
        id[CLUSTER_ID_LEN + 1]; /* it keeps it for as long as its nodes.conf, whatever its address and role */
    struct redis_address address;
    bool found;            /* there, as far as is known: others' word on that does not count */
    bool failed;           /* most of the cluster took it for dead when it was told of last */
    struct slot_set slots; /* that it owns; none: a replica, or a primary that has none */
    size_t slot_count;
};

struct cluster_map {
    struct cluster_node *nodes; /* all that own slots, and all that were told of last */
    size_t node_count;
    int16_t owners[SLOTS];    /* indices of nodes, or CLUSTER_NOBODY */
    uint64_t epochs[SLOTS];   /* the config epoch with which the owner has it */
    uint64_t given_up[SLOTS]; /* from which on another's word on an owner counts: one has said of itself, in
                                 the epoch before this, that it does not have it any more; 0: nobody has */
};

enum cluster_learnt {
    CLUSTER_SAME,
    CLUSTER_CHANGED, /* a slot has another owner than before, or an owner another address */
    CLUSTER_EMPTY,   /* nothing is learnt: in that view nobody has a slot */
    CLUSTER_FOREIGN, /* nothing is learnt: the view has none of the nodes that are known */
    CLUSTER_CROWDED, /* nothing is learnt: there would be more than CLUSTER_NODES_MAX */
};

/* Knows nothing, and believes the first view. */
void cluster_map_init(struct cluster_map *map);

/* Forgets everything, and frees what it has. */
void cluster_map_clear(struct cluster_map *map);

/*
 * Nodes have other indices, and pointers to them are not valid any more, where something is learnt.
 *
 * A node that tells a lower config epoch of itself than it had has been put back to an older state; what was
 * known of its slots is forgotten. What a node says of itself counts for more than what others say: that it
 * does not have a slot any more, whatever the epoch, and where it is. Others' word on that counts where it is
 * certain and the node was not found where it was, and one that is not certain where there is no other.
 */
enum cluster_learnt cluster_map_learn(struct cluster_map *map, const struct cluster_view *view);

/* Nobody is found at that address: others may know another. */
void cluster_map_doubt(struct cluster_map *map, const struct redis_address *address);

/* Who has the slot; NULL: nobody. */
const struct cluster_node *cluster_map_owner(const struct cluster_map *map, unsigned slot);

/* The node of that id; NULL: there is none. */
const struct cluster_node *cluster_map_find(const struct cluster_map *map, const char *id);

/* How many slots nobody has. */
size_t cluster_map_unowned(const struct cluster_map *map);

#endif
