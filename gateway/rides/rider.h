/*
 * Riders: each is one client on one ride (a Socket.IO socket, a plain WebSocket), who boards and exits, and
 * comes back.
 *
 *   rider_message() ─▶ user record ─▶ broker_submit() ─▶ … ─▶ riders_result() ─▶ rider_ops
 *
 * Nothing is told to clients before the broker has committed it: the sender hears its own event like
 * everybody else. Transitions on a ride whose roster has not arrived yet are held back, so that the sender's
 * own event is never hidden inside the first roster. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_RIDES_RIDER_H
#define RIDECAST_GATEWAY_RIDES_RIDER_H

#include "common/ip.h"
#include "gateway/net/bucket.h"
#include "gateway/net/refusals.h"
#include "gateway/rides/recovery_id.h"
#include "gateway/rides/watched.h"

struct broker_message;
struct pending;
struct rider;

enum { RIDER_ASK_MS = WATCHED_ASK_MS };

/* What the client gave to recognise an answer by. */
struct ack {
    bool wanted;
    uint64_t number;   /* Socket.IO */
    struct blob *text; /* plain WebSocket: JSON; a reference is taken while kept. NULL for Socket.IO */
};

/* How to tell a client something in its protocol. JSON is borrowed during the call. */
struct rider_ops {
    void (*acknowledge)(void *client, const struct ack *ack, const char *json, size_t len);
    /* The same with who is aboard, which others are told as well: a reference is taken. */
    void (*users)(void *client, const struct ack *ack, struct blob *json);
    void (*exception)(void *client, const char *message);
    /* Ends the client's connection after everything sent so far. It may call rider_free() before returning.
     */
    void (*disconnect)(void *client);
    /* The client has come back elsewhere, or is to come back: cuts this connection. It may call rider_free()
     * before returning. */
    void (*evict)(void *client);
    /* What rider_resume() came to. Say so to the client, then call rider_join(). NULL where nobody resumes.
     */
    void (*resumed)(void *client, bool recovered);
    /* Where the client is: whom limits by address count, and the log names. */
    struct ip (*address)(void *client);
    /* The one user id that the client may board and exit with; NULL: any, "": none. NULL itself: any. */
    const char *(*subject)(void *client);
};

/* How a rider's client went. */
enum rider_end {
    RIDER_LEFT, /* for good */
    RIDER_LOST, /* its connection dropped: it may come back within the recovery window */
};

/* Counts since the start, for the metrics. */
struct riders_counts {
    uint64_t refused;     /* messages of clients */
    uint64_t recovered;   /* clients that came back and got all they had missed */
    uint64_t unrecovered; /* that came back too late, or to events that are no longer there */
    uint64_t forged;      /* recovery ids that were not made by these nodes for this ride */
    uint64_t evicted;     /* connections cut because their client was elsewhere */
};

struct riders_options {
    struct watched *watched;
    struct broker *broker;
    size_t max_user_bytes;
    size_t riders_per_ride;         /* aboard; whoever boards then is refused. 0: any number */
    size_t roster_bytes;            /* what those aboard may cost (roster_cost()); the same. 0: any number */
    struct bucket_rate transitions; /* what one client boards and exits; whoever boards beyond is refused */
    struct bucket_rate events;      /* the same of a ride, with those that leave */
    size_t queue_bytes;             /* for transitions held back */
    uint64_t recovery_window_ms;    /* 0: nobody comes back */
    struct refusals *refusals;      /* may be NULL */
    struct peers *peers;            /* what each address may; NULL: anything */
};

/* All riders of this gateway. Embedded in presence. */
struct riders {
    struct riders_options options;
    bool has_secret;
    uint8_t secret[SECRET_LEN];
    uint64_t last_ticket;
    struct pending *pending; /* transitions without a result, by ticket */
    size_t held_bytes;       /* of transitions held back */
    struct rider *by_id;     /* riders by socket id */
    size_t count;            /* of riders, aboard or not: a client counts once for each ride */
    struct riders_counts counts;
};

void riders_init(struct riders *riders, const struct riders_options *options);
/* All riders must be gone. */
void riders_deinit(struct riders *riders);

/* Transitions without a result yet. */
size_t riders_pending_count(const struct riders *riders);

/* Whether clients may come back at all. */
bool riders_recover(const struct riders *riders);

/* The nodes' common secret, which recovery ids are signed with. */
void riders_learn_secret(struct riders *riders, const uint8_t secret[SECRET_LEN]);

/* What the broker says of riders, an event after it was told; the second takes the message. */
void riders_result(struct riders *riders, const struct broker_message *result);
void riders_history(struct riders *riders, struct broker_message *history);
void riders_evicted(struct riders *riders, const char *ride, const char *socket_id);
void riders_heard(struct riders *riders, const struct broker_message *event);
/* Somebody is aboard whose boarding no event has told of. */
void riders_missed_boardings(struct riders *riders, const struct ride *ride);

/* The ride's first roster has come: what was held back goes to the broker. */
void riders_submit_held(struct riders *riders, struct ride *ride);

/* A client on a ride. */
struct rider_options {
    const char *ride; /* one that is allowed */
    struct outlet *outlet;
    enum wire_form form; /* in which it gets the ride's events */
    const struct rider_ops *ops;
    void *client;
    struct bucket *pace; /* of what the client's riders say, borrowed; NULL: any */
};

/* Puts a client on a ride; from now on its outlet gets the ride's events. Aborts when out of memory. */
struct rider *rider_new(struct riders *riders, const struct rider_options *options);

/*
 * Whether a client shows a recovery id of that scope; then whose it is and where its stream began. Counts
 * forged ones.
 */
bool riders_check_recovery_id(struct riders *riders, const struct recovery_scope *scope, const char *text,
                              size_t len, char socket_id[SOCKET_ID_LEN + 1], struct broker_position *from);

/* Whether somebody at that address may come back now; else it is to join as a new client. Counts it. */
bool riders_may_resume(struct riders *riders, const struct ip *client);

/*
 * A client came back with the recovery id of a socket, having had everything up to `from`; its stream began
 * at the offset `began` of that epoch. Once the ride is known, takes the socket over from wherever it is (a
 * copy here is evicted at once), then calls ops->resumed(): recovered, the rider has the socket id and
 * rider_join() sends what was missed before anything new. Not recovered: the client starts anew, though its
 * user may be aboard still; so it is, too, where its address has had too much sent anew already.
 */
struct rider *rider_resume(struct riders *riders, const struct rider_options *options, const char *socket_id,
                           const struct broker_position *from, uint64_t began);
/* From now on the outlet gets the ride's events, what was missed first. Once, from or after ops->resumed().
 */
void rider_join(struct rider *rider);

/* Takes it off. If its user was aboard it leaves, at once or (RIDER_LOST) after the recovery window. */
void rider_free(struct rider *rider, enum rider_end end);

/* Its socket id. */
const char *rider_id(const struct rider *rider);

/* Writes a recovery id for the rider as it is now. False: there is no recovery. */
bool rider_recovery_id(const struct rider *rider, char out[RECOVERY_ID_SIZE]);

/* The client sent a user record. Errors go to the client: exception, and the ack where wanted. */
void rider_message(struct rider *rider, const char *json, size_t len, const struct ack *ack);
/* The client sent something that is no user record: it is told, and the log. */
void rider_refuse(struct rider *rider, const struct ack *ack, const char *message);
/* It is over a limit, which refuse() has said: it is told. */
void rider_tell_refused(struct rider *rider, const struct ack *ack, const char *message);
/* How long the answer to that is, about, as far as is known. */
size_t rider_users_bytes(const struct rider *rider);
/*
 * The client asks who is aboard: the ack gets `{"offset":"…","users":[…]}`, once what the rider has sent
 * before has its results; an error after RIDER_ASK_MS. Nobody else waits for that.
 */
void rider_active_users(struct rider *rider, const struct ack *ack);
/* The same unasked, and at once, on a ride of which the client has had events. */
void rider_tell_users(struct rider *rider, const struct ack *ack);

#endif
