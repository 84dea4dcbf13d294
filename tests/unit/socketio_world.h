/*
 * A world for one Socket.IO connection: what the application hears and what the client is sent, in order.
 * Time is tests/lib/virtual_clock.h.
 *
 * Application and carrier write one journal; each test checks and empties it.
 */
#ifndef RIDECAST_TESTS_UNIT_SOCKETIO_WORLD_H
#define RIDECAST_TESTS_UNIT_SOCKETIO_WORLD_H

#include "common/buf.h"
#include "gateway/protocol/socketio.h"

enum {
    CONNECT_TIMEOUT_MS = 1000,
    GATHER_MS = 3000,
    START_MS = 5000,
    PENDING_MAX = 4096,
    NAMESPACES_MAX = 64
};

struct world {
    struct timers *timers;
    struct sio_options options;
    struct sio_client *client;
    struct sio_socket *socket;                                     /* of the last SIO_CONNECTS */
    void (*on_connect)(struct world *, struct sio_socket *socket); /* NULL: leave it pending */
    void (*on_event)(struct world *, struct sio_socket *socket, const struct sio_event *event);
    void (*on_disconnect)(struct world *, struct sio_socket *socket);
    struct buf journal;
};

/* A world as the test's state, with a connection that has joined nothing, and whose CONNECTs are accepted at
 * once. */
int set_up(void **state);
int tear_down(void **state);

/* Checks what has happened since the last check. */
void assert_journal(struct world *w, const char *expected);

/* --- the client; what it says is gone at once, so that nothing may be kept by reference --- */

void say(struct world *w, const char *text);
void say_binary(struct world *w, const char *data);

/* Says that CONNECT, and empties the journal. */
void join(struct world *w, const char *connect);

/* --- the application --- */

/* Hears the events that were kept. */
void take_kept(struct world *w, struct sio_socket *socket);

/* Accepts, then does so. */
void accept_socket(struct world *w, struct sio_socket *socket, const char *id, const char *pid);

/* For on_connect: as S1, without a recovery id. */
void accept_at_once(struct world *w, struct sio_socket *socket);

#endif
