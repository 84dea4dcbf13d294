#include "bench/histogram.h"

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        histogram->classes[i] += other->classes[i];
    histogram->count += other->count;
    if (other->max_ns > histogram->max_ns)
        histogram->max_ns = other->max_ns;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->count), sum = 0;

    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        sum += histogram->classes[i];
        if (sum > wanted) {
            unsigned shift = i >> HISTOGRAM_BITS ? (i >> HISTOGRAM_BITS) - 1 : 0;

            return (uint64_t)(i - (shift << HISTOGRAM_BITS)) << shift;
        }
    }
    return histogram->max_ns;
}
