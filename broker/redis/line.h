/*
 * The transitions that wait to be sent, and which of them go in one call.
 *
 * A call carries operations of one script. Those of a ride go in the order of their sequences, one behind the
 * other in the ride's list: a *run*. A call is a chain of runs, each of another ride. It is bounded by what
 * Redis may be kept busy with, as nothing else is done there meanwhile, and by bytes. What has failed, or is
 * behind such a one on its ride, goes alone, so that it cannot take others with it; so does the run of a ride
 * that is apart.
 *
 * Pure bookkeeping; broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_LINE_H
#define RIDECAST_BROKER_REDIS_LINE_H

#include "broker/redis/transition.h"

enum {
    LINE_CALL_BYTES = 128 * 1024, /* of records in one call, but for one that is larger */
};

/* Zeroed, it is empty. */
struct line {
    struct redis_ride *rides; /* with some that wait; linked by line_prev and line_next, in turn */
    size_t count;             /* transitions */
};

/* The transition is to be sent, for the first time or once more. It is in its ride's list. */
void line_add(struct line *line, struct transition *transition);

/* Whether those that wait fill a call. */
bool line_is_long(const struct line *line);

/* Takes what goes next in one call, which is sent: the first of each run, linked by next_run, with how many
 * they are in `together`. NULL: nothing waits. */
struct transition *line_take(struct line *line);

/* Nothing of the ride waits any more; nothing at all does. */
void line_leave(struct line *line, struct redis_ride *ride);
void line_clear(struct line *line);

#endif
