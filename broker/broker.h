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
 *
 *   ROSTER   After broker_watch(ride), as soon as the backend is reachable; then every later event of that
 *            ride comes as EVENT, offsets rising by one without gap or repeat. When continuity is lost the
 *            log is replayed as events; where it does not reach, a new ROSTER replaces what was known. One
 *            with `renumbered` belongs to a new epoch: the store was emptied or is an older copy, and whoever
 *            is missing from it may yet be restored by the node that holds it; one with `settled` as well has
 *            been begun after broker_reread(). Messages already on their way may arrive after
 *            broker_unwatch().
 *   RESULT   Exactly one for every transition submitted. `ok` means the backend has committed it. For a
 *            watched ride it comes after the event (or after a roster that includes it).
 *   HISTORY  Exactly one for every broker_replay(). For a watched ride it comes after the last event in it.
 *   TALLY    Of a watched ride, now and then: how many the store has aboard at a position, and a sum of their
 *            records. Where the gateway has another number or sum there, it asks with broker_reread().
 *   EVICTED  Another node has taken over a socket this node held: its client is elsewhere, end the copy here.
 *            Where a transition was refused for that reason, its RESULT comes first.
 *   STATE    Up and down, starting from down. While down, boardings and exits wait up to queue_bytes and are
 *            refused past that; nothing accepted is lost, nothing refused is silent. What the gateway must
 *            tell in any case (disconnect, suspend, resume) is never refused for lack of room. In a Redis
 *            Cluster it is up while some server is, and names those that are away: what is said here of down
 *            holds for their rides.
 *   SECRET   The key that signs recovery ids, the same for all nodes; before the first STATE up, and again
 *            whenever it has changed.
 *   SURVEY   Exactly one for every broker_survey(): what each gateway that has its lease says of itself.
 *   RELOAD   SIGHUP arrived.
 *   SIGNAL   SIGTERM or SIGINT arrived. The broker thread reads the process' signals from a signalfd, because
 *            libwebsockets' event-loop plug-ins would take them for themselves; they must be blocked in every
 *            thread before the first starts. SIGHUP may be left unblocked, then it ends the process.
 *
 * The broker knows which sockets this node holds (aboard by its own transitions) and keeps them true by
 * itself: it renews the node's lease, restores them after the lease was lost, the store was emptied or
 * somebody declared them gone, reaps dead nodes and sweeps out whoever was suspended for longer than the
 * recovery window.
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
#include <string.h>

struct broker;
struct metrics;

enum {
    RIDE_NAME_MAX = 128, /* bytes; a name starts with '/' */
    SOCKET_ID_LEN = 20,  /* letters of common/id.h */
    EPOCH_LEN = 8,       /* letters; a new epoch means the numbering began anew */
    CHAIN_LEN = 8,       /* hexadecimal digits, in lower case */
    SECRET_LEN = 32,     /* bytes */

    REPLAY_EVENTS_MAX = 4096,   /* in one HISTORY */
    REPLAY_BYTES_MAX = 1 << 24, /* of records in it */
    REPLAY_BEFORE = 128,        /* events up to the place it begins at that are searched for a socket's end */
    ABOUT_MAX = 4096,           /* bytes of what one gateway says of itself */
};

enum broker_event_kind {
    BROKER_BOARDED,
    BROKER_EXITED,
    BROKER_DISCONNECTED,
    BROKER_RESTORED,

    /* The socket is gone for good, and its rider is aboard still through another one: the roster stays as it
     * is, and no client is told. */
    BROKER_ENDED,
};

enum broker_transition_kind {
    BROKER_BOARD, /* the socket's rider is aboard with this user record */
    BROKER_EXIT,  /* the rider leaves, with all its sockets; told to everyone even if it was not aboard */

    /* The socket is gone for good without exiting: its rider leaves if this was its last one (DISCONNECTED),
     * else ENDED. Nothing if the rider was not aboard by it. */
    BROKER_DISCONNECT,

    /* The connection dropped: the socket counts for the recovery window and is gone then, as by DISCONNECT.
     * Nothing if another node holds the socket by now. */
    BROKER_SUSPEND,

    /* A client came back with the socket's recovery id: the socket is this node's from now on, wherever it
     * was. Tells nobody. The result's `user` is the rider's record, NULL when it is not aboard. */
    BROKER_RESUME,
};

/* Whether such an event ends its socket. */
static inline bool broker_event_ends(enum broker_event_kind kind)
{
    return kind == BROKER_EXITED || kind == BROKER_DISCONNECTED || kind == BROKER_ENDED;
}

/*
 * A place in a ride's stream of events. Where two streams have gone apart, as after an older copy of the
 * store has come back, epoch and offset may be the same in both; the chain, a fingerprint of all events up to
 * here, is not.
 */
struct broker_position {
    char epoch[EPOCH_LEN + 1];
    uint64_t offset; /* of the last event included; 0 before the first */
    char chain[CHAIN_LEN + 1];
};

/* Whether both are the same place in the same stream. */
static inline bool broker_position_equal(const struct broker_position *a, const struct broker_position *b)
{
    return a->offset == b->offset && strcmp(a->epoch, b->epoch) == 0 && strcmp(a->chain, b->chain) == 0;
}

struct broker_transition {
    enum broker_transition_kind kind;
    const char *ride;      /* copied */
    const char *socket_id; /* SOCKET_ID_LEN letters, copied */
    struct blob *user;     /* a reference is taken; NULL for all but BOARD and EXIT */
    uint64_t ticket;       /* the caller's, handed back in the result */
    uint64_t tenure;       /* as the socket's latest result had it that had one; 0: none had */
    bool returned;         /* the client came back with the socket: another node may have had it before */
};

struct broker_rider {
    struct blob *user;
};

/* An event by itself, as HISTORY brings it. */
struct broker_past_event {
    uint64_t offset;
    char chain[CHAIN_LEN + 1]; /* as in a position */
    enum broker_event_kind kind;
    struct blob *user;
    char socket_id[SOCKET_ID_LEN + 1];
};

enum broker_message_kind {
    BROKER_ROSTER,
    BROKER_EVENT,
    BROKER_RESULT,
    BROKER_HISTORY,
    BROKER_TALLY,
    BROKER_EVICTED,
    BROKER_STATE,
    BROKER_SECRET,
    BROKER_SURVEY,
    BROKER_RELOAD,
    BROKER_SIGNAL,
};

/* One message to the gateway; `kind` says which fields count. Free with broker_message_free(). */
struct broker_message {
    struct mail mail; /* first: the mailbox's */
    enum broker_message_kind kind;
    char ride[RIDE_NAME_MAX + 1];    /* all but STATE, SECRET, SURVEY, RELOAD, SIGNAL */
    struct broker_position position; /* ROSTER, TALLY, EVENT, RESULT with ok; HISTORY: of its last event */

    struct broker_rider *riders; /* ROSTER: the whole set, owned by the message */
    size_t rider_count;          /* TALLY: how many are aboard; `riders` is NULL then */
    uint32_t marks;              /* TALLY: the sum of all records' user_mark() (common/user.h) */
    bool renumbered;             /* ROSTER: of another epoch than what was told of this ride before */
    bool settled;                /* ROSTER: whoever is missing has been found missing before that */

    struct broker_past_event *events; /* HISTORY: all after the position asked for, owned by the message */
    size_t event_count;

    enum broker_event_kind event;      /* EVENT */
    char before[CHAIN_LEN + 1];        /* EVENT: the chain of the position before it */
    char socket_id[SOCKET_ID_LEN + 1]; /* EVENT, RESULT, EVICTED */
    /* EVENT: never NULL; for DISCONNECTED and ENDED the record last known. RESULT of a RESUME: the rider's or
     * NULL. SURVEY: a JSON array, NULL when the store cannot be asked. STATE: names of servers that are away,
     * as a text for people; NULL: none is. */
    struct blob *user;

    enum broker_transition_kind transition; /* RESULT */
    uint64_t ticket;                        /* RESULT, HISTORY */
    uint64_t tenure; /* RESULT: since when this node has the socket, in a clock of the store's; 0: not told */
    bool ok;         /* RESULT: committed. HISTORY: nothing is missing. */
    const char *error; /* RESULT: why not, a static string for the sender; NULL when ok */

    bool up;                    /* STATE */
    uint8_t secret[SECRET_LEN]; /* SECRET */
};

/* What a rider costs besides its record, about, and the record. */
enum { BROKER_RIDER_BYTES = 256 };
static inline size_t broker_rider_bytes(size_t record_len)
{
    return record_len + BROKER_RIDER_BYTES;
}

struct broker_options {
    const char *url;               /* "memory", or redis://… */
    const char *prefix;            /* of every key and channel */
    const char *node_id;           /* of this process */
    size_t queue_bytes;            /* what waiting transitions may hold while the backend is away */
    unsigned connections_per_user; /* of one user id on one ride; > 0 */
    size_t roster_bytes;         /* of a ride whose riders are more than that no roster is read; 0: of any */
    uint64_t node_lease_ms;      /* how long the others wait for a node that is silent; > 0 */
    uint64_t recovery_window_ms; /* how long a suspended rider stays aboard; 0: it leaves at once */
    struct metrics *metrics;     /* borrowed until broker_free(); the broker adds its own */
    void (*wake)(void *arg);     /* called on the broker thread when broker_take() has something */
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

/* Sends out what can still be sent and gives the node's lease back (at most a second), ends the thread and
 * joins it. Messages not taken stay takeable. */
void broker_stop(struct broker *broker);

/* Frees a stopped (or never started) broker and whatever was not taken. NULL is harmless. */
void broker_free(struct broker *broker);

/* A ride is watched until unwatched; watching twice is a caller's error. */
void broker_watch(struct broker *broker, const char *ride);
void broker_unwatch(struct broker *broker, const char *ride);

/* Hands over a transition. Its BROKER_RESULT comes whatever happens, also when refused at once. */
void broker_submit(struct broker *broker, const struct broker_transition *transition);

/*
 * Asks for the events of a ride after `from`, for a client that missed more than the gateway remembers. The
 * answer is a HISTORY with the same ticket; `ok` false: the log does not reach back that far, has more than
 * REPLAY_EVENTS_MAX or REPLAY_BYTES_MAX, or cannot be read. With a `socket_id` (copied; NULL: none) that is
 * not aboard, also: the last of the REPLAY_BEFORE events up to `from` that is about this socket has ended it,
 * or not all of them are there. While the server that has the ride is away it waits, until broker_forget().
 */
void broker_replay(struct broker *broker, const char *ride, const struct broker_position *from,
                   const char *socket_id, uint64_t ticket);

/* Nobody waits for that HISTORY any more: no more is read for it. It comes all the same, without success
 * unless it was on its way. */
void broker_forget(struct broker *broker, uint64_t ticket);

/* What is known here of a watched ride is not what the store has, though no event is missing. If that lasts,
 * the ride begins a new epoch, and what the store has comes as a ROSTER. */
void broker_reread(struct broker *broker, const char *ride);

/* What this gateway says of itself to the others: a JSON object of at most ABOUT_MAX bytes. A reference is
 * taken. */
void broker_about(struct broker *broker, struct blob *json);

/* Asks what all of them say: a SURVEY comes. */
void broker_survey(struct broker *broker);

/* Connections of this node's clients whose riders are aboard. */
uint64_t broker_riders_held(const struct broker *broker);

/* What orders and messages hold that the other thread has not taken yet. */
size_t broker_untaken_bytes(const struct broker *broker);

/* All messages so far, oldest first, linked by `mail.next`; the caller frees each. NULL when there are none.
 */
struct broker_message *broker_take(struct broker *broker);
struct broker_message *broker_message_next(const struct broker_message *message);
void broker_message_free(struct broker_message *message);

#endif
