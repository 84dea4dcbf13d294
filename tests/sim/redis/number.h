/*
 * Numbers as Redis reads and writes them.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_NUMBER_H
#define RIDECAST_TESTS_SIM_REDIS_NUMBER_H

#include "tests/sim/redis/bytes.h"

enum { SIM_NUMBER_SIZE = 32 };

/* A whole number as Redis itself would write it: no plus, no space, no zero in front. */
bool sim_number_parse(struct bytes text, long long *value);

/* What strtod() takes as a whole; `inf` too, but no nan. */
bool sim_score_parse(struct bytes text, double *score);

struct bytes sim_score_write(char text[SIM_NUMBER_SIZE], double score);

#endif
