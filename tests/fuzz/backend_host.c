#include "tests/fuzz/backend_host.h"

const struct broker_metrics *any_metrics(struct metrics *registry)
{
    static struct broker_metrics metrics;
    struct metric *any = metrics_add(registry, METRIC_GAUGE, "any", NULL, "Anything");
    struct metric **each = (struct metric **)&metrics;

    for (size_t i = 0; i < sizeof metrics / sizeof(struct metric *); i++)
        each[i] = any;
    metrics.latency = metrics_add_histogram(registry, "any_seconds", "Anything", &metric_bounds_times);
    return &metrics;
}
