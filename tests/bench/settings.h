/*
 * The load generator's options (settings.c has the table).
 */
#ifndef RIDECAST_BENCH_SETTINGS_H
#define RIDECAST_BENCH_SETTINGS_H

#include "bench/process.h"
#include "bench/swarm.h"
#include "common/option.h"

enum mode { MODE_RATE, MODE_RAMP, MODE_TRANSITIONS, MODE_CONNECT };

struct settings {
    int mode;
    int dialect;
    char *ports;
    char *server_pids;
    uint64_t clients, stalled, rides, publishers, burst;
    uint64_t guests, churn;
    uint64_t rate, factor_percent, enough_permille, depth;
    uint64_t window_ms, report_ms, warmup_ms, drain_ms, timeout_ms, hold_ms;
    uint64_t warmup_rate; /* 0: as in the window */
};

extern const struct option_program settings_program;

/* What the options say of the clients and of the servers. 0, or -1 with a line in `error`. */
int settings_plan(const struct settings *settings, struct swarm_plan *plan, struct processes *servers,
                  struct buf *error);

#endif
