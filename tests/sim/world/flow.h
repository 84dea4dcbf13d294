/*
 * One direction of a connection: bytes that are on their way. They arrive in order, whole or in pieces, each
 * after a delay that the seed chooses.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_FLOW_H
#define RIDECAST_TESTS_SIM_WORLD_FLOW_H

#include "common/buf.h"
#include "tests/sim/world/schedule.h"

struct flow_reader {
    void (*deliver)(void *owner, char *bytes, size_t n); /* bytes may be changed and are gone afterwards */
    void (*ended)(void *owner);                          /* nothing follows any more */
    /* Until when whoever reads gets no time; UINT64_MAX: for ever. NULL: it always has. */
    uint64_t (*held_until_us)(void *owner);
    void *owner;
};

struct flow {
    struct flow_reader reader;
    struct buf bytes;
    size_t window; /* so much may be on its way */
    size_t piece;  /* so much is read at once */
    uint64_t delivered;
    bool open;   /* it is read */
    bool ended;  /* nothing more is written */
    bool reset;  /* the end is seen without reading */
    bool closed; /* nobody reads it any more, or the end has been told */
    struct happening delivery;
};

void flow_init(struct flow *flow, const struct flow_reader *reader, size_t window, size_t piece);
void flow_deinit(struct flow *flow);

/* Takes everything. Nothing is written behind the end. */
void flow_write(struct flow *flow, const void *bytes, size_t n);

/* Whether it is read from now on. */
void flow_open(struct flow *flow, bool open);

/* Behind what is on its way; or, `reset`, in its place. */
void flow_end(struct flow *flow, bool reset);

/* The reader is no more. */
void flow_close(struct flow *flow);

/* How much there is beyond the window. */
size_t flow_excess(const struct flow *flow);

uint64_t flow_latency_us(void);

#endif
