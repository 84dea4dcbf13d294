/*
 * Time, timers and randomness in the input's hands, for targets that drive whole parts: the clock and the
 * kernel's random numbers are replaced by the linker (--wrap, see CMakeLists.txt), the functions of libevent
 * that backends use are here. So an input does the same in every run. One program includes this once.
 */
#ifndef RIDECAST_TESTS_FUZZ_VIRTUAL_H
#define RIDECAST_TESTS_FUZZ_VIRTUAL_H

#include "tests/fuzz/fuzz.h"

#include "common/log.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <utlist.h>

enum { VIRTUAL_START_MS = 1000000 };

/* Timers only. */
struct event {
    event_callback_fn fire;
    void *arg;
    bool persists, pending;
    uint64_t at_ms, period_ms;
    struct event *prev, *next;
};

static uint64_t virtual_ms, virtual_random;
static struct event *virtual_events;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = (time_t)(virtual_ms / 1000),
                             .tv_nsec = (long)(virtual_ms % 1000) * 1000000};
    return 0;
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++) {
        virtual_random = virtual_random * 6364136223846793005U + 1442695040888963407U;
        ((uint8_t *)out)[i] = (uint8_t)(virtual_random >> 56);
    }
    return (ssize_t)n;
}

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
    event->at_ms = virtual_ms + event->period_ms;
    event->pending = true;
    return 0;
}

int event_del(struct event *event)
{
    event->pending = false;
    return 0;
}

void event_free(struct event *event)
{
    DL_DELETE(virtual_events, event);
    free(event);
}

static inline void virtual_begin(void)
{
    virtual_ms = VIRTUAL_START_MS;
    virtual_random = 1;
}

/* When the next timer is due; UINT64_MAX: none is set. */
static inline uint64_t virtual_next_ms(void)
{
    uint64_t first = UINT64_MAX;

    for (struct event *event = virtual_events; event; event = event->next)
        if (event->pending && event->at_ms < first)
            first = event->at_ms;
    return first;
}

/* Fires one timer that is due now. False: there is none. */
static inline bool virtual_fire(void)
{
    struct event *due = NULL;

    for (struct event *event = virtual_events; event; event = event->next)
        if (event->pending && event->at_ms <= virtual_ms && (!due || event->at_ms < due->at_ms))
            due = event;
    if (!due)
        return false;
    due->pending = due->persists;
    due->at_ms = virtual_ms + (due->period_ms ? due->period_ms : 1);
    due->fire(-1, EV_TIMEOUT, due->arg);
    return true;
}

/* The log: formatted, so that the sanitizer sees what is read, and dropped. */

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

#endif
