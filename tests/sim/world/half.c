#include "tests/sim/world/half.h"

#include "tests/sim/world/chance.h"
#include "tests/sim/world/trace.h"

enum { WAKE_US = 20 };

static void take_turn(void *owner)
{
    struct half *half = owner;

    if (half_held(half)) {
        schedule_set(&half->next, half->held_until_us);
        return;
    }
    const char *before = half_enter(half);

    half->turn(half->owner);
    half_leave(before);
}

void half_init(struct half *half, const char *name, void (*turn)(void *owner), void *owner)
{
    *half = (struct half){.name = name, .turn = turn, .owner = owner};
    half->next = (struct happening){.happen = take_turn, .owner = half};
}

void half_deinit(struct half *half)
{
    schedule_cancel(&half->next);
}

void half_due(struct half *half, uint64_t at_us)
{
    uint64_t now_us = schedule_now_us();

    if (at_us == UINT64_MAX || (half->next.place && half->next.at_us <= at_us))
        return;
    at_us = (at_us > now_us ? at_us : now_us) + chance_delay_us(WAKE_US) - WAKE_US;
    if (!half->next.place || at_us < half->next.at_us)
        schedule_set(&half->next, at_us);
}

void half_wake(struct half *half)
{
    half_due(half, schedule_now_us());
}

void half_hold(struct half *half, uint64_t us)
{
    half->held_until_us = schedule_now_us() + us;
}

bool half_held(const struct half *half)
{
    return half->held_until_us > schedule_now_us();
}

const char *half_enter(struct half *half)
{
    const char *before = trace_log_of;

    trace_log_of = half->name;
    return before;
}

void half_leave(const char *before)
{
    trace_log_of = before;
}
