/*
 * What a key holds.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_OBJECT_H
#define RIDECAST_TESTS_SIM_REDIS_OBJECT_H

#include "tests/sim/redis/stream.h"
#include "tests/sim/redis/zset.h"

enum sim_type { SIM_STRING, SIM_HASH, SIM_SET, SIM_ZSET, SIM_STREAM };

enum { SIM_FOR_EVER = -1 };

struct sim_object {
    enum sim_type type;
    int64_t expires_ms; /* when it ends, by the server's clock; SIM_FOR_EVER: it does not */
    bool listed; /* it has been small all the time, so it is kept, and told, in the order of insertion */
    union {
        struct {
            char *at; /* from malloc() */
            size_t len;
        } string;
        struct sim_dict dict; /* a hash: values by field; a set: names alone */
        struct sim_zset zset;
        struct sim_stream stream;
    };
};

/* An empty one. */
struct sim_object *sim_object_new(enum sim_type type, uint64_t seed);
void sim_object_free(struct sim_object *object);
struct sim_object *sim_object_copy(const struct sim_object *object, uint64_t seed);

/* How many elements it has. A string: 1. */
size_t sim_object_size(const struct sim_object *object);

#endif
