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

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
    unsigned shift = ns >> HISTOGRAM_BITS ? 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(ns) : 0;

    histogram->classes[((uint64_t)shift << HISTOGRAM_BITS) + (ns >> shift)]++;
    histogram->count++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

/* Adds all that `other` has counted. */
static inline void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        histogram->classes[i] += other->classes[i];
    histogram->count += other->count;
    if (other->max_ns > histogram->max_ns)
        histogram->max_ns = other->max_ns;
}

/* The lower end of the class that the quantile (0 to 1) falls in; 0 when nothing was counted. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
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

#endif
