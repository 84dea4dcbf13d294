/* What server.c, link.c and cors.c share. */
#ifndef RIDECAST_GATEWAY_NET_SERVER_PRIVATE_H
#define RIDECAST_GATEWAY_NET_SERVER_PRIVATE_H

#include "gateway/net/link.h"
#include "gateway/net/peers.h"
#include "gateway/net/server.h"

struct server {
    struct server_options options;
    struct net *net;
    struct peers *peers;
    bool draining;
    struct link *links;
    struct link *resumable; /* may read on; served at the end of the turn */
    struct link *gone;      /* LINK_GONE: freed at the end of the turn */
};

/* `peer`: whose connection it is; NULL: not counted. NULL: no memory. */
struct link *link_new(struct server *server, struct conn *conn, struct peer *peer);
/* Frees a link that is gone. */
void link_free(struct link *link);

/* What net.h says of the connection. */
void link_received(struct link *link, char *bytes, size_t n);
void link_writable(struct link *link);
void link_closed(struct link *link);

/* Reads what was pipelined behind the request just answered; it is in server->resumable no more. */
void link_resume(struct link *link);

#endif
