/*
 * A world for the application: riders that record, and a broker whose lines each test writes. The broker's
 * functions are replaced when the program is linked (presence_world.c), time is tests/lib/virtual_clock.h.
 *
 * Broker and riders write one journal; each test checks and empties it. What a rider hears is written down
 * when a turn ends; what the broker is asked, at once.
 */
#ifndef RIDECAST_TESTS_UNIT_PRESENCE_WORLD_H
#define RIDECAST_TESTS_UNIT_PRESENCE_WORLD_H

#include "gateway/net/peers.h"
#include "gateway/rides/presence.h"
#include "tests/unit/journal.h"

enum {
    QUEUE = 2000,
    USER_MAX = 1024,
    BACKLOG = 1 << 20,
    SUBMITTED_MAX = 64,
    CLIENTS = 3,
    LEASE = 3000,
    WINDOW = 15000
};

/* A client on one ride. */
struct client {
    struct outlet outlet; /* first: the carrier finds its client by it */
    struct world *world;
    const char *name;
    char id[SOCKET_ID_LEN + 1]; /* of its rider, kept after that is gone */
    struct rider *rider;
    const char *subject; /* of its token; NULL: it needs none */
    struct bucket pace;
    bool leaves_at_disconnect;
    bool leaves_when_evicted;
    bool leaves_when_resumed; /* instead of joining */
};

/* What was submitted, for its result. */
struct submitted {
    enum broker_transition_kind kind;
    char ride[RIDE_NAME_MAX + 1];
    char socket_id[SOCKET_ID_LEN + 1];
    uint64_t ticket;
    uint64_t tenure;
    bool returned;
};

struct broker {
    struct world *world;
    struct broker_message *first, **end; /* to be taken */
    struct submitted submitted[SUBMITTED_MAX];
    size_t submitted_count;
};

struct world {
    struct broker broker;
    struct timers *timers;
    struct outlets outlets;
    struct presence_options options;
    struct presence *presence;
    struct client client[CLIENTS];
    const char *epoch;                      /* of what the broker says */
    uint64_t window_ms;                     /* takes effect with start() */
    size_t riders_per_ride;                 /* so does this */
    size_t roster_bytes;                    /* and this */
    struct bucket_rate transitions, events; /* and these, of a client and of a ride */
    struct peers *peers;                    /* and this: what each address may; NULL: anything */
    struct refusals *refusals;              /* NULL: nobody is told */
    struct buf journal;
    unsigned stops, reloads;
};

/* A world as the test's state, with presence for all rides and no rider. At its end all riders leave, and
 * everything must have been given back. */
int setup(void **state);
int teardown(void **state);

/* Presence with other options, or anew; the world owns it, whoever had one before frees that. */
void start(struct world *w, const char *rides);

/* Clients may come back. Nobody is on any ride yet. */
void allow_recovery(struct world *w);

/* --- time --- */

/* A loop turn: what the broker said is handled, and everything is written. */
void turn(struct world *w);

/* Ends the turn, then checks what happened since the last check. */
void assert_journal(struct world *w, const char *expected);

void advance(struct world *w, uint64_t ms);

/* --- the broker's lines, which are handled in the next turn --- */

/* A message of that kind, for more to be filled in; the world owns it. */
struct broker_message *message_new(struct world *w, enum broker_message_kind kind, const char *ride,
                                   uint64_t offset);

/*
 * Records are short here, `1` or `2`: what clients are sent is compared so. Each is whole all the same, with
 * the id of whom it is about.
 */

void in_short(char *text);

/* The set as text, `A1 B2`: A is aboard with record 1, B with record 2. */
struct broker_message *says_roster(struct world *w, const char *ride, uint64_t offset, const char *set);

/* The same of another epoch. */
void says_renumbered(struct world *w, const char *epoch, uint64_t offset, const char *set);

/* An event on the ride /, of whoever has the socket's id as its own; or of somebody else. */
void says_event(struct world *w, uint64_t offset, enum broker_event_kind kind, const char *socket_id,
                const char *user);
void says_event_of(struct world *w, uint64_t offset, enum broker_event_kind kind, const char *socket_id,
                   const char *id, const char *user);

/* The result of the n-th order (transition or replay), counted from 0; `error` NULL: committed at `offset`.
 */
struct broker_message *says_result(struct world *w, size_t n, uint64_t offset, const char *error);

/* The n-th order was a resumption, and a rider was aboard with this record. */
void says_resumed(struct world *w, size_t n, uint64_t offset, const char *user);

/* The n-th order was a replay: all boardings from `first` to `last`, each with its offset (under 10) as
 * record; or they cannot be had. */
struct broker_message *says_history(struct world *w, size_t n, uint64_t first, uint64_t last);
void says_no_history(struct world *w, size_t n);

/* How many the store has aboard /; or whom. */
struct broker_message *says_tally(struct world *w, uint64_t offset, size_t count);
void says_tally_of(struct world *w, uint64_t offset, const char *set);

/* Another node has the socket. */
void says_evicted(struct world *w, const char *ride, const char *socket_id);

/* A secret of one letter. */
void says_secret(struct world *w, char letter);

/* Whether the store is reached. */
void says_up(struct world *w, bool up);

/* --- riders --- */

/* Those of the clients; the argument is the client. */
extern const struct rider_ops OPS;

/* The i-th client's rider comes to a ride, or to /. */
void join_ride(struct world *w, int i, const char *ride);
void join(struct world *w, int i);

/* The first `count` clients are on the ride, whose roster is empty at offset 0. */
void join_live(struct world *w, int count);

/* Its rider ends: the client went, or its connection dropped. Without a rider nothing happens. */
void leave(struct client *client);
void drop(struct client *client);

/* A message of the i-th client. */
extern const struct ack NO_ACK, ACK_5;
void say(struct world *w, int i, const char *json, const struct ack *ack);

#define BOARDING "{\"id\":\"u\",\"name\":\"n\",\"status\":\"boarding\"}"
#define EXITING  "{\"id\":\"u\",\"name\":\"n\",\"status\":\"exiting\"}"
#define AWAY     "the presence store cannot be reached now; try again"

#endif
