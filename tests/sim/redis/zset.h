/*
 * A sorted set: members by score, and by name where that is the same.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_ZSET_H
#define RIDECAST_TESTS_SIM_REDIS_ZSET_H

#include "tests/sim/redis/dict.h"

struct sim_zset {
    struct sim_dict members;   /* their scores */
    struct sim_entry **sorted; /* the same; as many as there are */
    size_t room;
};

void sim_zset_init(struct sim_zset *zset, uint64_t seed);
void sim_zset_deinit(struct sim_zset *zset);

/* Puts it in, or gives it another score. */
void sim_zset_put(struct sim_zset *zset, struct bytes member, double score);

/* Whether it was there. */
bool sim_zset_remove(struct sim_zset *zset, struct bytes member);

/* One end of a range of scores. */
struct sim_bound {
    double score;
    bool open; /* that score is not in it */
};

/* The place of the first that is not below the range. */
size_t sim_zset_from(const struct sim_zset *zset, struct sim_bound min);
bool sim_bound_allows(struct sim_bound max, double score);

#endif
