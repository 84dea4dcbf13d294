/*
 * The latest events of a ride, for clients that come back and missed some: a ring, bounded in events and
 * bytes.
 *
 * It holds a run without gaps within one epoch. Whatever breaks the run (another epoch, a skipped offset)
 * empties it, so what it hands out is complete or nothing. Pure; gateway thread.
 */
#ifndef RIDECAST_GATEWAY_RIDES_HISTORY_H
#define RIDECAST_GATEWAY_RIDES_HISTORY_H

#include "broker/broker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_EVENTS_MAX = 4096, HISTORY_BYTES_MAX = 1 << 20 };

struct history_event {
    struct broker_position position;
    enum broker_event_kind kind;
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user; /* a reference of the history's */
};

/* Embedded in a ride; zero-initialised is empty. */
struct history {
    struct history_event *ring; /* NULL while nothing was ever added */
    size_t size;                /* a power of two, at most HISTORY_EVENTS_MAX */
    size_t first;               /* index of the oldest */
    size_t count;
    size_t bytes;               /* of the records held */
    char before[CHAIN_LEN + 1]; /* the fingerprint just before the oldest; empty: of no known place */
};

void history_deinit(struct history *history);

/*
 * Adds the event that led from `before`, which is of any stream, to its own position. Takes a reference to
 * `event->user`. Out of memory only costs the history.
 */
void history_add(struct history *history, const struct broker_position *before,
                 const struct history_event *event);

/*
 * Whether everything after `position` up to `now` is here (so also when nothing came after it), and
 * `position` is of the same stream: where another event was at its offset, nothing leads on from it.
 */
bool history_reaches(const struct history *history, const struct broker_position *position,
                     const struct broker_position *now);

/* Whether it has any event of the socket. */
bool history_knows(const struct history *history, const char *socket_id);

/* Whether it has the last `count` events up to an offset that it reaches. */
bool history_has_before(const struct history *history, uint64_t offset, uint64_t count);

/* Whether the last that is known of the socket is that it has ended. */
bool history_ended(const struct history *history, const char *socket_id);

/* The first event after `position`; NULL: none. Only where history_reaches() said yes. */
const struct history_event *history_after(const struct history *history,
                                          const struct broker_position *position);

#endif
