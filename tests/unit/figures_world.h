/*
 * A world for what the gateway tells of itself: each test says what there is to measure. The parts that are
 * measured are replaced when the program is linked: their structs are those below, and of their functions
 * those are there that gauges.c and about.c call (figures_world.c). Time is tests/lib/virtual_clock.h.
 */
#ifndef RIDECAST_TESTS_UNIT_FIGURES_WORLD_H
#define RIDECAST_TESTS_UNIT_FIGURES_WORLD_H

#include "broker/broker.h"
#include "common/metrics.h"
#include "gateway/net/server.h"
#include "gateway/pages/gauges.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/outlet.h"
#include "gateway/rides/presence.h"
#include "gateway/rides/ride.h"

struct net {
    size_t connections;
};

struct server {
    struct net net;
    bool draining;
};

struct presence {
    struct rides rides;
    struct riders riders;
    bool ready;
};

struct eio {
    size_t sessions, websockets;
};

struct broker {
    uint64_t held;
    struct blob *about; /* said last; owned */
    unsigned said;
};

struct world {
    struct timers *timers;
    struct server server;
    struct presence presence;
    struct eio eio;
    struct budget budget;
    struct outlets outlets;
    size_t plain_count, options_differ;
    struct broker broker;
    struct metrics *metrics;
    struct gauges gauges; /* of all these, started */
};

/* Each test has a world of its own as its state. */
#define in_world(test) cmocka_unit_test_setup_teardown(test, world_start, world_stop)
int world_start(void **state);
int world_stop(void **state);

/* Time passes, and the loop runs at its end. */
void pass(struct world *w, uint64_t us);

#endif
