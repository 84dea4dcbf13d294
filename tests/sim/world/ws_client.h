/*
 * A client's WebSocket over the simulated network: the handshake, and texts both ways. Strict: a frame or an
 * answer that should not be ends the process.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_WS_CLIENT_H
#define RIDECAST_TESTS_SIM_WORLD_WS_CLIENT_H

#include "common/buf.h"

#include <stdbool.h>

struct conn;
struct node;

struct ws_client_user {
    /* A whole text, ended by NUL, gone after the call. */
    void (*text)(void *arg, const char *text);
    /* It is over: refused, closed or lost. */
    void (*closed)(void *arg);
};

struct ws_client {
    const char *name; /* for the trace */
    const struct ws_client_user *user;
    void *arg;
    struct conn *conn; /* NULL: there is none */
    bool open;         /* the 101 has come */
    struct buf in;     /* not read yet */
    struct buf text;   /* the message that is being gathered */
};

void ws_client_init(struct ws_client *client, const char *name, const struct ws_client_user *user, void *arg);
void ws_client_deinit(struct ws_client *client);

/* There must be no connection. */
void ws_client_connect(struct ws_client *client, struct node *node, const char *address, const char *target);

void ws_client_say(struct ws_client *client, const char *text);

/* The client stops reading, or goes on. */
void ws_client_pause(struct ws_client *client, bool paused);

/* With a close frame and in order; or `closed` is not called, and all is gone. Harmless without a connection.
 */
void ws_client_close(struct ws_client *client);
void ws_client_cut(struct ws_client *client);

#endif
