/*
 * The sockets this node holds, and how they stay aboard.
 *
 *   BOARD, RESUME submitted ─▶ claimed
 *   answered, with a rider  ─▶ aboard ─ somebody lost the rider ─▶ restored ─▶ aboard again
 *                                                                  └─ refused: another node has it ─▶ EVICTED
 *   EXIT, DISCONNECT, SUSPEND submitted ─▶ forgotten
 *
 * A rider is restored when a DISCONNECTED event or a roster without it says that it is gone, when its ride
 * has begun a new epoch, and all are after this node's lease was lost. Restoring who is aboard changes
 * nothing, so each of these may be mistaken.
 *
 * A claim tells an entry from a later one of the same socket: what is answered to an earlier claim is of no
 * interest any more. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_HELD_H
#define RIDECAST_BROKER_REDIS_HELD_H

#include "broker/broker.h"
#include "common/alloc.h"

#include <uthash.h>

struct redis;
struct redis_ride;

struct held {
    char socket_id[SOCKET_ID_LEN + 1];
    struct redis_ride *ride;
    uint64_t claim;
    unsigned unanswered; /* BOARD and RESUME transitions */
    struct blob *user;   /* NULL: not aboard, as far as is known */
    uint64_t tenure;     /* when this node obtained it, by Redis' clock in µs; 0: not aboard */
    uint64_t offset;     /* where it was seen aboard: what events up to there say of it is old */
    bool listed;         /* in the roster that is being compared */
    bool lost;           /* waits to be restored, linked by prev and next */
    bool restoring;      /* a restoration is under way */
    bool again;          /* lost while something of it is under way: to be restored after that */
    struct held *prev, *next;
    UT_hash_handle hh; /* in the ride */
};

/* Embedded in struct redis; zeroed is empty. */
struct restoring {
    struct held *lost; /* in order */
    size_t under_way;
    uint64_t last_claim;
};

/* A BOARD or RESUME is submitted. The claim, for its answer. */
uint64_t held_claim(struct redis_ride *ride, const char *socket_id);

/* An EXIT, DISCONNECT or SUSPEND is submitted. */
void held_forget(struct redis_ride *ride, const char *socket_id);

/* Whether the socket is held or claimed. */
bool held_here(struct redis_ride *ride, const char *socket_id);

/* Since when this node has the socket, as far as it knows; 0: not at all. */
uint64_t held_tenure(struct redis_ride *ride, const char *socket_id);

/* A BOARD or RESUME is answered: this rider is aboard (adds a reference to `user`), or with NULL nobody. */
void held_settled(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                  uint64_t tenure, uint64_t offset);

/* A BOARD or RESUME has failed: nothing has changed. */
void held_failed(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node has the socket: forgets it and tells so, unless that says nothing of the entry there is now.
 * `claim` is 0 for an EXIT, which leaves none. */
void held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node says that it obtained the socket then. What is still unanswered will tell by itself. */
void held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure);

/* A restoration is over. `offset` is the ride's; 0: it has failed. */
void held_restored(struct redis_ride *ride, const char *socket_id, uint64_t claim, uint64_t offset);

/* A restoration is not to be sent any more, but begun anew when nothing of the socket is under way. */
void held_withdrawn(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* An event about the socket, in the epoch of the ride. */
void held_heard(struct redis_ride *ride, const char *socket_id, enum broker_event_kind kind, uint64_t offset);

/* A roster in the epoch of the ride. */
void held_compare(struct redis_ride *ride, const struct broker_rider *riders, size_t count, uint64_t offset);

/* The ride has begun a new epoch; this node's lease was lost. */
void held_restore_ride(struct redis_ride *ride);
void held_restore_all(struct redis *redis);

/* Hands restorations to transitions_restore(), as many as may be under way. Whether there was any. */
bool held_feed(struct redis *redis);

/* A ride is freed. */
void held_deinit(struct redis_ride *ride);

#endif
