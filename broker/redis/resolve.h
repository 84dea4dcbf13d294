/*
 * The IP addresses of a host's name, by the system's resolver. Blocks the calling thread.
 */
#ifndef RIDECAST_BROKER_REDIS_RESOLVE_H
#define RIDECAST_BROKER_REDIS_RESOLVE_H

#include <stddef.h>

struct redis_address;

/*
 * Fills `found` (room for `max`) with the addresses of the host, IPv4 and IPv6, each once and with its port,
 * in the order in which the system would try them. Returns how many there are; 0: `error` is a static text
 * that says why. A host that is an IP address itself is its only one.
 */
size_t resolve(const struct redis_address *address, struct redis_address *found, size_t max,
               const char **error);

#endif
