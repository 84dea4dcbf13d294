/*
 * The way from a backend to the gateway: messages are counted, gathered and posted. Broker thread, and the
 * gateway's while there is no broker thread.
 */
#ifndef RIDECAST_BROKER_OUTBOX_H
#define RIDECAST_BROKER_OUTBOX_H

#include "common/mailbox.h"

struct broker_message;
struct broker_metrics;

struct outbox {
    struct mailbox *mailbox;              /* what broker_take() empties */
    struct mailbag bag;                   /* told, and not posted yet */
    const struct broker_metrics *metrics; /* outlive it */
    void (*progress)(void *arg);          /* see outbox_progress() */
    void *arg;
};

/* Has a message for the gateway, which it gets with the next outbox_post(); takes it. */
void outbox_tell(struct outbox *outbox, struct broker_message *message);

/* Hands over what has been told, with one wake-up for all of it. */
void outbox_post(struct outbox *outbox);

/* Something that a backend's `finish` may have waited for has happened; telling a message says so too. */
void outbox_progress(struct outbox *outbox);

#endif
