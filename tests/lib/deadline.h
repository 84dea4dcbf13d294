/*
 * How long a test waits for what must happen before it fails: longer than sentinels take to agree after a
 * split vote.
 */
#ifndef RIDECAST_TESTS_LIB_DEADLINE_H
#define RIDECAST_TESTS_LIB_DEADLINE_H

#include <stdbool.h>
#include <time.h>

enum { DEADLINE_S = 60 };

/* By the wall clock, as sem_timedwait(3) wants it. */
static inline struct timespec deadline_from_now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += DEADLINE_S;
    return at;
}

static inline bool deadline_passed(const struct timespec *deadline)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec > deadline->tv_sec;
}

#endif
