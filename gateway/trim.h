/*
 * Gives memory back to the system after a crowd has gone. The allocator keeps the pages of what was freed
 * between pieces still in use; asked to, it returns them. That takes milliseconds, so it is done only when it
 * holds much that nobody uses, whatever that belonged to: connections, sessions that end a ping later, rides
 * that linger. Gateway thread; it trims for all threads.
 */
#ifndef RIDECAST_GATEWAY_TRIM_H
#define RIDECAST_GATEWAY_TRIM_H

#include "gateway/net/timers.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    TRIM_EVERY_MS = 5000,
    TRIM_BYTES = 128 << 10, /* less is not worth it */
    TRIM_PART = 16,         /* nor is less than one in so many that are in use */
};

/* Embedded in the gateway. */
struct trim {
    struct timers *timers;
    struct timer timer;
    size_t least_idle; /* resident bytes that were not used, at the least since memory was last given back */
};

void trim_start(struct trim *trim, struct timers *timers);

/*
 * Whether it is worth it: whether enough of the `resident` bytes are unused now that were not before. What is
 * never `used`, such as the program itself, was there before, and so does not count. Pure.
 */
bool trim_due(struct trim *trim, size_t resident, size_t used);

#endif
