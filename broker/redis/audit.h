/*
 * Rides gone through, slowly and again and again, so that whatever a human, an eviction policy or an older
 * copy has taken from Redis or left in it is right again within a minute:
 *
 *   Redis' side   scripts/audit.lua, page by page: connections, lists and persons agree, suspended ones have
 *                 a deadline, and every node hears what it is said to hold (node_channel.h). The nodes and
 *                 the ride are noted again, so that a dead one is found.
 *   this node's   scripts/check.lua: what it holds is there as it holds it; what is not is put back.
 *   the gateways' a tally is told to all: how many are aboard at a position, and a sum of their records.
 *
 * Of several gateways that know a ride one goes through Redis' side in each round; of a large ride the rounds
 * are longer, so that audits cost Redis a twentieth of its time at most. Each server has its own audit,
 * beaten by its own lease. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_AUDIT_H
#define RIDECAST_BROKER_REDIS_AUDIT_H

#include "broker/redis/rides.h"
#include "broker/redis/store.h"

enum { AUDIT_ROUND_MS = 5000 }; /* of a ride, where there are not so many that it takes longer */

/* One server's. Zeroed but for the parts below it, it is at rest. */
struct audit {
    struct store *store;
    struct redis_rides *rides;
    struct redis_ride *due[AUDIT_DUE_COUNT]; /* the server's rides, linked by audit_prev and audit_next: whose
                                                turn it was longest ago, or will be soonest, first */
    unsigned running;                        /* rides being gone through */
    unsigned begun;                          /* since the last beat */
};

/* The server has the ride, from now on; it is another's, or freed next. */
void audit_begin(struct audit *audit, struct redis_ride *ride);
void audit_end(struct audit *audit, struct redis_ride *ride);

/* A beat: goes on with the rides whose turn it is. */
void audit_beat(struct audit *audit);

/* The ride is to be gone through at once; all are. What this node holds there is to be checked, because
 * something was wrong: at once, or, where that was done within the last second, soon. A tally follows when
 * the nodes have put back what they hold, not in the next round. */
void audit_ride(struct audit *audit, struct redis_ride *ride);
void audit_all(struct audit *audit);
void audit_check(struct audit *audit, struct redis_ride *ride);

#endif
