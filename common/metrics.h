/*
 * The metrics registry: counters and gauges by name and labels, rendered as Prometheus text (exposition
 * format 0.0.4).
 *
 * Register everything at start-up, on one thread; afterwards any thread may add and set (relaxed atomics) and
 * any thread may render. Metrics live as long as their registry. Names follow the Prometheus conventions:
 * ridecast_<what>_<unit>, counters end in _total.
 */
#ifndef RIDECAST_COMMON_METRICS_H
#define RIDECAST_COMMON_METRICS_H

#include "common/buf.h"

#include <stdint.h>

struct metrics;
struct metric;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

/* Aborts when out of memory, which can only happen at start-up. Freeing NULL is harmless. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/*
 * Registers one series. `labels` is NULL or the inside of the braces, e.g. `transport="websocket"`; series of
 * one name share their type and help (the first one's is printed) and are printed together; registering one
 * twice is a caller's error. Strings are borrowed for the registry's life and printed as they are (use
 * literals). Aborts as metrics_new() does.
 */
struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name,
                           const char *labels, const char *help);

void metric_add(struct metric *metric, int64_t n);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_get(const struct metric *metric);

/* Appends the whole page. 0, or -1 when `out` is full. */
int metrics_render(const struct metrics *metrics, struct buf *out);

#endif
