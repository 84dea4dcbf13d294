/* Memory back to the system: see trim.h. */
#include "gateway/trim.h"

#include "common/clock.h"
#include "common/heap.h"
#include "common/process.h"

#include <malloc.h>
#include <stdint.h>

bool trim_due(struct trim *trim, size_t resident, size_t used)
{
    size_t idle = resident > used ? resident - used : 0;

    if (idle < trim->least_idle)
        trim->least_idle = idle;
    size_t more = idle - trim->least_idle;
    return more >= TRIM_BYTES && more >= used / TRIM_PART;
}

static bool due(struct trim *trim)
{
    return trim_due(trim, process_resident_bytes(), heap_allocated_bytes());
}

static void look(void *owner)
{
    struct trim *trim = owner;

    if (due(trim)) {
        malloc_trim(0);
        trim->least_idle = SIZE_MAX;
        due(trim); /* what is idle now could not be given back: compare with that */
    }
    timers_set(trim->timers, &trim->timer, clock_ms() + TRIM_EVERY_MS);
}

void trim_start(struct trim *trim, struct timers *timers)
{
    *trim = (struct trim){.timers = timers, .timer = {.fire = look, .owner = trim}, .least_idle = SIZE_MAX};
    timers_set(timers, &trim->timer, 0);
}
