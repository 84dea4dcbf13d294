/*
 * The broker: carries the gateway's orders to the backend, and what comes of them back, with the process'
 * signals. It runs on a thread of its own (loop_thread.h), turn by turn.
 *
 *   broker_watch, _submit … ─▶ inbox ── wake ──▶ end_turn ─▶ backend
 *   broker_take ◀─ outbox ◀─ wake() ── end_turn ◀─ outbox_tell ── backend, signals
 *
 * Stopping: the last order is STOP; the loop then runs until the backend has given every answer and has left
 * in good order, or for a second.
 */
#include "broker/broker.h"

#include "broker/backend.h"
#include "broker/broker_metrics.h"
#include "broker/loop_thread.h"
#include "broker/message.h"
#include "common/alloc.h"
#include "common/id.h"
#include "common/metrics.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STOP_LIMIT_S = 1, PREFIX_MAX = 128, NODE_ID_MAX = 64 };

static const char stopping_error[] = "the gateway is stopping";

enum broker_phase {
    PHASE_NEW,     /* orders pile up in the inbox */
    PHASE_RUNNING, /* the thread runs */
    PHASE_STOPPED, /* no thread any more: transitions are refused at once */
};

struct broker {
    char *url, *prefix, *node_id;
    struct broker_metrics metrics;
    struct mailbox *inbox;
    struct outbox outbox;
    enum broker_phase phase; /* the gateway thread's */
    struct loop_thread *thread;

    /* The broker thread's, while it runs. */
    struct backend *backend;
    struct event *finish;   /* while stopping: look whether everything is done */
    struct event *deadline; /* while stopping: time is up */
    bool stopping;
};

/* While stopping: something that `finish` waited for may have happened. */
static void look_again(void *arg)
{
    struct broker *broker = arg;

    if (broker->stopping)
        event_active(broker->finish, 0, 0);
}

static void give_order(struct backend *backend, struct order *order)
{
    switch (order->kind) {
    case ORDER_WATCH:
        backend->row->watch(backend, order->ride);
        break;
    case ORDER_UNWATCH:
        backend->row->unwatch(backend, order->ride);
        break;
    case ORDER_SUBMIT:
        backend->row->submit(backend, order); /* takes it */
        return;
    case ORDER_REPLAY:
        backend->row->replay(backend, order); /* takes it */
        return;
    case ORDER_FORGET:
        if (backend->row->forget)
            backend->row->forget(backend, order->ticket);
        break;
    case ORDER_REREAD:
        if (backend->row->reread)
            backend->row->reread(backend, order->ride);
        break;
    case ORDER_ABOUT:
        backend->row->about(backend, order->user);
        break;
    case ORDER_SURVEY:
        backend->row->survey(backend);
        break;
    case ORDER_STOP:
        break;
    }
    order_free(order);
}

static void begin_stopping(struct broker *broker)
{
    static const struct timeval limit = {.tv_sec = STOP_LIMIT_S};

    broker->stopping = true;
    event_add(broker->deadline, &limit);
    event_active(broker->finish, 0, 0);
}

static void take_orders(struct broker *broker)
{
    struct order *order = (struct order *)mailbox_take(broker->inbox), *next;

    if (!order)
        return;
    for (; order; order = next) {
        next = (struct order *)order->mail.next;
        if (order->kind == ORDER_STOP)
            begin_stopping(broker);
        give_order(broker->backend, order);
    }
    if (broker->backend->row->settle)
        broker->backend->row->settle(broker->backend);
}

static bool is_busy(const struct broker *broker)
{
    return broker->backend->row->busy && broker->backend->row->busy(broker->backend);
}

/* Whatever has brought the turn, all orders that there are are taken with it, and what it has for the gateway
 * goes there at once. */
static void end_turn(void *arg)
{
    struct broker *broker = arg;

    do
        take_orders(broker);
    while (!mailbox_hush(broker->inbox, is_busy(broker)));
    outbox_post(&broker->outbox);
}

static void take_signal(int number, void *arg)
{
    struct broker *broker = arg;

    outbox_tell(&broker->outbox, number == SIGHUP ? message_reload() : message_signal());
}

static void end_when_done(evutil_socket_t fd, short what, void *arg)
{
    struct broker *broker = arg;

    (void)fd, (void)what;
    if (broker->backend->row->finish(broker->backend))
        loop_thread_leave(broker->thread);
}

static void end_now(evutil_socket_t fd, short what, void *arg)
{
    struct broker *broker = arg;

    (void)fd, (void)what;
    loop_thread_leave(broker->thread);
}

static void begin(void *arg)
{
    struct broker *broker = arg;

    broker->backend->row->start(broker->backend);
}

static void end(void *arg)
{
    struct broker *broker = arg;

    broker->backend->row->stop(broker->backend, stopping_error);
    outbox_post(&broker->outbox);
}

/* Runs on whichever thread posts an order. */
static void wake_broker(void *arg)
{
    struct broker *broker = arg;

    loop_thread_wake(broker->thread);
}

#define FIELD(f)   .offset = offsetof(struct broker_metrics, f)
#define COUNTER(f) .type = METRIC_COUNTER, FIELD(f)
#define GAUGE(f)   .type = METRIC_GAUGE, FIELD(f)

/* clang-format off */
static const struct metric_row metric_rows[] = {
    {"ridecast_broker_up", GAUGE(up), .help = "Whether the broker is reachable and ready"},
    {"ridecast_broker_servers", GAUGE(servers_up), .labels = "state=\"up\"",
     .help = "Servers that the broker has its rides on"},
    {"ridecast_broker_servers", GAUGE(servers_away), .labels = "state=\"away\"",
     .help = "Servers that the broker has its rides on"},
    {"ridecast_broker_queue_bytes", GAUGE(queue_bytes), .help = "Memory held by transitions without an answer"},
    {"ridecast_broker_reconnects_total", COUNTER(reconnects),
     .help = "Times a server of the broker, or one in its place, came back"},
    {"ridecast_broker_gaps_total", COUNTER(gaps), .help = "Gaps found in the order of events"},
    {"ridecast_broker_replays_total", COUNTER(replays), .help = "Times missed events were read from the log"},
    {"ridecast_broker_rosters_total", COUNTER(rosters), .help = "Rosters handed to the gateway"},
    {"ridecast_broker_bad_messages_total", COUNTER(bad_messages),
     .help = "Malformed or forged records met in Redis"},
    {"ridecast_transitions_total", COUNTER(transitions_ok), .labels = "result=\"ok\"",
     .help = "Transitions by result"},
    {"ridecast_transitions_total", COUNTER(transitions_refused), .labels = "result=\"refused\"",
     .help = "Transitions by result"},
    {"ridecast_broker_latency_seconds", .type = METRIC_HISTOGRAM, FIELD(latency), .bounds = &metric_bounds_times,
     .help = "From a transition's being sent to Redis to its answer"},
    {"ridecast_broker_leases_lost_total", COUNTER(leases_lost),
     .help = "Times this node's lease was gone when it was to be renewed"},
    {"ridecast_nodes_reaped_total", COUNTER(nodes_reaped), .help = "Dead nodes that this one found riders of"},
    {"ridecast_riders_held", GAUGE(riders_held), .help = "Connections of this node whose riders are aboard"},
    {"ridecast_riders_reaped_total", COUNTER(riders_reaped),
     .help = "Connections of dead nodes that were suspended, or ended without a window"},
    {"ridecast_riders_swept_total", COUNTER(riders_swept),
     .help = "Suspended connections whose recovery window has passed"},
    {"ridecast_riders_restored_total", COUNTER(riders_restored),
     .help = "Riders that this node put back into the set"},
    {"ridecast_riders_evicted_total", COUNTER(riders_evicted), .help = "Sockets that another node has taken over"},
};
/* clang-format on */

/* Spaces separate fields in what Redis keeps. */
static bool has_space_or_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return true;
    return false;
}

static int check_names(const struct broker_options *options, char *error, size_t error_size)
{
    if (strlen(options->prefix) > PREFIX_MAX || has_space_or_control(options->prefix)) {
        snprintf(error, error_size, "the prefix must have at most %d bytes and no spaces", PREFIX_MAX);
        return -1;
    }
    if (strlen(options->node_id) > NODE_ID_MAX || has_space_or_control(options->node_id)) {
        snprintf(error, error_size, "the node id must have at most %d bytes and no spaces", NODE_ID_MAX);
        return -1;
    }
    return 0;
}

static char *node_id_or_random(const char *given)
{
    char random[ID_LEN + 1];

    if (*given)
        return alloc_text(given, strlen(given));
    id_make(random, ID_LEN);
    return alloc_text(random, ID_LEN);
}

static int open_backend(struct broker *broker, const struct broker_options *options, char *error,
                        size_t error_size)
{
    const struct backend_setup setup = {
        .outbox = &broker->outbox,
        .base = loop_thread_base(broker->thread),
        .url = broker->url,
        .prefix = broker->prefix,
        .node_id = broker->node_id,
        .queue_bytes = options->queue_bytes,
        .connections_per_user = options->connections_per_user,
        .roster_bytes = options->roster_bytes,
        .node_lease_ms = options->node_lease_ms,
        .recovery_window_ms = options->recovery_window_ms,
        .metrics = &broker->metrics,
    };
    const struct backend_row *row = strcmp(broker->url, "memory") == 0 ? &backend_memory : &backend_redis;

    broker->backend = row->open(&setup, error, error_size);
    return broker->backend ? 0 : -1;
}

struct broker *broker_new(const struct broker_options *options, char *error, size_t error_size)
{
    if (check_names(options, error, error_size) != 0)
        return NULL;

    struct broker *broker = alloc_zeroed(sizeof *broker);
    const struct loop_thread_setup thread = {
        .begin = begin, .turn = end_turn, .signal = take_signal, .end = end, .arg = broker};

    broker->url = alloc_text(options->url, strlen(options->url));
    broker->prefix = alloc_text(options->prefix, strlen(options->prefix));
    broker->node_id = node_id_or_random(options->node_id);
    metrics_add_rows(options->metrics, metric_rows, sizeof metric_rows / sizeof metric_rows[0],
                     &broker->metrics);
    broker->inbox = mailbox_new(wake_broker, broker);
    broker->outbox = (struct outbox){
        .mailbox = mailbox_new(options->wake, options->wake_arg),
        .metrics = &broker->metrics,
        .progress = look_again,
        .arg = broker,
    };
    broker->thread = loop_thread_new(&thread);
    if (!broker->thread) {
        snprintf(error, error_size, "cannot set up the broker thread: %s", strerror(errno));
        goto fail;
    }
    if (open_backend(broker, options, error, error_size) != 0)
        goto fail;
    return broker;
fail:
    broker_free(broker);
    return NULL;
}

static int make_events(struct broker *broker)
{
    struct event_base *base = loop_thread_base(broker->thread);

    broker->finish = event_new(base, -1, 0, end_when_done, broker);
    broker->deadline = event_new(base, -1, 0, end_now, broker);
    return broker->finish && broker->deadline ? 0 : -1;
}

int broker_start(struct broker *broker, char *error, size_t error_size)
{
    assert(broker->phase == PHASE_NEW);
    if (make_events(broker) != 0 || loop_thread_start(broker->thread) != 0) {
        snprintf(error, error_size, "cannot start the broker thread: %s", strerror(errno));
        return -1;
    }
    broker->phase = PHASE_RUNNING;
    return 0;
}

/* Orders that no thread will take any more. */
static void refuse_orders(struct broker *broker)
{
    struct order *next;

    for (struct order *order = (struct order *)mailbox_take(broker->inbox); order; order = next) {
        next = (struct order *)order->mail.next;
        if (order->kind == ORDER_SUBMIT)
            outbox_tell(&broker->outbox, message_refused(order, stopping_error));
        if (order->kind == ORDER_REPLAY)
            outbox_tell(&broker->outbox, message_no_history(order));
        if (order->kind == ORDER_SURVEY)
            outbox_tell(&broker->outbox, message_survey(NULL));
        order_free(order);
    }
    outbox_post(&broker->outbox);
}

static void post_order(struct broker *broker, struct order *order)
{
    order->mail.bytes = sizeof *order + (order->user ? order->user->len : 0);
    mailbox_post(broker->inbox, &order->mail);
    if (broker->phase == PHASE_STOPPED)
        refuse_orders(broker);
}

void broker_stop(struct broker *broker)
{
    if (broker->phase != PHASE_RUNNING)
        return;
    post_order(broker, order_new(ORDER_STOP, ""));
    wake_broker(broker);
    loop_thread_join(broker->thread);
    broker->phase = PHASE_STOPPED;
    broker->stopping = false;
    refuse_orders(broker);
}

static void event_drop(struct event *event)
{
    if (event)
        event_free(event);
}

static void mailboxes_drop(struct broker *broker)
{
    struct order *next;

    if (broker->inbox)
        for (struct order *order = (struct order *)mailbox_take(broker->inbox); order; order = next) {
            next = (struct order *)order->mail.next;
            order_free(order);
        }
    if (broker->outbox.mailbox)
        for (struct broker_message *message = broker_take(broker), *after; message; message = after) {
            after = broker_message_next(message);
            broker_message_free(message);
        }
    mailbox_free(broker->inbox);
    mailbox_free(broker->outbox.mailbox);
}

void broker_free(struct broker *broker)
{
    if (!broker)
        return;
    assert(broker->phase != PHASE_RUNNING);
    if (broker->backend)
        broker->backend->row->free(broker->backend);
    mailboxes_drop(broker);
    event_drop(broker->finish);
    event_drop(broker->deadline);
    loop_thread_free(broker->thread);
    free(broker->url);
    free(broker->prefix);
    free(broker->node_id);
    free(broker);
}

void broker_watch(struct broker *broker, const char *ride)
{
    post_order(broker, order_new(ORDER_WATCH, ride));
}

void broker_unwatch(struct broker *broker, const char *ride)
{
    post_order(broker, order_new(ORDER_UNWATCH, ride));
}

void broker_submit(struct broker *broker, const struct broker_transition *transition)
{
    struct order *order = order_new(ORDER_SUBMIT, transition->ride);

    assert(strlen(transition->socket_id) == SOCKET_ID_LEN);
    assert((transition->kind == BROKER_BOARD || transition->kind == BROKER_EXIT) == !!transition->user);
    order->transition = transition->kind;
    memcpy(order->socket_id, transition->socket_id, SOCKET_ID_LEN);
    order->user = transition->user ? blob_ref(transition->user) : NULL;
    order->ticket = transition->ticket;
    order->tenure = transition->tenure;
    order->returned = transition->returned;
    post_order(broker, order);
}

void broker_replay(struct broker *broker, const char *ride, const struct broker_position *from,
                   const char *socket_id, uint64_t ticket)
{
    struct order *order = order_new(ORDER_REPLAY, ride);

    order->from = *from;
    if (socket_id)
        memcpy(order->socket_id, socket_id, SOCKET_ID_LEN);
    order->ticket = ticket;
    post_order(broker, order);
}

void broker_forget(struct broker *broker, uint64_t ticket)
{
    struct order *order = order_new(ORDER_FORGET, "");

    order->ticket = ticket;
    post_order(broker, order);
}

void broker_reread(struct broker *broker, const char *ride)
{
    post_order(broker, order_new(ORDER_REREAD, ride));
}

void broker_about(struct broker *broker, struct blob *json)
{
    struct order *order = order_new(ORDER_ABOUT, "");

    assert(json->len <= ABOUT_MAX);
    order->user = blob_ref(json);
    post_order(broker, order);
}

void broker_survey(struct broker *broker)
{
    post_order(broker, order_new(ORDER_SURVEY, ""));
}

uint64_t broker_riders_held(const struct broker *broker)
{
    return (uint64_t)metric_get(broker->metrics.riders_held);
}

size_t broker_untaken_bytes(const struct broker *broker)
{
    return mailbox_bytes(broker->inbox) + mailbox_bytes(broker->outbox.mailbox);
}

struct broker_message *broker_take(struct broker *broker)
{
    return (struct broker_message *)mailbox_take(broker->outbox.mailbox);
}
