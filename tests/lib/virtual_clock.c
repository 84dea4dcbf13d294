/* Time in a test's hands: see virtual_clock.h. */
#include "tests/lib/virtual_clock.h"

#include <time.h>

uint64_t virtual_us, virtual_wall_us;

void virtual_pass_ms(uint64_t ms)
{
    virtual_us += ms * 1000;
    virtual_wall_us += ms * 1000;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    uint64_t us = id == CLOCK_REALTIME ? virtual_wall_us : virtual_us;

    *now = (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    return 0;
}
