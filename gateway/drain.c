/* Draining: see drain.h. */
#include "gateway/drain.h"

#include "common/clock.h"
#include "common/id.h"

/* How long until some more are let go: gateways that drain at the same time do not keep step. */
enum { STEP_MS = 20, JITTER_MS = 40 };

/* How many may still be there: all at first, none when the time is over. */
static size_t allowed(const struct drain *drain, uint64_t elapsed)
{
    uint64_t timeout = drain->options.timeout_ms;

    return elapsed < timeout ? (size_t)((drain->clients * (timeout - elapsed) + timeout - 1) / timeout) : 0;
}

static bool is_done(struct drain *drain, uint64_t now)
{
    const struct drain_options *options = &drain->options;

    if (options->clients(options->owner) > 0)
        return false;
    if (!drain->gone_ms)
        drain->gone_ms = now;
    return options->connections(options->owner) == 0 || now - drain->gone_ms >= DRAIN_GRACE_MS;
}

static void step(void *owner)
{
    struct drain *drain = owner;
    const struct drain_options *options = &drain->options;
    uint64_t now = clock_ms();
    uint64_t elapsed = now - drain->begun_ms;
    size_t stay = allowed(drain, elapsed);
    size_t clients = options->clients(options->owner);

    bool through =
        clients <= stay || options->let_go(options->owner, clients - stay, elapsed >= options->timeout_ms);

    if (is_done(drain, now))
        options->done(options->owner);
    else
        timers_set(options->timers, &drain->timer,
                   through ? now + STEP_MS + id_random_below(JITTER_MS) : now);
}

void drain_init(struct drain *drain, const struct drain_options *options)
{
    *drain = (struct drain){.options = *options, .timer = {.fire = step, .owner = drain}};
}

bool drain_begin(struct drain *drain)
{
    const struct drain_options *options = &drain->options;

    if (drain->begun)
        return false;
    drain->begun = true;
    drain->begun_ms = clock_ms();
    drain->clients = options->clients(options->owner);
    timers_set(options->timers, &drain->timer, drain->begun_ms);
    return true;
}

bool drain_begun(const struct drain *drain)
{
    return drain->begun;
}
