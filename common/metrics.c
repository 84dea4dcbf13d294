/*
 * The metrics registry: a list in which the series of one name are neighbours, so rendering is one pass.
 */
#include "common/metrics.h"

#include "common/alloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct metric {
    struct metric *next;
    enum metric_type type;
    const char *name;
    const char *labels; /* "": none */
    const char *help;
    int64_t unit;          /* what of the value makes 1 on the page */
    _Atomic int64_t value; /* a histogram's sum */
    const struct metric_bounds *bounds;
    _Atomic int64_t *buckets; /* a histogram's, one more than bounds; not cumulative */
};

struct metrics {
    struct metric *first;
};

struct metrics *metrics_new(void)
{
    return alloc_zeroed(sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (struct metric *metric = metrics->first, *next; metric; metric = next) {
        next = metric->next;
        free(metric->buckets);
        free(metric);
    }
    free(metrics);
}

/* Where a series of that name is linked in: behind the last one of the name, else at the end. */
static struct metric **place_for(struct metrics *metrics, const struct metric *added)
{
    struct metric **link = &metrics->first;
    struct metric **place = NULL;

    for (; *link; link = &(*link)->next) {
        if (strcmp((*link)->name, added->name) != 0)
            continue;
        assert((*link)->type == added->type);
        assert(strcmp((*link)->labels, added->labels) != 0);
        place = &(*link)->next;
    }
    return place ? place : link;
}

/* Whether the value is in microseconds and shown in seconds. */
static bool is_time(const char *name)
{
    static const char end[] = "_seconds";
    size_t len = strlen(name);

    return (len >= sizeof end && strcmp(name + len - (sizeof end - 1), end) == 0) ||
           strstr(name, "_seconds_total");
}

struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name,
                           const char *labels, const char *help)
{
    struct metric *metric = alloc_zeroed(sizeof *metric);

    metric->type = type;
    metric->name = name;
    metric->labels = labels ? labels : "";
    metric->help = help;
    metric->unit = is_time(name) ? 1000000 : 1;
    atomic_init(&metric->value, 0);

    struct metric **place = place_for(metrics, metric);
    metric->next = *place;
    *place = metric;
    return metric;
}

const struct metric_bounds metric_bounds_sizes = {13,
                                                  {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}};

const struct metric_bounds metric_bounds_times = {16,
                                                  {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
                                                   100000, 250000, 500000, 1000000, 2500000, 5000000,
                                                   10000000}};

struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     const struct metric_bounds *bounds)
{
    struct metric *metric = metrics_add(metrics, METRIC_HISTOGRAM, name, NULL, help);

    metric->bounds = bounds;
    metric->buckets = alloc_zeroed((bounds->count + 1) * sizeof *metric->buckets);
    return metric;
}

void metrics_add_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *holder)
{
    for (const struct metric_row *row = rows; row < rows + count; row++) {
        struct metric **place = (struct metric **)((char *)holder + row->offset);

        *place = row->type == METRIC_HISTOGRAM
                     ? metrics_add_histogram(metrics, row->name, row->help, row->bounds)
                     : metrics_add(metrics, row->type, row->name, row->labels, row->help);
    }
}

void metric_observe(struct metric *metric, int64_t value)
{
    size_t i = 0;

    while (i < metric->bounds->count && value > metric->bounds->at[i])
        i++;
    atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, value, memory_order_relaxed);
}

static int64_t bucket(const struct metric *metric, size_t i)
{
    return atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
}

void metric_snapshot(const struct metric *metric, struct metric_snapshot *snapshot)
{
    for (size_t i = 0; i <= metric->bounds->count; i++)
        snapshot->buckets[i] = bucket(metric, i);
}

int64_t metric_quantile(const struct metric *metric, const struct metric_snapshot *since, double share)
{
    const struct metric_bounds *bounds = metric->bounds;
    struct metric_snapshot now;
    int64_t total = 0, seen = 0;

    metric_snapshot(metric, &now);
    for (size_t i = 0; i <= bounds->count; i++)
        total += now.buckets[i] - since->buckets[i];
    if (total <= 0)
        return -1;
    for (size_t i = 0; i < bounds->count; i++) {
        seen += now.buckets[i] - since->buckets[i];
        if ((double)seen >= share * (double)total)
            return bounds->at[i];
    }
    return bounds->at[bounds->count - 1];
}

void metric_add(struct metric *metric, int64_t n)
{
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t metric_get(const struct metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

static int render_head(const struct metric *metric, struct buf *out)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const char *type = types[metric->type];

    return buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, type);
}

/* A number of the page's units. */
static int render_number(const struct metric *metric, int64_t value, struct buf *out)
{
    if (metric->unit == 1)
        return buf_appendf(out, "%" PRId64, value);
    return buf_appendf(out, "%.15g", (double)value / (double)metric->unit);
}

static int render_line(const struct metric *metric, const char *suffix, int64_t value, struct buf *out)
{
    bool labelled = *metric->labels;

    return buf_appendf(out, "%s%s%s%s%s ", metric->name, suffix, labelled ? "{" : "", metric->labels,
                       labelled ? "}" : "") ||
           render_number(metric, value, out) || buf_append_str(out, "\n");
}

/* Observations go on meanwhile: the total is taken from the buckets, so that it agrees with them. */
static int render_histogram(const struct metric *metric, struct buf *out)
{
    const struct metric_bounds *bounds = metric->bounds;
    int64_t sum = metric_get(metric), count = 0;

    for (size_t i = 0; i < bounds->count; i++) {
        count += bucket(metric, i);
        if (buf_appendf(out, "%s_bucket{le=\"", metric->name) || render_number(metric, bounds->at[i], out) ||
            buf_appendf(out, "\"} %" PRId64 "\n", count))
            return -1;
    }
    count += bucket(metric, bounds->count);
    return buf_appendf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", metric->name, count) ||
           render_line(metric, "_sum", sum, out) ||
           buf_appendf(out, "%s_count %" PRId64 "\n", metric->name, count);
}

static int render_value(const struct metric *metric, struct buf *out)
{
    return metric->type == METRIC_HISTOGRAM ? render_histogram(metric, out)
                                            : render_line(metric, "", metric_get(metric), out);
}

int metrics_render(const struct metrics *metrics, struct buf *out)
{
    const char *name = "";

    for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
        if (strcmp(metric->name, name) != 0 && render_head(metric, out) != 0)
            return -1;
        name = metric->name;
        if (render_value(metric, out) != 0)
            return -1;
    }
    return 0;
}
