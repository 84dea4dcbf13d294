/*
 * The load generator's options: one table.
 */
#include "bench/settings.h"

#include <stddef.h>
#include <stdlib.h>

static const char *const modes[] = {"rate", "ramp", "transitions", "connect", NULL};
static const char *const dialects[] = {"socketio", "plain", NULL};

#define FIELD(f) .offset = offsetof(struct settings, f)
#define UINT(f, default_, min_, max_, unit_)                                                                 \
    .type = OPTION_UINT, FIELD(f), .initial = (default_), .min = (min_), .max = (max_), .unit = (unit_)
#define STRING(f, default_)       .type = OPTION_STRING, FIELD(f), .initial = (default_)
#define CHOICE(f, default_, list) .type = OPTION_CHOICE, FIELD(f), .initial = (default_), .choices = (list)

/* clang-format off */
static const struct option_row rows[] = {
    {"mode", CHOICE(mode, "rate", modes),
     .help = "rate: a fixed one; ramp: rising until the server no longer keeps up; transitions: as many as are "
             "acknowledged; connect: only the clients' arrival, then they stay idle for --hold"},
    {"dialect", CHOICE(dialect, "socketio", dialects), .help = "What is spoken over the WebSockets"},
    {"ports", STRING(ports, "3000"), .help = "The servers' ports on 127.0.0.1, separated by commas"},
    {"server-pids", STRING(server_pids, ""),
     .help = "Processes whose CPU time and memory are told, separated by commas"},
    {"clients", UINT(clients, "1000", 1, 20000, NULL), .help = "Clients that read and check everything"},
    {"stalled", UINT(stalled, "0", 0, 20000, NULL), .help = "Clients that join and never read again"},
    {"guests", UINT(guests, "0", 0, 20000, NULL), .help = "The last of --clients come and go: so many of them"},
    {"churn", UINT(churn, "10", 1, 10000, "per second"), .help = "Guests that leave, and come, each second"},
    {"rides", UINT(rides, "1", 1, 10000, NULL), .help = "Rides that the clients are spread over"},
    {"publishers", UINT(publishers, "4", 1, 9999, NULL), .help = "Clients of each ride that publish"},
    {"burst", UINT(burst, "512", 1, 20000, NULL), .help = "Connections under way at the same time"},
    {"rate", UINT(rate, "100", 1, 10000000, "events/s"),
     .help = "Events a second on all rides together; a ramp starts with it"},
    {"factor", UINT(factor_percent, "150", 101, 1000, "%"), .help = "What a ramp multiplies the rate by"},
    {"enough", UINT(enough_permille, "995", 1, 1000, "‰"),
     .help = "Deliveries that must come while a rate lasts, for it to be kept up with"},
    {"depth", UINT(depth, "1", 1, 1000, NULL), .help = "Transitions without an answer of each publisher"},
    {"window", UINT(window_ms, "2000", 10, 604800000, "ms"), .help = "How long is measured"},
    {"report", UINT(report_ms, "0", 0, 604800000, "ms"),
     .help = "With rate: how often a line tells of it meanwhile; 0: never"},
    {"warmup", UINT(warmup_ms, "300", 0, 600000, "ms"), .help = "How much load comes before that"},
    {"warmup-rate", UINT(warmup_rate, "0", 0, 10000000, "events/s"), .help = "Of it; 0: as when measured"},
    {"drain", UINT(drain_ms, "5000", 0, 600000, "ms"), .help = "How long is waited for what is still owed"},
    {"timeout", UINT(timeout_ms, "30000", 100, 600000, "ms"), .help = "How long connecting may take"},
    {"hold", UINT(hold_ms, "1000", 0, 600000, "ms"), .help = "How long idle connections are held"},
};
/* clang-format on */

const struct option_program settings_program = {
    .name = "load",
    .summary = "A swarm of clients for the benchmark: counts, checks and times what they are told.",
    .env = "LOAD",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
};

static int parse_ports(const char *text, struct swarm_plan *plan)
{
    do {
        char *end;
        long port = strtol(text, &end, 10);

        if (end == text || port < 1 || port > UINT16_MAX || (*end && *end != ',') ||
            plan->port_count == SWARM_PORTS_MAX)
            return -1;
        plan->ports[plan->port_count++] = (uint16_t)port;
        text = *end ? end + 1 : end;
    } while (*text);
    return 0;
}

int settings_plan(const struct settings *settings, struct swarm_plan *plan, struct processes *servers,
                  struct buf *error)
{
    *plan = (struct swarm_plan){
        .dialect = (enum dialect)settings->dialect,
        .clients = settings->clients,
        .stalled = settings->stalled,
        .guests = settings->guests,
        .churn = settings->churn,
        .rides = settings->rides,
        .publishers = settings->publishers,
        .burst = settings->burst,
        .acks = settings->mode == MODE_TRANSITIONS,
    };
    const char *wrong = NULL;

    if (parse_ports(settings->ports, plan) != 0)
        wrong = "--ports is no list of ports; give 1 to 8, separated by commas";
    else if (processes_parse(servers, settings->server_pids) != 0)
        wrong = "--server-pids is no list of process ids; give at most 8, separated by commas";
    else if (settings->rides * settings->publishers + settings->guests > settings->clients)
        wrong = "--clients are too few; every ride needs as many as --publishers, and --guests come on top";
    if (!wrong)
        return 0;
    (void)buf_append_str(error, wrong);
    return -1;
}
