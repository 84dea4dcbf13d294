/*
 * The sockets this node holds, and which of their riders are to be put back.
 *
 *   BOARD, RESUME submitted ─▶ claimed
 *   answered, with a rider  ─▶ aboard ─ somebody lost the rider ─▶ due ─▶ under way ─▶ aboard again
 *                                                                           └─ refused: another node has it
 *   EXIT, DISCONNECT, SUSPEND submitted ─▶ forgotten
 *
 * A rider is put back when a DISCONNECTED event or a roster without it says that it is gone, when its ride
 * has begun a new epoch, and all are after this node's lease was lost. Restoring who is aboard changes
 * nothing, so each of these may be mistaken. This part only keeps the books: the roof takes what is due and
 * hands it to transitions.h.
 *
 * A claim tells an entry from a later one of the same socket: what is answered to an earlier claim is of no
 * interest any more. Pure bookkeeping; broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_HELD_H
#define RIDECAST_BROKER_REDIS_HELD_H

#include "broker/redis/rides.h"

struct metric;

struct held {
    char socket_id[SOCKET_ID_LEN + 1];
    struct redis_ride *ride;
    struct holding *holding;
    uint64_t claim;
    unsigned unanswered; /* BOARD and RESUME transitions */
    struct blob *user;   /* NULL: not aboard, as far as is known */
    uint64_t tenure;     /* when this node obtained it, by Redis' clock in µs; 0: not aboard */
    uint64_t offset;     /* where it was seen aboard: what events up to there say of it is old */
    bool listed;         /* in the roster that is being compared */
    bool due;            /* to be put back, linked by prev and next */
    bool restoring;      /* a restoration is under way */
    bool again;          /* lost while something of it is under way: due after that */
    struct held *prev, *next;
    UT_hash_handle hh; /* in the ride */
};

/* All that is held. Zeroed but for the metric, it is empty. */
struct holding {
    struct held *due; /* in order */
    size_t under_way; /* restorations */
    uint64_t last_claim;
    struct metric *aboard; /* how many riders are */
};

/* A BOARD or RESUME is submitted. The claim, for its answer. */
uint64_t held_claim(struct holding *holding, struct redis_ride *ride, const char *socket_id);

/* An EXIT, DISCONNECT or SUSPEND is submitted. */
void held_forget(struct redis_ride *ride, const char *socket_id);

/* Whether the socket is held or claimed. */
bool held_here(const struct redis_ride *ride, const char *socket_id);

/* Since when this node has the socket, as far as it knows; 0: not at all. */
uint64_t held_tenure(const struct redis_ride *ride, const char *socket_id);

/* A BOARD or RESUME is answered: this rider is aboard (adds a reference to `user`), or with NULL nobody. */
void held_settled(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                  uint64_t tenure, uint64_t offset);

/* A BOARD or RESUME has failed: nothing has changed. */
void held_failed(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node has the socket: forgets it. Whether the gateway must be told (EVICTED): not where that says
 * nothing of the entry there is now. `claim` is 0 for an EXIT, which leaves none. */
bool held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node says that it obtained the socket at that time. Answers that are still to come will tell of
 * themselves. Returns as above. */
bool held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure);

/* The next rider to be put back, as long as not too many are under way already; NULL: none. The restoration
 * counts as under way until held_restored(). */
struct held *held_take_due(struct holding *holding);

/* A restoration is over. `offset` is the ride's; 0: it has failed. */
void held_restored(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim,
                   uint64_t offset);

/* A restoration is not to be sent any more, but is due anew when nothing of the socket is under way. */
void held_withdrawn(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* An event about the socket, in the epoch of the ride. */
void held_heard(struct redis_ride *ride, const char *socket_id, enum broker_event_kind kind, uint64_t offset);

/* A roster in the epoch of the ride. */
void held_compare(struct redis_ride *ride, const struct broker_rider *riders, size_t count, uint64_t offset);

/* The ride has begun a new epoch: all riders on it are due. This node's lease was lost: they are on every
 * ride. */
void held_restore_epoch(struct redis_ride *ride);
void held_restore_ride(struct redis_ride *ride);

/* The end: forgets all that is held on the ride. */
void held_clear(struct redis_ride *ride);

#endif
