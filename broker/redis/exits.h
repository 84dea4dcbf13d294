/*
 * The persons of a ride of whose exits some have no answer: nobody of them is put back meanwhile. Pure
 * bookkeeping; broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_EXITS_H
#define RIDECAST_BROKER_REDIS_EXITS_H

#include "broker/redis/rides.h"

/* An exit is submitted, has its answer. */
void exits_add(struct redis_ride *ride, const char *id);
void exits_remove(struct redis_ride *ride, const char *id);

/* Whether one as this person waits for its answer. */
bool exits_has(const struct redis_ride *ride, const char *id);

#endif
