/*
 * Whether the server at the other end will do: on every new connection before anything is kept there, and
 * every ten seconds from then on. One that cannot serve (it is a replica, part of a Redis Cluster, too old,
 * runs no scripts, or holds the data of another layout) is given up with a line that says so, and the gateway
 * is not ready. What is a danger only (it may evict, it writes nothing to disk) is logged once. A server that
 * does not let itself be asked is not judged. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_CHECKUP_H
#define RIDECAST_BROKER_REDIS_CHECKUP_H

#include "broker/redis/store.h"

struct checkup {
    struct store *store;
    void (*passed)(void *arg);
    void *arg;
    bool starting;                       /* `passed` is still to be called on this connection */
    bool has_passed;                     /* on some connection */
    bool has_data;                       /* of some ridecast */
    unsigned awaited;                    /* answers */
    bool failed;                         /* the connection is given up, or lost */
    bool appends;                        /* it keeps a log of what was done on its disk */
    uint64_t server_up_ms;               /* how long the server ran at the latest one; 0: it does not say */
    uint64_t begun_ms;                   /* when the latest one was */
    const char *policy_told, *disk_told; /* what was logged last, so that it is said once; NULL: nothing */
};

/* At rest. The store and `arg` outlive it. */
void checkup_init(struct checkup *checkup, struct store *store, void (*passed)(void *arg), void *arg);

/* The connection for commands is new and the scripts are loaded: calls `passed` if the server will do. */
void checkup_begin(struct checkup *checkup);

/* Asks again, if it is time. */
void checkup_repeat(struct checkup *checkup);

#endif
