/* What server.c, link.c and endpoint.c share. */
#ifndef RIDECAST_GATEWAY_NET_SERVER_PRIVATE_H
#define RIDECAST_GATEWAY_NET_SERVER_PRIVATE_H

#include "gateway/net/link.h"
#include "gateway/net/peers.h"
#include "gateway/net/server.h"

struct server {
    struct server_options options;
    struct net *net;
    struct eio *eio;
    struct peers *peers;
    struct outlets outlets; /* written at the end of each turn */
    bool draining;
    struct link *links;
    struct link *resumable; /* may read on; served at the end of the turn */
    struct link *gone;      /* LINK_GONE: freed at the end of the turn */
};

/* server.c: a request's head is complete; says how to take the body (http_reader_body) or answers. */
void server_head(struct server *server, struct link *link);
/* server.c: the body is over its limit: answers. */
void server_too_big(struct link *link);
/* server.c: the request is complete: answers, or has somebody answer later. */
void server_request(struct server *server, struct link *link);

/*
 * server.c: one more client at the address, if it may shake hands now and have another one: `*guest` is it
 * until peer_close(). Else why not, a line of text, to be answered 429.
 */
const char *server_admit(struct server *server, const struct ip *client, struct peer **guest);

/* endpoint.c: the same for requests under the Engine.IO path. */
bool endpoint_owns(const struct server *server, const char *path);
void endpoint_head(struct server *server, struct link *link);
void endpoint_too_big(struct link *link);
void endpoint_request(struct server *server, struct link *link);

/* endpoint.c: the CORS lines for a request's Origin (NULL: none) into `out`. False: that origin may not use
 * the server. */
bool cors_headers(const char *allowed, const char *origin, char *out, size_t size);
/* endpoint.c: answers the question whether a page may send what it has in mind. */
void cors_preflight(struct link *link);

enum { CORS_HEADERS_SIZE = 512 };

#endif
