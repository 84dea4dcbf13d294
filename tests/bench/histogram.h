/*
 * Counts of durations: 64 classes for every power of two, so a quantile is exact to 1.6 %; the maximum is
 * exact. Pure.
 */
#ifndef RIDECAST_BENCH_HISTOGRAM_H
#define RIDECAST_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BITS = 6, HISTOGRAM_CLASSES = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
    uint64_t count;
    uint64_t max_ns;
    uint64_t classes[HISTOGRAM_CLASSES];
};

/* Inline: it runs for every delivery. */
static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
    unsigned shift = ns >> HISTOGRAM_BITS ? 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(ns) : 0;

    histogram->classes[((uint64_t)shift << HISTOGRAM_BITS) + (ns >> shift)]++;
    histogram->count++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

/* Adds all that `other` has counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* The lower end of the class that the quantile (0 to 1) falls in; 0 when nothing was counted. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
