#include "tests/fuzz/gateway_world.h"

#include "broker/backend.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/process.h"
#include "gateway/gateway.h"
#include "gateway/net/net.h"
#include "tests/fuzz/backend_host.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virtual.h"
#include "tests/lib/virtual_clock.h"

#include <string.h>
#include <utlist.h>

enum { PIECES_MAX = 100000 };

struct net {
    struct net_options options;
    struct conn *conns;
    size_t count; /* of those with data */
    bool woken, stopped, running;
};

struct broker {
    struct broker_options options;
    struct backend *backend;
    struct outbox outbox; /* never filled: what would go there is overheard and posted */
    struct mailbox *orders, *messages;
    bool away; /* orders wait */
};

static struct net *world_net;
static struct broker *world_broker;
static void (*world_drive)(void);
static void (*world_overhear)(const struct broker_message *message);

/* --- the process --- */

uint64_t process_resident_bytes(void)
{
    return 1;
}

void process_usage(struct process_usage *usage)
{
    *usage = (struct process_usage){.resident_bytes = 1};
}

/* --- the network --- */

struct net *net_new(const struct net_options *options, char *error, size_t error_size)
{
    struct net *net = calloc(1, sizeof *net);

    (void)error, (void)error_size;
    CHECK(net);
    net->options = *options;
    world_net = net;
    return net;
}

static void settle(struct net *net)
{
    net->options.handler->settle(net->options.owner);
}

void net_run(struct net *net)
{
    net->running = true;
    world_drive();
    net->running = false;
    for (struct conn *conn = net->conns; conn; conn = conn->next) {
        void *data = conn->data;
        conn->data = NULL;
        if (data)
            net->options.handler->closed(data);
    }
}

void net_free(struct net *net)
{
    if (!net)
        return;
    while (net->conns)
        world_hang_up(net->conns);
    free(net);
}

void net_stop(struct net *net)
{
    net->stopped = true;
}

void net_wake(struct net *net)
{
    net->woken = true;
}

const char *net_address(const struct net *net)
{
    (void)net;
    return "here:1";
}

const char *net_admin_address(const struct net *net)
{
    (void)net;
    return "";
}

size_t net_connection_count(const struct net *net)
{
    return net->count;
}

const char *net_version(void)
{
    return "none";
}

uint64_t net_refused_count(const struct net *net)
{
    (void)net;
    return 0;
}

bool net_starved(const struct net *net)
{
    (void)net;
    return false;
}

void conn_write(struct conn *conn, const void *data, size_t n)
{
    if (!conn)
        return;
    CHECK(conn->data);
    CHECK(!buf_append(&conn->heard, data, n));
    conn->blocked = conn->stalled;
}

bool conn_progressed(const struct conn *conn, uint32_t *mark)
{
    (void)conn, (void)mark;
    return false;
}

bool conn_blocked(const struct conn *conn)
{
    return conn && conn->blocked;
}

static void let_go(struct conn *conn)
{
    if (!conn)
        return;
    CHECK(conn->data);
    conn->data = NULL;
    conn->net->count--;
}

void conn_close(struct conn *conn, void *lingering)
{
    let_go(conn);
    if (lingering)
        world_net->options.handler->lingered(lingering);
}

void conn_abort(struct conn *conn)
{
    let_go(conn);
}

bool conn_is_admin(const struct conn *conn)
{
    (void)conn;
    return false;
}

/* --- the broker --- */

struct broker *broker_new(const struct broker_options *options, char *error, size_t error_size)
{
    struct broker *broker = calloc(1, sizeof *broker);

    CHECK(broker);
    broker->options = *options;
    broker->outbox.arg = broker;
    const struct backend_setup setup = {
        .outbox = &broker->outbox,
        .connections_per_user = options->connections_per_user,
        .recovery_window_ms = options->recovery_window_ms,
        .metrics = any_metrics(options->metrics),
    };

    broker->backend = backend_memory.open(&setup, error, error_size);
    broker->orders = mailbox_new(NULL, NULL);
    broker->messages = mailbox_new(options->wake, options->wake_arg);
    CHECK(broker->backend && broker->orders && broker->messages);
    world_broker = broker;
    return broker;
}

int broker_start(struct broker *broker, char *error, size_t error_size)
{
    (void)error, (void)error_size;
    broker->backend->row->start(broker->backend);
    return 0;
}

static void carry_out(struct broker *broker, struct order *order)
{
    const struct backend_row *row = broker->backend->row;

    switch (order->kind) {
    case ORDER_WATCH:
        row->watch(broker->backend, order->ride);
        break;
    case ORDER_UNWATCH:
        row->unwatch(broker->backend, order->ride);
        break;
    case ORDER_SUBMIT:
        row->submit(broker->backend, order);
        return;
    case ORDER_REPLAY:
        row->replay(broker->backend, order);
        return;
    case ORDER_ABOUT:
        row->about(broker->backend, order->user);
        break;
    case ORDER_SURVEY:
        row->survey(broker->backend);
        break;
    case ORDER_FORGET: /* it has been told */
    case ORDER_REREAD: /* memory cannot be wrong */
    case ORDER_STOP:
        break;
    }
    order_free(order);
}

static void carry_out_all(struct broker *broker)
{
    struct order *next;

    for (struct order *order = (struct order *)mailbox_take(broker->orders); order; order = next) {
        next = (struct order *)order->mail.next;
        carry_out(broker, order);
    }
}

void broker_stop(struct broker *broker)
{
    carry_out_all(broker);
    broker->backend->row->stop(broker->backend, "the end");
}

void broker_free(struct broker *broker)
{
    struct broker_message *next;

    if (!broker)
        return;
    broker->backend->row->free(broker->backend);
    carry_out_all(broker);
    for (struct broker_message *message = broker_take(broker); message; message = next) {
        next = broker_message_next(message);
        broker_message_free(message);
    }
    mailbox_free(broker->orders);
    mailbox_free(broker->messages);
    free(broker);
}

static struct order *give_order(struct broker *broker, enum order_kind kind, const char *ride)
{
    struct order *order = alloc_zeroed(sizeof *order);

    CHECK(strlen(ride) <= RIDE_NAME_MAX);
    order->kind = kind;
    strcpy(order->ride, ride);
    mailbox_post(broker->orders, &order->mail);
    return order;
}

void broker_watch(struct broker *broker, const char *ride)
{
    give_order(broker, ORDER_WATCH, ride);
}

void broker_unwatch(struct broker *broker, const char *ride)
{
    give_order(broker, ORDER_UNWATCH, ride);
}

void broker_submit(struct broker *broker, const struct broker_transition *transition)
{
    struct order *order = give_order(broker, ORDER_SUBMIT, transition->ride);

    CHECK(strlen(transition->socket_id) == SOCKET_ID_LEN);
    order->transition = transition->kind;
    strcpy(order->socket_id, transition->socket_id);
    order->user = transition->user ? blob_ref(transition->user) : NULL;
    order->ticket = transition->ticket;
}

void broker_replay(struct broker *broker, const char *ride, const struct broker_position *from,
                   const char *socket_id, uint64_t ticket)
{
    struct order *order = give_order(broker, ORDER_REPLAY, ride);

    CHECK(!socket_id || strlen(socket_id) == SOCKET_ID_LEN);
    order->from = *from;
    order->ticket = ticket;
}

void broker_forget(struct broker *broker, uint64_t ticket)
{
    give_order(broker, ORDER_FORGET, "")->ticket = ticket;
}

void broker_about(struct broker *broker, struct blob *json)
{
    give_order(broker, ORDER_ABOUT, "")->user = blob_ref(json);
}

void broker_reread(struct broker *broker, const char *ride)
{
    give_order(broker, ORDER_REREAD, ride);
}

void broker_survey(struct broker *broker)
{
    give_order(broker, ORDER_SURVEY, "");
}

uint64_t broker_riders_held(const struct broker *broker)
{
    (void)broker;
    return 0;
}

size_t broker_untaken_bytes(const struct broker *broker)
{
    return mailbox_bytes(broker->orders) + mailbox_bytes(broker->messages);
}

struct broker_message *broker_take(struct broker *broker)
{
    return (struct broker_message *)mailbox_take(broker->messages);
}

static void tell(struct broker *broker, struct broker_message *message)
{
    world_overhear(message);
    mailbox_post(broker->messages, &message->mail);
}

void outbox_tell(struct outbox *outbox, struct broker_message *message)
{
    tell(outbox->arg, message);
}

void outbox_progress(struct outbox *outbox)
{
    (void)outbox;
}

/* --- what targets do --- */

bool world_stopped(void)
{
    return world_net->stopped;
}

void world_turn(void)
{
    unsigned turns = 0;

    do {
        CHECK(++turns < PIECES_MAX);
        if (!world_broker->away)
            carry_out_all(world_broker);
        if (!world_net->woken)
            return;
        world_net->woken = false;
        world_net->options.handler->woken(world_net->options.owner);
        world_net->options.handler->due(world_net->options.owner);
        settle(world_net);
    } while (true);
}

void world_jump(uint64_t ms)
{
    virtual_pass_ms(ms);
    while (virtual_fire())
        ;
    world_net->options.handler->due(world_net->options.owner);
    settle(world_net);
    world_turn();
}

void world_pass(uint64_t ms)
{
    uint64_t end_ms = clock_ms() + ms;

    while (clock_ms() < end_ms) {
        uint64_t next_ms = timers_next_ms(world_net->options.timers);

        if (virtual_next_ms() < next_ms)
            next_ms = virtual_next_ms();
        if (next_ms <= clock_ms())
            next_ms = clock_ms() + 1; /* what is set for now during a run is due a millisecond later */
        world_jump((next_ms < end_ms ? next_ms : end_ms) - clock_ms());
    }
}

void world_broker_says(struct broker_message *message)
{
    tell(world_broker, message);
    world_turn();
}

void world_broker_away(bool away)
{
    struct broker_message *state = alloc_zeroed(sizeof *state);

    state->kind = BROKER_STATE;
    state->up = !away;
    world_broker->away = away;
    world_broker_says(state);
}

struct conn *world_connect(const char *address)
{
    const struct net_handler *handler = world_net->options.handler;
    struct ip peer;

    CHECK(!ip_parse(&peer, address, strlen(address)));
    if (handler->refusal(world_net->options.owner, &peer,
                         world_net->count >= world_net->options.max_connections))
        return NULL;
    struct conn *conn = calloc(1, sizeof *conn);

    CHECK(conn);
    conn->net = world_net;
    conn->peer = peer;
    buf_init(&conn->heard, SIZE_MAX / 2);
    DL_APPEND(world_net->conns, conn);
    world_net->count++;
    conn->data = handler->opened(world_net->options.owner, conn, &conn->peer);
    CHECK(conn->data);
    settle(world_net);
    return conn;
}

bool world_send(struct conn *conn, const void *bytes, size_t n)
{
    bool taken = conn->data && !conn->blocked && n;

    if (taken) {
        char *copy = fuzz_copy(bytes, n);

        conn->net->options.handler->received(conn->data, copy, n);
        free(copy);
        settle(conn->net);
    }
    world_turn();
    return taken;
}

void world_stall(struct conn *conn, bool stalled)
{
    conn->stalled = stalled;
    if (!stalled && conn->blocked) {
        conn->blocked = false;
        if (conn->data)
            conn->net->options.handler->writable(conn->data);
        settle(conn->net);
    }
    world_turn();
}

void world_hang_up(struct conn *conn)
{
    void *data = conn->data;

    if (data) {
        let_go(conn);
        if (conn->net->running) {
            conn->net->options.handler->closed(data);
            settle(conn->net);
        }
    }
    DL_DELETE(conn->net->conns, conn);
    buf_deinit(&conn->heard);
    free(conn);
    if (world_net->running)
        world_turn();
}

void world_run(const char *const *options, void (*drive)(void),
               void (*overhear)(const struct broker_message *message))
{
    char *argv[64] = {"gateway"}, *environ_list[] = {NULL}, text[200];
    struct config config;
    struct buf error;
    int argc = 1;

    for (; options[argc - 1]; argc++)
        argv[argc] = (char *)options[argc - 1];
    world_drive = drive;
    world_overhear = overhear;
    virtual_begin();
    buf_init(&error, sizeof text);
    CHECK(option_load(&config_program, &config, sizeof config, argc, argv, environ_list, &error) ==
          OPTION_OK);
    buf_deinit(&error);
    struct gateway *gateway = gateway_new(&config, text, sizeof text);

    CHECK(gateway && !gateway_start(gateway, text, sizeof text));
    gateway_run(gateway);
    gateway_free(gateway);
    option_free(&config_program, &config);
    CHECK(virtual_idle());
}
