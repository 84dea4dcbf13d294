/*
 * A redis-server and several nodes on it: brokers in this process, and brokers in processes of their own that
 * can be killed and frozen. Leases are short. All is about the ride /r, whose riders are numbers
 * (box_socket).
 *
 * The world owns its nodes and frees them when the test ends, whatever happened in it.
 */
#ifndef RIDECAST_TESTS_CLUSTER_NODE_WORLD_H
#define RIDECAST_TESTS_CLUSTER_NODE_WORLD_H

#include "tests/cluster/redis_server.h"
#include "tests/lib/broker_box.h"

enum {
    LEASE_MS = 1000,
    PATIENT_LEASE_MS = 10000,
    WINDOW_MS = 400,
    LONG_MS = 60000, /* longer than any test */
    NODES_MAX = 4,   /* of each sort */
};

struct world {
    struct redis_server *server;
    struct box *boxes[NODES_MAX];
    size_t box_count;
    pid_t children[NODES_MAX];
    size_t child_count;
};

/* Each test has a world of its own as its state. */
#define with_nodes(test) cmocka_unit_test_setup_teardown(test, nodes_setup, nodes_teardown)
int nodes_setup(void **state);
int nodes_teardown(void **state);

/* --- nodes in this process --- */

/* A node that reaches Redis; the second one watches the ride, too, and has its roster. */
struct box *node_on(struct world *world, const char *id, uint64_t window_ms);
struct box *watching_node_on(struct world *world, const char *id, uint64_t window_ms);

/* Such a one, with a lease that ends only when Redis loses it, however busy the machine is. */
struct box *patient_node_on(struct world *world, const char *id, uint64_t window_ms);

/* The next result, which must be good. */
const struct broker_message *expect_result(struct box *box);

/* Boards so many riders from number `first` on, and waits for the results. */
void board(struct box *box, unsigned first, unsigned count);

/* Sums a series over all nodes in this process. */
long metric_of_all(struct world *world, const char *series);

/* --- nodes in processes of their own --- */

/* To be called first in main(): does not return where the program was started to be a node. */
void node_world_child(int argc, char **argv);

/* Starts a node that boards riders from number 1000 on. */
pid_t *child_node(struct world *world, const char *id, unsigned riders, uint64_t window_ms);

/* Kills it, if it lives. */
void end_child(pid_t *child);

/* Freezes it, and has it miss what it would have heard until it goes on. `box` loses its connection, too. */
void freeze_and_deafen(struct world *world, const pid_t *child, struct box *box);

/* --- who is aboard, as Redis has it --- */

#define riders_in(world) redis_integer(redis_ask((world)->server, "HLEN ridecast:{/r}:users"))

/* Until so many are. */
void wait_for_riders(struct world *world, long long count);

/* The rider is held by that node. */
void expect_holder(struct world *world, unsigned number, const char *id);

/* --- what was heard --- */

/* How often this was heard of the rider so far. */
unsigned heard(struct box *box, enum broker_event_kind kind, unsigned number);

/* How many events of the kind were heard so far. */
size_t heard_at_all(struct box *box, enum broker_event_kind kind);

/* Until at least so many were. */
void wait_to_hear(struct box *box, enum broker_event_kind kind, size_t count);

/* Until this was heard of each of the riders, and of nobody else or twice. */
void expect_heard_once_each(struct box *box, enum broker_event_kind kind, unsigned first, unsigned count);

/* A boarding and exit that every watcher hears: what was on its way before has arrived. */
void expect_silence_of(struct box *box, enum broker_event_kind kind, struct box *speaker);

#endif
