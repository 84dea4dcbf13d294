/*
 * What the broker counts. The series are made by broker_thread.c and outlive its parts; counting is for any
 * thread.
 */
#ifndef RIDECAST_BROKER_BROKER_METRICS_H
#define RIDECAST_BROKER_BROKER_METRICS_H

struct metric;

struct broker_metrics {
    struct metric *up;
    struct metric *servers_up, *servers_away;
    struct metric *queue_bytes;
    struct metric *reconnects;
    struct metric *gaps;
    struct metric *replays;
    struct metric *rosters;
    struct metric *bad_messages;
    struct metric *transitions_ok;
    struct metric *transitions_refused;
    struct metric *leases_lost;
    struct metric *nodes_reaped;
    struct metric *riders_held;
    struct metric *riders_reaped;
    struct metric *riders_swept;
    struct metric *riders_restored;
    struct metric *riders_evicted;
    struct metric *latency;
};

#endif
