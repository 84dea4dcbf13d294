/*
 * What happens, and when: virtual time goes from one happening to the next. Of those that have the same time
 * the seed says which comes first. The clocks of common/clock.h show this time (tests/lib/virtual_clock.h).
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_SCHEDULE_H
#define RIDECAST_TESTS_SIM_WORLD_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in its owner; zero-initialised means not set. */
struct happening {
    uint64_t at_us;
    uint64_t lot;                /* among those of the same time, the least first */
    size_t place;                /* in the heap, from 1; 0: not set */
    void (*happen)(void *owner); /* it is unset by then */
    void *owner;
};

/* Nothing is set, and time begins. */
void schedule_begin(void);

uint64_t schedule_now_us(void);

/* Sets or moves it. A time that has passed is now. */
void schedule_set(struct happening *happening, uint64_t at_us);
void schedule_cancel(struct happening *happening);

/* Lets the next happen, or, when that is later than `until_us`, goes on to that time and says false. */
bool schedule_step(uint64_t until_us);

/* How many have happened, and a fingerprint (FNV-1a) of when: of two runs that differ it differs. */
uint64_t schedule_count(void);
uint64_t schedule_sum(void);

/* After the last use: frees what the schedule itself holds. */
void schedule_end(void);

#endif
