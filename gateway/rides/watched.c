/* Rides in use, and the wait for their rosters: see watched.h. */
#include "gateway/rides/watched.h"

#include "broker/broker.h"
#include "common/clock.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"

#include <stdlib.h>
#include <utlist.h>

struct ask {
    struct ride *ride;
    void (*answer)(void *arg, struct blob *json);
    void *arg;
    struct timer timer;
    struct ask *prev, *next;
};

void watched_init(struct watched *watched, const struct watched_options *options)
{
    *watched = (struct watched){.options = *options};
    rides_init(&watched->rides, options->backlog_bytes, options->budget);
}

void watched_deinit(struct watched *watched)
{
    for (struct ride *ride = watched->rides.by_name; ride; ride = ride->hh.next) {
        timers_cancel(watched->options.timers, &ride->linger);
        timers_cancel(watched->options.timers, &ride->doubt);
        peer_close(ride->founder, PEER_RIDE, clock_ms());
    }
    rides_deinit(&watched->rides);
}

static void unused(void *owner)
{
    struct ride *ride = owner;
    struct watched *watched = ride->watched;

    timers_cancel(watched->options.timers, &ride->doubt);
    broker_unwatch(watched->options.broker, ride->name);
    peer_close(ride->founder, PEER_RIDE, clock_ms());
    ride_free(ride);
}

static const char *refuse_ride(const struct watched *watched, enum refusal reason, const struct ip *client)
{
    refuse(watched->options.refusals, reason, client);
    return reason == REFUSED_NEW_RIDES ? "too many new rides from your address; try again in a while"
                                       : "your address is on as many rides as it may be";
}

const char *watched_begin(struct watched *watched, const char *name, const struct ip *client)
{
    struct peers *peers = watched->options.peers;
    uint64_t now = clock_ms();

    if (!peers || rides_find(&watched->rides, name))
        return NULL;
    if (peers_full(peers, client, PEER_RIDE))
        return refuse_ride(watched, REFUSED_ADDRESS_RIDES, client);
    if (!peers_take(peers, client, PEER_NEW_RIDES, 1, now))
        return refuse_ride(watched, REFUSED_NEW_RIDES, client);
    struct ride *ride = watched_use(watched, name);
    ride->founder = peer_open(peers, client, PEER_RIDE, now);
    watched_release(ride);
    return NULL;
}

struct ride *watched_use(struct watched *watched, const char *name)
{
    struct ride *ride = rides_find(&watched->rides, name);

    if (ride) {
        timers_cancel(watched->options.timers, &ride->linger);
        return ride;
    }
    ride = ride_new(&watched->rides, name);
    ride->watched = watched;
    ride->linger = (struct timer){.fire = unused, .owner = ride};
    broker_watch(watched->options.broker, name);
    return ride;
}

void watched_release(struct ride *ride)
{
    if (!ride->riders && !ride->asks && !ride->held)
        timers_set(ride->watched->options.timers, &ride->linger, clock_ms() + WATCHED_LINGER_MS);
}

void ask_cancel(struct ask *ask)
{
    struct ride *ride = ask->ride;

    timers_cancel(ride->watched->options.timers, &ask->timer);
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
    timers_set(ride->watched->options.timers, &ask->timer, clock_ms() + WATCHED_ASK_MS);
    DL_APPEND(ride->asks, ask);
    return ask;
}

void watched_known(struct ride *ride)
{
    while (ride->asks)
        answer(ride->asks, ride_snapshot(ride));
}
