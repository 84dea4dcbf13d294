/*
 * Brings one ride up to date.
 *
 *   roster script ─┬─ 'log': the events after the known position ─▶ told one by one; asked again until there
 *                  │         are no more
 *                  ├─ 'users': all of them ─▶ a roster
 *                  ├─ 'large' at offset A ─▶ HSCAN, page by page ─▶ roster script from A
 *                  │     └─ 'log': the events since A, applied to what was scanned ─▶ a roster
 *                  └─ 'anew': HSCAN, if somebody was aboard ─▶ roster script from the beginning of the epoch
 *                        └─ 'log': all its events ─▶ a roster of whom none of them is about, then they are
 * told
 *
 * A scan goes on while riders come and go, and may show a rider that boarded during it or not. Whoever did
 * not move is in it, and the log has all who did: events from A on, applied on top, give the exact set at
 * their end. Where the log does not reach back, or Redis keeps records that are none of ours, it starts again
 * with nothing known. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_CATCHUP_H
#define RIDECAST_BROKER_REDIS_CATCHUP_H

#include "broker/redis/rides.h"
#include "broker/redis/store.h"

struct catchup;

/* What it brings: any number of events or rosters, then, as the last, `done` or `failed`. */
struct catchup_reports {
    void (*event)(const struct record_event *event, void *arg);
    /* Takes the array. */
    void (*roster)(const struct broker_position *position, struct broker_rider *riders, size_t count,
                   void *arg);
    void (*done)(const struct broker_position *position, void *arg);
    /* `reason` NULL: the connection is gone. Empty: there is nothing to complain of, it is to be tried again.
     */
    void (*failed)(const char *reason, void *arg);
};

/* From `known` (NULL: nothing) to now. `renew`: not by the events, which do not lead from there to what Redis
 * has: a new epoch begins, if none has since. NULL: there is no connection. Freed after the last report. */
struct catchup *catchup_start(struct store *store, struct redis_ride *ride,
                              const struct broker_position *known, bool renew,
                              const struct catchup_reports *reports, void *arg);

/* Its outcome is not wanted any more: nothing is reported. */
void catchup_abandon(struct catchup *catchup);

#endif
