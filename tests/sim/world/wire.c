#include "tests/sim/world/wire.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/buf.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/node.h"
#include "tests/sim/world/trace.h"
#include "tests/sim/world/wire_state.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { READ_BYTES = 16384, WINDOW_LEAST = 4096, WINDOW_MOST = 65536, KILL_US = 10 };

static size_t conn_count;

size_t wire_count(void)
{
    return conn_count;
}

/* --- what happens in the gateway's half --- */

static void settle(struct net *net)
{
    uint64_t next_ms;

    if (net->stopping)
        return;
    net->options.handler->settle(net->options.owner);
    next_ms = timers_next_ms(net->options.timers);
    if (next_ms != UINT64_MAX)
        half_due(&net->half, next_ms * 1000);
}

void wire_turn(void *owner)
{
    struct net *net = owner;
    const struct net_handler *handler = net->options.handler;

    if (net->stopped) {
        node_ends(net->node);
        return;
    }
    /* "Sometimes without one": net.h. */
    if (net->woken || chance_one_in(16))
        handler->woken(net->options.owner);
    net->woken = false;
    handler->due(net->options.owner);
    settle(net);
}

/* Whether the half takes it now. If not, it is for later. */
static bool takes(struct conn *conn, struct happening *happening)
{
    struct half *half = &conn->net->half;

    if (conn->net->stopped)
        return false;
    if (half_held(half))
        schedule_set(happening, half->held_until_us);
    return !half_held(half);
}

void wire_set_unsent(struct conn *conn, size_t n)
{
    budget_move(conn->net->options.budget, BUDGET_ANSWERS, conn->unsent, n);
    conn->unsent = n;
}

static void bury(void *owner)
{
    struct conn *conn = owner;

    flow_deinit(&conn->up);
    flow_deinit(&conn->down);
    conn_count--;
    free(conn);
}

/* Later: one of its streams may be at work. */
static void bury_if_over(struct conn *conn)
{
    if (!conn->net && !conn->user)
        schedule_set(&conn->burial, schedule_now_us());
}

/* The gateway's end is no more. What it has said is still on its way, unless `reset`. */
void wire_gone(struct conn *conn, bool reset)
{
    struct net *net = conn->net;
    const struct net_handler *handler = net->options.handler;
    void *data = conn->data, *lingering = conn->lingering;

    wire_set_unsent(conn, 0);
    if (conn->state != ARRIVING)
        net->count--;
    conn->state = KILLED;
    conn->data = conn->lingering = NULL;
    schedule_cancel(&conn->fate);
    schedule_cancel(&conn->writable);
    flow_close(&conn->up);
    flow_end(&conn->down, reset);
    DL_DELETE(net->conns, conn);
    if (data)
        handler->closed(data);
    if (lingering)
        handler->lingered(lingering);
    conn->net = NULL;
    bury_if_over(conn);
}

static void arrive(struct conn *conn)
{
    struct net *net = conn->net;
    const struct net_handler *handler = net->options.handler;
    const char *answer =
        handler->refusal(net->options.owner, &conn->peer, net->count >= net->options.max_connections);

    if (answer) {
        net->refused++;
        flow_write(&conn->down, answer, strlen(answer));
        wire_gone(conn, false);
        return;
    }
    conn->state = OPEN;
    net->count++;
    conn->data = handler->opened(net->options.owner, conn, &conn->peer);
    if (!conn->data)
        wire_gone(conn, false);
    else
        flow_open(&conn->up, true);
}

static void meet_fate(void *owner)
{
    struct conn *conn = owner;
    struct net *net = conn->net;

    if (!takes(conn, &conn->fate))
        return;
    const char *before = half_enter(&net->half);

    if (conn->state == ARRIVING && net->open)
        arrive(conn);
    else
        wire_gone(conn, conn->state != LINGERING);
    settle(net);
    half_leave(before);
}

static void tell_writable(void *owner)
{
    struct conn *conn = owner;
    struct net *net = conn->net;

    if (!takes(conn, &conn->writable))
        return;
    const char *before = half_enter(&net->half);

    wire_set_unsent(conn, 0);
    flow_open(&conn->up, true);
    if (conn->state == OPEN && conn->data)
        net->options.handler->writable(conn->data);
    settle(net);
    half_leave(before);
}

/* --- the streams --- */

static void up_delivers(void *owner, char *bytes, size_t n)
{
    struct conn *conn = owner;
    struct net *net = conn->net;
    const char *before = half_enter(&net->half);

    if (conn->state == OPEN && conn->data)
        net->options.handler->received(conn->data, bytes, n);
    settle(net);
    half_leave(before);
}

static void up_ends(void *owner)
{
    struct conn *conn = owner;
    struct net *net = conn->net;
    const char *before = half_enter(&net->half);

    wire_gone(conn, false);
    settle(net);
    half_leave(before);
}

static uint64_t up_held_until_us(void *owner)
{
    struct conn *conn = owner;

    if (conn->net->stopped)
        return UINT64_MAX;
    return half_held(&conn->net->half) ? conn->net->half.held_until_us : 0;
}

static void down_delivers(void *owner, char *bytes, size_t n)
{
    struct conn *conn = owner;

    if (conn->net && conn->unsent && !flow_excess(&conn->down) && !conn->writable.place)
        schedule_set(&conn->writable, schedule_now_us() + chance_delay_us(KILL_US));
    if (conn->user)
        conn->user->received(conn->arg, bytes, n);
}

static void down_ends(void *owner)
{
    struct conn *conn = owner;

    if (conn->user)
        conn->user->closed(conn->arg);
}

/* --- the node's --- */

void wire_open(struct net *net)
{
    const char *before = half_enter(&net->half);

    net->open = true;
    settle(net);
    half_leave(before);
}

void wire_sever(struct net *net)
{
    struct conn *conn;

    net->severed = true;
    net->stopped = true;
    DL_FOREACH(net->conns, conn)
    flow_end(&conn->down, true);
}

struct half *wire_half(struct net *net)
{
    return &net->half;
}

/* --- the client's --- */

struct conn *wire_connect(struct node *node, const char *address, const struct wire_user *user, void *arg)
{
    struct conn *conn = alloc_zeroed(sizeof *conn);
    const struct flow_reader up = {up_delivers, up_ends, up_held_until_us, conn};
    const struct flow_reader down = {down_delivers, down_ends, NULL, conn};

    if (ip_parse(&conn->peer, address, strlen(address)) != 0)
        trace_fail(node->name, "%s is no address", address);
    conn_count++;
    conn->user = user;
    conn->arg = arg;
    conn->fate = (struct happening){.happen = meet_fate, .owner = conn};
    conn->writable = (struct happening){.happen = tell_writable, .owner = conn};
    conn->burial = (struct happening){.happen = bury, .owner = conn};
    flow_init(&conn->up, &up, SIZE_MAX, READ_BYTES);
    flow_init(&conn->down, &down, chance_between(WINDOW_LEAST, WINDOW_MOST), SIZE_MAX);
    flow_open(&conn->down, true);
    if (!node->net || node->net->stopped) {
        flow_end(&conn->down, true);
        return conn;
    }
    conn->net = node->net;
    DL_APPEND(conn->net->conns, conn);
    schedule_set(&conn->fate, schedule_now_us() + flow_latency_us());
    return conn;
}

void wire_send(struct conn *conn, const void *bytes, size_t n)
{
    if (conn->net)
        flow_write(&conn->up, bytes, n);
}

void wire_pause(struct conn *conn, bool paused)
{
    flow_open(&conn->down, !paused);
}

static void leave(struct conn *conn, bool reset)
{
    conn->user = NULL;
    flow_close(&conn->down);
    if (conn->net)
        flow_end(&conn->up, reset);
    bury_if_over(conn);
}

void wire_close(struct conn *conn)
{
    leave(conn, false);
}

void wire_cut(struct conn *conn)
{
    leave(conn, true);
}
