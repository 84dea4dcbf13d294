/*
 * Deadlines: see timers.h. An array-backed binary heap: the parent of place p is at p / 2, place 1 is the
 * earliest.
 */
#include "gateway/net/timers.h"

#include "common/alloc.h"

#include <stdlib.h>

struct timers {
    struct timer **heap; /* from place 1; place 0 is not used */
    size_t count;
    size_t size;          /* places allocated, the unused one included */
    uint64_t earliest_ms; /* nothing is set for before; 0: while none is fired */
};

struct timers *timers_new(void)
{
    return alloc_zeroed(sizeof(struct timers));
}

void timers_free(struct timers *timers)
{
    if (!timers)
        return;
    for (size_t place = 1; place <= timers->count; place++)
        timers->heap[place]->place = 0;
    free(timers->heap);
    free(timers);
}

static void put(struct timers *timers, struct timer *timer, size_t place)
{
    timers->heap[place] = timer;
    timer->place = place;
}

/* Puts a timer where it belongs, seen from a place that is free or its own. */
static void settle(struct timers *timers, struct timer *timer, size_t place)
{
    struct timer **heap = timers->heap;

    for (; place > 1 && heap[place / 2]->at_ms > timer->at_ms; place /= 2)
        put(timers, heap[place / 2], place);
    for (size_t child; (child = place * 2) <= timers->count; place = child) {
        if (child < timers->count && heap[child + 1]->at_ms < heap[child]->at_ms)
            child++;
        if (heap[child]->at_ms >= timer->at_ms)
            break;
        put(timers, heap[child], place);
    }
    put(timers, timer, place);
}

static void make_room(struct timers *timers)
{
    if (timers->count + 1 < timers->size)
        return;
    timers->size = timers->size ? timers->size * 2 : 64;
    timers->heap = reallocarray(timers->heap, timers->size, sizeof(struct timer *));
    if (!timers->heap)
        alloc_failed();
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
    timer->at_ms = at_ms > timers->earliest_ms ? at_ms : timers->earliest_ms;
    if (timer->place) {
        settle(timers, timer, timer->place);
        return;
    }
    make_room(timers);
    timers->count++;
    settle(timers, timer, timers->count);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;

    if (!place)
        return;
    struct timer *last = timers->heap[timers->count--];

    if (last != timer)
        settle(timers, last, place);
    timer->place = 0;
}

bool timers_fire(struct timers *timers, uint64_t now_ms)
{
    if (!timers->count || timers->heap[1]->at_ms > now_ms)
        return false;
    struct timer *timer = timers->heap[1];

    timers_cancel(timers, timer);
    timers->earliest_ms = now_ms + 1;
    timer->fire(timer->owner);
    timers->earliest_ms = 0;
    return true;
}

void timers_run(struct timers *timers, uint64_t now_ms)
{
    while (timers_fire(timers, now_ms))
        ;
}

uint64_t timers_next_ms(const struct timers *timers)
{
    return timers->count ? timers->heap[1]->at_ms : UINT64_MAX;
}
