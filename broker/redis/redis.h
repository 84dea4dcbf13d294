/*
 * The Redis backend's own parts, shared by its files:
 *
 *   redis.c        two connections that live and die together; up and down
 *   transitions.c  the gateway's transitions: waiting, in flight, answered
 *   held.c         the sockets this node holds, restored when somebody lost them
 *   takeover.c     sockets that other nodes have taken from this one
 *   disown.c       what Redis has under this node's name and it does not hold
 *   lease.c        this node's lease, and what else it does on every beat
 *   reap.c         the riders of dead nodes
 *   sweep.c        suspended riders whose window has passed
 *   watch.c        watched rides: subscription, order of events, results that wait for their event
 *   catchup.c      one ride brought up to date: from the log, else by a roster
 *   replay.c       events from the log for one client
 *
 * A backend is up while both connections are ready. Whichever is lost, both are made anew: after a failover
 * they must not end up on different servers. Going down cuts off every command, so nothing of the old
 * connections reaches the new ones.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_H
#define RIDECAST_BROKER_REDIS_REDIS_H

#include "broker/backend.h"
#include "broker/redis/backoff.h"
#include "broker/redis/disown.h"
#include "broker/redis/held.h"
#include "broker/redis/lease.h"
#include "broker/redis/reap.h"
#include "broker/redis/record.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/scripts.h"
#include "broker/redis/stream.h"
#include "broker/redis/survey.h"
#include "broker/redis/sweep.h"
#include "broker/redis/takeover.h"
#include "common/alloc.h"

#include <uthash.h>

struct catchup;
struct event;
struct redis_tls;
struct replay;
struct sentinel;
struct transition;

enum watch_state {
    WATCH_AWAY,        /* not subscribed: the backend is down, or nobody watches */
    WATCH_SUBSCRIBING, /* SUBSCRIBE is on its way; events are ignored, the roster will include them */
    WATCH_CATCHING_UP, /* subscribed; a catch-up runs, or waits for its next attempt; events are held */
    WATCH_LIVE,        /* events go to the gateway as they come */
};

/* A ride that is watched, or on which transitions wait. */
struct redis_ride {
    char name[RIDE_NAME_MAX + 1];
    struct redis *redis;
    UT_hash_handle hh;

    struct transition *transitions; /* without an answer, in order of submission (transitions.c) */
    struct held *held;              /* by socket id (held.c) */
    struct broker_position at;      /* the latest that Redis has answered; an empty epoch: none yet */
    struct lease_notes notes;       /* what was said of it outside (lease.c) */

    /* The rest belongs to watch.c. */
    bool watched;
    enum watch_state state;
    unsigned confirmations_due; /* of SUBSCRIBE and UNSUBSCRIBE commands */
    struct stream stream;
    struct catchup *catchup;              /* NULL: none runs */
    bool again;                           /* something was missed during the catch-up: one more afterwards */
    bool suspect;                         /* a message of another epoch was the reason to catch up */
    struct event *retry;                  /* the next attempt to catch up */
    struct backoff backoff;               /* of these attempts */
    struct broker_message *results_first; /* of committed transitions whose events have not come yet */
    struct broker_message *results_last;
};

struct transitions {
    struct transition *all;    /* in order of submission: first what is in flight, then what waits */
    struct transition *unsent; /* the first that waits; NULL: none */
    size_t in_flight;
    size_t bytes;      /* held by all */
    uint64_t sequence; /* of the last one submitted */
};

struct replays {
    struct replay *waiting; /* in order of submission */
    size_t under_way;
};

struct redis {
    struct backend backend; /* first */
    struct redis_url url;
    char run[EPOCH_LEN + 1];        /* names this process, whose node id may be that of an earlier one */
    char node[RECORD_NODE_MAX + 1]; /* the node id and `run`: whom riders are held by */
    struct redis_tls *tls;          /* NULL: none */
    struct sentinel *sentinel;      /* finds the server; NULL: the URL says which it is */
    struct redis_address server;    /* where commands go */
    struct redis_address peer; /* where they arrive: the same server for events, even if its name moves on */
    struct redis_link *commands, *events;
    struct scripts scripts;
    bool up, was_up;
    struct redis_ride *rides; /* by name */
    struct transitions transitions;
    struct restoring restoring;
    struct disown disown;
    struct lease lease;
    struct reap reap;
    struct sweep sweep;
    struct replays replays;
    size_t results_held; /* on all rides */
    int64_t last_trouble_s;
};

/* The ride, made if it is not there. */
struct redis_ride *redis_ride_get(struct redis *redis, const char *name);

/* The ride, or NULL. */
struct redis_ride *redis_ride_find(struct redis *redis, const char *name);

/* Frees a ride that is neither watched, nor holds a socket, nor has anything under way. */
void redis_ride_drop_if_unused(struct redis_ride *ride);

/* Redis has answered this position of the ride. A new epoch puts back every rider that is held here. */
void redis_ride_reached(struct redis_ride *ride, const struct broker_position *position);

/* The channel of a ride's events. Channels are the same in all databases of a server, hence the number. */
void redis_channel_name(const struct redis *redis, const char *ride, struct key_name *channel);

/* This node's lease is there and the clock known: a new connection is ready for use. */
void redis_registered(struct redis *redis);

/* Whether it is an error about the server or the connection, not about the command. */
bool redis_server_is_away(const struct redisReply *reply);

/* The monotonic clock. */
uint64_t redis_now_us(void);
uint64_t redis_now_ms(void);

/* Logs a warning that others can provoke as often as they like, hence at most one a second. */
void redis_trouble(struct redis *redis, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- transitions.c --- */

/* Takes the order: sends it, keeps it until it can be sent, or refuses it because the queue is full. */
void transitions_submit(struct redis *redis, struct order *order);

/* Puts back the rider of a held socket with the next transitions_send(); held_restored() is told of its end.
 */
void transitions_restore(struct held *held);

/* Suspends a socket's rider with the next transitions_send(), unless it is held. Nobody is told how that
 * ended. */
void transitions_disown(struct redis *redis, const char *ride, const char *socket_id);

/* Sends what waits, and restorations as far as they are due. */
void transitions_send(struct redis *redis);

/* The backend is up: sends everything again that has no answer, in order. */
void transitions_resume(struct redis *redis);

/* The end: whatever has no answer gets `error` as its result. The commands link is closed. */
void transitions_refuse_all(struct redis *redis, const char *error);

/* --- watch.c --- */

void watch_begin(struct redis *redis, const char *name);
void watch_end(struct redis *redis, const char *name);

/* The backend is up: subscribes to all watched rides. */
void watch_resume_all(struct redis *redis);

/* The backend is down: what the gateway was told stays known. */
void watch_suspend_all(struct redis *redis);

/* Something came on the events link. */
void watch_heard(struct redis *redis, const struct redisReply *reply);

/* Takes a RESULT or HISTORY and tells it as soon as everything up to its position has been told. */
void watch_result(struct redis_ride *ride, struct broker_message *result);

/* Tells all results that still wait for their events. */
void watch_release_all(struct redis *redis);

/* A ride is freed. */
void watch_deinit(struct redis_ride *ride);

/* What a catch-up brings: any number of events or rosters, then the position reached, or else the failure. */
struct record_event;
void watch_caught_event(struct redis_ride *ride, const struct record_event *record);
void watch_caught_roster(struct redis_ride *ride, const struct broker_position *position,
                         struct broker_rider *riders, size_t count); /* takes the array */
void watch_caught_up(struct redis_ride *ride, const struct broker_position *position);
void watch_catchup_failed(struct redis_ride *ride, const char *reason);

/* --- catchup.c --- */

/* Brings the ride from `known` (NULL: nothing) up to date. NULL: there is no connection. Freed at its end. */
struct catchup *catchup_start(struct redis_ride *ride, const struct broker_position *known);

/* Its outcome is not wanted any more. */
void catchup_abandon(struct catchup *catchup);

/* --- replay.c --- */

/* Takes the order and answers it, with the log's events or without success. */
void replay_start(struct redis *redis, struct order *order);

/* --- limits --- */

enum { BITE = 100 }; /* sockets that one call of a script takes from a dead node, or sweeps */

/* How many events a ride's log keeps, about: what a gateway can miss and still be replayed. */
#define LOG_CAP "4096"

#endif
