/*
 * The server: connections in, requests to whom they concern. It serves Engine.IO under a path (endpoint.c)
 * and whatever the site offers besides: pages and plain WebSockets. It knows nothing of riders.
 */
#ifndef RIDECAST_GATEWAY_NET_SERVER_H
#define RIDECAST_GATEWAY_NET_SERVER_H

#include "gateway/net/bucket.h"
#include "gateway/net/net.h"
#include "gateway/protocol/engineio.h"

struct link;
struct refusals;
struct server;

/* What is served outside the Engine.IO path. Every member may be NULL: nothing of that kind is there. */
struct server_site {
    /*
     * A GET or HEAD. True: answered with link_respond(), now or later (then page_lost tells when nobody waits
     * any more). False: there is no such page.
     */
    bool (*page)(void *site, struct link *link, const char *path, const char *query);
    void (*page_lost)(void *site, struct link *link);
    /*
     * A WebSocket is asked for. True: the site has called link_become_ws(), link_reserve() to do so later, or
     * link_refuse(). False: there is none at this path, for the reason in `error`, a line of text.
     */
    bool (*ws_open)(void *site, struct link *link, const char *path, const char **error);
    void (*ws_message)(void *client, bool binary, char *data, size_t len);
    void (*ws_pong)(void *client);
    void (*ws_writable)(void *client);
    /* The WebSocket is gone, or the peer has said goodbye; link functions must not be called any more. */
    void (*ws_closed)(void *client);
};

/* How much connections may do. */
struct server_limits {
    uint64_t per_address;          /* connections, and clients, of one address; 0: any number */
    struct bucket_rate handshakes; /* of one address */
    struct bucket_rate chatter;    /* pings and pongs on one WebSocket */
    size_t head_bytes;             /* of a request */
    uint64_t head_ms, body_ms;     /* for it to come */
};

struct server_options {
    const char *listen;
    const char *admin_listen;  /* "" or NULL: none */
    const char *path;          /* of Engine.IO, with both slashes: "/socket.io/" */
    const char *cors_origin;   /* "*" or a list (common/origin.h) */
    const char *trusted_proxy; /* a list of networks (common/ip.h) */
    uint64_t max_connections;
    size_t send_buffer_bytes; /* of a connection; 0: the kernel's choice */
    size_t max_payload_bytes;
    bool keeps_authorization; /* sessions know the Authorization header they were opened with */
    struct server_limits limits;
    struct refusals *refusals; /* told of what was refused; may be NULL */
    const struct server_site *site;
    void *site_data;
    /* Called on the gateway thread after server_wake(). May be NULL. */
    void (*woken)(void *site);
    /* Called at the end of every turn, before the server writes and frees what is due. May be NULL. */
    void (*settle)(void *site);
};

/* Options and their strings are borrowed. NULL: `error` holds one line. */
struct server *server_new(const struct server_options *options, char *error, size_t error_size);
/* Ends every connection without a word, telling the site. NULL is harmless. */
void server_free(struct server *server);

/* Sessions need the server's loop, and the server needs the sessions: give them before server_run(). */
void server_set_eio(struct server *server, struct eio *eio);
const struct eio_transport *server_transport(void);

struct net *server_net(struct server *server);
/* Where outlets of this server's clients are marked dirty. */
struct outlets *server_outlets(struct server *server);

/*
 * Takes no new sessions and WebSockets any more (503), and closes every HTTP connection after its exchange.
 * What is open goes on.
 */
void server_drain(struct server *server);
extern const char server_going_away[]; /* what is answered then, a line of text */
bool server_draining(const struct server *server);

/* Serves until server_stop(). */
void server_run(struct server *server);
void server_stop(struct server *server); /* any thread */
void server_wake(void *server);          /* any thread */

#endif
