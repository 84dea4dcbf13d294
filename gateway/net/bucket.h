/*
 * Token buckets: how much somebody may do in a time. Pure: the caller brings the time, in milliseconds of a
 * monotonic clock. A bucket is eight bytes, and full when zeroed.
 *
 * What is taken beyond what is there is counted too, as debt, so that the caller can tell who went on after
 * having been refused (BUCKET_FLOODED) from who stopped.
 */
#ifndef RIDECAST_GATEWAY_NET_BUCKET_H
#define RIDECAST_GATEWAY_NET_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket_rate {
    uint64_t per_second; /* 0: no limit */
    uint64_t burst;      /* how much a full bucket holds; at least 1 */
};

struct bucket {
    uint64_t full_at_ns; /* when it will be full again, if nothing more is taken */
};

enum bucket_verdict {
    BUCKET_OK,
    BUCKET_EMPTY,   /* refuse */
    BUCKET_FLOODED, /* as much as a burst has been refused: cut off whoever does that */
};

/* Takes `n`, even where there are fewer. */
enum bucket_verdict bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t n,
                                uint64_t now_ms);

/* Takes `n` where they are there, or all that a full bucket holds; false: nothing is taken. So whoever tries
 * again and again gets as much as who waits. */
bool bucket_try(struct bucket *bucket, const struct bucket_rate *rate, uint64_t n, uint64_t now_ms);

/* Whether bucket_try() would take them now. */
bool bucket_has(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t n, uint64_t now_ms);

bool bucket_full(const struct bucket *bucket, uint64_t now_ms);

#endif
