/*
 * A timer of the loop that is set and set again. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_TIMER_H
#define RIDECAST_BROKER_REDIS_TIMER_H

#include <event2/event.h>

/* For event_free(); not set yet. */
struct event *timer_new(struct event_base *base, event_callback_fn rings, void *arg);

/* Rings once, so many milliseconds from now, and not when it would have else. */
void timer_set(struct event *timer, unsigned ms);

#endif
