/* The server: see server.h. */
#include "gateway/net/server.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server_private.h"

#include <stdlib.h>

/* --- who may come --- */

static bool is_proxy(const struct server *server, const struct ip *peer)
{
    return ip_list_has(server->options.trusted_proxy, peer);
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
        refuse(server->options.refusals, REFUSED_CONNECTIONS, peer);
        return full_answer;
    }
    if (!is_proxy(server, peer) && peers_full(server->peers, peer, PEER_CONNECTION)) {
        refuse(server->options.refusals, REFUSED_ADDRESS_CONNECTIONS, peer);
        return too_many_answer;
    }
    return NULL;
}

static void on_starved(void *owner)
{
    struct server *server = owner;

    refuse(server->options.refusals, REFUSED_ACCEPT, NULL);
}

const char *server_admit(struct server *server, const struct ip *client, struct peer **guest)
{
    uint64_t now = clock_ms();

    if (!peers_handshake(server->peers, client, now)) {
        refuse(server->options.refusals, REFUSED_HANDSHAKES, client);
        return "Too many handshakes from your address; try again in a while\n";
    }
    *guest = peer_open(server->peers, client, PEER_CLIENT, now);
    if (!*guest) {
        refuse(server->options.refusals, REFUSED_ADDRESS_CONNECTIONS, client);
        return "Too many clients at your address\n";
    }
    return NULL;
}

/* --- connections --- */

static void *on_opened(void *owner, struct conn *conn)
{
    struct server *server = owner;
    struct ip address = conn_peer(conn);
    struct peer *peer = NULL;

    if (!conn_is_admin(conn) && !is_proxy(server, &address))
        peer = peer_open(server->peers, &address, PEER_CONNECTION, clock_ms());
    struct link *link = link_new(server, conn, peer);

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

static void on_woken(void *owner)
{
    const struct server *server = owner;

    if (server->options.site->woken)
        server->options.site->woken(server->options.site_data);
}

static void on_settle(void *owner)
{
    struct server *server = owner;

    do {
        while (server->resumable)
            link_resume(server->resumable);
        server->options.site->settle(server->options.site_data);
    } while (server->resumable);
    while (server->gone)
        link_free(server->gone);
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
        .woken = on_woken,
        .settle = on_settle,
    };
    struct server *server = alloc_zeroed(sizeof *server);

    server->options = *options;
    struct peers_options peers_options = {options->limits.per_address, options->limits.handshakes};

    server->peers = peers_new(&peers_options);
    struct net_options net_options = {
        .listen = options->listen,
        .admin_listen = options->admin_listen,
        .max_connections = options->max_connections,
        .send_buffer_bytes = options->send_buffer_bytes,
        .timers = options->timers,
        .handler = &handler,
        .owner = server,
    };

    server->net = net_new(&net_options, error, error_size);
    if (!server->net) {
        peers_free(server->peers);
        free(server);
        return NULL;
    }
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    while (server->links)
        link_closed(server->links);
    while (server->gone)
        link_free(server->gone);
    net_free(server->net);
    peers_free(server->peers);
    free(server);
}

struct net *server_net(struct server *server)
{
    return server->net;
}

const char server_going_away[] = "This gateway is being stopped; try another\n";

void server_drain(struct server *server)
{
    server->draining = true;
}

bool server_draining(const struct server *server)
{
    return server->draining;
}

void server_run(struct server *server)
{
    net_run(server->net);
}

void server_stop(struct server *server)
{
    net_stop(server->net);
}

void server_wake(void *server)
{
    net_wake(((struct server *)server)->net);
}
