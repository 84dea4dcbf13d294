/*
 * The network between clients and gateways, in the place of gateway/net/net.c: connections are two streams of
 * bytes, each with a delay of its own. What is written may arrive in pieces; a stream holds so much and no
 * more, so who does not read blocks the other.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_WIRE_H
#define RIDECAST_TESTS_SIM_WORLD_WIRE_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct half;
struct net;
struct node;

/* --- the client's end --- */

struct wire_user {
    /* Bytes from the gateway, gone after the call. */
    void (*received)(void *arg, const char *bytes, size_t n);
    /* The gateway has closed, or was not reached. The client must close its end, now or later. */
    void (*closed)(void *arg);
};

/* Begins to connect to the node from that address. */
struct conn *wire_connect(struct node *node, const char *address, const struct wire_user *user, void *arg);

/* Harmless when the gateway has closed. */
void wire_send(struct conn *conn, const void *bytes, size_t n);

/* The client stops reading, or goes on. */
void wire_pause(struct conn *conn, bool paused);

/* The client's end is no more, and must not be used any longer: orderly, behind what it has sent, or at once.
 */
void wire_close(struct conn *conn);
void wire_cut(struct conn *conn);

/* --- the node's --- */

/* The gateway is ready: clients come in. */
void wire_open(struct net *net);

/* All connections are cut, and nothing that is written from now on is heard. */
void wire_sever(struct net *net);

struct half *wire_half(struct net *net);

/* Connections of all nodes whose two ends are not both gone. */
size_t wire_count(void);

#endif
