/*
 * Clients of the gateway (tests/fuzz/gateway_world.h), as strict as can be: what they hear is compared with
 * what the broker has told (tests/fuzz/ledger.h), and a difference aborts.
 *
 * A client has one Socket.IO session (polling, WebSocket, or both during an upgrade) or one plain WebSocket,
 * and on each ride a seat. It answers pings unless it is silent.
 */
#ifndef RIDECAST_TESTS_FUZZ_SESSION_CLIENT_H
#define RIDECAST_TESTS_FUZZ_SESSION_CLIENT_H

#include "gateway/net/ws.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/recovery_id.h"
#include "tests/fuzz/gateway_world.h"
#include "tests/fuzz/ledger.h"

enum { QUESTIONS_MAX = 16 }; /* of a seat; it asks no more then */
enum { ACK_USERS = 7 };      /* the ack id with which activeUsers is asked; boardings begin above */

struct seat {
    bool asked; /* CONNECT has no answer yet */
    bool in;    /* the gateway has said so */
    bool known; /* where in the stream it is: `at` */
    struct broker_position at;
    bool declines;    /* it does not come back, and is told no positions */
    bool left;        /* it has said 41 ... */
    uint64_t left_at; /* ... when the ride had come this far */
    char pid[RECOVERY_ID_SIZE], offered[RECOVERY_ID_SIZE];
    /* Of each question without answer yet, oldest first: the last boarding or exit said before it. */
    unsigned behind[QUESTIONS_MAX];
    size_t questions;
    unsigned answered; /* all said up to this one had its result before an answer */
};

/* All zero: a client that is not connected. */
struct client {
    struct conn *get, *post, *ws; /* NULL: none */
    bool getting, posting;        /* an answer is awaited */
    bool ws_open, probing;        /* the 101 has come; the session is on polling still */
    bool plain, silent;
    bool sloppy;   /* it has said things that nobody kept count of */
    unsigned ride; /* of a plain client */
    char sid[EIO_SID_MAX + 1];
    struct seat seats[RIDES];
};

/* Where it comes from. */
const char *client_address(const struct client *c);

/* Hangs up a connection, if there is one. */
void client_hang_up(struct conn **conn);

/* Hangs up all; recovery ids and positions are kept. */
void client_forget(struct client *c);

/* All clients hear everything there is to hear, and check it. */
void clients_listen(struct client *clients, size_t count);

/* Takes a whole response off what was heard: its status and body (for free()); 0: there is none yet. */
int take_response(struct conn *conn, char **body, size_t *len);

/* --- what is said; false: nobody reads it --- */

/* An HTTP request on one of the client's connections, which is made for it if need be. */
bool client_request(struct client *c, struct conn **conn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Asks for a WebSocket. */
bool client_open_ws(struct client *c, const char *path);

bool client_send_frame(struct client *c, enum ws_opcode opcode, const char *data, size_t len);

/* A poll, where the session has none. */
void client_poll(struct client *c);

/* A text packet, the way the session is on. */
bool client_say(struct client *c, const char *text, size_t len);

#endif
