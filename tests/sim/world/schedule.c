#include "tests/sim/world/schedule.h"

#include "common/alloc.h"
#include "tests/lib/virtual_clock.h"
#include "tests/sim/world/chance.h"

#include <stdlib.h>

/* A day after the machine was started, in 2026. */
static const uint64_t begin_us = UINT64_C(86400) * 1000000, begin_wall_us = UINT64_C(1767225600) * 1000000;

/* A binary heap, from 1. */
static struct happening **heap;
static size_t count, room;
static uint64_t happened, sum;

void schedule_begin(void)
{
    virtual_us = begin_us;
    virtual_wall_us = begin_wall_us;
    count = 0;
    happened = 0;
    sum = 0xcbf29ce484222325;
}

void schedule_end(void)
{
    free(heap);
    heap = NULL;
    count = room = 0;
}

uint64_t schedule_now_us(void)
{
    return virtual_us;
}

uint64_t schedule_count(void)
{
    return happened;
}

uint64_t schedule_sum(void)
{
    return sum;
}

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->lot < b->lot;
}

static void put(struct happening *happening, size_t place)
{
    heap[place] = happening;
    happening->place = place;
}

static void rise(struct happening *happening, size_t place)
{
    for (; place > 1 && before(happening, heap[place / 2]); place /= 2)
        put(heap[place / 2], place);
    put(happening, place);
}

static void sink(struct happening *happening, size_t place)
{
    for (size_t child; (child = 2 * place) <= count; place = child) {
        if (child < count && before(heap[child + 1], heap[child]))
            child++;
        if (!before(heap[child], happening))
            break;
        put(heap[child], place);
    }
    put(happening, place);
}

void schedule_cancel(struct happening *happening)
{
    size_t place = happening->place;

    if (!place)
        return;
    struct happening *last = heap[count--];

    happening->place = 0;
    if (last == happening)
        return;
    if (place > 1 && before(last, heap[place / 2]))
        rise(last, place);
    else
        sink(last, place);
}

void schedule_set(struct happening *happening, uint64_t at_us)
{
    schedule_cancel(happening);
    if (count + 1 >= room) {
        room = room ? 2 * room : 64;
        heap = realloc(heap, room * sizeof(void *));
        if (!heap)
            alloc_failed();
    }
    happening->at_us = at_us > virtual_us ? at_us : virtual_us;
    happening->lot = chance_below(UINT64_MAX);
    rise(happening, ++count);
}

static void pass_until(uint64_t at_us)
{
    virtual_wall_us += at_us - virtual_us;
    virtual_us = at_us;
}

bool schedule_step(uint64_t until_us)
{
    struct happening *next = count ? heap[1] : NULL;

    if (!next || next->at_us > until_us) {
        if (until_us > virtual_us)
            pass_until(until_us);
        return false;
    }
    schedule_cancel(next);
    pass_until(next->at_us);
    happened++;
    sum = (sum ^ virtual_us) * 0x100000001b3;
    next->happen(next->owner);
    return true;
}
