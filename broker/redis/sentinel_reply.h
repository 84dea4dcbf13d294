/*
 * What sentinels and servers answer, read with suspicion. Pure.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
#ifndef RIDECAST_BROKER_REDIS_SENTINEL_REPLY_H
#define RIDECAST_BROKER_REDIS_SENTINEL_REPLY_H

#include "broker/redis/redis_address.h"

struct redisReply;

/* SENTINEL GET-MASTER-ADDR-BY-NAME. NULL and `primary` is filled, or what is wrong with the answer. */
const char *sentinel_read_primary(const struct redisReply *reply, struct redis_address *primary);

/* SENTINEL SENTINELS: the usable addresses in it, at most `max`. */
size_t sentinel_read_others(const struct redisReply *reply, struct redis_address *others, size_t max);

/* ROLE. NULL: it is a primary. Otherwise what it is instead. */
const char *sentinel_read_role(const struct redisReply *reply);

#endif
