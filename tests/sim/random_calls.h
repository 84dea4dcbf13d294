/*
 * Random calls of the project's scripts and commands, on random states of a few rides: most are as gateways
 * make them, some are late, repeated, of another epoch, or nonsense.
 */
#ifndef RIDECAST_TESTS_SIM_RANDOM_CALLS_H
#define RIDECAST_TESTS_SIM_RANDOM_CALLS_H

#include "tests/sim/side_by_side.h"

struct random_calls;

/* Borrows both. `ordered`: also those whose outcome depends on the order of a large hash, which is each
 * server's own. */
struct random_calls *random_calls_new(struct side_by_side *both, uint64_t seed, bool ordered);
void random_calls_free(struct random_calls *calls);

/* One call, or something that happens to the servers. */
void random_calls_step(struct random_calls *calls);

/* An entry of a log of its own, whose nodes fill up and are dropped. */
void random_calls_log(struct random_calls *calls);

#endif
