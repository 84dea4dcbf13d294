/*
 * What is said to this node on a channel of its own: that another node has taken over a socket, as RESUME and
 * restorations tell it to the node they take one from; and which sockets Redis says that it holds, as audits
 * tell every node. A socket that it does not hold is suspended: an older copy of Redis may have forgotten
 * that it left, and nobody else looks after the sockets of a node that lives. The first is only an early
 * hint: what a node tries with a socket it has lost is refused anyway. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_NODE_CHANNEL_H
#define RIDECAST_BROKER_REDIS_NODE_CHANNEL_H

#include "broker/redis/transitions.h"

/* The connection for events is new. */
void node_channel_listen(struct store *store);

/* Something came on that connection. Whether it was for this. */
bool node_channel_heard(struct store *store, struct transitions *transitions,
                        const struct redisReply *channel, const struct redisReply *text);

#endif
