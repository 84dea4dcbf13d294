/*
 * The gateway's own metrics (docs/metrics.md): registered at the start, and those that are read off its parts
 * brought up to date when somebody looks. The broker has its own. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_GAUGES_H
#define RIDECAST_GATEWAY_PAGES_GAUGES_H

#include "common/budget.h"
#include "gateway/auth/token.h"
#include "gateway/net/timers.h"

struct auth;
struct eio;
struct metric;
struct metrics;
struct outlets;
struct presence;
struct server;

struct gauges_sources {
    struct server *server;
    struct presence *presence;
    struct eio *eio;
    const struct outlets *outlets;
    const struct budget *budget;
    struct timers *timers;
    const size_t *plain_count;    /* of plain WebSockets */
    const size_t *options_differ; /* options that are not the same on all gateways */
    struct auth *auth;            /* NULL: no tokens are asked for */
};

/* Embedded in the gateway. */
struct gauges {
    struct gauges_sources sources;
    struct metric *connections, *refused;
    struct metric *polling, *websocket, *plain;
    struct metric *rides, *members, *pending;
    struct metric *refused_messages;
    struct metric *refused_tokens[TOKEN_FAULTS];
    struct metric *recovered, *unrecovered, *forged, *evicted;
    struct metric *events, *deliveries, *batches, *delays;
    struct metric *backlog, *laggards_skipped, *laggards_closed;
    struct metric *lag;
    struct metric *budget, *used[BUDGET_KINDS];
    struct metric *draining, *options_differ;
    struct metric *log_lost;
    struct metric *resident, *allocated, *cpu, *files, *max_files, *started;
    struct timer beat;              /* is late by as long as the loop kept others waiting */
    char build[128];                /* labels */
    char reasons[TOKEN_FAULTS][32]; /* the same, of refused_tokens */
    char kinds[BUDGET_KINDS][24];   /* the same, of used */
};

void gauges_init(struct gauges *gauges, struct metrics *metrics);

/* From now on the sources, which must be there, are measured. */
void gauges_start(struct gauges *gauges, const struct gauges_sources *sources);

/* Brings up to date what is only read when somebody looks. */
void gauges_sample(struct gauges *gauges);

#endif
