/* The server: see server.h. */
#include "gateway/net/server.h"
#include "common/clock.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server_private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A body nobody asked for is read and dropped up to this size; a larger one costs the connection. */
enum { UNWANTED_BODY_MAX = 65536 };

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
    struct ip peer = conn_peer(conn);
    struct link *link = link_new(server, conn);
    if (link && conn_is_admin(conn))
        link->admin = true;
    else if (link && !is_proxy(server, &peer))
        link->peer = peer_open(server->peers, &peer, PEER_CONNECTION, clock_ms());
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
    struct server *server = owner;
    if (server->options.woken)
        server->options.woken(server->options.site_data);
}

static void on_settle(void *owner)
{
    struct server *server = owner;
    do {
        while (server->resumable) {
            struct link *link = server->resumable;
            LL_DELETE2(server->resumable, link, resumable_next);
            link_resume(link);
        }
        if (server->options.settle)
            server->options.settle(server->options.site_data);
        outlets_flush(&server->outlets);
        eio_reap(server->eio);
    } while (server->resumable || server->outlets.dirty);
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
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->options = *options;
    struct peers_options peers_options = {options->limits.per_address, options->limits.handshakes};
    server->peers = peers_new(&peers_options);
    struct net_options net_options = {
        .listen = options->listen,
        .admin_listen = options->admin_listen,
        .max_connections = options->max_connections,
        .send_buffer_bytes = options->send_buffer_bytes,
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

void server_set_eio(struct server *server, struct eio *eio)
{
    server->eio = eio;
}

struct net *server_net(struct server *server)
{
    return server->net;
}

struct outlets *server_outlets(struct server *server)
{
    return &server->outlets;
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

/* --- requests --- */

/* Whether it is Engine.IO's. */
static bool serves_clients(const struct link *link, const char *path)
{
    return !link->admin && endpoint_owns(link->server, path);
}

void server_head(struct server *server, struct link *link)
{
    if (serves_clients(link, http_reader_request(link->reader)->path))
        endpoint_head(server, link);
    else
        http_reader_body(link->reader, false, UNWANTED_BODY_MAX);
}

void server_too_big(struct link *link)
{
    if (serves_clients(link, http_reader_request(link->reader)->path))
        endpoint_too_big(link);
    else
        link_refuse(link, 413, NULL, NULL, "", 0);
}

static void open_site_ws(struct server *server, struct link *link)
{
    const struct server_site *site = server->options.site;
    const struct http_request *request = http_reader_request(link->reader);
    char cors[CORS_HEADERS_SIZE];
    if (!cors_headers(server->options.cors_origin, request->field[HTTP_ORIGIN], cors, sizeof cors)) {
        link_refuse(link, 403, NULL, NULL, "", 0);
        return;
    }
    if (request->method != HTTP_METHOD_GET ||
        !ws_handshake_valid(request->field[HTTP_SEC_WEBSOCKET_KEY],
                            request->field[HTTP_SEC_WEBSOCKET_VERSION])) {
        link_refuse(link, 400, NULL, "Sec-WebSocket-Version: 13, 8\r\n", "", 0);
        return;
    }
    if (server->draining) {
        link_refuse(link, 503, "text/plain", NULL, server_going_away, strlen(server_going_away));
        return;
    }
    struct ip client = link_client(link, NULL);
    const char *error = server_admit(server, &client, &link->guest);
    if (error) {
        link_refuse(link, 429, "text/plain", "Retry-After: 5\r\n", error, strlen(error));
        return;
    }
    error = "";
    if (!site || !site->ws_open || !site->ws_open(server->options.site_data, link, request->path, &error))
        link_refuse(link, 404, *error ? "text/plain" : NULL, NULL, error, strlen(error));
}

static void serve_page(struct server *server, struct link *link)
{
    const struct server_site *site = server->options.site;
    const struct http_request *request = http_reader_request(link->reader);
    bool reading = request->method == HTTP_METHOD_GET || request->method == HTTP_METHOD_HEAD;
    if (request->method == HTTP_METHOD_OPTIONS && !strncmp(request->path, "/api/", strlen("/api/"))) {
        cors_preflight(link);
        return;
    }
    link->waits_for_page = true;
    if (reading && site && site->page &&
        site->page(server->options.site_data, link, request->path, request->query))
        return;
    link->waits_for_page = false;
    link_respond(link, 404, NULL, NULL, "", 0);
}

void server_request(struct server *server, struct link *link)
{
    const struct http_request *request = http_reader_request(link->reader);
    if (serves_clients(link, request->path))
        endpoint_request(server, link);
    else if (request->upgrade && !link->admin)
        open_site_ws(server, link);
    else
        serve_page(server, link);
}
