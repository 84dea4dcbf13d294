/*
 * One server, and what this gateway does there: two connections that live and die together, the lease and
 * what follows from its beat, and the way of the transitions of those rides that the server has.
 *
 *   commands: connect, load scripts, checkup, first beat ─▶ events: connect ─▶ up: subscribe, send what waits
 *   either lost ─▶ down, both closed ─▶ from the start
 *
 * Whichever connection is lost, both are made anew: after a failover they must not end up on different
 * servers. Going down cuts off every command, so nothing of the old connections reaches the new ones.
 *
 * The parts that know rides (watches, transitions, replays, what is held) are the gateway's; those that know
 * a server (checkup, lease, audit, reap, sweep) are in here. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SHARD_H
#define RIDECAST_BROKER_REDIS_SHARD_H

#include "broker/redis/audit.h"
#include "broker/redis/checkup.h"
#include "broker/redis/cluster_view.h"
#include "broker/redis/lane.h"
#include "broker/redis/lease.h"
#include "broker/redis/reap.h"
#include "broker/redis/redis_address.h"
#include "broker/redis/replay.h"
#include "broker/redis/sweep.h"

struct redis_tls;
struct redis_url;
struct shard;
struct transitions;

/* What all servers of a gateway have in common: the roof's, and outlives them. */
struct shard_setup {
    const struct backend_setup *backend;
    const struct redis_url *url;
    const struct redis_tls *tls; /* NULL: none */
    bool told; /* by sentinels, where servers are: a name is one server's, and with TLS its certificate's */
    char run[EPOCH_LEN + 1]; /* names this process, whose node id may be that of an earlier one */
    struct lease_secret *secret;
    struct redis_rides *rides;
    struct watches *watches;
    struct transitions *transitions;
    void (*settle)(void *arg); /* the end of every callback */
    void *settle_arg;
    void (*changed)(struct shard *shard, void *arg); /* it is up, or down */
    void (*lost)(struct shard *shard, void *arg);    /* its connection for commands is; it tries again */
    /* It says that another server has a slot; which (borrowed), or NULL. */
    void (*moved)(const struct redis_address *owner, void *arg);
    void *arg;
};

struct shard {
    struct store store; /* first */
    const struct shard_setup *setup;
    char id[CLUSTER_ID_LEN + 1]; /* of a cluster's node, else empty */
    struct slot_set slots;       /* of the rides that it has */
    struct redis_address server; /* where commands go */
    struct redis_address peer; /* where they arrive: the same server for events, even if its name moves on */
    bool open;
    bool missed; /* while it is not up it is away: it has been up, or could not be reached, or others had its
                    rides */
    bool was_up; /* or the one whose place it has taken */
    bool had_lease; /* this process has had one here */
    bool disturbed; /* a connection or the lease was lost since the process began, or Redis had just begun */
    bool restore_due; /* it was gone: all riders are put back on the next beat */
    struct lane lane;
    struct checkup checkup;
    struct lease lease;
    struct replays replays;
    struct audit audit;
    struct reap reap;
    struct sweep sweep;
    struct shard *prev, *next;
};

/* At rest. The setup outlives it. */
struct shard *shard_new(const struct shard_setup *setup);

/* Of a closed one. */
void shard_free(struct shard *shard);

/* The one that has the ride. */
struct shard *shard_of(const struct redis_ride *ride);

/* Connects to the server, and goes on until closed. `home` is that of its slots, and empty where there is no
 * cluster. Where it is open there, and so, nothing happens; where that has changed, it begins anew. */
void shard_open(struct shard *shard, const struct redis_address *server, const char *home);

/* Whether it is not up, and should be: a gateway that begins is about to reach it. */
bool shard_is_away(const struct shard *shard);

/* Cuts off what is under way: it has no answer. */
void shard_close(struct shard *shard);

/* Gives the lease back. Whether that is done. */
bool shard_leave(struct shard *shard);

#endif
