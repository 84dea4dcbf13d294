/*
 * What a client says and how it understands what it is told: the WebSocket handshake, Engine.IO and Socket.IO
 * or plain JSON, and the events' marks. No socket is touched here: bytes come as arguments and leave by the
 * client's `out`.
 */
#ifndef RIDECAST_BENCH_SPEECH_H
#define RIDECAST_BENCH_SPEECH_H

#include "bench/swarm.h"

#include <sys/types.h>

/* The upgrade request, once TCP is connected. */
void speech_greet(struct swarm *swarm, struct client *client);

/*
 * Understands the bytes at `data`, `now` being when they were read: how many of them were whole frames, or -1
 * when the client is to be closed.
 */
ssize_t speech_hear(struct swarm *swarm, struct client *client, char *data, size_t len, uint64_t now);

/* A guest says "boarding" or "exiting". 0, or -1 when the client's `out` is full. */
int speech_guest(struct swarm *swarm, struct client *client, const char *status);

/* A WebSocket's orderly end. 0 or -1, as above. */
int speech_close(struct client *client);

/* A boarding as event `number` of `publisher`. 0, or -1 when the client's `out` is full. */
int speech_board(struct swarm *swarm, struct client *client, size_t publisher, uint32_t number, uint64_t now);

#endif
