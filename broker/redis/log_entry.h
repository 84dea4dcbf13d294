/*
 * One entry of a ride's log, as XRANGE answers it.
 */
#ifndef RIDECAST_BROKER_REDIS_LOG_ENTRY_H
#define RIDECAST_BROKER_REDIS_LOG_ENTRY_H

#include "broker/redis/record.h"

struct redisReply;

/* The bytes of a string, within the reply; empty for anything else. */
struct json_slice reply_slice(const struct redisReply *reply);

/* Fills all of `event` but its epoch and `before`, within the reply. 0, or -1 for anything that is not
 * exactly an event.
 */
int log_entry_read(const struct redisReply *entry, struct record_event *event);

#endif
