/* The gateway's metrics: see gauges.h. */
#include "gateway/pages/gauges.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/process.h"
#include "gateway/auth/auth.h"
#include "gateway/net/net.h"
#include "gateway/net/server.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/presence.h"

#include <stdio.h>

enum { BEAT_MS = 250 };

static void add_connections(struct gauges *gauges, struct metrics *metrics)
{
    static const char sessions[] = "ridecast_sessions";
    static const char help[] = "Clients connected";

    gauges->connections =
        metrics_add(metrics, METRIC_GAUGE, "ridecast_connections", NULL, "Open TCP connections");
    gauges->refused =
        metrics_add(metrics, METRIC_COUNTER, "ridecast_connections_refused_total", NULL,
                    "Connections refused because there were too many, or that could not be accepted");
    gauges->evicted = metrics_add(metrics, METRIC_COUNTER, "ridecast_connections_evicted_total", NULL,
                                  "Connections cut because their client had come back elsewhere");
    gauges->polling =
        metrics_add(metrics, METRIC_GAUGE, sessions, "protocol=\"socket.io\",transport=\"polling\"", help);
    gauges->websocket =
        metrics_add(metrics, METRIC_GAUGE, sessions, "protocol=\"socket.io\",transport=\"websocket\"", help);
    gauges->plain =
        metrics_add(metrics, METRIC_GAUGE, sessions, "protocol=\"plain\",transport=\"websocket\"", help);
    gauges->draining = metrics_add(metrics, METRIC_GAUGE, "ridecast_draining", NULL,
                                   "Whether this gateway is being stopped");
}

static void add_tokens(struct gauges *gauges, struct metrics *metrics)
{
    for (enum token_fault fault = TOKEN_GOOD + 1; fault < TOKEN_FAULTS; fault++) {
        snprintf(gauges->reasons[fault], sizeof gauges->reasons[fault], "reason=\"%s\"",
                 token_fault_code(fault));
        gauges->refused_tokens[fault] =
            metrics_add(metrics, METRIC_COUNTER, "ridecast_tokens_refused_total", gauges->reasons[fault],
                        "Times a client was not let in for its token");
    }
}

static void add_riders(struct gauges *gauges, struct metrics *metrics)
{
    static const char recoveries[] = "ridecast_recoveries_total";
    static const char help[] = "Clients that came back with a recovery id";

    gauges->rides = metrics_add(metrics, METRIC_GAUGE, "ridecast_rides", NULL, "Rides this gateway watches");
    gauges->members =
        metrics_add(metrics, METRIC_GAUGE, "ridecast_ride_members", NULL, "Memberships of clients on rides");
    gauges->pending = metrics_add(metrics, METRIC_GAUGE, "ridecast_transitions_pending", NULL,
                                  "Transitions without a result yet");
    gauges->refused_messages = metrics_add(metrics, METRIC_COUNTER, "ridecast_messages_refused_total", NULL,
                                           "Messages of clients that were refused");
    gauges->recovered = metrics_add(metrics, METRIC_COUNTER, recoveries, "result=\"recovered\"", help);
    gauges->unrecovered = metrics_add(metrics, METRIC_COUNTER, recoveries, "result=\"too late\"", help);
    gauges->forged = metrics_add(metrics, METRIC_COUNTER, recoveries, "result=\"forged\"", help);
}

static void add_fan_out(struct gauges *gauges, struct metrics *metrics)
{
    static const char laggards[] = "ridecast_slow_clients_total";
    static const char help[] = "Times a client fell further behind than --backlog-bytes";

    gauges->events = metrics_add(metrics, METRIC_COUNTER, "ridecast_events_total", NULL,
                                 "Events told to at least one client");
    gauges->deliveries = metrics_add(metrics, METRIC_COUNTER, "ridecast_deliveries_total", NULL,
                                     "Events times clients that were told");
    gauges->batches =
        metrics_add_histogram(metrics, "ridecast_batch_events",
                              "Events of a ride that were told in one flush", &metric_bounds_sizes);
    gauges->delays = metrics_add_histogram(metrics, "ridecast_delivery_seconds",
                                           "From an event's arrival to its being written to all of its ride",
                                           &metric_bounds_times);
    gauges->backlog = metrics_add(metrics, METRIC_GAUGE, "ridecast_backlog_bytes", NULL,
                                  "Bytes of events kept for clients that lag");
    gauges->laggards_skipped =
        metrics_add(metrics, METRIC_COUNTER, laggards, "action=\"resynchronised\"", help);
    gauges->laggards_closed = metrics_add(metrics, METRIC_COUNTER, laggards, "action=\"closed\"", help);
    gauges->lag = metrics_add_histogram(metrics, "ridecast_loop_lag_seconds",
                                        "How late a timer of the network loop fires", &metric_bounds_times);
}

static void add_process(struct gauges *gauges, struct metrics *metrics)
{
    snprintf(gauges->build, sizeof gauges->build, "version=\"%s\",libwebsockets=\"%s\"", RIDECAST_VERSION,
             net_version());
    metric_set(metrics_add(metrics, METRIC_GAUGE, "ridecast_build_info", gauges->build, "What runs here"), 1);
    gauges->resident =
        metrics_add(metrics, METRIC_GAUGE, "process_resident_memory_bytes", NULL, "Resident memory");
    gauges->cpu =
        metrics_add(metrics, METRIC_COUNTER, "process_cpu_seconds_total", NULL, "CPU time, user and system");
    gauges->log_lost = metrics_add(metrics, METRIC_COUNTER, "ridecast_log_lost_total", NULL,
                                   "Lines of the log that could not be written");
    gauges->files = metrics_add(metrics, METRIC_GAUGE, "process_open_fds", NULL, "Open files");
    gauges->max_files = metrics_add(metrics, METRIC_GAUGE, "process_max_fds", NULL, "How many may be open");
    metric_set(metrics_add(metrics, METRIC_GAUGE, "process_start_time_seconds", NULL,
                           "When it was started, since 1970"),
               (int64_t)clock_wall_ms() * 1000);
}

void gauges_init(struct gauges *gauges, struct metrics *metrics)
{
    *gauges = (struct gauges){.build = ""};
    add_connections(gauges, metrics);
    add_tokens(gauges, metrics);
    add_riders(gauges, metrics);
    add_fan_out(gauges, metrics);
    add_process(gauges, metrics);
}

static void beat(void *owner)
{
    struct gauges *gauges = owner;
    struct net *net = server_net(gauges->sources.server);
    uint64_t now_us = clock_us();

    if (gauges->beat.at_ms)
        metric_observe(gauges->lag, (int64_t)(now_us - gauges->beat.at_ms * 1000));
    timers_set(net_timers(net), &gauges->beat, now_us / 1000 + BEAT_MS);
}

void gauges_start(struct gauges *gauges, const struct gauges_sources *sources)
{
    struct rides *rides = presence_rides(sources->presence);

    gauges->sources = *sources;
    rides->batches = gauges->batches;
    rides->delays = gauges->delays;
    gauges->beat = (struct timer){.fire = beat, .owner = gauges};
    timers_set(net_timers(server_net(sources->server)), &gauges->beat, 0);
}

static void sample_process(struct gauges *gauges)
{
    struct process_usage usage;

    process_usage(&usage);
    metric_set(gauges->log_lost, (int64_t)log_lost());
    metric_set(gauges->resident, (int64_t)usage.resident_bytes);
    metric_set(gauges->cpu, (int64_t)usage.cpu_us);
    metric_set(gauges->files, (int64_t)usage.open_files);
    metric_set(gauges->max_files, (int64_t)usage.max_files);
}

void gauges_sample(struct gauges *gauges)
{
    const struct gauges_sources *sources = &gauges->sources;
    const struct net *net = server_net(sources->server);
    const struct rides *rides = presence_rides(sources->presence);
    const struct riders *riders = presence_riders(sources->presence);
    size_t websockets = eio_websocket_count(sources->eio);

    metric_set(gauges->connections, (int64_t)net_connection_count(net));
    metric_set(gauges->refused, (int64_t)net_refused_count(net));
    metric_set(gauges->evicted, (int64_t)riders->counts.evicted);
    metric_set(gauges->polling, (int64_t)(eio_session_count(sources->eio) - websockets));
    metric_set(gauges->websocket, (int64_t)websockets);
    metric_set(gauges->plain, (int64_t)*sources->plain_count);
    metric_set(gauges->draining, server_draining(sources->server));
    metric_set(gauges->rides, (int64_t)HASH_COUNT(rides->by_name));
    metric_set(gauges->members, (int64_t)riders->count);
    metric_set(gauges->pending, (int64_t)riders_pending_count(riders));
    metric_set(gauges->refused_messages, (int64_t)riders->counts.refused);
    metric_set(gauges->recovered, (int64_t)riders->counts.recovered);
    metric_set(gauges->unrecovered, (int64_t)riders->counts.unrecovered);
    metric_set(gauges->forged, (int64_t)riders->counts.forged);
    for (enum token_fault fault = TOKEN_GOOD + 1; sources->auth && fault < TOKEN_FAULTS; fault++)
        metric_set(gauges->refused_tokens[fault], (int64_t)auth_refused(sources->auth, fault));
    metric_set(gauges->events, (int64_t)rides->events);
    metric_set(gauges->deliveries, (int64_t)rides->deliveries);
    metric_set(gauges->backlog, (int64_t)rides_backlog(rides));
    metric_set(gauges->laggards_skipped, (int64_t)sources->outlets->skipped);
    metric_set(gauges->laggards_closed, (int64_t)sources->outlets->ended);
    sample_process(gauges);
}
