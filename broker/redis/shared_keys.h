/*
 * The keys that belong to no ride. What others have made of them is deleted: the beat, the notes and the
 * audits write them anew. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SHARED_KEYS_H
#define RIDECAST_BROKER_REDIS_SHARED_KEYS_H

struct store;

/* Looks at the type of each, and deletes those of another. */
void shared_keys_check(struct store *store);

#endif
