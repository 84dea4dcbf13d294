/*
 * Watched rides: from SUBSCRIBE to an unbroken stream of events.
 *
 *   AWAY ─▶ SUBSCRIBING ─▶ CATCHING_UP ⇄ LIVE
 *
 * Subscribe, then catch up (catchup.h), then pass on what follows. Whatever breaks the chain (a gap, a
 * message that cannot be right, a foreign epoch) leads back to catching up, and while that lasts live events
 * are held. In a Redis Cluster channels lie in slots, as keys do (SSUBSCRIBE): a server whose slot leaves
 * ends the subscription, and one that is refused is asked for once more after a pause. A result of a
 * committed transition is told once its event, or a roster that includes it, has been. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_WATCH_H
#define RIDECAST_BROKER_REDIS_WATCH_H

#include "broker/redis/rides.h"
#include "broker/redis/store.h"

/* Zeroed but for the parts below it and the function, it is empty. */
struct watches {
    const struct backend_setup *setup;
    struct redis_rides *rides;
    size_t results_held;                               /* on all rides */
    void (*check)(struct redis_ride *ride, void *arg); /* an audit of the ride asks for it (audit.h) */
    void (*audit)(struct redis_ride *ride, void *arg); /* it is to be gone through at once */
    void *arg;
};

void watch_begin(struct watches *watches, const char *ride);
void watch_end(struct watches *watches, const char *ride);

/* The gateway has another number aboard than Redis. If that lasts, the ride begins a new epoch: its log does
 * not lead to what Redis has, and whoever was recovered from it would have another number, too. */
void watch_reread(struct watches *watches, const char *ride);

/* A server is up: subscribes to all watched rides that it has. */
void watch_resume_all(struct watches *watches, const struct store *store);

/* It is down: what the gateway was told stays known. */
void watch_suspend_all(struct watches *watches, const struct store *store);

/* Another server has the ride from now on: to be called before its store is changed, and after that. */
void watch_leave(struct redis_ride *ride);
void watch_arrive(struct redis_ride *ride);

/* A confirmation or an event came on its connection for events; `word` says which. */
void watch_heard(struct watches *watches, const struct store *store, const struct redisReply *word,
                 const struct redisReply *channel, const struct redisReply *text);

/* Takes a RESULT or HISTORY and tells it as soon as everything up to its position has been told. */
void watch_result(struct watches *watches, struct redis_ride *ride, struct broker_message *result);

/* Whether a result waits for an event that may still come: not so while the ride's server is away. */
bool watch_waits(const struct redis_ride *ride);

/* Whether the ride's events come as they happen. */
bool watch_is_live(const struct redis_ride *ride);

/* Up to where every event has been heard; NULL: that is not known. */
const struct broker_position *watch_heard_up_to(const struct redis_ride *ride);

/* Redis has begun a new epoch of the ride. Perhaps no event will tell. */
void watch_renumbered(const struct redis_ride *ride);

/* The end, without connections: tells all results that still wait for their events and watches nothing any
 * more. */
void watch_end_all(struct watches *watches);

#endif
