/*
 * Asks the nodes of a Redis Cluster who has which slots, and goes on asking.
 *
 *   PAUSING ─▶ ASKING one node after the other ─▶ TOLD ─▶ PAUSING, for a second
 *      ▲            └── nobody left in this round     └── of no use: the next one is asked
 *      └────────────────┘
 *
 * Whoever has told is asked again on the same connection, but for no longer than five seconds, and not where
 * topology_seek() says that it may be wrong: one that is cut off does not know that it is. The next round
 * begins with another node then. What they tell is put together (cluster_map.h). The URL's nodes have their
 * turn where none of the map's answers, and those that the cluster takes for dead come last. A cluster that
 * was made anew has other nodes: it is believed once nobody has told of the former ones for five seconds.
 *
 * Runs on the thread of the event base.
 */
#ifndef RIDECAST_BROKER_REDIS_TOPOLOGY_H
#define RIDECAST_BROKER_REDIS_TOPOLOGY_H

struct cluster_map;
struct event_base;
struct redis_address;
struct redis_tls;
struct redis_url;
struct topology;

struct topology_setup {
    struct event_base *base;
    const struct redis_url *url; /* names nodes of a cluster; outlives the object */
    const struct redis_tls *tls; /* NULL: none; outlives the object */
    /*
     * A slot has another owner than before, or an owner another address. The map is the same each time and
     * lives as long as the object; what it says of owners changes just before this call and at no other time,
     * but pointers to its nodes are valid during the call only. Never from within a function of this header;
     * it may call topology_seek() and topology_close().
     */
    void (*changed)(const struct cluster_map *map, void *arg);
    void *arg;
};

struct topology *topology_new(const struct topology_setup *setup);

/* NULL is harmless. */
void topology_free(struct topology *topology);

/*
 * Asks, every second from now on until closed. Called again it asks sooner: at once, but no sooner than a
 * tenth of a second after the last round began, nor while nobody answers. `first` (borrowed for the call) is
 * asked before the others: whom a MOVED has named. NULL: whose turn it is.
 */
void topology_seek(struct topology *topology, const struct redis_address *first);

/* The same, for a connection to that server is lost: it may be elsewhere by now. */
void topology_lost(struct topology *topology, const struct redis_address *server);

/* NULL is harmless. */
void topology_close(struct topology *topology);

#endif
