/* What this gateway says of itself: see about.h. */
#include "gateway/pages/about.h"

#include "broker/broker.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json_tree.h"
#include "common/process.h"
#include "gateway/net/net.h"
#include "gateway/net/server.h"
#include "gateway/pages/gauges.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/presence.h"

#include <json-c/json_object.h>
#include <stdio.h>

static void add_text(struct json_object *json, const char *name, const char *text)
{
    json_object_object_add(json, name, json_object_new_string(text));
}

static void add_number(struct json_object *json, const char *name, uint64_t n)
{
    json_object_object_add(json, name, json_object_new_uint64(n));
}

/* In milliseconds; null when there was nothing to measure. */
static void add_quantile(struct json_object *json, const char *name, const struct metric *metric,
                         const struct metric_snapshot *since, double share)
{
    int64_t us = metric_quantile(metric, since, share);
    double ms = (double)us / 1000;
    char text[32];

    snprintf(text, sizeof text, "%.15g", ms); /* json-c's own has 17 digits, 0.10000000000000001 */
    json_object_object_add(json, name, us < 0 ? NULL : json_object_new_double_s(ms, text));
}

static const char *state_of(const struct gauges_sources *sources)
{
    if (server_draining(sources->server))
        return "draining";
    return presence_ready(sources->presence) ? "ready" : "broker down";
}

static int print(const struct about *about, struct buf *out)
{
    const struct gauges *gauges = about->gauges;
    const struct gauges_sources *sources = &gauges->sources;
    const struct rides *rides = presence_rides(sources->presence);
    size_t sessions = eio_session_count(sources->eio);
    size_t websockets = eio_websocket_count(sources->eio);
    size_t oldest = about->beats % ABOUT_SPANS;
    struct json_object *json = json_object_new_object();

    if (!json)
        alloc_failed();
    add_text(json, "node", about->node);
    add_text(json, "version", RIDECAST_VERSION);
    add_text(json, "state", state_of(sources));
    add_number(json, "uptime", (clock_ms() - about->started_ms) / 1000);
    add_number(json, "connections", net_connection_count(server_net(sources->server)));
    add_number(json, "clients", sessions + *sources->plain_count);
    add_number(json, "polling", sessions - websockets);
    add_number(json, "websocket", websockets);
    add_number(json, "plain", *sources->plain_count);
    add_number(json, "rides", HASH_COUNT(rides->by_name));
    add_number(json, "riders", broker_riders_held(about->broker));
    add_number(json, "events", rides->events);
    add_number(json, "deliveries", rides->deliveries);
    add_number(json, "memory", process_resident_bytes());
    add_quantile(json, "deliveryP50", gauges->delays, &about->delays[oldest], 0.5);
    add_quantile(json, "deliveryP99", gauges->delays, &about->delays[oldest], 0.99);
    add_quantile(json, "lagP99", gauges->lag, &about->lags[oldest], 0.99);
    json_object_object_add(json, "options", json_object_get(about->options));
    return json_tree_print(json, out);
}

static void beat(void *owner)
{
    struct about *about = owner;
    struct buf text;

    buf_init(&text, ABOUT_MAX);
    if (print(about, &text) == 0) {
        struct blob *json = blob_new(text.data, text.len);

        if (json)
            broker_about(about->broker, json);
        blob_unref(json);
    }
    buf_deinit(&text);
    metric_snapshot(about->gauges->delays, &about->delays[about->beats % ABOUT_SPANS]);
    metric_snapshot(about->gauges->lag, &about->lags[about->beats % ABOUT_SPANS]);
    about->beats++;
    timers_set(about->timers, &about->beat, clock_ms() + ABOUT_BEAT_MS);
}

void about_start(struct about *about, const struct about_options *options)
{
    *about = (struct about){
        .node = options->node,
        .options = options->options,
        .gauges = options->gauges,
        .broker = options->broker,
        .timers = options->timers,
        .started_ms = clock_ms(),
        .beat = {.fire = beat, .owner = about},
    };
    beat(about);
}
