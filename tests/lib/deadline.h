/*
 * How long a test in C waits for what must happen before it fails: longer than sentinels take to agree after
 * a split vote.
 */
#ifndef RIDECAST_TESTS_LIB_DEADLINE_H
#define RIDECAST_TESTS_LIB_DEADLINE_H

#include <stdbool.h>
#include <time.h>

enum { DEADLINE_S = 60 };

/* DEADLINE_S from now, by the wall clock, as sem_timedwait(3) wants it. */
struct timespec deadline_from_now(void);

bool deadline_passed(const struct timespec *deadline);

/* What lies between two looks at what is waited for: a few milliseconds. */
void nap(void);

#endif
