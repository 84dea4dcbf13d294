/*
 * What wire.c and net.c share: a gateway's end of the network, and its connections.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_WIRE_STATE_H
#define RIDECAST_TESTS_SIM_WORLD_WIRE_STATE_H

#include "gateway/net/net.h"
#include "tests/sim/world/flow.h"
#include "tests/sim/world/half.h"

struct wire_user;

struct net {
    struct net_options options;
    struct node *node;
    struct half half;
    struct conn *conns;
    size_t count; /* of connections that the gateway has */
    uint64_t refused;
    bool open, woken, stopped;
    bool stopping; /* everything is being closed */
    bool severed;
};

struct conn {
    struct net *net; /* NULL: the gateway's end is gone */
    struct ip peer;
    void *data, *lingering; /* as in net.c */
    enum { ARRIVING, OPEN, LINGERING, KILLED } state;
    size_t unsent;                /* what the kernel has not taken */
    struct flow up, down;         /* to the gateway, to the client */
    struct happening fate;        /* of the gateway's end: it arrives, has lingered, or has been killed */
    struct happening writable;    /* the gateway is to be told */
    struct happening burial;      /* both ends are gone */
    const struct wire_user *user; /* NULL: the client's end is gone */
    void *arg;
    struct conn *prev, *next;
};

/* A turn of the gateway's half. */
void wire_turn(void *net);

/* What the kernel has not taken of what was written. */
void wire_set_unsent(struct conn *conn, size_t n);

/* The gateway's end is no more. What it has said is still on its way, unless `reset`. */
void wire_gone(struct conn *conn, bool reset);

#endif
