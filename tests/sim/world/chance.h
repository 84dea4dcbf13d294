/*
 * All randomness of a simulation, from one seed: two streams, one for what the world draws, one for what the
 * product asks the kernel for (getrandom(2), replaced by the linker), so that neither moves the other's.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_CHANCE_H
#define RIDECAST_TESTS_SIM_WORLD_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

void chance_begin(uint64_t seed);

/* Below `bound` (> 0). */
uint64_t chance_below(uint64_t bound);
uint64_t chance_between(uint64_t least, uint64_t most);
bool chance_one_in(uint64_t n);

/* A delay from `least` on that is mostly near it, and seldom up to a hundred times as long. */
uint64_t chance_delay_us(uint64_t least);

#endif
