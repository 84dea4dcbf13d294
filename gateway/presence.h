/*
 * The application: who boards and exits which ride, and who hears of it. It stands between clients of any
 * protocol (riders), the rides, and the broker.
 *
 *   rider_message() ─▶ user record ─▶ broker_submit()
 *   broker ─▶ presence_broker_ready() ─▶ roster, ride_event() to every member
 *                                     └▶ results ─▶ rider_ops: ack, exception, disconnect
 *
 * A `struct rider` is one client on one ride (a Socket.IO socket, a plain WebSocket). Nothing is told to
 * clients before the broker has committed it: the sender hears its own event like everybody else.
 *
 * A ride is watched from its first rider or question on until some seconds after the last. Transitions on a
 * ride whose roster has not arrived yet are held back, so that the sender's own event is never hidden inside
 * the first roster.
 *
 * Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_PRESENCE_H
#define RIDECAST_GATEWAY_PRESENCE_H

#include "broker/broker.h"
#include "common/json_text.h"
#include "gateway/ride.h"

struct ask;
struct presence;
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
};

struct presence_options {
    const char *rides; /* patterns, separated by spaces or commas */
    size_t max_user_bytes;
    size_t backlog_bytes;
    size_t queue_bytes; /* for transitions held back */
    struct broker *broker;
    struct timers *timers;
    void (*stop)(void *arg); /* SIGTERM or SIGINT */
    void *stop_arg;
};

enum { PRESENCE_LINGER_MS = 10000, PRESENCE_ASK_MS = 5000 };

/* Aborts when out of memory. Options and strings are borrowed. */
struct presence *presence_new(const struct presence_options *options);
/* All riders and asks must be gone. NULL is harmless. */
void presence_free(struct presence *presence);

/* Whether a ride of that name may be joined. */
bool presence_allows(const struct presence *presence, const char *name);

/* Whether the broker is there (/readyz). */
bool presence_ready(const struct presence *presence);

struct rides *presence_rides(struct presence *presence);

/* Memberships of this gateway's clients on rides, and transitions without a result yet. */
size_t presence_rider_count(const struct presence *presence);
size_t presence_pending_count(const struct presence *presence);
/* Messages that were refused, for whatever reason. */
uint64_t presence_refused_count(const struct presence *presence);

/* Takes and handles the broker's messages. */
void presence_broker_ready(struct presence *presence);

/* Whether the ride is watched and its roster known, so that whoever joins now misses nothing from now on. */
bool presence_knows(const struct presence *presence, const char *ride);

/* Puts a client on a ride that is allowed; from now on its outlet gets the ride's events. Aborts when out of
 * memory. */
struct rider *rider_new(struct presence *presence, const char *ride, struct outlet *outlet,
                        const struct rider_ops *ops, void *client);
/* Takes it off. If its user was aboard, everybody is told that it disconnected. */
void rider_free(struct rider *rider);

/* Its socket id. */
const char *rider_id(const struct rider *rider);

/* The client sent a user record. Errors go to the client: exception, and the ack where wanted. */
void rider_message(struct rider *rider, const char *json, size_t len, const struct ack *ack);
/* The client sent something that is no user record. */
void rider_refuse(struct rider *rider, const struct ack *ack, const char *message);
/* The client asks who is aboard: the ack gets `{"offset":"…","users":[…]}`. */
void rider_active_users(struct rider *rider, const struct ack *ack);

/*
 * Asks who is aboard a ride that is allowed. `answer` is called once, now or later, with the JSON as above
 * (borrowed), or NULL when the broker has not answered in PRESENCE_ASK_MS. Returns the question while it
 * waits, NULL when it was answered at once.
 */
struct ask *presence_ask(struct presence *presence, const char *ride,
                         void (*answer)(void *arg, struct blob *json), void *arg);
/* Nobody waits for the answer any more. */
void presence_ask_cancel(struct ask *ask);

#endif
