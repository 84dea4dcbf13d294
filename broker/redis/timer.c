/*
 * libevent's, with milliseconds.
 */
#include "broker/redis/timer.h"

#include "common/alloc.h"

struct event *timer_new(struct event_base *base, event_callback_fn rings, void *arg)
{
    struct event *timer = event_new(base, -1, 0, rings, arg);

    if (!timer)
        alloc_failed();
    return timer;
}

void timer_set(struct event *timer, unsigned ms)
{
    const struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    event_add(timer, &delay);
}
