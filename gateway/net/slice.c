/* A slice of the loop's time: see slice.h. */
#include "gateway/net/slice.h"

#include "common/clock.h"

#include <stddef.h>

void slice_renew(struct slice *slice)
{
    slice->spent_us = 0;
    slice->waits = false;
}

static uint64_t spent_us(const struct slice *slice)
{
    return slice->depth ? clock_us() - slice->begun_us : slice->spent_us;
}

bool slice_left(struct slice *slice)
{
    if (!slice || spent_us(slice) < SLICE_US)
        return true;
    if (!slice->waits)
        slice->wake(slice->wake_arg);
    slice->waits = true;
    return false;
}

void slice_begin(struct slice *slice)
{
    if (slice && !slice->depth++)
        slice->begun_us = clock_us() - slice->spent_us;
}

void slice_end(struct slice *slice)
{
    if (!slice)
        return;
    slice->spent_us = spent_us(slice);
    slice->depth--;
}
