/*
 * The rides that this node knows: name, position, and what each part has of it. A part keeps a pointer to its
 * own here and clears it when it has nothing of the ride any more; a ride of which nobody has anything is
 * freed by redis_rides_settle(), and nowhere else. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_RIDES_H
#define RIDECAST_BROKER_REDIS_RIDES_H

#include "broker/broker.h"
#include "broker/redis/call.h"
#include "broker/redis/notes.h"
#include "common/hash.h"

struct exiting;
struct held;
struct overheard;
struct person;
struct redis_rides;
struct transition;
struct watch;

/* AUDIT_SOON: when nodes have put back what they hold. */
enum audit_due { AUDIT_IN_TURN, AUDIT_SOON, AUDIT_AT_ONCE, AUDIT_DUE_COUNT };

struct redis_ride {
    char name[RIDE_NAME_MAX + 1];
    struct redis_rides *rides;
    struct store *store; /* of the server that has it */
    unsigned slot;       /* in a Redis Cluster (slot.h), else 0 */
    struct ride_known known;
    struct transition *transitions;           /* without an answer, in order of submission (transitions.h) */
    struct transition *waiting;               /* the first of these that waits to be sent (line.h) */
    struct redis_ride *line_prev, *line_next; /* of the rides with any */
    struct exiting *exiting;     /* persons of whose exits some have no answer, by id (exits.c) */
    struct held *held;           /* by socket id (held.h) */
    unsigned unanswered;         /* BOARD and RESUME transitions of these */
    struct overheard *overheard; /* while there are any, what was told last; linked by prev and next */
    size_t overheard_count;
    uint64_t skipped;                       /* what was told up to there is not among these */
    struct held *due;                       /* of these, to be put back: in turn */
    struct redis_ride *due_prev, *due_next; /* of the rides with any */
    bool parked;                            /* of those whose server is away */
    struct person *persons;                 /* by id: whose they are */
    uint64_t deferred_ms;                   /* when its slot was last on its way; 0: never */
    bool apart;          /* its next call has no other ride: that of one of them was on its way in the last */
    struct watch *watch; /* NULL: not watched (watch.h) */
    uint64_t compared_ms; /* when a transition's position was last compared (operations.c) */
    struct notes notes;   /* what was said of it outside */
    uint64_t audit_ms;    /* when it is to be audited next (audit.h) */
    enum audit_due audit_due;
    uint64_t audit_soon_ms; /* when, if that is AUDIT_SOON */
    uint64_t checked_ms;    /* when what this node holds of it was checked last (audit.c) */
    bool check_due;         /* it is to be once more */
    struct redis_ride *audit_prev, *audit_next; /* of its server's rides with the same audit_due */
    bool let_go;                                /* among those that may be unused */
    struct redis_ride *next_let_go;
    UT_hash_handle hh;
};

/* Zeroed but for the functions, it is empty. */
struct redis_rides {
    struct redis_ride *by_name;
    struct redis_ride *let_go;
    struct store *(*store_of)(const char *ride, void *arg); /* of the server that has the ride */
    void (*begun)(struct redis_ride *ride, void *arg);      /* it has been made, and has its store */
    void (*renumbered)(struct redis_ride *ride, void *arg); /* Redis has begun a new epoch of the ride */
    void (*ended)(struct redis_ride *ride, void *arg);      /* it is freed next */
    void *arg;
};

/* The ride, made if it is not there. */
struct redis_ride *redis_rides_get(struct redis_rides *rides, const char *name);

/* The ride, or NULL; `len` bytes of name. */
struct redis_ride *redis_rides_find(const struct redis_rides *rides, const char *name, size_t len);

/* Of the server that has the ride, which need not be known here. */
struct store *redis_rides_store(const struct redis_rides *rides, const char *name);

/* Redis has answered this position of the ride. */
void redis_ride_reached(struct redis_ride *ride, const struct broker_position *position);

/* What is known of a ride; NULL: nothing. */
const struct ride_known *redis_rides_known(const struct redis_rides *rides, const char *name);

/* Whether that epoch of the ride is over. */
bool redis_ride_has_left(const struct redis_ride *ride, const char *epoch);

/* A part has nothing of it any more. It stays until redis_rides_settle(). */
void redis_ride_let_go(struct redis_ride *ride);

/* The end of a callback: frees what nobody uses. */
void redis_rides_settle(struct redis_rides *rides);

#endif
