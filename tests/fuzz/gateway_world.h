/*
 * A whole gateway (gateway/gateway.h) without a thread, a socket or a clock. What gateway/net/net.h and
 * broker/broker.h promise is replaced when the program is linked: connections are below, and the broker runs
 * the memory backend whenever the world turns. Time is tests/fuzz/virtual.h.
 *
 * One gateway at a time; all but world_run() is for while it runs.
 */
#ifndef RIDECAST_TESTS_FUZZ_GATEWAY_WORLD_H
#define RIDECAST_TESTS_FUZZ_GATEWAY_WORLD_H

#include "broker/broker.h"
#include "common/buf.h"
#include "common/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A client's connection. It is there until world_hang_up(), even if the gateway has let go of it. */
struct conn {
    struct net *net;
    void *data; /* the gateway's; NULL: it has let go */
    struct ip peer;
    bool stalled; /* the client does not read */
    bool blocked;
    struct buf heard; /* what the gateway wrote and the client has not taken */
    struct conn *prev, *next;
};

/*
 * One life of a gateway that has these options (ended by NULL): drive() is called when it runs and makes
 * everything happen, overhear() whenever the broker tells something.
 */
void world_run(const char *const *options, void (*drive)(void),
               void (*overhear)(const struct broker_message *message));

/* Whether the gateway has ended by itself. */
bool world_stopped(void);

/* --- time --- */

/* Everything that follows from what has happened. */
void world_turn(void);

/* All at once, as if the loop had been held up: what is due is late. */
void world_jump(uint64_t ms);

/* From timer to timer. */
void world_pass(uint64_t ms);

/* --- the broker --- */

/* The broker is not reached, or is again. */
void world_broker_away(bool away);

/* Takes the message. */
void world_broker_says(struct broker_message *message);

/* --- connections --- */

/* NULL: the gateway does not take it. */
struct conn *world_connect(const char *address);

/* Bytes from the client. False: the gateway does not read them, as it has let go or the client does not read.
 */
bool world_send(struct conn *conn, const void *bytes, size_t n);

/* The client stops reading, or goes on. */
void world_stall(struct conn *conn, bool stalled);

/* The client is gone; frees the connection. */
void world_hang_up(struct conn *conn);

#endif
