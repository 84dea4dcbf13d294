/*
 * The metrics registry: a list in which the series of one name are neighbours, so rendering is one pass.
 */
#include "common/metrics.h"

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
    _Atomic int64_t value;
};

struct metrics {
    struct metric *first;
};

static void *must_calloc(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        abort();
    return memory;
}

struct metrics *metrics_new(void)
{
    return must_calloc(sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (struct metric *metric = metrics->first, *next; metric; metric = next) {
        next = metric->next;
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

struct metric *metrics_add(struct metrics *metrics, enum metric_type type, const char *name,
                           const char *labels, const char *help)
{
    struct metric *metric = must_calloc(sizeof *metric);

    metric->type = type;
    metric->name = name;
    metric->labels = labels ? labels : "";
    metric->help = help;
    atomic_init(&metric->value, 0);

    struct metric **place = place_for(metrics, metric);
    metric->next = *place;
    *place = metric;
    return metric;
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
    const char *type = metric->type == METRIC_COUNTER ? "counter" : "gauge";

    return buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, type);
}

static int render_value(const struct metric *metric, struct buf *out)
{
    bool labelled = *metric->labels;

    return buf_appendf(out, "%s%s%s%s %" PRId64 "\n", metric->name, labelled ? "{" : "", metric->labels,
                       labelled ? "}" : "", metric_get(metric));
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
