/*
 * What another node has taken over: RESUME and restorations tell it to the node they take a socket from, on a
 * channel of that node. It is only a hint that comes early, since nothing that a node does to a socket it has
 * lost is done. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_TAKEOVER_H
#define RIDECAST_BROKER_REDIS_TAKEOVER_H

#include <stdbool.h>

struct redis;
struct redisReply;

/* The connection for events is new. */
void takeover_listen(struct redis *redis);

/* Something came on that connection. Whether it was for this. */
bool takeover_heard(struct redis *redis, const struct redisReply *channel, const struct redisReply *text);

#endif
