/*
 * What the gateways say of themselves. Each keeps it, a JSON object, as the value of its lease
 * (broker/redis/lease.c): it comes and goes with the lease and costs no command of its own. A survey reads
 * those of all nodes; what is no JSON object there, or too large, is left out. However much there is in
 * Redis, at most SURVEY_NODES_MAX nodes are asked, and no more is read of each than may be said; where more
 * are listed, the log says so. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SURVEY_H
#define RIDECAST_BROKER_REDIS_SURVEY_H

#include "common/blob.h"
#include "common/json_text.h"

#include <stdbool.h>
#include <stddef.h>

enum { SURVEY_NODES_MAX = 1024 };

struct store;

/* Whether it may be passed on as what a gateway says of itself. */
bool survey_takes(struct json_slice about);

/* Told as a SURVEY, without anything when Redis cannot be asked. */
void survey_run(struct store *store);

#endif
