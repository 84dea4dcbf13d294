/*
 * What every part of the Redis backend stands on: the connection for commands and the one for events, the
 * scripts, the names of this process, Redis' clock, and the way to complain. One for each server; part of a
 * shard (shard.h), which sets its fields. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_STORE_H
#define RIDECAST_BROKER_REDIS_STORE_H

#include "broker/backend.h"
#include "broker/redis/key_name.h"
#include "broker/redis/record.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/scripts.h"
#include "broker/redis/slot.h"

/* Of what is in Redis (docs/redis.md), under `layout`. Gateways of different layouts cannot share one. */
#define STORE_LAYOUT "2"

struct lane;
struct replays;

struct store {
    const struct backend_setup *setup;
    unsigned db;
    bool cluster;                   /* it is one of a Redis Cluster */
    char home[SLOT_TAG_SIZE];       /* the hash tag of the keys that belong to no ride; empty: none */
    char run[EPOCH_LEN + 1];        /* names this process, whose node id may be that of an earlier one */
    char node[RECORD_NODE_MAX + 1]; /* the node id and `run`: whom riders are held by */
    struct redis_link *commands, *events;
    struct scripts scripts;  /* on the connection for commands */
    struct lane *lane;       /* the way of transitions to this server (lane.h) */
    struct replays *replays; /* what is read there for single clients (replay.h) */
    bool keeps_secret;       /* the others have copies of it */
    bool keeps_layout;       /* in a cluster: of the name without a home, too */
    bool up;                 /* both connections are ready, the scripts are loaded, and the lease is there */
    int64_t clock_ahead_ms;  /* Redis' clock less clock_ms() */
    uint64_t leapt_ms;  /* when Redis' clock was last seen to have leapt ahead, by clock_ms(); 0: never */
    uint64_t trouble_s; /* when there was trouble last */
    /* A callback that did not come from a connection has ended: what it made due is to be done. */
    void (*settle)(void *arg);
    void *settle_arg;
};

/* Hands a message to the gateway; takes it. */
void store_tell_gateway(const struct store *store, struct broker_message *message);

const struct broker_metrics *store_metrics(const struct store *store);

/* Redis' clock in milliseconds, nearly. */
uint64_t store_clock_ms(const struct store *store);

/* The names of a server's own keys: `<prefix><what>` and `<prefix>node:<node><detail>`; in a cluster with
 * `{<home>}:` behind the prefix, so that they lie there. */
void store_shared_key(const struct store *store, const char *what, struct key_name *key);
void store_node_key(const struct store *store, const char *node, const char *detail, struct key_name *key);

/* The channel of a ride's events. Channels are the same in all databases of a server, hence the number. */
void store_channel(const struct store *store, const char *ride, struct key_name *channel);

/* Logs a warning that others can provoke as often as they like, hence at most one a second. */
void store_trouble(struct store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What to complain of: the text of an error, or that the answer is none of those that were expected. */
const char *store_complaint(const struct redisReply *reply);

/* Whether there is nothing to read in the reply: no connection (NULL), or an error, which is complained of.
 * One that speaks of the server and not of the command breaks the connection, so that the command is sent
 * again later. */
bool store_failed(struct store *store, const struct redisReply *reply);

/* As much of that as concerns the server; whether it concerns the ride's slot alone, which is on its way or
 * with another server: then it has not been done, and is to be done after a pause. */
bool store_is_away(struct store *store, const struct redisReply *reply);
bool store_defers(const struct store *store, const struct redisReply *reply);

#endif
