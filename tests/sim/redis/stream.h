/*
 * A stream: entries in the order of their ids. Redis keeps them in nodes of up to a hundred entries or 4 KiB,
 * and `MAXLEN ~` drops whole nodes; so where those end is followed here to the byte.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_STREAM_H
#define RIDECAST_TESTS_SIM_REDIS_STREAM_H

#include "tests/sim/redis/bytes.h"

#include <stdint.h>

struct sim_stream_id {
    uint64_t ms, seq;
};

struct sim_stream_entry {
    struct sim_stream_id id;
    size_t count;        /* of fields and values together */
    struct bytes *words; /* field value…; they lie behind, in the same allocation */
};

struct sim_stream_node {
    size_t entries, bytes;
};

struct sim_stream {
    struct sim_stream_entry *entries; /* the first of these have been dropped */
    size_t dropped, end, room;
    struct sim_stream_node *nodes; /* so have these */
    size_t nodes_dropped, nodes_end, nodes_room;
    struct sim_stream_id last; /* that was ever added */
};

void sim_stream_deinit(struct sim_stream *stream);
size_t sim_stream_length(const struct sim_stream *stream);

/* Copies the words. -1: the id is not above the last one. */
int sim_stream_add(struct sim_stream *stream, struct sim_stream_id id, const struct bytes *words,
                   size_t count);

/* Drops the oldest, so that `max` are left: whole nodes alone, so that it may be more. */
void sim_stream_trim(struct sim_stream *stream, size_t max);

/* The place of the first entry that is not below. */
size_t sim_stream_from(const struct sim_stream *stream, struct sim_stream_id id);

int sim_stream_id_compare(struct sim_stream_id a, struct sim_stream_id b);

/* The same as `from`, for a stream that is empty. */
void sim_stream_copy(struct sim_stream *stream, const struct sim_stream *from);

#endif
