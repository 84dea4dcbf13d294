/*
 * Reads the broker's URL, one of
 *
 *   redis://[user[:password]@]host[:port][/db]        one server
 *   redis+unix://[user[:password]@]/path[?db=N]       one server, on a Unix socket
 *   redis+sentinel://[user[:password]@]host[:port],…/name[/db][?sentinel_user=U&sentinel_password=P]
 *                                                     the server that the sentinels call the primary `name`
 *   redis+cluster://[user[:password]@]host[:port],…   the Redis Cluster that these are nodes of
 *
 * and rediss://, rediss+sentinel://, rediss+cluster://: the same over TLS, with
 * ?ca=FILE&cert=FILE&key=FILE&sni=NAME. Any of them may have ?password_file=FILE in place of the password,
 * and sentinels sentinel_password_file.
 *
 * All but hosts, ports and numbers is percent-decoded (RFC 3986, section 2.1); an IPv6 address stands in
 * brackets. The port defaults to 6379, for sentinels to 26379, the database to 0. `redis://:password@host`
 * means the user Redis calls default. Pure; any thread.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_URL_H
#define RIDECAST_BROKER_REDIS_REDIS_URL_H

#include "broker/redis/redis_address.h"

#include <stdbool.h>
#include <stddef.h>

enum { REDIS_URL_ADDRESSES_MAX = 16 };

/* What AUTH is sent with. */
struct redis_login {
    char *user;          /* NULL: none given */
    char *password;      /* NULL: none given, no authentication */
    char *password_file; /* where it is, for redis_password_read(); NULL: in no file. Never both */
};

/* Files are named as given; whether they can be read is for redis_tls_new() to say. */
struct redis_tls_choice {
    bool on;
    char *ca;   /* certificates that are trusted; NULL: the system's */
    char *cert; /* our own, with `key`; NULL: none */
    char *key;
    char *sni; /* the name certificates must have; NULL: each server's own, as there are several */
};

struct redis_url {
    struct redis_login login;
    unsigned db;
    struct redis_address addresses[REDIS_URL_ADDRESSES_MAX]; /* one, the sentinels', or a cluster's */
    size_t address_count;
    char *primary; /* what sentinels call it; NULL: no sentinels */
    bool cluster;
    struct redis_login sentinel_login;
    struct redis_tls_choice tls;
};

/*
 * 0, and `url` is filled (redis_url_deinit() frees it). -1: one line in `error` says what is wrong, without
 * quoting a user or password, and `url` is empty.
 */
int redis_url_parse(const char *text, struct redis_url *url, char *error, size_t error_size);

void redis_url_deinit(struct redis_url *url);

#endif
