/*
 * The broker contract: the one header at which the gateway and the broker meet.
 *
 * A broker carries riders' transitions to the set all gateways share, and brings back every ride's roster and
 * events. It runs a thread of its own; the gateway talks to it through two mailboxes and shares nothing else
 * with it but immutable blobs (common/blob.h).
 *
 *   gateway thread ── watch, unwatch, submit ──▶ broker thread ⇄ backend (memory or Redis)
 *   gateway thread ◀── struct broker_message ─── broker thread
 *
 * What the gateway may rely on:
 *  - After broker_watch(ride): one BROKER_ROSTER (when the backend is reachable), then every later event of
 * that ride as BROKER_EVENT, offsets rising by one without gap or repeat. When continuity is lost and the log
 * does not reach back far enough, a new BROKER_ROSTER replaces what was known; events go on after its offset.
 * After broker_unwatch() messages already on their way may still arrive.
 *  - Every transition submitted gets exactly one BROKER_RESULT. `ok` means the backend has committed it. For
 * a watched ride the result comes after the event (or after a roster that includes it).
 *  - BROKER_STATE tells up and down, starting from down. While down, transitions wait up to queue_bytes; past
 * that they are refused with a result. Nothing accepted is lost, nothing refused is silent.
 *  - BROKER_SIGNAL: SIGTERM or SIGINT arrived. The broker thread reads the process' signals from a signalfd,
 * because libwebsockets' event-loop plug-ins would take them for themselves; they must be blocked in every
 * thread before the first starts.
 *
 * Threads: broker_new, _start, _stop and _free, and everything else here, are called on the gateway thread.
 */
#ifndef RIDECAST_BROKER_BROKER_H
#define RIDECAST_BROKER_BROKER_H

#include "common/blob.h"
#include "common/mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct metrics;

enum {
    RIDE_NAME_MAX = 128, /* bytes; a name starts with '/' */
    SOCKET_ID_LEN = 20,  /* letters of common/id.h */
    EPOCH_LEN = 8,       /* letters; a new epoch means the numbering began anew */
};

enum broker_event_kind { BROKER_BOARDED, BROKER_EXITED, BROKER_DISCONNECTED, BROKER_RESTORED };

enum broker_transition_kind {
    BROKER_BOARD,      /* the socket's rider is aboard with this user record */
    BROKER_EXIT,       /* the rider leaves; told to everyone even if it was not aboard */
    BROKER_DISCONNECT, /* the socket is gone without exiting; told only if its rider was aboard; `user` is
                          NULL */
};

/* A place in a ride's stream of events. */
struct broker_position {
    char epoch[EPOCH_LEN + 1];
    uint64_t offset; /* of the last event included; 0 before the first */
};

struct broker_transition {
    enum broker_transition_kind kind;
    const char *ride;      /* copied */
    const char *socket_id; /* SOCKET_ID_LEN letters, copied */
    struct blob *user;     /* a reference is taken; NULL for BROKER_DISCONNECT */
    uint64_t ticket;       /* the caller's, handed back in the result */
};

struct broker_rider {
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
};

enum broker_message_kind { BROKER_ROSTER, BROKER_EVENT, BROKER_RESULT, BROKER_STATE, BROKER_SIGNAL };

/* One message to the gateway; `kind` says which fields count. Free with broker_message_free(). */
struct broker_message {
    struct mail mail; /* first: the mailbox's */
    enum broker_message_kind kind;
    char ride[RIDE_NAME_MAX + 1];    /* ROSTER, EVENT, RESULT */
    struct broker_position position; /* ROSTER, EVENT, RESULT with ok */

    struct broker_rider *riders; /* ROSTER: the whole set, owned by the message */
    size_t rider_count;

    enum broker_event_kind event;      /* EVENT */
    char socket_id[SOCKET_ID_LEN + 1]; /* EVENT, RESULT */
    struct blob *user;                 /* EVENT: never NULL; for BROKER_DISCONNECTED the record last known */

    enum broker_transition_kind transition; /* RESULT */
    uint64_t ticket;                        /* RESULT */
    bool ok;                                /* RESULT: committed */
    const char *error; /* RESULT: why not, a static string for the sender; NULL when ok */

    bool up; /* STATE */
};

struct broker_options {
    const char *url;         /* "memory", or redis://… */
    const char *prefix;      /* of every key and channel */
    const char *node_id;     /* of this process */
    size_t queue_bytes;      /* what waiting transitions may hold while the backend is away */
    struct metrics *metrics; /* borrowed until broker_free(); the broker adds its own */
    void (*wake)(void *arg); /* called on the broker thread when broker_take() has something */
    void *wake_arg;
};

/*
 * Checks the options and makes a broker without starting anything. Strings are copied. NULL: `error`
 * (error_size bytes) holds one line that says what is wrong.
 */
struct broker *broker_new(const struct broker_options *options, char *error, size_t error_size);

/* Starts the thread. 0, or -1 with `error` filled. Reaching the backend happens later and is told by
 * BROKER_STATE. */
int broker_start(struct broker *broker, char *error, size_t error_size);

/* Sends out what can still be sent (at most a second), ends the thread and joins it. Messages not taken stay
 * takeable. */
void broker_stop(struct broker *broker);

/* Frees a stopped (or never started) broker and whatever was not taken. NULL is harmless. */
void broker_free(struct broker *broker);

/* A ride is watched until unwatched; watching twice is a caller's error. */
void broker_watch(struct broker *broker, const char *ride);
void broker_unwatch(struct broker *broker, const char *ride);

/* Hands over a transition. Its BROKER_RESULT comes whatever happens, also when refused at once. */
void broker_submit(struct broker *broker, const struct broker_transition *transition);

/* All messages so far, oldest first, linked by `mail.next`; the caller frees each. NULL when there are none.
 */
struct broker_message *broker_take(struct broker *broker);
struct broker_message *broker_message_next(const struct broker_message *message);
void broker_message_free(struct broker_message *message);

#endif
