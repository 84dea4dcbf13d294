/*
 * A gateway: the product's own, whole (gateway/gateway.h), with its two halves stepped by the schedule. It
 * can be started again after its end.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_NODE_H
#define RIDECAST_TESTS_SIM_WORLD_NODE_H

#include "common/config.h"
#include "tests/sim/world/schedule.h"

#include <stdbool.h>

struct loop_thread;
struct gateway;
struct net;

/* More than a broker takes to stop, even where its half stands still. */
enum { NODE_STOP_MAX_US = 60 * 1000000 };

struct node {
    const char *name;
    const char *const *options; /* as on the command line, ended by NULL */
    struct config config;
    struct gateway *gateway; /* NULL: it does not run */
    struct net *net;         /* its halves, while it runs; filled by those that replace the product's */
    struct loop_thread *broker;
    struct happening ending; /* its loop has been told to stop */
    bool ends;               /* that is so, until it has ended */
    bool severed;            /* it has been killed: nothing reaches it, or comes from it */
    struct node *next;       /* of all */
};

/* Name and options are borrowed. */
void node_init(struct node *node, const char *name, const char *const *options);

/* After the last: there are no nodes any more. */
void nodes_forget(void);

void node_start(struct node *node);

/* As SIGTERM does: it lets its clients go, and ends by itself. */
void node_terminate(struct node *node);

/* As SIGKILL does: what it is about to say is not heard, and its connections are cut. */
void node_kill(struct node *node);

/* One of its halves, which the seed chooses, gets no time for so long. */
void node_stall(struct node *node, uint64_t us);

bool node_runs(const struct node *node);

/* --- for what is put in the place of net.c and loop_thread.c --- */

extern struct node *node_in_making;
/* Whether the node of that name is. */
bool node_severed(const char *name);
/* Its loop has been told to stop. */
void node_ends(struct node *node);

#endif
