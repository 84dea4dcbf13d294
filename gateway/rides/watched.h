/*
 * The rides this gateway watches, and who waits to hear who is aboard them.
 *
 * A ride is watched from its first use on until WATCHED_LINGER_MS after the last: while it has riders, asks,
 * or transitions held back. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_RIDES_WATCHED_H
#define RIDECAST_GATEWAY_RIDES_WATCHED_H

#include "gateway/rides/ride.h"

enum { WATCHED_LINGER_MS = 10000, WATCHED_ASK_MS = 5000 };

struct ask;
struct broker;
struct ip;
struct peers;
struct refusals;

struct watched_options {
    struct broker *broker;
    struct timers *timers;
    struct peers *peers;       /* how many rides each address may begin; NULL: any number */
    struct refusals *refusals; /* may be NULL */
    size_t backlog_bytes;
    struct budget *budget;
};

/* Embedded in presence. */
struct watched {
    struct rides rides;
    struct watched_options options;
};

void watched_init(struct watched *watched, const struct watched_options *options);
/* Nobody may use a ride any more. */
void watched_deinit(struct watched *watched);

/*
 * Makes and watches the ride, if it is not yet, for somebody at that address who is about to use it; unless
 * it lingers until then. It counts as one of that address' until nobody uses it any more, whoever else has
 * come. NULL, or why the address may have no more rides followed: text for the client.
 */
const char *watched_begin(struct watched *watched, const char *name, const struct ip *client);

/* The ride of that name, made and watched if it was not; whoever begins to use it calls this, and
 * watched_release() after it has stopped. */
struct ride *watched_use(struct watched *watched, const char *name);
void watched_release(struct ride *ride);

/*
 * Asks who is aboard a ride in use, which is released when there is an answer. `answer` is called once, now
 * or later, with ride_snapshot() (borrowed), or NULL when no roster has come in WATCHED_ASK_MS. Returns the
 * question while it waits, NULL when it was answered at once.
 */
struct ask *watched_ask(struct ride *ride, void (*answer)(void *arg, struct blob *json), void *arg);
/* Nobody waits for the answer any more. */
void ask_cancel(struct ask *ask);

/* The first roster has come: answers everybody. */
void watched_known(struct ride *ride);

#endif
