/*
 * Rides by name.
 */
#include "broker/redis/rides.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct redis_ride *redis_rides_find(const struct redis_rides *rides, const char *name, size_t len)
{
    struct redis_ride *ride;

    HASH_FIND(hh, rides->by_name, name, len, ride);
    return ride;
}

struct redis_ride *redis_rides_get(struct redis_rides *rides, const char *name)
{
    struct redis_ride *ride = redis_rides_find(rides, name, strlen(name));

    if (ride)
        return ride;
    ride = alloc_zeroed(sizeof *ride);
    memcpy(ride->name, name, strlen(name));
    ride->rides = rides;
    ride->store = rides->store_of(name, rides->arg);
    HASH_ADD_STR(rides->by_name, name, ride);
    redis_ride_let_go(ride);
    rides->begun(ride, rides->arg);
    return ride;
}

struct store *redis_rides_store(const struct redis_rides *rides, const char *name)
{
    const struct redis_ride *ride = redis_rides_find(rides, name, strlen(name));

    return ride ? ride->store : rides->store_of(name, rides->arg);
}

/* Another one has begun. */
static void leave_epoch(struct ride_known *known)
{
    char *left = known->left;

    memmove(left + EPOCH_LEN + 1, left, sizeof known->left - EPOCH_LEN - 1);
    memcpy(left, known->at.epoch, EPOCH_LEN);
    left[EPOCH_LEN] = left[EPOCH_LEN + 1] ? ' ' : '\0';
    left[sizeof known->left - 1] = '\0'; /* where the earliest may have ended in a space */
}

void redis_ride_reached(struct redis_ride *ride, const struct broker_position *position)
{
    struct broker_position *at = &ride->known.at;
    bool known = at->epoch[0] != '\0', same = strcmp(at->epoch, position->epoch) == 0;

    if (known && !same)
        leave_epoch(&ride->known);
    if (!same || position->offset > at->offset)
        *at = *position;
    if (known && !same)
        ride->rides->renumbered(ride, ride->rides->arg);
}

bool redis_ride_has_left(const struct redis_ride *ride, const char *epoch)
{
    return strstr(ride->known.left, epoch) != NULL;
}

const struct ride_known *redis_rides_known(const struct redis_rides *rides, const char *name)
{
    const struct redis_ride *ride = redis_rides_find(rides, name, strlen(name));

    return ride ? &ride->known : NULL;
}

void redis_ride_let_go(struct redis_ride *ride)
{
    if (ride->let_go)
        return;
    ride->let_go = true;
    LL_PREPEND2(ride->rides->let_go, ride, next_let_go);
}

void redis_rides_settle(struct redis_rides *rides)
{
    struct redis_ride *ride, *next;

    LL_FOREACH_SAFE2(rides->let_go, ride, next, next_let_go)
    {
        ride->let_go = false;
        if (ride->transitions || ride->held || ride->watch)
            continue;
        rides->ended(ride, rides->arg);
        HASH_DEL(rides->by_name, ride);
        free(ride);
    }
    rides->let_go = NULL;
}
