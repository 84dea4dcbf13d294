/*
 * The order of one ride's events: which is next, which is old, and where the chain is broken.
 *
 *   unsettled ── stream_settle(position) ──▶ live ── stream_unsettle ──▶ unsettled
 *
 * While unsettled (a roster or the log is being read) the position says how far the gateway has been told,
 * and live events are held, up to a bound. Once settled, the held ones are taken out again and offered like
 * new ones: those the roster includes are old, the others follow on. Pure bookkeeping; not thread-safe.
 */
#ifndef RIDECAST_BROKER_REDIS_STREAM_H
#define RIDECAST_BROKER_REDIS_STREAM_H

#include "broker/broker.h"

enum { STREAM_HELD_MAX = 4 * 1024 * 1024 }; /* bytes of events held */

struct stream {
    bool known; /* `at` has been told to the gateway; false: it knows nothing of the ride */
    bool live;  /* the next event is expected; otherwise events are held */
    struct broker_position at;
    struct broker_message *held_first, *held_last;
    size_t held_bytes;
    bool overflowed; /* held events were thrown away since the last stream_unsettle() */
};

enum stream_verdict {
    STREAM_HOLD,    /* not now: hand it to stream_hold() */
    STREAM_OLD,     /* already told, or part of the roster */
    STREAM_NEXT,    /* tell it; the position has moved on */
    STREAM_GAP,     /* events are missing before it */
    STREAM_FOREIGN, /* of another history: a new epoch has begun, an older copy has come, or it is made up */
};

/* Empty and unsettled. */
void stream_init(struct stream *stream);

/* Frees held events and forgets everything. */
void stream_deinit(struct stream *stream);

enum stream_verdict stream_offer(struct stream *stream, const struct broker_message *event);

/* Takes an event. Past the bound all held events are thrown away and `overflowed` is set. */
void stream_hold(struct stream *stream, struct broker_message *event);

/* The gateway has been told everything up to `at`: from here on events are live. */
void stream_settle(struct stream *stream, const struct broker_position *at);

/* Events are held from here on; those held before are freed. */
void stream_unsettle(struct stream *stream);

/* The oldest held event, owned by the caller; NULL when there is none. */
struct broker_message *stream_take_held(struct stream *stream);

/* Whether what has been told includes `position`; never one of another epoch. */
bool stream_includes(const struct stream *stream, const struct broker_position *position);

/* Whether `position` is of the epoch that the gateway knows. */
bool stream_same_epoch(const struct stream *stream, const struct broker_position *position);

#endif
