/* Rides in use, and the wait for their rosters: see watched.h. */
#include "gateway/rides/watched.h"

#include "broker/broker.h"
#include "common/clock.h"

#include <stdlib.h>
#include <utlist.h>

struct ask {
    struct ride *ride;
    void (*answer)(void *arg, struct blob *json);
    void *arg;
    struct timer timer;
    struct ask *prev, *next;
};

void watched_init(struct watched *watched, struct broker *broker, struct timers *timers, size_t backlog_bytes,
                  struct budget *budget)
{
    *watched = (struct watched){.broker = broker, .timers = timers};
    rides_init(&watched->rides, backlog_bytes, budget);
}

void watched_deinit(struct watched *watched)
{
    for (struct ride *ride = watched->rides.by_name; ride; ride = ride->hh.next) {
        timers_cancel(watched->timers, &ride->linger);
        timers_cancel(watched->timers, &ride->doubt);
    }
    rides_deinit(&watched->rides);
}

static void unused(void *owner)
{
    struct ride *ride = owner;
    struct watched *watched = ride->watched;

    timers_cancel(watched->timers, &ride->doubt);
    broker_unwatch(watched->broker, ride->name);
    ride_free(ride);
}

struct ride *watched_use(struct watched *watched, const char *name)
{
    struct ride *ride = rides_find(&watched->rides, name);

    if (ride) {
        timers_cancel(watched->timers, &ride->linger);
        return ride;
    }
    ride = ride_new(&watched->rides, name);
    ride->watched = watched;
    ride->linger = (struct timer){.fire = unused, .owner = ride};
    broker_watch(watched->broker, name);
    return ride;
}

void watched_release(struct ride *ride)
{
    if (!ride->riders && !ride->asks && !ride->held)
        timers_set(ride->watched->timers, &ride->linger, clock_ms() + WATCHED_LINGER_MS);
}

void ask_cancel(struct ask *ask)
{
    struct ride *ride = ask->ride;

    timers_cancel(ride->watched->timers, &ask->timer);
    DL_DELETE(ride->asks, ask);
    watched_release(ride);
    free(ask);
}

static void answer(struct ask *ask, struct blob *json)
{
    ask->answer(ask->arg, json);
    ask_cancel(ask);
}

static void timed_out(void *owner)
{
    answer(owner, NULL);
}

struct ask *watched_ask(struct ride *ride, void (*answered)(void *arg, struct blob *json), void *arg)
{
    if (ride->live) {
        answered(arg, ride_snapshot(ride));
        watched_release(ride);
        return NULL;
    }
    struct ask *ask = alloc_zeroed(sizeof *ask);

    ask->ride = ride;
    ask->answer = answered;
    ask->arg = arg;
    ask->timer = (struct timer){.fire = timed_out, .owner = ask};
    timers_set(ride->watched->timers, &ask->timer, clock_ms() + WATCHED_ASK_MS);
    DL_APPEND(ride->asks, ask);
    return ask;
}

void watched_known(struct ride *ride)
{
    while (ride->asks)
        answer(ride->asks, ride_snapshot(ride));
}
