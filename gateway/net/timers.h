/*
 * Deadlines: a binary heap of timers embedded in their owners. Pure: the caller brings the time, in
 * milliseconds of a monotonic clock. Set and cancel are O(log n). Not thread-safe.
 */
#ifndef RIDECAST_GATEWAY_NET_TIMERS_H
#define RIDECAST_GATEWAY_NET_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in its owner; zero-initialised means not set. */
struct timer {
    uint64_t at_ms;
    size_t place;              /* in the heap, from 1; 0: not set */
    void (*fire)(void *owner); /* the timer is unset by then, may be set again or freed */
    void *owner;
};

struct timers;

/* Aborts when out of memory. */
struct timers *timers_new(void);
/* Timers still set are forgotten, not fired. NULL is harmless. */
void timers_free(struct timers *timers);

/* Sets or moves a timer, whose `fire` and `owner` must be filled. Aborts when out of memory. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms);
/* Harmless when not set. */
void timers_cancel(struct timers *timers, struct timer *timer);

/*
 * Fires the earliest of what is due at `now_ms`; false: nothing is. What the callback sets for then or
 * earlier is due a millisecond later: a timer that sets itself anew is not fired twice at one time.
 */
bool timers_fire(struct timers *timers, uint64_t now_ms);

/* Fires all that is due. */
void timers_run(struct timers *timers, uint64_t now_ms);

/* When the next one is due; UINT64_MAX when none is set. */
uint64_t timers_next_ms(const struct timers *timers);

#endif
