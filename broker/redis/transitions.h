/*
 * Transitions on their way to Redis, and the restorations of held riders between them.
 *
 * All that have no answer stay in one list in order of submission. They are sent without waiting for each
 * other's answers; when the connection is lost, everything in the list is sent again, in order, before
 * anything newer. The scripts make sure that each is done once, and in order on each ride, even where an old
 * connection's bytes arrive late or Redis forgets its scripts halfway (broker/redis/scripts/operation.lua).
 *
 * None is sent but by transitions_send(), which the roof calls at the end of every callback. Broker
 * thread.
 */
#ifndef RIDECAST_BROKER_REDIS_TRANSITIONS_H
#define RIDECAST_BROKER_REDIS_TRANSITIONS_H

#include "broker/redis/backoff.h"
#include "broker/redis/held.h"
#include "broker/redis/line.h"
#include "broker/redis/store.h"

struct event;
struct watches;

/* Zeroed but for the parts below it and the function, it is empty. */
struct transitions {
    struct store *store;
    struct redis_rides *rides;
    struct holding *holding;
    struct watches *watches;   /* results go through it: each after its event */
    struct transition *all;    /* in order of submission */
    struct line line;          /* those of them that wait to be sent */
    struct transition *paused; /* those that are to be sent once more after a pause */
    struct event *timer;       /* the pause's end */
    struct backoff backoff;    /* of these pauses */
    void (*spoiled)(struct redis_ride *ride, void *arg); /* Redis answers those of the ride with errors */
    void *arg;
    size_t in_flight, calls; /* without an answer, and in how many calls */
    size_t bytes;            /* held by all */
    size_t disowned;         /* of those in it that only suspend what is not held here */
    uint64_t sequence;       /* of the last one submitted: a moment, in microseconds */
};

void transitions_init(struct transitions *transitions);
void transitions_deinit(struct transitions *transitions);

/* Takes the order: it waits to be sent, or is refused because the queue is full. */
void transitions_submit(struct transitions *transitions, struct order *order);

/* Puts back the rider of a held socket; held_restored() is told of its end. */
void transitions_restore(struct transitions *transitions, const struct held *held);

/* Suspends a socket that is not held, for as long as its client may come back here, or else for a moment.
 * Nobody is told how that ended. Nothing where too many are under way: somebody may have made up any number
 * of them. */
void transitions_disown(struct transitions *transitions, const char *ride, const char *socket_id);

/* Whether so many calls have no answer that what is submitted now would wait for one of them. */
bool transitions_busy(const struct transitions *transitions);

/* Sends what waits. */
void transitions_send(struct transitions *transitions);

/* The backend is up: everything that has no answer waits again, in order. */
void transitions_resume(struct transitions *transitions);

/* The end: whatever has no answer gets `error` as its result. The connection for commands is closed. */
void transitions_refuse_all(struct transitions *transitions, const char *error);

#endif
