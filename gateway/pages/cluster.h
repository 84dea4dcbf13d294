/*
 * /api/cluster: what all gateways say of themselves (about.h), and what that adds up to. They say it to the
 * broker, which is asked for all of it (a survey). Whoever asks while a survey is under way gets its answer
 * too, and so does whoever asks up to a second later: gateways say something new once a second
 * (ABOUT_BEAT_MS), so Redis is asked no more often, however often clients ask. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_CLUSTER_H
#define RIDECAST_GATEWAY_PAGES_CLUSTER_H

#include "common/blob.h"
#include "common/buf.h"
#include "gateway/net/timers.h"

#include <stdbool.h>

enum { CLUSTER_WAIT_MS = 5000, CLUSTER_FRESH_MS = 1000 };

struct broker;
struct link;

/* Embedded in the gateway. */
struct cluster {
    struct broker *broker;
    struct timers *timers;
    struct cluster_wait *waiting; /* links whose answer is to come */
    bool asked;                   /* a survey is under way */
    struct timer patience;
    struct buf answer;       /* the latest */
    uint64_t fresh_until_ms; /* it is given to whoever asks before; 0: there is none */
};

void cluster_init(struct cluster *cluster, struct broker *broker, struct timers *timers);
/* Nobody may be waiting any more; zeroed is harmless. */
void cluster_deinit(struct cluster *cluster);

/* Answers the link, now or later. */
void cluster_ask(struct cluster *cluster, struct link *link);

/* The survey's answer, a JSON array of objects; NULL: the store cannot be asked. */
void cluster_surveyed(struct cluster *cluster, const struct blob *json);

/* Appends `{"gateways":[…],"totals":{…}}` made from that. 0, or -1 when `out` is full. */
int cluster_sum_up(const struct blob *json, struct buf *out);

#endif
