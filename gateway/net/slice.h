/*
 * A slice of the loop's time, for work that comes in crowds. What a client leaves behind is put in order with
 * its end, and thousands may end together: a network is gone, they share a deadline, they are let go. So each
 * end is a piece of its own, and what there is no time for waits for the next wake-up, as if its cause had
 * come a little later: whatever else is ready comes in between. A piece may have others inside it. Gateway
 * thread only.
 */
#ifndef RIDECAST_GATEWAY_NET_SLICE_H
#define RIDECAST_GATEWAY_NET_SLICE_H

#include <stdbool.h>
#include <stdint.h>

/* Of each wake-up of the loop; a piece that is begun then is done to its end. */
enum { SLICE_US = 1000 };

/* Embedded in the server (gateway/net/server.h), which renews it. */
struct slice {
    void (*wake)(void *arg); /* the loop, for what is left */
    void *wake_arg;
    uint64_t spent_us; /* since the last wake-up */
    uint64_t begun_us; /* of a piece: its beginning, if what had been spent were a part of it */
    unsigned depth;    /* pieces that have begun and not ended */
    bool waits;        /* something is left, the loop has been asked for */
};

/* The loop has woken. */
void slice_renew(struct slice *slice);

/* Before each piece: whether there is time for it. If not the loop is woken. NULL: there always is. */
bool slice_left(struct slice *slice);

/* Around each piece. NULL is harmless. */
void slice_begin(struct slice *slice);
void slice_end(struct slice *slice);

#endif
