/*
 * The metrics registry: counters, gauges and histograms by name and labels, rendered as Prometheus text
 * (exposition format 0.0.4).
 *
 * Register everything at start-up, on one thread; afterwards any thread may add, set and observe (relaxed
 * atomics) and any thread may render. Metrics live as long as their registry. Names follow the Prometheus
 * conventions: ridecast_<what>_<unit>, counters end in _total. What is named _seconds is kept in whole
 * microseconds and rendered in seconds.
 */
#ifndef RIDECAST_COMMON_METRICS_H
#define RIDECAST_COMMON_METRICS_H

#include "common/buf.h"

#include <stdint.h>

struct metrics;
struct metric;

enum { METRIC_BOUNDS_MAX = 24 };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Upper bounds of a histogram's buckets, rising; what lies above the last one is counted too. */
struct metric_bounds {
    size_t count;
    int64_t at[METRIC_BOUNDS_MAX];
};

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

/* A histogram, which has but one series of its name. The bounds are borrowed. */
struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     const struct metric_bounds *bounds);

/* A series as a row of a table. */
struct metric_row {
    const char *name;
    enum metric_type type;
    const char *labels; /* NULL: none */
    const char *help;
    const struct metric_bounds *bounds; /* METRIC_HISTOGRAM only */
    size_t offset;                      /* of the struct metric * that leads to it, in `holder` */
};

/* Registers every row, in order. */
void metrics_add_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *holder);

/* Powers of two from 1 to 4096, and times from 100 microseconds to 10 s. */
extern const struct metric_bounds metric_bounds_sizes, metric_bounds_times;

void metric_add(struct metric *metric, int64_t n);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_get(const struct metric *metric);

/* Counts one value in a histogram. */
void metric_observe(struct metric *metric, int64_t value);

/* What a histogram had counted at some time; zeroed: nothing. */
struct metric_snapshot {
    int64_t buckets[METRIC_BOUNDS_MAX + 1];
};

void metric_snapshot(const struct metric *metric, struct metric_snapshot *snapshot);
/* The bound below which a share of the observations since then lies; above the last bound: that. -1: there
 * are none. */
int64_t metric_quantile(const struct metric *metric, const struct metric_snapshot *since, double share);

/* Appends the whole page. 0, or -1 when `out` is full. */
int metrics_render(const struct metrics *metrics, struct buf *out);

#endif
