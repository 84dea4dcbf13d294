/*
 * What stands below the broker contract: a backend, chosen by the URL, behind a table of functions with two
 * rows.
 *
 * broker_thread.c owns the thread, the mailboxes and the signals, and hands each of the gateway's orders to
 * the backend. The backend answers by making messages (broker/message.h) and giving them to outbox_tell(),
 * and upholds what broker.h promises. Everything runs on the broker thread except `open` and `free`, which
 * run on the gateway thread while there is no broker thread.
 */
#ifndef RIDECAST_BROKER_BACKEND_H
#define RIDECAST_BROKER_BACKEND_H

#include "broker/broker.h"
#include "broker/order.h"
#include "broker/outbox.h"

struct backend;
struct broker_metrics;
struct event_base;

/* What a backend is made from. Strings and metrics outlive the backend. */
struct backend_setup {
    struct outbox *outbox;
    struct event_base *base; /* runs on the broker thread; idle until `start` */
    const char *url;
    const char *prefix;
    const char *node_id;
    size_t queue_bytes;
    unsigned connections_per_user;
    size_t roster_bytes;
    uint64_t node_lease_ms;
    uint64_t recovery_window_ms;
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
    /* Takes the order, which gets its HISTORY sooner or later. */
    void (*replay)(struct backend *backend, struct order *order);
    /* Nobody waits for the HISTORY with that ticket: it fails soon, unless it is told already. NULL: it is
     * always told at once. */
    void (*forget)(struct backend *backend, uint64_t ticket);
    /* NULL: what is known of a ride cannot be wrong. */
    void (*reread)(struct backend *backend, const char *ride);
    /* Takes a reference to what this gateway says of itself. */
    void (*about)(struct backend *backend, struct blob *json);
    /* Tells a SURVEY, sooner or later. */
    void (*survey)(struct backend *backend);
    /* The orders of one wake-up have been given. NULL: there is nothing to do then. */
    void (*settle)(struct backend *backend);
    /* Whether what is ordered now would only wait for an answer from outside, which comes or fails soon: then
     * nobody need wake the thread for it. NULL: never. */
    bool (*busy)(const struct backend *backend);
    /* No more orders come. Called until it says true: every order has its answer, and what this node holds
     * outside is given back. After false it is called again after outbox_progress(). */
    bool (*finish)(struct backend *backend);
    /* The last call on the broker thread: leaves the outside world; a transition without a result gets
     * `error` as its result, a replay fails. */
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

#endif
