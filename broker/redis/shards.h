/*
 * The servers that a gateway has its rides on, and which of them has a ride.
 *
 * There is one that has every ride: the URL names it, or sentinels call it the primary (sentinel.h). Or there
 * is a Redis Cluster: each primary has the rides whose slot it owns (slot.h), as its nodes tell (topology.h).
 *
 * A ride moves to another server when its slot does, or when another server has become its primary: its
 * subscription is made there, what has no answer is sent there, in order, and it is audited. That is all that
 * happens when slots move and after a failover; a server that has no slots any more is closed.
 *
 * Broker thread, but for shards_init() and shards_deinit().
 */
#ifndef RIDECAST_BROKER_REDIS_SHARDS_H
#define RIDECAST_BROKER_REDIS_SHARDS_H

#include "broker/redis/shard.h"

struct sentinel;
struct topology;

struct shards {
    struct shard_setup setup;  /* of each */
    struct blob *about;        /* what this gateway says of itself; NULL: nothing yet */
    struct shard *all;         /* linked by prev and next */
    size_t count;              /* of these */
    struct sentinel *sentinel; /* finds the server; NULL: the URL names it, or there is a cluster */

    struct topology *topology; /* NULL: no cluster */
    struct shard **owners;     /* of each slot */
    struct shard *nobody;      /* has the rides of slots that nobody owns; it is never connected */

    bool moving; /* a new map is made true: what there is to tell is told when that is done */
    bool up;     /* as the gateway was told last */
    char *away;  /* what it was told to be away; NULL: nothing */
};

/* At rest. Takes the setup, but for what is there for all servers and for its own reports; what it points to
 * outlives it. */
void shards_init(struct shards *shards, const struct shard_setup *setup);

/* Of closed ones, when no ride is known any more. */
void shards_deinit(struct shards *shards);

/* The end of every callback. */
void shards_settle(struct shards *shards);

/* Connects, and goes on until closed. */
void shards_open(struct shards *shards);
void shards_close(struct shards *shards);

/* Nobody waits for that HISTORY any more (broker_forget()). */
void shards_forget_replay(struct shards *shards, uint64_t ticket);

/* The one that has the ride; the ride's slot. */
struct shard *shards_have(const struct shards *shards, const char *ride);
struct shard *shards_owner(const struct shards *shards, unsigned slot); /* of that slot */
unsigned shards_slot(const struct shards *shards, const char *ride);

/* One that is up; NULL: none is. */
struct shard *shards_any(const struct shards *shards);

/* Whether what is submitted now, to whichever of them, would wait for an answer. */
bool shards_busy(const struct shards *shards);

/* What this gateway says of itself, to all. Takes a reference. */
void shards_about(struct shards *shards, struct blob *json);

/* Gives back the lease of each that has nothing to do any more. Whether that is done everywhere. */
bool shards_leave(struct shards *shards);

#endif
