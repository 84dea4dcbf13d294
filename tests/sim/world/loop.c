#include "tests/sim/world/loop.h"

#include "common/alloc.h"
#include "tests/sim/world/half.h"
#include "tests/sim/world/schedule.h"
#include "tests/sim/world/trace.h"

#include <event2/event.h>
#include <stdlib.h>
#include <utlist.h>

struct event {
    struct event_base *base;
    evutil_socket_t fd;
    short what;
    event_callback_fn fire;
    void *arg;
    bool waits;      /* for its descriptor */
    uint64_t at_us;  /* of its timer; UINT64_MAX: not set */
    uint64_t period; /* with EV_PERSIST, how long after it fired */
    short active;    /* to be called for that; 0: not */
    uint64_t order;  /* among those that are active */
    struct event *prev, *next;
};

struct event_base {
    struct half *half;
    struct event *events;
    uint64_t activated;
    bool broken;
    struct event_base *prev, *next;
};

enum { DESCRIPTORS = 1024, FIRST_DESCRIPTOR = 1 << 30 };

static struct event_base *bases;

/* What each is ready for. */
static struct {
    bool used;
    short ready;
} descriptors[DESCRIPTORS];

struct event_base *event_base_new(void)
{
    struct event_base *base = alloc_zeroed(sizeof *base);

    DL_APPEND(bases, base);
    return base;
}

void event_base_free(struct event_base *base)
{
    if (base->events)
        trace_fail("loop", "events are left");
    DL_DELETE(bases, base);
    free(base);
}

int event_base_loopbreak(struct event_base *base)
{
    base->broken = true;
    return 0;
}

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fire,
                        void *arg)
{
    struct event *event = alloc_zeroed(sizeof *event);

    *event =
        (struct event){.base = base, .fd = fd, .what = what, .fire = fire, .arg = arg, .at_us = UINT64_MAX};
    DL_APPEND(base->events, event);
    return event;
}

/* What it waits for and its descriptor is ready for; 0: nothing. */
static short wanted(const struct event *event)
{
    return event->waits ? descriptors[event->fd - FIRST_DESCRIPTOR].ready & event->what : 0;
}

static uint64_t due_us(const struct event *event)
{
    return event->active || wanted(event) ? schedule_now_us() : event->at_us;
}

static void tell_half(const struct event *event)
{
    if (event->base->half)
        half_due(event->base->half, due_us(event));
}

int event_add(struct event *event, const struct timeval *after)
{
    if (event->what & (EV_READ | EV_WRITE))
        event->waits = true;
    if (after) {
        event->period = (uint64_t)after->tv_sec * 1000000 + (uint64_t)after->tv_usec;
        event->at_us = schedule_now_us() + event->period;
    }
    tell_half(event);
    return 0;
}

int event_del(struct event *event)
{
    event->waits = false;
    event->at_us = UINT64_MAX;
    event->active = 0;
    return 0;
}

void event_free(struct event *event)
{
    DL_DELETE(event->base->events, event);
    free(event);
}

static void activate(struct event *event, short what)
{
    if (!event->active)
        event->order = event->base->activated++;
    event->active |= what;
}

void event_active(struct event *event, int what, short calls)
{
    (void)calls;
    activate(event, (short)(what ? what : EV_TIMEOUT));
    tell_half(event);
}

int event_pending(const struct event *event, short what, struct timeval *at)
{
    short pending = 0;

    if (at)
        trace_fail("loop", "nobody has asked for when so far");
    if (event->waits)
        pending |= event->what & (EV_READ | EV_WRITE);
    if (event->at_us != UINT64_MAX)
        pending |= EV_TIMEOUT;
    return pending & what;
}

static struct event *first_active(const struct event_base *base)
{
    struct event *first = NULL, *event;

    DL_FOREACH(base->events, event)
    if (event->active && (!first || event->order < first->order))
        first = event;
    return first;
}

static struct event *first_due(const struct event_base *base)
{
    struct event *first = NULL, *event;

    DL_FOREACH(base->events, event)
    if (event->at_us <= schedule_now_us() && (!first || event->at_us < first->at_us))
        first = event;
    return first;
}

static void call(struct event *event)
{
    short what = event->active;

    event->active = 0;
    if (!(event->what & EV_PERSIST)) {
        event->waits = false;
        event->at_us = UINT64_MAX;
    } else if (event->period) {
        event->at_us = schedule_now_us() + event->period;
    }
    event->fire(event->fd, what, event->arg);
}

/* Descriptors first, then timers: so does libevent. */
bool loop_turn(struct event_base *base)
{
    struct event *event;

    DL_FOREACH(base->events, event)
    if (wanted(event))
        activate(event, wanted(event));
    while ((event = first_due(base))) {
        event->at_us = UINT64_MAX;
        activate(event, EV_TIMEOUT);
    }
    while (!base->broken && (event = first_active(base)))
        call(event);
    return !base->broken;
}

void loop_bind(struct event_base *base, struct half *half)
{
    base->half = half;
}

void loop_wait(struct event_base *base)
{
    uint64_t first_us = UINT64_MAX;
    struct event *event;

    DL_FOREACH(base->events, event)
    if (due_us(event) < first_us)
        first_us = due_us(event);
    half_due(base->half, first_us);
}

int loop_descriptor(void)
{
    for (int i = 0; i < DESCRIPTORS; i++) {
        if (descriptors[i].used)
            continue;
        descriptors[i].used = true;
        descriptors[i].ready = 0;
        return FIRST_DESCRIPTOR + i;
    }
    trace_fail("loop", "there are no more descriptors");
}

void loop_descriptor_free(int fd)
{
    descriptors[fd - FIRST_DESCRIPTOR].used = false;
}

void loop_ready(int fd, short what)
{
    struct event_base *base;
    struct event *event;

    descriptors[fd - FIRST_DESCRIPTOR].ready = what;
    DL_FOREACH(bases, base)
    DL_FOREACH(base->events, event)
    if (event->fd == fd)
        tell_half(event);
}
