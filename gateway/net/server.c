/* The server: see server.h. */
#include "gateway/net/server.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/slice.h"

#include <stdlib.h>

struct server {
    struct server_options options;
    struct net *net;
    struct links links;
    struct slice slice;
};

/* --- who may come --- */

static bool is_proxy(const struct server *server, const struct ip *peer)
{
    return ip_list_has(server->links.options.trusted_proxy, peer);
}

static const char *on_arrival(void *owner, const struct ip *peer, bool full)
{
    static const char full_answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                                      "Content-Type: text/plain\r\nContent-Length: 31\r\n\r\n"
                                      "This gateway is full; try later";
    static const char too_many_answer[] = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n"
                                          "Content-Type: text/plain\r\nContent-Length: 38\r\n\r\n"
                                          "Too many connections from your address";
    struct server *server = owner;

    if (full) {
        refuse(server->links.options.refusals, REFUSED_CONNECTIONS, peer);
        return full_answer;
    }
    if (!is_proxy(server, peer) && peers_full(server->links.options.peers, peer, PEER_CONNECTION)) {
        refuse(server->links.options.refusals, REFUSED_ADDRESS_CONNECTIONS, peer);
        return too_many_answer;
    }
    return NULL;
}

static void on_starved(void *owner)
{
    struct server *server = owner;

    refuse(server->links.options.refusals, REFUSED_ACCEPT, NULL);
}

/* --- connections --- */

static void *on_opened(void *owner, struct conn *conn, const struct ip *address)
{
    struct server *server = owner;
    struct peer *peer = NULL;

    if (!conn_is_admin(conn) && !is_proxy(server, address))
        peer = peer_open(server->links.options.peers, address, PEER_CONNECTION, clock_ms());
    struct link *link = link_new(&server->links, conn, address, peer);

    if (!link)
        peer_close(peer, PEER_CONNECTION, clock_ms());
    return link;
}

static void on_received(void *data, char *bytes, size_t n)
{
    link_received(data, bytes, n);
}

static void on_writable(void *data)
{
    link_writable(data);
}

static void on_closed(void *data)
{
    link_closed(data);
}

static void on_lingered(void *lingering)
{
    peer_close(lingering, PEER_LINGERING, clock_ms());
}

static void serve_pipelined(struct server *server)
{
    do {
        links_read_on(&server->links);
        server->options.settle(server->links.options.site_data);
    } while (server->links.resumable);
}

/* One that there is no time for waits as if the kernel had not told of it yet. */
static void notice_ends(struct server *server)
{
    struct links *links = &server->links;

    while (links->ended && (links->ended_count > SERVER_ENDS_MAX || slice_left(&server->slice))) {
        slice_begin(&server->slice);
        link_lost(links->ended);
        serve_pipelined(server);
        slice_end(&server->slice);
    }
}

static void on_settle(void *owner)
{
    struct server *server = owner;

    serve_pipelined(server);
    notice_ends(server);
    links_reap(&server->links);
}

/* Each timer with all that follows from it. */
static void on_due(void *owner)
{
    struct server *server = owner;
    struct timers *timers = server->links.options.timers;
    uint64_t now_ms = clock_ms();

    while (timers_next_ms(timers) <= now_ms && slice_left(&server->slice)) {
        slice_begin(&server->slice);
        timers_fire(timers, now_ms);
        on_settle(server);
        slice_end(&server->slice);
    }
}

static void on_woken(void *owner)
{
    struct server *server = owner;

    slice_renew(&server->slice);
    if (server->options.woken)
        server->options.woken(server->links.options.site_data);
}

struct server *server_new(const struct server_options *options, char *error, size_t error_size)
{
    static const struct net_handler handler = {
        .refusal = on_arrival,
        .starved = on_starved,
        .opened = on_opened,
        .received = on_received,
        .writable = on_writable,
        .closed = on_closed,
        .lingered = on_lingered,
        .woken = on_woken,
        .due = on_due,
        .settle = on_settle,
    };
    struct server *server = alloc_zeroed(sizeof *server);

    server->options = *options;
    server->slice = (struct slice){.wake = server_wake, .wake_arg = server};
    server->links = (struct links){.options = options->links};
    struct net_options net_options = {
        .listen = options->listen,
        .admin_listen = options->admin_listen,
        .max_connections = options->max_connections,
        .send_buffer_bytes = options->send_buffer_bytes,
        .budget = options->links.budget,
        .timers = options->links.timers,
        .handler = &handler,
        .owner = server,
    };

    server->net = net_new(&net_options, error, error_size);
    if (!server->net) {
        free(server);
        return NULL;
    }
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    while (server->links.open)
        link_lost(server->links.open);
    links_reap(&server->links);
    net_free(server->net);
    free(server);
}

struct net *server_net(struct server *server)
{
    return server->net;
}

struct slice *server_slice(struct server *server)
{
    return &server->slice;
}

void server_drain(struct server *server)
{
    server->links.draining = true;
}

bool server_draining(const struct server *server)
{
    return server->links.draining;
}

void server_visit(struct server *server, void (*visit)(struct link *link, void *arg), void *arg)
{
    links_visit(&server->links, visit, arg);
}

void server_run(struct server *server)
{
    net_run(server->net);
    while (server->links.ended)
        link_lost(server->links.ended);
}

void server_stop(struct server *server)
{
    net_stop(server->net);
}

void server_wake(void *server)
{
    net_wake(((struct server *)server)->net);
}
