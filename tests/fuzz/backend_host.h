/*
 * What a backend (broker/backend.h) finds in every target that runs one: metrics. outbox_tell() and
 * outbox_progress() are the target's.
 */
#ifndef RIDECAST_TESTS_FUZZ_BACKEND_HOST_H
#define RIDECAST_TESTS_FUZZ_BACKEND_HOST_H

#include "broker/broker_metrics.h"
#include "common/metrics.h"

/* Metrics for backends, all of them in two series of the registry; static, until the next call. */
const struct broker_metrics *any_metrics(struct metrics *registry);

#endif
