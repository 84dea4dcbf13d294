/* What this gateway says of itself: see about.h. */
#include "gateway/pages/about.h"
#include "broker/broker.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/process.h"
#include "gateway/net/net.h"
#include "gateway/net/server.h"
#include "gateway/pages/gauges.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/presence.h"

#include <inttypes.h>
#include <string.h>

/* In milliseconds; null when there was nothing to measure. */
static int print_quantile(struct buf *out, const char *name, const struct metric *metric,
                          const struct metric_snapshot *since, double share)
{
    int64_t us = metric_quantile(metric, since, share);
    if (us < 0)
        return buf_appendf(out, ",\"%s\":null", name);
    return buf_appendf(out, ",\"%s\":%.15g", name, (double)us / 1000);
}

static const char *state_of(const struct gauges_sources *sources)
{
    if (server_draining(sources->server))
        return "draining";
    return presence_ready(sources->presence) ? "ready" : "broker down";
}

static int print_counts(const struct about *about, struct buf *out)
{
    const struct gauges_sources *sources = &about->gauges->sources;
    const struct rides *rides = presence_rides(sources->presence);
    size_t sessions = eio_session_count(sources->eio);
    size_t websockets = eio_websocket_count(sources->eio);
    return buf_appendf(out,
                       ",\"connections\":%zu,\"clients\":%zu,\"polling\":%zu,\"websocket\":%zu,\"plain\":%zu"
                       ",\"rides\":%u,\"riders\":%" PRIu64 ",\"events\":%" PRIu64 ",\"deliveries\":%" PRIu64
                       ",\"memory\":%" PRIu64,
                       net_connection_count(server_net(sources->server)), sessions + *sources->plain_count,
                       sessions - websockets, websockets, *sources->plain_count, HASH_COUNT(rides->by_name),
                       broker_riders_held(about->broker), rides->events, rides->deliveries,
                       process_resident_bytes());
}

static int print(const struct about *about, struct buf *out)
{
    const struct gauges *gauges = about->gauges;
    size_t oldest = about->beats % ABOUT_SPANS;
    return buf_append_str(out, "{\"node\":") || json_text_quote(about->node, strlen(about->node), out) ||
                   buf_appendf(out, ",\"version\":\"%s\",\"state\":\"%s\",\"uptime\":%" PRIu64,
                               RIDECAST_VERSION, state_of(&gauges->sources),
                               (clock_ms() - about->started_ms) / 1000) ||
                   print_counts(about, out) ||
                   print_quantile(out, "deliveryP50", gauges->delays, &about->delays[oldest], 0.5) ||
                   print_quantile(out, "deliveryP99", gauges->delays, &about->delays[oldest], 0.99) ||
                   print_quantile(out, "lagP99", gauges->lag, &about->lags[oldest], 0.99) ||
                   buf_append_str(out, "}")
               ? -1
               : 0;
}

static void beat(void *owner)
{
    struct about *about = owner;
    struct buf text;
    buf_init(&text, ABOUT_MAX);
    if (!print(about, &text)) {
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

void about_start(struct about *about, const char *node, const struct gauges *gauges, struct broker *broker,
                 struct timers *timers)
{
    *about = (struct about){
        .node = node,
        .gauges = gauges,
        .broker = broker,
        .timers = timers,
        .started_ms = clock_ms(),
        .beat = {.fire = beat, .owner = about},
    };
    beat(about);
}
