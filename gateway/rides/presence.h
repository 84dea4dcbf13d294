/*
 * The application: who boards and exits which ride, who hears of it, and who comes back. It stands between
 * clients of any protocol, the rides and the broker: it takes the broker's messages, and what they say goes
 *
 *   presence_broker_ready() ─▶ rosters and events ─▶ the ride's roster, ride_event() to every member
 *                           └▶ results, histories, evictions ─▶ rider.h
 *
 * Calls go downward only: presence, rider.h, watched.h, ride.h, outlet.h, fanlog.h. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_RIDES_PRESENCE_H
#define RIDECAST_GATEWAY_RIDES_PRESENCE_H

#include "gateway/rides/rider.h"

struct presence;

struct presence_options {
    const char *rides; /* patterns, separated by spaces or commas */
    size_t max_user_bytes;
    size_t backlog_bytes;
    struct budget *budget;          /* which what waits for clients counts against; NULL: nothing does */
    size_t riders_per_ride;         /* aboard; whoever boards then is refused. 0: any number */
    size_t roster_bytes;            /* what those aboard may cost (roster_cost()); the same. 0: any number */
    struct bucket_rate transitions; /* of one client: boardings and exits */
    struct bucket_rate events;      /* of those on one ride */
    size_t queue_bytes;             /* for transitions held back */
    uint64_t recovery_window_ms;    /* 0: nobody comes back */
    uint64_t node_lease_ms;
    struct broker *broker;
    struct timers *timers;
    void (*stop)(void *owner);   /* SIGTERM or SIGINT */
    void (*reload)(void *owner); /* SIGHUP */
    /* What all gateways say of themselves, asked for with broker_survey(): a JSON array (borrowed), or NULL.
     */
    void (*surveyed)(void *owner, struct blob *json);
    void *owner;
    struct refusals *refusals; /* may be NULL */
    struct peers *peers;       /* what each address may have; NULL: anything */
};

enum { PRESENCE_DOUBT_SLACK_MS = 1000 }; /* beyond lease and window, for the sweep that ends them */

/* What others board at the same moment comes on top of `roster_bytes`; so many times that a ride never holds,
 * whatever the store says. */
enum { PRESENCE_ROSTER_SLACK = 2 };

/* Aborts when out of memory. Options and strings are borrowed. */
struct presence *presence_new(const struct presence_options *options);
/* All riders and asks must be gone. NULL is harmless. */
void presence_free(struct presence *presence);

/* Why no ride of that name may be joined, for whoever asks; NULL: it may. */
const char *presence_fault(const struct presence *presence, const char *name);

/* Whether the broker is there (/readyz). */
bool presence_ready(const struct presence *presence);

/* While it is ready: the names of the servers that are away, whose rides wait for them; NULL: none is. A text
 * for people, lent until the next message of the broker. */
const struct blob *presence_away(const struct presence *presence);

struct rides *presence_rides(struct presence *presence);
struct riders *presence_riders(struct presence *presence);

/* Takes and handles the broker's messages. */
void presence_broker_ready(struct presence *presence);

/* Whether the ride is watched and its roster known, so that whoever joins now misses nothing from now on. */
bool presence_knows(const struct presence *presence, const char *ride);

/* How long the answer to the question who is aboard is, about, as far as is known. */
size_t presence_users_bytes(const struct presence *presence, const char *ride);

/* Somebody at that address is about to use a ride that is allowed: see watched_begin(). */
const char *presence_begin(struct presence *presence, const char *ride, const struct ip *client);

/*
 * Asks who is aboard a ride that is allowed: see watched_ask(). While the question waits, ask_cancel() takes
 * it back.
 */
struct ask *presence_ask(struct presence *presence, const char *ride,
                         void (*answer)(void *arg, struct blob *json), void *arg);

#endif
