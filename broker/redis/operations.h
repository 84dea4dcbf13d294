/*
 * The call of a script that does operations: how transitions become its arguments (scripts/rides.lua,
 * scripts/operation.lua). Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_OPERATIONS_H
#define RIDECAST_BROKER_REDIS_OPERATIONS_H

#include "broker/redis/call.h"
#include "broker/redis/transition.h"

/* The call for what line_take() has taken. */
void operations_call(struct call *call, struct store *store, const struct transition *chain);

#endif
