/*
 * The measured parts, each with only what is measured of it.
 */
#include "tests/unit/figures_world.h"

#include "common/clock.h"
#include "gateway/net/net.h"
#include "gateway/net/timers.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

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

struct riders *presence_riders(struct presence *presence)
{
    return &presence->riders;
}

size_t riders_pending_count(const struct riders *riders)
{
    (void)riders;
    return 0;
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

int world_start(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    virtual_us = 1000 * 1000000;
    w->timers = timers_new();
    w->metrics = metrics_new();
    gauges_init(&w->gauges, w->metrics);
    const struct gauges_sources sources = {.server = &w->server,
                                           .presence = &w->presence,
                                           .eio = &w->eio,
                                           .outlets = &w->outlets,
                                           .budget = &w->budget,
                                           .timers = w->timers,
                                           .plain_count = &w->plain_count,
                                           .options_differ = &w->options_differ};
    gauges_start(&w->gauges, &sources);
    *state = w;
    return 0;
}

int world_stop(void **state)
{
    struct world *w = *state;

    timers_free(w->timers);
    metrics_free(w->metrics);
    blob_unref(w->broker.about);
    free(w);
    return 0;
}

void pass(struct world *w, uint64_t us)
{
    virtual_us += us;
    timers_run(w->timers, clock_ms());
}
