/*
 * The sockets this node holds, as whom they are aboard, and which are to be put back.
 *
 *   BOARD, RESUME submitted ─▶ claimed
 *   answered, with a rider  ─▶ aboard ─ somebody lost the rider ─▶ due ─▶ under way ─▶ aboard again
 *                                                                           └─ refused: another node has it
 *   EXIT, DISCONNECT, SUSPEND submitted ─▶ forgotten
 *
 * A socket is put back when an event or a roster says that its person is gone, or Redis that it does not know
 * it, when its ride has begun a new epoch, and all are after this node's lease was lost. Restoring who is
 * aboard changes nothing, so each of these may be mistaken. A person's exit ends it for all its sockets. This
 * part only keeps the books: the roof takes what is due and hands it to transitions.h.
 *
 * A claim tells an entry from a later one of the same socket: what is answered to an earlier claim is of no
 * interest any more. Pure bookkeeping; broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_HELD_H
#define RIDECAST_BROKER_REDIS_HELD_H

#include "broker/redis/rides.h"

#define HELD_MISSED_NOTHING UINT64_MAX
#define HELD_ORIGIN_SIZE    (2 * (CHAIN_LEN + 1) + 1)

struct held;
struct metric;

/* Who is aboard by sockets that are held here. */
struct person {
    struct held *sockets; /* linked by person_prev and person_next */
    bool listed;          /* in the roster that is being compared */
    UT_hash_handle hh;    /* in the ride, by id */
    char id[];
};

struct held {
    char socket_id[SOCKET_ID_LEN + 1];
    struct redis_ride *ride;
    struct holding *holding;
    uint64_t claim;
    unsigned unanswered;                    /* BOARD and RESUME transitions */
    struct blob *user;                      /* NULL: not aboard, as far as is known */
    struct person *person;                  /* whose it is; NULL as above */
    struct held *person_prev, *person_next; /* of the person */
    uint64_t tenure;            /* when this node obtained it, by Redis' clock in µs; 0: not aboard */
    uint64_t offset;            /* where it was seen aboard: what events up to there say of it is old */
    uint64_t record_at;         /* where the record was told, or seen: that of a later event is newer */
    char before[CHAIN_LEN + 1]; /* of the boarding that was heard with it: the chain up to there, */
    char chain[CHAIN_LEN + 1];  /* and with it; empty: none was */
    uint64_t missed; /* what was told of the person after that may have gone unheard; HELD_MISSED_NOTHING */
    uint64_t taken;  /* when another node says to have obtained it; 0: none does */
    bool due;        /* to be put back, linked by prev and next in the ride */
    bool restoring;  /* a restoration is under way */
    bool again;      /* lost while something of it is under way: due after that */
    struct held *prev, *next;
    UT_hash_handle hh; /* in the ride */
};

/* An event of a ride on which something has no answer: it may be later than what the answer tells of. */
struct overheard {
    enum broker_event_kind kind;
    uint64_t offset;
    struct blob *user;
    char socket_id[SOCKET_ID_LEN + 1];
    char before[CHAIN_LEN + 1], chain[CHAIN_LEN + 1];
    struct overheard *prev, *next;
};

/* A socket that was suspended here, for as long as its client may come back. */
struct parted {
    char socket_id[SOCKET_ID_LEN + 1];
    uint64_t until_ms; /* by the monotonic clock */
    UT_hash_handle hh;
};

enum { HELD_UNDER_WAY_MAX = 256 }; /* to one server: the gateway's transitions go between them */

/* All that is held. Zeroed but for the metric, the window and `most`, it is empty. */
struct holding {
    struct redis_ride *due;    /* rides with some that are, linked by due_prev and due_next: in turn */
    struct redis_ride *parked; /* those of them whose server is away */
    size_t under_way, most;    /* restorations; as many as may be */
    uint64_t last_claim;
    struct parted *parted; /* by socket id, in order */
    uint64_t window_ms;
    struct metric *aboard; /* how many sockets are */
};

/* A BOARD or RESUME is submitted. The claim, for its answer. */
uint64_t held_claim(struct holding *holding, struct redis_ride *ride, const char *socket_id);

/* An EXIT or DISCONNECT is submitted. */
void held_forget(struct redis_ride *ride, const char *socket_id);

/* A SUSPEND is submitted. A reference to the record with which the socket is aboard; NULL: it is not, or that
 * is not known yet. */
struct blob *held_part(struct holding *holding, struct redis_ride *ride, const char *socket_id);

/* For how long the client of a socket that was suspended here may still come back; 0: no longer, or it was
 * not. */
uint64_t held_parted_ms(struct holding *holding, const char *socket_id);

/* Whether the socket is held or claimed. */
bool held_here(const struct redis_ride *ride, const char *socket_id);

/* Since when this node has the socket, as far as it knows; 0: not at all. */
uint64_t held_tenure(const struct redis_ride *ride, const char *socket_id);

/* After which offset something may have been told of the socket's person that this node has not heard, while
 * the record is the one told last up to there; HELD_MISSED_NOTHING. 0: the record may be an older one. */
uint64_t held_missed(const struct redis_ride *ride, const char *socket_id);

/* The fingerprints before and after the boarding that has told the socket's record, a space before each;
 * empty where none was heard. Its own sender may send it again after it has been put back here, and is known
 * by them. */
void held_origin(const struct redis_ride *ride, const char *socket_id, char text[HELD_ORIGIN_SIZE]);

/* A BOARD or RESUME is answered: this rider is aboard (adds a reference to `user`), or with NULL nobody.
 * Whether another node has obtained the socket since: then it is forgotten, and the gateway must be told. */
bool held_settled(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                  uint64_t tenure, uint64_t offset);

/* A BOARD or RESUME has failed: nothing has changed. */
void held_failed(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node has the socket: forgets it. Whether the gateway must be told (EVICTED): not where that says
 * nothing of the entry there is now. `claim` is 0 for an EXIT, which leaves none. */
bool held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Another node says that it obtained the socket at that time. While answers are still to come it is kept in
 * mind for held_settled(). Returns as above. */
bool held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure);

/* When a socket may be put back: its ride is caught up with, and it waits for nothing of its own. */
struct held_ready {
    bool (*ride)(const struct redis_ride *ride);
    bool (*socket)(const struct held *held);
    bool (*away)(
        const struct redis_ride *ride); /* its server: until held_look_again() it is not asked about */
};

/* The next socket to be put back that is ready, as long as not too many are under way already; NULL: none.
 * What is not ready goes to the end, and takes one of the `looks` that there are: with none left, the others
 * have their turn next time. The restoration counts as under way until held_restored(). */
struct held *held_take_due(struct holding *holding, const struct held_ready *ready, unsigned *looks);

/* The ride's server is up, or another one. */
void held_look_again(struct redis_ride *ride);

/* A restoration is over. `offset` is the ride's; 0: it has failed. */
void held_restored(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim,
                   uint64_t tenure, uint64_t offset);

/* A restoration is not to be sent any more, but is due anew when nothing of the socket is under way. */
void held_withdrawn(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* Its person is aboard with this record, at that offset, and not with the one that was to be put back. */
void held_corrected(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                    uint64_t offset);

/* Its person has exited through another socket: it is not aboard any more. */
void held_put_off(struct redis_ride *ride, const char *socket_id, uint64_t claim);

/* An event in the epoch of the ride: about a socket, and the person of that record. */
void held_heard(struct redis_ride *ride, const struct broker_message *event);

/* Redis does not know the socket, or knows it otherwise. */
void held_lost(struct redis_ride *ride, const char *socket_id);

/* The next sockets that are aboard by this node, each once in a round of held_count() of them. How many; they
 * are borrowed until anything else is called here. */
size_t held_next(struct redis_ride *ride, const struct held **sockets, size_t max);
size_t held_count(const struct redis_ride *ride);

/* A roster in the epoch of the ride. */
void held_compare(struct redis_ride *ride, const struct broker_rider *riders, size_t count, uint64_t offset);

/* A roster stands in for the events between the two offsets. */
void held_skipped(struct redis_ride *ride, uint64_t from, uint64_t to);

/* The ride has begun a new epoch: all riders on it are due. This node's lease was lost: they are on every
 * ride. */
void held_restore_epoch(struct redis_ride *ride);
void held_restore_ride(struct redis_ride *ride);

/* The end: forgets all that is held on the ride; all that was suspended. */
void held_clear(struct redis_ride *ride);
void held_deinit(struct holding *holding);

#endif
