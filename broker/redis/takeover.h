/*
 * What another node has taken over: RESUME and restorations tell it to the node they take a socket from, on a
 * channel of that node. It is only an early hint: what a node tries with a socket it has lost is refused
 * anyway. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_TAKEOVER_H
#define RIDECAST_BROKER_REDIS_TAKEOVER_H

#include "broker/redis/rides.h"
#include "broker/redis/store.h"

/* The connection for events is new. */
void takeover_listen(struct store *store);

/* Something came on that connection. Whether it was for this: then the socket is forgotten and the gateway
 * told. */
bool takeover_heard(struct store *store, struct redis_rides *rides, const struct redisReply *channel,
                    const struct redisReply *text);

#endif
