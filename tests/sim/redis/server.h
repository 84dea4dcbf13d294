/*
 * What the files of the simulated Redis share: the server, and a command that is being carried out.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_SERVER_H
#define RIDECAST_TESTS_SIM_REDIS_SERVER_H

#include "common/buf.h"
#include "tests/sim/redis/object.h"
#include "tests/sim/redis/sim_redis.h"

enum { SIM_DATABASES = 16 };

enum sim_channel_kind { SIM_CHANNEL, SIM_SHARD_CHANNEL, SIM_CHANNEL_KINDS };

struct sim_redis_connection {
    struct sim_redis *redis;
    struct sim_redis_client client;
    struct buf in, out;
    unsigned db;
    bool authenticated;
    bool broken; /* it has sent what is none of Redis' protocol, and is closed when that has been said */
    size_t subscriptions[SIM_CHANNEL_KINDS];
    struct sim_redis_connection *prev, *next;
};

struct sim_redis {
    struct sim_redis_setup setup;
    bool is_7, is_7_2;                        /* at least */
    struct sim_dict databases[SIM_DATABASES]; /* objects by key */
    struct sim_dict channels[SIM_CHANNEL_KINDS];
    struct sim_script_engine *engine;
    struct sim_redis_connection *connections; /* the oldest first */
    int64_t now_us, started_us;
    uint64_t random; /* the state of the seed's numbers */
    bool full;
};

/* A command that is being carried out. */
struct sim_call {
    struct sim_redis *redis;
    struct sim_redis_connection *connection; /* also that of a script which calls */
    const struct bytes *args;                /* the command's name first */
    size_t count;
    struct buf *out; /* takes the answer */
    bool in_script;
};

uint64_t sim_random(struct sim_redis *redis);

/* Ends the process: no gateway asks for that. */
void sim_unsupported(const struct sim_call *call) __attribute__((noreturn));

/* --- keys, of the database that the connection has selected (keyspace.c) --- */

/* NULL: there is none, or it has expired. */
struct sim_object *sim_key_find(const struct sim_call *call, struct bytes key);

/* The same of one type. Answers an error and is false if it is of another. */
bool sim_key_of_type(struct sim_call *call, struct bytes key, enum sim_type type, struct sim_object **object);

/* A new one in the place of whatever is there. */
struct sim_object *sim_key_make(const struct sim_call *call, struct bytes key, enum sim_type type);

/* Whether there was one. */
bool sim_key_delete(const struct sim_call *call, struct bytes key);

/* Redis keeps nothing that is empty. */
void sim_key_settle(const struct sim_call *call, struct bytes key);

void sim_keyspace_clear(struct sim_redis *redis);
void sim_keyspace_expire(struct sim_redis *redis); /* all keys whose time has come are gone */
int64_t sim_now_ms(const struct sim_redis *redis);

/* --- channels (pubsub.c) --- */

/* How many have heard it. */
size_t sim_publish(struct sim_redis *redis, enum sim_channel_kind kind, struct bytes channel,
                   struct bytes message);

/* A connection is over. */
void sim_unsubscribe_all(struct sim_redis_connection *connection);

#endif
