/* The gateway's metrics: see gauges.h. */
#include "gateway/pages/gauges.h"

#include "common/clock.h"
#include "common/heap.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/process.h"
#include "gateway/auth/auth.h"
#include "gateway/net/net.h"
#include "gateway/net/server.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/presence.h"

#include <stddef.h>
#include <stdio.h>

enum { BEAT_MS = 250 };

#define FIELD(f)              .offset = offsetof(struct gauges, f)
#define COUNTER(f)            .type = METRIC_COUNTER, FIELD(f)
#define GAUGE(f)              .type = METRIC_GAUGE, FIELD(f)
#define HISTOGRAM(f, bounds_) .type = METRIC_HISTOGRAM, FIELD(f), .bounds = (bounds_)

/* What docs/metrics.md describes, but for three whose labels are made: see gauges_init(). */
/* clang-format off */
static const struct metric_row rows[] = {
    {"ridecast_connections", GAUGE(connections), .help = "Open TCP connections"},
    {"ridecast_connections_refused_total", COUNTER(refused),
     .help = "Connections refused because there were too many, or that could not be accepted"},
    {"ridecast_connections_evicted_total", COUNTER(evicted),
     .help = "Connections cut because their client had come back elsewhere"},
    {"ridecast_sessions", GAUGE(polling), .labels = "protocol=\"socket.io\",transport=\"polling\"",
     .help = "Clients connected"},
    {"ridecast_sessions", GAUGE(websocket), .labels = "protocol=\"socket.io\",transport=\"websocket\"",
     .help = "Clients connected"},
    {"ridecast_sessions", GAUGE(plain), .labels = "protocol=\"plain\",transport=\"websocket\"",
     .help = "Clients connected"},
    {"ridecast_draining", GAUGE(draining), .help = "Whether this gateway is being stopped"},
    {"ridecast_options_differ", GAUGE(options_differ),
     .help = "Options that should be the same on all gateways and are not"},

    {"ridecast_rides", GAUGE(rides), .help = "Rides this gateway watches"},
    {"ridecast_ride_members", GAUGE(members), .help = "Memberships of clients on rides"},
    {"ridecast_transitions_pending", GAUGE(pending), .help = "Transitions without a result yet"},
    {"ridecast_messages_refused_total", COUNTER(refused_messages),
     .help = "Messages of clients that were refused"},
    {"ridecast_recoveries_total", COUNTER(recovered), .labels = "result=\"recovered\"",
     .help = "Clients that came back with a recovery id"},
    {"ridecast_recoveries_total", COUNTER(unrecovered), .labels = "result=\"too late\"",
     .help = "Clients that came back with a recovery id"},
    {"ridecast_recoveries_total", COUNTER(forged), .labels = "result=\"forged\"",
     .help = "Clients that came back with a recovery id"},

    {"ridecast_events_total", COUNTER(events), .help = "Events told to at least one client"},
    {"ridecast_deliveries_total", COUNTER(deliveries), .help = "Events times clients that were told"},
    {"ridecast_batch_events", HISTOGRAM(batches, &metric_bounds_sizes),
     .help = "Events of a ride that were told in one flush"},
    {"ridecast_delivery_seconds", HISTOGRAM(delays, &metric_bounds_times),
     .help = "From an event's arrival to its being written to all of its ride"},
    {"ridecast_backlog_bytes", GAUGE(backlog), .help = "Bytes of events kept for clients that lag"},
    {"ridecast_slow_clients_total", COUNTER(laggards_skipped), .labels = "action=\"resynchronised\"",
     .help = "Times a client fell further behind than --backlog-bytes"},
    {"ridecast_slow_clients_total", COUNTER(laggards_closed), .labels = "action=\"closed\"",
     .help = "Times a client fell further behind than --backlog-bytes"},
    {"ridecast_loop_lag_seconds", HISTOGRAM(lag, &metric_bounds_times),
     .help = "How late a timer of the network loop fires"},

    {"ridecast_memory_budget_bytes", GAUGE(budget), .help = "What may be held for clients; 0: any amount"},
    {"process_resident_memory_bytes", GAUGE(resident), .help = "Resident memory"},
    {"ridecast_allocated_bytes", GAUGE(allocated), .help = "Bytes of memory that were allocated and not freed"},
    {"process_cpu_seconds_total", COUNTER(cpu), .help = "CPU time, user and system"},
    {"ridecast_log_lost_total", COUNTER(log_lost), .help = "Lines of the log that could not be written"},
    {"process_open_fds", GAUGE(files), .help = "Open files"},
    {"process_max_fds", GAUGE(max_files), .help = "How many may be open"},
    {"process_start_time_seconds", GAUGE(started), .help = "When it was started, since 1970"},
};
/* clang-format on */

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

static void add_used(struct gauges *gauges, struct metrics *metrics)
{
    for (enum budget_kind kind = 0; kind < BUDGET_KINDS; kind++) {
        snprintf(gauges->kinds[kind], sizeof gauges->kinds[kind], "what=\"%s\"", budget_kind_name(kind));
        gauges->used[kind] = metrics_add(metrics, METRIC_GAUGE, "ridecast_memory_used_bytes",
                                         gauges->kinds[kind], "What is held for clients");
    }
}

static void add_build(struct gauges *gauges, struct metrics *metrics)
{
    snprintf(gauges->build, sizeof gauges->build, "version=\"%s\",libwebsockets=\"%s\"", RIDECAST_VERSION,
             net_version());
    metric_set(metrics_add(metrics, METRIC_GAUGE, "ridecast_build_info", gauges->build, "What runs here"), 1);
}

void gauges_init(struct gauges *gauges, struct metrics *metrics)
{
    *gauges = (struct gauges){.build = ""};
    metrics_add_rows(metrics, rows, sizeof rows / sizeof rows[0], gauges);
    add_tokens(gauges, metrics);
    add_used(gauges, metrics);
    add_build(gauges, metrics);
    metric_set(gauges->started, (int64_t)clock_wall_ms() * 1000);
}

static void beat(void *owner)
{
    struct gauges *gauges = owner;
    uint64_t now_us = clock_us();

    if (gauges->beat.at_ms)
        metric_observe(gauges->lag, (int64_t)(now_us - gauges->beat.at_ms * 1000));
    timers_set(gauges->sources.timers, &gauges->beat, now_us / 1000 + BEAT_MS);
}

void gauges_start(struct gauges *gauges, const struct gauges_sources *sources)
{
    struct rides *rides = presence_rides(sources->presence);

    gauges->sources = *sources;
    rides->batches = gauges->batches;
    rides->delays = gauges->delays;
    gauges->beat = (struct timer){.fire = beat, .owner = gauges};
    timers_set(sources->timers, &gauges->beat, 0);
}

static void sample_process(struct gauges *gauges)
{
    struct process_usage usage;

    process_usage(&usage);
    metric_set(gauges->log_lost, (int64_t)log_lost());
    metric_set(gauges->resident, (int64_t)usage.resident_bytes);
    metric_set(gauges->allocated, (int64_t)heap_allocated_bytes());
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
    metric_set(gauges->options_differ, (int64_t)*sources->options_differ);
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
    metric_set(gauges->budget, (int64_t)sources->budget->limit);
    for (enum budget_kind kind = 0; kind < BUDGET_KINDS; kind++)
        metric_set(gauges->used[kind], (int64_t)sources->budget->used[kind]);
    sample_process(gauges);
}
