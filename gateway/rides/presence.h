/*
 * The application: who boards and exits which ride, who hears of it, and who comes back. It stands between
 * clients of any protocol (riders), the rides, and the broker.
 *
 *   rider_message() ─▶ user record ─▶ broker_submit()
 *   broker ─▶ presence_broker_ready() ─▶ roster, ride_event() to every member
 *                                     └▶ results ─▶ rider_ops: acknowledge, exception, disconnect, resumed
 *
 * A `struct rider` is one client on one ride (a Socket.IO socket, a plain WebSocket). Nothing is told to
 * clients before the broker has committed it: the sender hears its own event like everybody else.
 *
 * A ride is watched from its first rider or question on until some seconds after the last. Transitions on a
 * ride whose roster has not arrived yet are held back, so that the sender's own event is never hidden inside
 * the first roster.
 *
 * presence.c has rides, rosters and the broker's messages, rider.c the riders. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_RIDES_PRESENCE_H
#define RIDECAST_GATEWAY_RIDES_PRESENCE_H

#include "broker/broker.h"
#include "common/ip.h"
#include "common/json_text.h"
#include "gateway/rides/recovery_id.h"
#include "gateway/rides/ride.h"

struct ask;
struct presence;
struct refusals;
struct rider;

/* What the client gave to recognise an answer by. */
struct ack {
    bool wanted;
    uint64_t number;   /* Socket.IO */
    struct blob *text; /* plain WebSocket: JSON; a reference is taken while kept. NULL for Socket.IO */
};

/* How to tell a client something in its protocol. JSON is borrowed during the call. */
struct rider_ops {
    enum wire_form form;
    void (*acknowledge)(void *client, const struct ack *ack, const char *json, size_t len);
    void (*exception)(void *client, const char *message);
    /* Ends the client's connection after everything sent so far. It may call rider_free() before returning.
     */
    void (*disconnect)(void *client);
    /* The client has come back elsewhere: cuts this connection. It may call rider_free() before returning. */
    void (*evict)(void *client);
    /* What rider_resume() came to. Say so to the client, then call rider_join(). NULL where nobody resumes.
     */
    void (*resumed)(void *client, bool recovered);
    /* Where the client is, for the log. */
    struct ip (*address)(void *client);
    /* The one user id that the client may board and exit with; NULL: any, "": none. NULL itself: any. */
    const char *(*subject)(void *client);
};

/* How a rider's client went. */
enum rider_end {
    RIDER_LEFT, /* for good */
    RIDER_LOST, /* its connection dropped: it may come back within the recovery window */
};

struct presence_options {
    const char *rides; /* patterns, separated by spaces or commas */
    size_t max_user_bytes;
    size_t backlog_bytes;
    size_t riders_per_ride;      /* aboard; whoever boards then is refused. 0: any number */
    struct refusals *refusals;   /* told of what was refused; may be NULL */
    size_t queue_bytes;          /* for transitions held back */
    uint64_t recovery_window_ms; /* 0: nobody comes back */
    uint64_t node_lease_ms;
    struct broker *broker;
    struct timers *timers;
    void (*stop)(void *arg);   /* SIGTERM or SIGINT */
    void (*reload)(void *arg); /* SIGHUP */
    void *stop_arg;
    /* What all gateways say of themselves, asked for with broker_survey(): a JSON array (borrowed), or NULL.
     */
    void (*surveyed)(void *arg, struct blob *json);
    void *surveyed_arg;
};

enum {
    PRESENCE_LINGER_MS = 10000,
    PRESENCE_ASK_MS = 5000,
    PRESENCE_DOUBT_SLACK_MS = 1000, /* beyond lease and window, for the sweep that ends them */
};

/* Counts since the start, for the metrics. */
struct presence_counts {
    uint64_t refused;     /* messages of clients */
    uint64_t recovered;   /* clients that came back and got all they had missed */
    uint64_t unrecovered; /* that came back too late, or to events that are no longer there */
    uint64_t forged;      /* recovery ids that were not made by these nodes for this ride */
    uint64_t evicted;     /* connections cut because their client was elsewhere */
};

/* Aborts when out of memory. Options and strings are borrowed. */
struct presence *presence_new(const struct presence_options *options);
/* All riders and asks must be gone. NULL is harmless. */
void presence_free(struct presence *presence);

/* Whether a ride of that name may be joined. */
bool presence_allows(const struct presence *presence, const char *name);

/* Whether the broker is there (/readyz). */
bool presence_ready(const struct presence *presence);

struct rides *presence_rides(struct presence *presence);

/* Riders there are, aboard or not (a client counts once for each ride), and transitions without a result yet.
 */
size_t presence_rider_count(const struct presence *presence);
size_t presence_pending_count(const struct presence *presence);
const struct presence_counts *presence_counts(const struct presence *presence);

/* Takes and handles the broker's messages. */
void presence_broker_ready(struct presence *presence);

/* Whether the ride is watched and its roster known, so that whoever joins now misses nothing from now on. */
bool presence_knows(const struct presence *presence, const char *ride);

/*
 * Asks who is aboard a ride that is allowed. `answer` is called once, now or later, with
 * `{"offset":"…","users":[…]}` (borrowed), or NULL when the broker has not answered in PRESENCE_ASK_MS.
 * Returns the question while it waits, NULL when it was answered at once.
 */
struct ask *presence_ask(struct presence *presence, const char *ride,
                         void (*answer)(void *arg, struct blob *json), void *arg);
/* Nobody waits for the answer any more. */
void presence_ask_cancel(struct ask *ask);

/*
 * Puts a client on a ride that is allowed; from now on its outlet gets the ride's events. Aborts when out of
 * memory.
 */
struct rider *rider_new(struct presence *presence, const char *ride, struct outlet *outlet,
                        const struct rider_ops *ops, void *client);

/*
 * Whether a client shows a recovery id of that scope; then whose it is and where its stream began. Counts
 * forged ones.
 */
bool presence_check_recovery_id(struct presence *presence, const struct recovery_scope *scope,
                                const char *text, size_t len, char socket_id[SOCKET_ID_LEN + 1],
                                struct broker_position *from);

/*
 * A client came back with the recovery id of a socket, having had everything up to `from`. Once the ride is
 * known, takes the socket over from wherever it is (a copy here is evicted at once), then calls
 * ops->resumed(): recovered, the rider has the socket id and rider_join() sends what was missed before
 * anything new. Not recovered: the client starts anew, though its user may be aboard still.
 */
struct rider *rider_resume(struct presence *presence, const char *ride, const char *socket_id,
                           const struct broker_position *from, struct outlet *outlet,
                           const struct rider_ops *ops, void *client);
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
/* The client sent something that is no user record. */
void rider_refuse(struct rider *rider, const struct ack *ack, const char *message);
/* The client asks who is aboard: the ack gets `{"offset":"…","users":[…]}`. */
void rider_active_users(struct rider *rider, const struct ack *ack);

#endif
