/*
 * One gateway: everything of a gateway process but the option parsing, put together and taken apart in order.
 */
#ifndef RIDECAST_GATEWAY_GATEWAY_H
#define RIDECAST_GATEWAY_GATEWAY_H

#include <stddef.h>

struct config;
struct gateway;

/* Binds, and checks everything that can be wrong with the configuration (borrowed). NULL: `error` holds one
 * line. */
struct gateway *gateway_new(const struct config *config, char *error, size_t error_size);

/* HOST:PORT as bound. */
const char *gateway_address(const struct gateway *gateway);

/* The same for operators; "" where there is no such address. */
const char *gateway_admin_address(const struct gateway *gateway);

/* Starts the broker's thread. 0, or -1 with `error` filled. */
int gateway_start(struct gateway *gateway, char *error, size_t error_size);

/* Serves, once started, until SIGTERM or SIGINT, which must be blocked. */
void gateway_run(struct gateway *gateway);

/* NULL is harmless. */
void gateway_free(struct gateway *gateway);

#endif
