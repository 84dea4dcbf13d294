/*
 * What a rider is, for the two files that see inside: rider.c (transitions) and rider_return.c (coming back).
 * Everybody else includes rider.h.
 */
#ifndef RIDECAST_GATEWAY_RIDES_RIDER_STATE_H
#define RIDECAST_GATEWAY_RIDES_RIDER_STATE_H

#include "broker/broker.h"
#include "common/hash.h"
#include "gateway/rides/ride.h"

#include <stdbool.h>
#include <stdint.h>

struct ack;
struct bucket;
struct pending;
struct question;
struct rider_ops;
struct rider_options;
struct riders;

enum rider_state {
    RIDER_ON,          /* joined, or about to be by rider_join() */
    RIDER_RESUMING,    /* the broker has been asked for the socket */
    RIDER_CATCHING_UP, /* the socket is here; the broker has been asked for what was missed */
};

/* What a client that comes back has had, and what becomes of that: RESUMING and on, until it has joined. */
struct comeback {
    struct broker_position from; /* what the client has had */
    uint64_t began;              /* the offset at which its stream began */
    struct broker_message *past; /* what the broker remembers after it; NULL: the ride does */
    uint64_t charged;            /* bytes of it that its address has been charged with */
    bool recovered;              /* rider_join() sends what was missed */
};

/* One for each client on each ride: what only some need for a while is kept outside of it. */
struct rider {
    struct riders *riders;
    char id[SOCKET_ID_LEN + 1];
    enum rider_state state : 8;
    enum wire_form form : 8;
    bool aboard;    /* as far as the broker has said */
    bool returned;  /* another gateway may have had the socket before */
    bool elsewhere; /* another gateway has put the socket aboard since it was asked for here */
    bool exiting;   /* an exit was submitted: what the client still sends is ignored */
    bool evicted;   /* the socket is somewhere else now: it is not this rider's to give up */
    struct ride *ride;
    const struct rider_ops *ops;
    void *client;
    struct bucket *pace;       /* the client's; NULL: none */
    struct member member;      /* on no ride until rider_join(); its outlet is the client's all the same */
    uint64_t tenure;           /* of the socket, as the broker says (broker.h) */
    struct comeback *comeback; /* NULL: it is new, or has joined */
    struct pending *pending;   /* oldest first, and so are the questions */
    struct question *questions;
    UT_hash_handle hh; /* in riders->by_id, unless evicted */
};

/* --- rider.c --- */

/* Puts a client on a ride as that socket, without events yet. */
struct rider *rider_add(struct riders *riders, const struct rider_options *options, const char *id);

/* The socket belongs to another connection now, here or on another node. */
void rider_evict(struct rider *rider);

/* The one user id that its client may board and exit with: see subject() in struct rider_ops. */
const char *rider_subject(const struct rider *rider);

/* Hands a transition of its to the broker, or holds it back until the ride is live. `waits` false: the rider
 * is going, nobody waits for the result. */
void rider_submit(struct rider *rider, enum broker_transition_kind kind, struct blob *user,
                  const struct ack *ack, bool waits);

/* A ticket for a transition about to be submitted. `rider` NULL: nobody waits for its result. */
uint64_t rider_remember(struct riders *riders, struct rider *rider, enum broker_transition_kind kind,
                        const struct ack *ack);

/* Forgets a ticket whose result has come. Returns who has waited for it; NULL: nobody. */
struct rider *rider_forget(struct riders *riders, uint64_t ticket);

/* Whether a boarding that it has said has no result yet. */
bool rider_said_boarding(const struct rider *rider);

/* --- rider_return.c --- */

/* What became of its RESUME: the socket is this rider's, if `result` is ok. */
void rider_resume_settled(struct rider *rider, const struct broker_message *result);

/* What it has had, and what it missed, is of no interest any more. */
void rider_end_comeback(struct rider *rider);

#endif
