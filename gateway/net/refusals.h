/*
 * What was refused to whom. All that a client can have the log say, again and again, is said here: of each
 * kind the first in full, with the client's address, and ten seconds later how many more there were; so it is
 * two lines a kind in ten seconds, whatever clients do. What is over a limit is counted in
 * `ridecast_refused_total{reason="…"}`. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_NET_REFUSALS_H
#define RIDECAST_GATEWAY_NET_REFUSALS_H

#include "common/ip.h"
#include "gateway/net/timers.h"

#include <stdbool.h>

struct metric;
struct metrics;

enum refusal {
    REFUSED_CONNECTIONS,         /* --max-connections */
    REFUSED_ADDRESS_CONNECTIONS, /* --max-connections-per-address */
    REFUSED_HANDSHAKES,          /* --handshakes-per-address */
    REFUSED_ACCEPT,              /* the kernel had no descriptor or memory for a connection */
    REFUSED_MESSAGES,            /* --messages-per-second */
    REFUSED_BYTES,               /* --bytes-per-second */
    REFUSED_ASKS,                /* --asks-per-second */
    REFUSED_TRANSITIONS,         /* --transitions-per-second */
    REFUSED_EVENTS,              /* --events-per-second */
    REFUSED_RIDES,               /* --rides-per-connection */
    REFUSED_ADDRESS_RIDES,       /* --rides-per-address */
    REFUSED_NEW_RIDES,           /* --new-rides-per-second */
    REFUSED_RESUMES,             /* --resumes-per-address */
    REFUSED_REPLAYS,             /* --replay-bytes-per-address */
    REFUSED_RIDERS,              /* --riders-per-ride */
    REFUSED_PAYLOAD,             /* --max-payload */
    REFUSED_HEADERS,             /* --max-header-bytes, or too many fields */
    REFUSED_HEADER_TIMEOUT,      /* --header-timeout */
    REFUSED_BODY_TIMEOUT,        /* --body-timeout */
    REFUSED_UPGRADE_TIMEOUT,     /* --upgrade-timeout */
    REFUSED_MEMORY,              /* --memory-budget */
    REFUSED_CONNECT_TIMEOUT,     /* --connect-timeout */
    REFUSALS_COUNTED,            /* those below have counters of their own */
    REFUSED_MESSAGE =
        REFUSALS_COUNTED, /* what a client said: no user record, or one that the broker refuses */
    REFUSED_TOKEN,        /* no token, or one that is not good */
    REFUSED_END,          /* the broker will not have that a client is gone */
    REFUSALS,
};

enum { REFUSALS_QUIET_MS = 10000 };

/* Embedded in the gateway. */
struct refusals {
    uint64_t proxy_quiet_until_ms; /* refusals_warn_of_proxy() */
    struct metric *counts[REFUSALS_COUNTED];
    struct timers *timers;
    struct refused {
        struct timer quiet; /* while it runs, refusals of this kind are only counted */
        uint64_t unsaid;    /* since it began */
        enum refusal kind;
        struct refusals *refusals;
    } refused[REFUSALS];
};

/* Registers the counters. */
void refusals_init(struct refusals *refusals, struct metrics *metrics, struct timers *timers);

/* `client` NULL: it is not known. `refusals` NULL is harmless. */
void refuse(struct refusals *refusals, enum refusal kind, const struct ip *client);
/* The same with what there is to say of this one: on which ride, and why. */
void refuse_on(struct refusals *refusals, enum refusal kind, const struct ip *client, const char *ride,
               const char *why);

/* Somebody who is no trusted proxy says whom it sends for. Whoever runs a proxy and has not said so has all
 * of its clients share what one address may, so that is said; but any stranger can send the header, so nobody
 * is taken for a proxy, and it is said again as often as a refusal: the next who sends it may be the proxy.
 */
void refusals_warn_of_proxy(struct refusals *refusals, const struct ip *proxy);

#endif
