/*
 * Suspended riders whose window has passed: the sweeper goes through the rides noted in `away`, on every beat
 * those where somebody may have become due, and all of them now and then.
 *
 * A ride is noted with the latest deadline on it, so it leaves `away` only when that has passed long ago and
 * nobody suspended is left: whoever suspends a rider now raises the deadline first. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SWEEP_H
#define RIDECAST_BROKER_REDIS_SWEEP_H

#include "broker/redis/rides.h"
#include "broker/redis/scan.h"

struct swept_ride;

struct sweep {
    struct store *store;
    struct redis_rides *known;
    bool running;
    bool full;         /* this run goes through all rides */
    uint64_t full_ms;  /* when the last one that did started; 0: none yet */
    uint64_t start_ms; /* of this run, by Redis' clock */
    struct scan rides;
    struct swept_ride *page;
    size_t count, next;
    unsigned in_flight;
    bool broken; /* ends when nothing is in flight any more */
    bool left;   /* some ride is another server's, which is away: it stays noted here */
};

/* At rest. The parts outlive it. */
void sweep_init(struct sweep *sweep, struct store *store, struct redis_rides *known);
void sweep_deinit(struct sweep *sweep);

/* Goes through the rides once. Does nothing while that goes on. */
void sweep_run(struct sweep *sweep);

#endif
