/*
 * What the gateway asks of the broker thread: made by the functions of broker.h, carried out by a backend.
 */
#ifndef RIDECAST_BROKER_ORDER_H
#define RIDECAST_BROKER_ORDER_H

#include "broker/broker.h"

enum order_kind {
    ORDER_WATCH,
    ORDER_UNWATCH,
    ORDER_SUBMIT,
    ORDER_REPLAY,
    ORDER_FORGET,
    ORDER_REREAD,
    ORDER_ABOUT,
    ORDER_SURVEY,
    ORDER_STOP,
};

struct order {
    struct mail mail; /* first: the mailbox's */
    enum order_kind kind;
    char ride[RIDE_NAME_MAX + 1]; /* of those about a ride */

    /* SUBMIT, as in struct broker_transition; `user` is a reference of its own. */
    enum broker_transition_kind transition;
    char socket_id[SOCKET_ID_LEN + 1]; /* REPLAY: of a client that is not aboard; empty: of another */
    struct blob *user;                 /* ABOUT: what this gateway says of itself */

    struct broker_position from; /* REPLAY */
    uint64_t ticket;             /* SUBMIT, REPLAY; FORGET: of the REPLAY */
    uint64_t tenure;             /* SUBMIT, and so is `returned` */
    bool returned;
};

/* About a ride, or with an empty name about none. Freed with order_free(). Any thread. */
struct order *order_new(enum order_kind kind, const char *ride);

/* Any thread. NULL is harmless. */
void order_free(struct order *order);

#endif
