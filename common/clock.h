/*
 * The clocks of this process. What is an interval or a deadline is measured by the monotonic one; wall-clock
 * time is for people and tokens only. Any thread. Parts that are pure take the time as an argument instead.
 *
 * All of it comes from clock_gettime(). Tests with a time of their own put theirs in its place with the
 * linker: tests/lib/virtual_clock.h.
 */
#ifndef RIDECAST_COMMON_CLOCK_H
#define RIDECAST_COMMON_CLOCK_H

#include <stdint.h>

/* Monotonic: never steps, its zero means nothing. */
uint64_t clock_us(void);
uint64_t clock_ms(void);

/* Milliseconds since 1970, UTC; may step. */
uint64_t clock_wall_ms(void);

#endif
