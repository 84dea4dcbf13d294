/*
 * One operation on its way to Redis: a gateway's transition, or what the broker itself makes right
 * (transitions.h). Broker thread.
 *
 *   WAITING ─ line_take() ─▶ SENT ─┬─ answered: gone
 *      ▲                           ├─ not taken ──▶ WAITING
 *      └──────── pause over ── PAUSED ◀─ failed ─┘
 */
#ifndef RIDECAST_BROKER_REDIS_TRANSITION_H
#define RIDECAST_BROKER_REDIS_TRANSITION_H

#include "broker/order.h"
#include "broker/redis/held.h"
#include "broker/redis/rides.h"
#include "common/user.h"

struct transitions;

enum transition_stage {
    TRANSITION_WAITING, /* in line (line.h) */
    TRANSITION_SENT,
    TRANSITION_PAUSED,
};

struct transition {
    enum transition_stage stage;
    struct order *order;
    enum script script;
    uint64_t claim;  /* of a boarding, resumption or restoration (held.h), else 0 */
    uint64_t tenure; /* of the socket, as far as this node knew */
    bool ours;       /* not the gateway's: it has no result, and does not count as queued */
    bool disowns;    /* what is not held here */
    bool moved;      /* its last answer was that the ride is in another epoch */
    bool unsure;     /* sent, and not answered by itself, or ended half-way: it may be done */
    struct transitions *transitions;
    struct redis_ride *ride;
    uint64_t sequence;
    uint64_t failing_ms; /* since when Redis answers it, or the one before it, with errors, by the monotonic
                            clock; 0: it does not */
    uint64_t wait_ms;    /* for how long a suspended socket is waited for; 0: for the window */
    struct broker_position
        heard; /* the order's record is the one told last up to there; no epoch: not known */
    char origin[HELD_ORIGIN_SIZE]; /* of that record (held_origin()) */
    size_t bytes;
    char id[USER_ID_MAX + 1]; /* of the record, else empty */

    /* Of the first of those of its ride that go in one call, one behind the other: */
    size_t together;             /* how many they are */
    struct transition *next_run; /* the first of those of another ride in the call */

    struct transition *prev, *next;           /* all */
    struct transition *ride_prev, *ride_next; /* of the ride */
    struct transition *next_paused;
};

/* Its client had come back with the socket, whose end is kept in mind for a while. */
static inline bool transition_ends_for_good(const struct transition *transition)
{
    return transition->script == SCRIPT_TRANSITION && transition->order->transition != BROKER_BOARD &&
           transition->order->returned;
}

#endif
