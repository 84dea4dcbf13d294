/*
 * The server: connections in, requests to the site, which is given to it: it knows nothing of what is served,
 * nor of riders. It counts connections and clients by address, refuses those who are too many, and ends
 * turns.
 */
#ifndef RIDECAST_GATEWAY_NET_SERVER_H
#define RIDECAST_GATEWAY_NET_SERVER_H

#include "gateway/net/bucket.h"
#include "gateway/net/net.h"

struct link;
struct peer;
struct refusals;
struct server;

/* What is served. */
struct server_site {
    /* A request's head is complete: say how to take its body (link_take_body()), or answer at once. Left
     * alone, a small body is dropped. */
    void (*head)(void *site, struct link *link);
    /* The body is larger than was said: answer. False: with 413. */
    bool (*too_big)(void *site, struct link *link);
    /* The request is complete: answer, or link_use() and answer later. False: with 404. */
    bool (*request)(void *site, struct link *link);
    /* Called on the gateway thread after server_wake(). May be NULL. */
    void (*woken)(void *site);
    /* The end of a turn, before the server frees what has ended: write what is due. Called again while
     * requests that were pipelined are served. */
    void (*settle)(void *site);
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
    const char *cors_origin;   /* "*" or a list (common/origin.h) */
    const char *trusted_proxy; /* a list of networks (common/ip.h) */
    uint64_t max_connections;
    size_t send_buffer_bytes; /* of a connection; 0: the kernel's choice */
    size_t max_payload_bytes; /* of a WebSocket message */
    struct timers *timers;    /* the loop's; borrowed until server_free() */
    struct server_limits limits;
    struct refusals *refusals; /* told of what was refused; may be NULL */
    const struct server_site *site;
    void *site_data;
};

/* Options and their strings are borrowed. NULL: `error` holds one line. */
struct server *server_new(const struct server_options *options, char *error, size_t error_size);
/* Ends every connection without a word, telling the links' users. NULL is harmless. */
void server_free(struct server *server);

struct net *server_net(struct server *server);

/*
 * One more client at the address, if it may shake hands now and have another one: `*guest` is it until
 * peer_close(). NULL; or why not, a line of text, to be answered 429.
 */
const char *server_admit(struct server *server, const struct ip *client, struct peer **guest);

/* Closes every HTTP connection after its exchange. The site is to take no clients any more (503, with this
 * line of text); what is open goes on. */
void server_drain(struct server *server);
extern const char server_going_away[];
bool server_draining(const struct server *server);

/* Serves until server_stop(). */
void server_run(struct server *server);
void server_stop(struct server *server); /* any thread */
void server_wake(void *server);          /* any thread */

#endif
