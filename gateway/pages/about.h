/*
 * What this gateway says of itself, once a second, for /api/cluster (cluster.h; docs/protocol.md has the
 * shape). Delivery and lag are those of the last ten seconds. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_ABOUT_H
#define RIDECAST_GATEWAY_PAGES_ABOUT_H

#include "common/buf.h"
#include "common/metrics.h"
#include "gateway/net/timers.h"

enum { ABOUT_BEAT_MS = 1000, ABOUT_SPANS = 10 };

struct broker;
struct gauges;
struct json_object;

/* Embedded in the gateway. */
struct about {
    const char *node;
    struct json_object *options; /* what should be the same everywhere (agreement.h) */
    const struct gauges *gauges;
    struct broker *broker;
    struct timers *timers;
    uint64_t started_ms;
    size_t beats;
    struct metric_snapshot delays[ABOUT_SPANS],
        lags[ABOUT_SPANS]; /* of the latest beats, the oldest first overwritten */
    struct timer beat;
};

struct about_options {
    const char *node; /* valid UTF-8 */
    struct json_object *options;
    const struct gauges *gauges;
    struct broker *broker;
    struct timers *timers;
};

/* From now on, until the timers end. All is borrowed. */
void about_start(struct about *about, const struct about_options *options);

#endif
