#include "tests/fuzz/virtual.h"

#include "common/clock.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/virtual_clock.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>
#include <utlist.h>

/* Timers only. */
struct event {
    event_callback_fn fire;
    void *arg;
    bool persists, pending;
    uint64_t at_ms, period_ms;
    struct event *prev, *next;
};

static uint64_t virtual_random;
static struct event *virtual_events;

/* --- random numbers --- */

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++) {
        virtual_random = virtual_random * 6364136223846793005U + 1442695040888963407U;
        ((uint8_t *)out)[i] = (uint8_t)(virtual_random >> 56);
    }
    return (ssize_t)n;
}

/* --- libevent --- */

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fire,
                        void *arg)
{
    struct event *event = calloc(1, sizeof *event);

    (void)base;
    CHECK(event && fd == -1);
    *event = (struct event){.fire = fire, .arg = arg, .persists = what & EV_PERSIST};
    DL_APPEND(virtual_events, event);
    return event;
}

int event_add(struct event *event, const struct timeval *after)
{
    event->period_ms = (uint64_t)after->tv_sec * 1000 + (uint64_t)after->tv_usec / 1000;
    event->at_ms = clock_ms() + event->period_ms;
    event->pending = true;
    return 0;
}

int event_del(struct event *event)
{
    event->pending = false;
    return 0;
}

int event_pending(const struct event *event, short what, struct timeval *at)
{
    CHECK(what == EV_TIMEOUT && !at);
    return event->pending;
}

void event_free(struct event *event)
{
    DL_DELETE(virtual_events, event);
    free(event);
}

/* --- what targets do --- */

void virtual_begin(void)
{
    virtual_us = virtual_wall_us = VIRTUAL_START_MS * UINT64_C(1000);
    virtual_random = 1;
}

uint64_t virtual_next_ms(void)
{
    uint64_t first = UINT64_MAX;

    for (struct event *event = virtual_events; event; event = event->next)
        if (event->pending && event->at_ms < first)
            first = event->at_ms;
    return first;
}

bool virtual_fire(void)
{
    struct event *due = NULL;

    for (struct event *event = virtual_events; event; event = event->next)
        if (event->pending && event->at_ms <= clock_ms() && (!due || event->at_ms < due->at_ms))
            due = event;
    if (!due)
        return false;
    due->pending = due->persists;
    due->at_ms = clock_ms() + (due->period_ms ? due->period_ms : 1);
    due->fire(-1, EV_TIMEOUT, due->arg);
    return true;
}

bool virtual_idle(void)
{
    return !virtual_events;
}

/* --- the log: formatted, so that the sanitizer sees what is read, and dropped --- */

void log_write(enum log_level level, const char *area, const char *format, ...)
{
    char line[2048];
    va_list args;

    (void)level;
    CHECK(*area);
    va_start(args, format);
    CHECK(vsnprintf(line, sizeof line, format, args) >= 0);
    va_end(args);
}

int log_enabled(enum log_level level)
{
    (void)level;
    return 1;
}

unsigned long log_lost(void)
{
    return 0;
}

void log_setup(enum log_level level, enum log_format format)
{
    (void)level, (void)format;
}
