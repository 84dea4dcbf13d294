/*
 * What a backend (broker/backend.h) finds in every target that runs one: order_free(), which replaces that of
 * broker.c, and metrics. broker_tell() and broker_progress() are the target's.
 */
#ifndef RIDECAST_TESTS_FUZZ_BACKEND_HOST_H
#define RIDECAST_TESTS_FUZZ_BACKEND_HOST_H

#include "broker/backend.h"
#include "common/metrics.h"

/* Metrics for backends, all of them in two series of the registry; static, until the next call. */
const struct broker_metrics *any_metrics(struct metrics *registry);

#endif
