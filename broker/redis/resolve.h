/*
 * Looks up the IP addresses of a host's name by the system's resolver, which may take many seconds where a
 * DNS server does not answer: on a thread of its own, so that the loop goes on.
 */
#ifndef RIDECAST_BROKER_REDIS_RESOLVE_H
#define RIDECAST_BROKER_REDIS_RESOLVE_H

#include "broker/redis/redis_address.h"

#include <stddef.h>

struct event_base;
struct resolve;

enum { RESOLVE_MAX = 8 }; /* addresses of one host */

/* IPv4 and IPv6, each once and with its port, in the order in which the system would try them. */
struct resolved {
    struct redis_address addresses[RESOLVE_MAX];
    size_t count;      /* 0: `error` says why */
    const char *error; /* static */
};

/* Once, on the thread of the base, where `resolve` is no more; `resolved` is lent for the call. */
typedef void resolve_done(const struct resolved *resolved, void *arg);

/* Looks the host up, never blocks, and calls `done` later. */
struct resolve *resolve_begin(struct event_base *base, const struct redis_address *address,
                              resolve_done *done, void *arg);

/* Forgets it: `done` is not called. The thread ends when the resolver is done. NULL is harmless. */
void resolve_cancel(struct resolve *resolve);

#endif
