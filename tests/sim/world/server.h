/*
 * The Redis that gateways share (tests/sim/redis), and their connections to it: under the product's
 * redis_link.c, in the place of the sockets of hiredis. Every byte takes its time, in both directions.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_SERVER_H
#define RIDECAST_TESTS_SIM_WORLD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/* Of the option --broker. */
#define SERVER_OPTION "--broker=redis://10.1.0.1:6379"

/* Empty, and reached from now on. */
void server_begin(uint64_t seed);

/* Without connections. */
void server_end(void);

/* All connections of this gateway are cut; NULL: of all gateways. */
void server_cut(const char *who);

/* It does nothing for so long; what is sent meanwhile it does then. */
void server_hold(uint64_t us);

/* It ends and is back at once: with the data it had, with those that it had at the last server_save(), or
 * with none. */
enum server_data { SERVER_NEWEST, SERVER_OLDER, SERVER_NONE };
void server_restart(enum server_data data);
void server_save(void);

/* As long as its memory is full it refuses whatever would need more. */
void server_fill(bool full);

/* It loses a key that the seed chooses. */
void server_evict(void);

#endif
