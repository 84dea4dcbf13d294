/* gateway/net/net.h over the simulated network. The loop is not run, but stepped: wire_turn(). */
#include "gateway/net/net.h"

#include "common/alloc.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/node.h"
#include "tests/sim/world/wire_state.h"

#include <stdlib.h>

enum { KILL_US = 10 };

struct net *net_new(const struct net_options *options, char *error, size_t error_size)
{
    struct net *net = alloc_zeroed(sizeof *net);

    (void)error, (void)error_size;
    net->options = *options;
    net->node = node_in_making;
    half_init(&net->half, net->node->name, wire_turn, net);
    net->node->net = net;
    return net;
}

/* The loop has been stepped so far; this is its end. */
void net_run(struct net *net)
{
    net->stopped = net->stopping = true;
    while (net->conns)
        wire_gone(net->conns, chance_one_in(2));
}

void net_free(struct net *net)
{
    if (!net)
        return;
    net->stopping = true;
    while (net->conns)
        wire_gone(net->conns, false);
    half_deinit(&net->half);
    free(net);
}

void net_stop(struct net *net)
{
    net->stopped = true;
    node_ends(net->node);
}

void net_wake(struct net *net)
{
    net->woken = true;
    half_wake(&net->half);
}

const char *net_address(const struct net *net)
{
    return net->node->name;
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
    return "simulated";
}

uint64_t net_refused_count(const struct net *net)
{
    return net->refused;
}

bool net_starved(const struct net *net)
{
    (void)net;
    return false;
}

void conn_write(struct conn *conn, const void *data, size_t n)
{
    if (!conn || conn->state != OPEN || conn->net->stopping || !n)
        return;
    if (!conn->net->severed)
        flow_write(&conn->down, data, n);
    size_t excess = flow_excess(&conn->down);

    if (!excess)
        return;
    flow_open(&conn->up, false);
    wire_set_unsent(conn, excess);
}

bool conn_blocked(const struct conn *conn)
{
    return conn && conn->unsent > 0;
}

bool conn_progressed(const struct conn *conn, uint32_t *mark)
{
    uint32_t before = *mark;

    if (!conn)
        return false;
    *mark = (uint32_t)conn->down.delivered;
    return *mark != before;
}

void conn_close(struct conn *conn, void *lingering)
{
    if (!conn)
        return;
    conn->data = NULL;
    conn->lingering = lingering;
    if (conn->state != OPEN || conn->net->stopping)
        return;
    conn->state = LINGERING;
    flow_end(&conn->down, false);
    schedule_set(&conn->fate, schedule_now_us() + CONN_LINGER_S * UINT64_C(1000000));
}

void conn_abort(struct conn *conn)
{
    if (!conn)
        return;
    conn->data = NULL;
    if (conn->state == KILLED || conn->net->stopping)
        return;
    conn->state = KILLED;
    schedule_set(&conn->fate, schedule_now_us() + chance_delay_us(KILL_US));
}

bool conn_is_admin(const struct conn *conn)
{
    (void)conn;
    return false;
}
