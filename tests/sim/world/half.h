/*
 * One half of a gateway, which is a thread in the product: it runs turn by turn, when the schedule says so.
 * Between a reason for a turn and the turn the seed puts a delay, as a kernel does.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_HALF_H
#define RIDECAST_TESTS_SIM_WORLD_HALF_H

#include "tests/sim/world/schedule.h"

struct half {
    const char *name; /* for the log */
    void (*turn)(void *owner);
    void *owner;
    struct happening next;
    uint64_t held_until_us; /* the system gives it no time before */
};

void half_init(struct half *half, const char *name, void (*turn)(void *owner), void *owner);
void half_deinit(struct half *half);

/* It has something to do from then on; UINT64_MAX: nothing. */
void half_due(struct half *half, uint64_t at_us);
/* Now. */
void half_wake(struct half *half);

/* It stands still for so long. */
void half_hold(struct half *half, uint64_t us);

/* Whether it stands still. */
bool half_held(const struct half *half);

/* Around whatever runs in it: the name it had before, which is given back. */
const char *half_enter(struct half *half);
void half_leave(const char *before);

#endif
