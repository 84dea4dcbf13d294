/*
 * Where a Redis server or a sentinel listens: a host and a port, or a Unix socket. Owned by value; pure.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_ADDRESS_H
#define RIDECAST_BROKER_REDIS_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { REDIS_HOST_MAX = 253, REDIS_ADDRESS_TEXT_SIZE = REDIS_HOST_MAX + 9 };

struct redis_address {
    char
        host[REDIS_HOST_MAX + 1]; /* a name, an IP address without brackets, or, after '/', a socket's path */
    int port;                     /* 0 for a socket */
};

/*
 * Fills `address` with a host (`len` bytes) and a port. -1, and it is left alone, where no host or port can
 * look like that; a path never passes.
 */
int redis_address_set(struct redis_address *address, const char *host, size_t len, long port);

bool redis_address_is_socket(const struct redis_address *address);
bool redis_address_is_ip(const struct redis_address *address);
bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);

/* For the log: host:port, [IPv6]:port, or the path. Returns `text` (REDIS_ADDRESS_TEXT_SIZE bytes). */
const char *redis_address_text(const struct redis_address *address, char *text);

#endif
