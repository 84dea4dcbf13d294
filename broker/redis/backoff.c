/*
 * Doubling pauses with jitter.
 */
#include "broker/redis/backoff.h"

#include "common/id.h"

void backoff_reset(struct backoff *backoff)
{
    backoff->ceiling_ms = BACKOFF_FIRST_MS;
}

unsigned backoff_pause(struct backoff *backoff)
{
    unsigned half = backoff->ceiling_ms / 2;

    backoff->ceiling_ms *= 2;
    if (backoff->ceiling_ms > BACKOFF_LAST_MS)
        backoff->ceiling_ms = BACKOFF_LAST_MS;
    return half + id_random_below(half + 1);
}
