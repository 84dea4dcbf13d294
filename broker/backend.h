/*
 * What stands below the broker contract: a backend, chosen by the URL, behind a table of functions with two
 * rows.
 *
 * broker.c owns the thread, the mailboxes and the signals, and hands each of the gateway's orders to the
 * backend. The backend answers by making messages (broker/message.h) and giving them to broker_tell(), and
 * upholds what broker.h promises. Everything runs on the broker thread except `open` and `free`, which run on
 * the gateway thread while there is no broker thread.
 */
#ifndef RIDECAST_BROKER_BACKEND_H
#define RIDECAST_BROKER_BACKEND_H

#include "broker/broker.h"

struct backend;
struct event_base;
struct metric;

enum order_kind { ORDER_WATCH, ORDER_UNWATCH, ORDER_SUBMIT, ORDER_STOP };

/* One order from the gateway to the broker thread. */
struct order {
    struct mail mail; /* first: the mailbox's */
    enum order_kind kind;
    char ride[RIDE_NAME_MAX + 1]; /* all but STOP */

    enum broker_transition_kind
        transition; /* SUBMIT, as in struct broker_transition; `user` is a reference of its own */
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    uint64_t ticket;
};

/* NULL is harmless. */
void order_free(struct order *order);

/* The broker's series in the registry. */
struct broker_metrics {
    struct metric *up;
    struct metric *queue_bytes;
    struct metric *reconnects;
    struct metric *gaps;
    struct metric *replays;
    struct metric *rosters;
    struct metric *bad_messages;
    struct metric *transitions_ok;
    struct metric *transitions_refused;
};

/* What a backend is made from. Strings and metrics outlive the backend. */
struct backend_setup {
    struct broker *broker;
    struct event_base *base; /* runs on the broker thread; idle until `start` */
    const char *url;
    const char *prefix;
    const char *node_id;
    size_t queue_bytes;
    const struct broker_metrics *metrics;
};

struct backend_row {
    /* Checks the setup and makes a backend at rest. NULL with one line in `error`. */
    struct backend *(*open)(const struct backend_setup *setup, char *error, size_t error_size);
    void (*start)(struct backend *backend);
    void (*watch)(struct backend *backend, const char *ride);
    void (*unwatch)(struct backend *backend, const char *ride);
    /* Takes the order, which gets its result sooner or later. */
    void (*submit)(struct backend *backend, struct order *order);
    /* Whether some transition still waits for its result. */
    bool (*busy)(const struct backend *backend);
    /* The last call on the broker thread: leaves the outside world; what has no result yet gets `error` as
     * its result. */
    void (*stop)(struct backend *backend, const char *error);
    /* Frees a stopped or never started backend. */
    void (*free)(struct backend *backend);
};

/* First member of each backend's own struct. */
struct backend {
    const struct backend_row *row;
    struct backend_setup setup;
};

extern const struct backend_row backend_memory, backend_redis;

/* Hands a message to the gateway; takes it. */
void broker_tell(struct broker *broker, struct broker_message *message);

#endif
