/*
 * The pages beside Socket.IO: /healthz (the process lives), /readyz (503 while the broker is down, or the
 * gateway drains), /metrics (Prometheus text), /api/users?ride=/line-7 (who is aboard, as JSON),
 * /api/cluster (cluster.h), and the files of a web client. One of these may be Socket.IO's own client
 * library, which apps expect below its path.
 */
#ifndef RIDECAST_GATEWAY_PAGES_PAGES_H
#define RIDECAST_GATEWAY_PAGES_PAGES_H

#include <stdbool.h>

struct auth;
struct cluster;
struct link;
struct metrics;
struct presence;
struct server;
struct static_files;

/* Embedded in the gateway. */
struct pages {
    struct server *server;
    struct presence *presence;
    struct auth *auth; /* NULL: anybody may ask */
    struct metrics *metrics;
    const struct budget *budget; /* of what waits for clients */
    struct cluster *cluster;
    bool closed;                      /* to clients: /metrics and /api are for operators, if for anybody */
    const struct static_files *files; /* of the web client; NULL: none */
    void (*sample)(void *gateway);    /* brings the gauges up to date before /metrics is rendered */
    void *gateway;
};

/* Answers the link's request, now or later. False: there is no such page. */
bool pages_serve(const struct pages *pages, struct link *link);

/*
 * The same for a request that names a file of Socket.IO's client library (/socket.io/socket.io.js, .min.js,
 * …, .js.map) and asks for no transport; to be asked before Engine.IO, whose path it is. The file is one of
 * the web client's; where there is none the answer is 404 and says so. False: it is Engine.IO's, an Origin
 * that is not allowed included.
 */
bool pages_serve_library(const struct pages *pages, struct link *link);

#endif
