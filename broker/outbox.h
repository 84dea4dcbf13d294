/*
 * The way from a backend to the gateway: counts a message and posts it. Broker thread, and the gateway's
 * while there is no broker thread.
 */
#ifndef RIDECAST_BROKER_OUTBOX_H
#define RIDECAST_BROKER_OUTBOX_H

struct broker_message;
struct broker_metrics;
struct mailbox;

struct outbox {
    struct mailbox *mailbox;              /* what broker_take() empties */
    const struct broker_metrics *metrics; /* outlive it */
    void (*progress)(void *arg);          /* see outbox_progress() */
    void *arg;
};

/* Hands a message to the gateway; takes it. */
void outbox_tell(struct outbox *outbox, struct broker_message *message);

/* Something that a backend's `finish` may have waited for has happened; telling a message says so too. */
void outbox_progress(struct outbox *outbox);

#endif
