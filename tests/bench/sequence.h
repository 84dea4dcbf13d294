/*
 * What one client has had of one publisher's events, numbered from 0: a window of the latest 64 tells what is
 * new, what comes twice and what comes late. Pure; 16 bytes for each pair of client and publisher.
 */
#ifndef RIDECAST_BENCH_SEQUENCE_H
#define RIDECAST_BENCH_SEQUENCE_H

#include <stdint.h>

struct sequence {
    uint32_t next; /* one past the highest number seen */
    uint64_t seen; /* bit n: next - 1 - n has come */
};

enum sequence_verdict {
    SEQUENCE_NEW,        /* the next one, or a later one: what lies between may still come */
    SEQUENCE_DISORDERED, /* for the first time, but after a later one */
    SEQUENCE_REPEATED,   /* again (or more than 64 events late, which is as bad) */
};

/* Inline: it runs for every delivery. */
static inline enum sequence_verdict sequence_take(struct sequence *sequence, uint32_t number)
{
    uint32_t ahead = number - sequence->next;

    if (ahead == 0) { /* nearly always */
        sequence->next++;
        sequence->seen = sequence->seen << 1 | 1;
        return SEQUENCE_NEW;
    }
    if (ahead < UINT32_MAX / 2) {
        sequence->next = number + 1;
        sequence->seen = ahead < 63 ? sequence->seen << (ahead + 1) | 1 : 1;
        return SEQUENCE_NEW;
    }
    uint32_t back = sequence->next - 1 - number;

    if (back >= 64 || (sequence->seen >> back & 1))
        return SEQUENCE_REPEATED;
    sequence->seen |= (uint64_t)1 << back;
    return SEQUENCE_DISORDERED;
}

#endif
