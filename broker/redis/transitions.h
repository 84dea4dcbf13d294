/*
 * Transitions on their way to Redis, and the restorations of held riders between them.
 *
 * All that have no answer stay in one list in order of submission. Each goes to the server that has its ride,
 * by that one's lane (lane.h), without waiting for the others' answers; when the connection is lost,
 * everything in the list that belongs there is sent again, in order, before anything newer. The scripts make
 * sure that each is done once, and in order on each ride, even where an old connection's bytes arrive late or
 * Redis forgets its scripts halfway (broker/redis/scripts/operation.lua).
 *
 * None is sent but by lane_send(), which the roof calls at the end of every callback. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_TRANSITIONS_H
#define RIDECAST_BROKER_REDIS_TRANSITIONS_H

#include "broker/redis/held.h"
#include "broker/redis/lane.h"

struct watches;

/* Zeroed but for the parts below it and the function, it is empty. */
struct transitions {
    const struct backend_setup *setup;
    struct redis_rides *rides;
    struct holding *holding;
    struct watches *watches;                             /* results go through it: each after its event */
    struct transition *all;                              /* in order of submission */
    void (*spoiled)(struct redis_ride *ride, void *arg); /* Redis answers those of the ride with errors */
    void *arg;
    size_t bytes;      /* held by all */
    size_t disowned;   /* of those in it that only suspend what is not held here */
    uint64_t sequence; /* of the last one submitted: a moment, in microseconds */
};

/* Takes the order: it waits to be sent, or is refused because the queue is full. */
void transitions_submit(struct transitions *transitions, struct order *order);

/* Puts back the rider of a held socket; held_restored() is told of its end. */
void transitions_restore(struct transitions *transitions, const struct held *held);

/* Suspends a socket that is not held, for as long as its client may come back here, or else for a moment.
 * Nobody is told how that ended. Nothing where too many are under way: somebody may have made up any number
 * of them. */
void transitions_disown(struct transitions *transitions, const char *ride, const char *socket_id);

/* Of each lane: what its calls answer. */
lane_answer transitions_answered;

/* The connection for commands is gone, and nothing is under way to that server any more. */
void transitions_cut_off(struct transitions *transitions, const struct store *store);

/* The server is up: everything of its rides that has no answer waits again, in order. */
void transitions_resume(struct transitions *transitions, const struct store *store);

/* Another server has the ride from now on: what has no answer is to be sent there, in order. To be called
 * before its store is changed, and after that. */
void transitions_leave(struct redis_ride *ride);
void transitions_arrive(struct redis_ride *ride);

/* The end: whatever has no answer gets `error` as its result. The connections are closed,
 * and the lanes cleared. */
void transitions_refuse_all(struct transitions *transitions, const char *error);

#endif
