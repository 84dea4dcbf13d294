/*
 * /api/cluster: what all gateways say of themselves (about.h), and what that adds up to. They say it to the
 * broker, which is asked for all of it (a survey). Whoever asks while a survey is under way gets its answer
 * too, and so does whoever asks up to a second later: gateways say something new once a second
 * (ABOUT_BEAT_MS), so Redis is asked no more often, however often clients ask.
 *
 * Each survey also shows whether the gateways' options agree (agreement.h). So there is one from time to time
 * even if nobody asks: CLUSTER_LOOK_MS after the latest, and not before as many seconds as there are
 * gateways. A survey reads each gateway's lease, so all their looks together cost Redis at most a read for
 * each of them a second, as much as their own words do. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_CLUSTER_H
#define RIDECAST_GATEWAY_PAGES_CLUSTER_H

#include "common/blob.h"
#include "common/buf.h"
#include "gateway/net/timers.h"

#include <stdbool.h>

enum { CLUSTER_WAIT_MS = 5000, CLUSTER_FRESH_MS = 1000, CLUSTER_LOOK_MS = 5000 };

struct agreement;
struct broker;
struct link;

/* Embedded in the gateway. */
struct cluster {
    struct broker *broker;
    struct agreement *agreement;
    struct timers *timers;
    struct cluster_wait *waiting; /* links whose answer is to come */
    bool asked;                   /* a survey is under way */
    struct timer patience;
    struct timer look;
    bool watches;            /* looks by itself */
    struct buf answer;       /* the latest */
    uint64_t fresh_until_ms; /* it is given to whoever asks before; 0: there is none */
};

/* All is borrowed. */
void cluster_init(struct cluster *cluster, struct agreement *agreement, struct broker *broker,
                  struct timers *timers);
/* Nobody may be waiting any more; zeroed is harmless. */
void cluster_deinit(struct cluster *cluster);

/* From now on, until the timers end, it looks by itself. */
void cluster_watch(struct cluster *cluster);

/* Answers the link, now or later. */
void cluster_ask(struct cluster *cluster, struct link *link);

/* The survey's answer, a JSON array of objects; NULL: the store cannot be asked. */
void cluster_surveyed(struct cluster *cluster, const struct blob *json);

/*
 * Appends `{"gateways":[…],"totals":{…},"differing":{…}}` made from that; the agreement has heard of it then.
 * The number of gateways, or -1 when `out` is full.
 */
int cluster_sum_up(const struct blob *json, struct agreement *agreement, struct buf *out);

#endif
