/*
 * A world for what the gateway tells of itself: the parts that are measured, and the clock, are here, so that
 * each test says what there is to measure. One program includes this once.
 */
#ifndef RIDECAST_TESTS_UNIT_FIGURES_WORLD_H
#define RIDECAST_TESTS_UNIT_FIGURES_WORLD_H

#include "broker/broker.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/net/net.h"
#include "gateway/net/server.h"
#include "gateway/pages/gauges.h"
#include "gateway/plain_riders.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/outlet.h"
#include "gateway/rides/presence.h"
#include "gateway/rides/ride.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct net {
    struct timers *timers;
    size_t connections;
};

struct server {
    struct net net;
    struct outlets outlets;
    bool draining;
};

struct presence {
    struct rides rides;
    struct presence_counts counts;
    bool ready;
};

struct eio {
    size_t sessions, websockets;
};

struct broker {
    uint64_t held;
    struct blob *about; /* said last */
    unsigned said;
};

struct world {
    struct server server;
    struct presence presence;
    struct eio eio;
    struct plain_riders plain;
    struct broker broker;
    struct metrics *metrics;
    struct gauges gauges;
};

struct timers *net_timers(struct net *net)
{
    return net->timers;
}

size_t net_connection_count(const struct net *net)
{
    return net->connections;
}

uint64_t net_refused_count(const struct net *net)
{
    (void)net;
    return 0;
}

const char *net_version(void)
{
    return "0";
}

struct net *server_net(struct server *server)
{
    return &server->net;
}

struct outlets *server_outlets(struct server *server)
{
    return &server->outlets;
}

bool server_draining(const struct server *server)
{
    return server->draining;
}

bool presence_ready(const struct presence *presence)
{
    return presence->ready;
}

struct rides *presence_rides(struct presence *presence)
{
    return &presence->rides;
}

size_t presence_rider_count(const struct presence *presence)
{
    (void)presence;
    return 0;
}

size_t presence_pending_count(const struct presence *presence)
{
    (void)presence;
    return 0;
}

const struct presence_counts *presence_counts(const struct presence *presence)
{
    return &presence->counts;
}

size_t eio_session_count(const struct eio *eio)
{
    return eio->sessions;
}

size_t eio_websocket_count(const struct eio *eio)
{
    return eio->websockets;
}

uint64_t broker_riders_held(const struct broker *broker)
{
    return broker->held;
}

void broker_about(struct broker *broker, struct blob *json)
{
    blob_unref(broker->about);
    broker->about = blob_ref(json);
    broker->said++;
}

static inline int world_start(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    virtual_us = 1000 * 1000000;
    w->server.net.timers = timers_new();
    w->metrics = metrics_new();
    gauges_init(&w->gauges, w->metrics);
    const struct gauges_sources sources = {
        .server = &w->server, .presence = &w->presence, .eio = &w->eio, .plain = &w->plain};
    gauges_start(&w->gauges, &sources);
    *state = w;
    return 0;
}

static inline int world_stop(void **state)
{
    struct world *w = *state;
    timers_free(w->server.net.timers);
    metrics_free(w->metrics);
    blob_unref(w->broker.about);
    free(w);
    return 0;
}

/* Time passes, and the loop runs at its end. */
static inline void pass(struct world *w, uint64_t us)
{
    virtual_us += us;
    timers_run(w->server.net.timers, clock_ms());
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, world_start, world_stop)

#endif
