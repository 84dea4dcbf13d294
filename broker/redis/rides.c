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
    HASH_ADD_STR(rides->by_name, name, ride);
    redis_ride_let_go(ride);
    return ride;
}

void redis_ride_reached(struct redis_ride *ride, const struct broker_position *position)
{
    bool known = ride->at.epoch[0] != '\0', same = strcmp(ride->at.epoch, position->epoch) == 0;

    if (!same || position->offset > ride->at.offset)
        ride->at = *position;
    if (known && !same)
        ride->rides->renumbered(ride, ride->rides->arg);
}

const struct broker_position *redis_rides_position(const struct redis_rides *rides, const char *name)
{
    const struct redis_ride *ride = redis_rides_find(rides, name, strlen(name));

    return ride ? &ride->at : NULL;
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
