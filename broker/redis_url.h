/*
 * Reads redis://[user[:password]@]host[:port][/db]. User and password are percent-decoded (RFC 3986,
 * section 2.1), an IPv6 address stands in brackets, the port defaults to 6379 and the database to 0.
 * `redis://:password@host` means the user Redis calls default. Pure; any thread.
 */
#ifndef RIDECAST_BROKER_REDIS_URL_H
#define RIDECAST_BROKER_REDIS_URL_H

#include <stddef.h>

struct redis_url {
    char *user;     /* NULL: none given */
    char *password; /* NULL: none given, no authentication */
    char *host;     /* without brackets */
    int port;
    unsigned db;
};

/*
 * 0, and `url` is filled (redis_url_deinit() frees it). -1: one line in `error` says what is wrong, without
 * quoting the user or password, and `url` is empty.
 */
int redis_url_parse(const char *text, struct redis_url *url, char *error, size_t error_size);

void redis_url_deinit(struct redis_url *url);

#endif
