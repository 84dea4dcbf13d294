/*
 * The server: connections in, requests to the site, which is given to it: it knows nothing of what is served,
 * nor of riders. It counts connections and clients by address, refuses those who are too many, and ends
 * turns.
 */
#ifndef RIDECAST_GATEWAY_NET_SERVER_H
#define RIDECAST_GATEWAY_NET_SERVER_H

#include "gateway/net/link.h"
#include "gateway/net/net.h"

struct server;
struct slice;

/* So many connections that have ended may wait to be noticed, which is what there is room for by default. */
enum { SERVER_ENDS_MAX = 16384 };

struct server_options {
    const char *listen;
    const char *admin_listen; /* "" or NULL: none */
    uint64_t max_connections;
    size_t send_buffer_bytes;  /* of a connection; 0: the kernel's choice */
    struct link_options links; /* of which timers are the loop's, borrowed until server_free() */
    /* Both get the site's data. Called on the gateway thread after server_wake(). May be NULL. */
    void (*woken)(void *site);
    /* The end of a turn, before the server frees what has ended: write what is due. Called again while
     * requests that were pipelined are served. */
    void (*settle)(void *site);
};

/* Options and their strings are borrowed. NULL: `error` holds one line. */
struct server *server_new(const struct server_options *options, char *error, size_t error_size);
/* Ends every connection without a word, telling the links' users. NULL is harmless. */
void server_free(struct server *server);

struct net *server_net(struct server *server);

/* What each wake-up of the loop has for work that comes in crowds: timers, ends that are noticed, and
 * whatever the site does with it. */
struct slice *server_slice(struct server *server);

/* Closes every HTTP connection after its exchange. The site is to take no clients any more (link_draining());
 * what is open goes on. */
void server_drain(struct server *server);
bool server_draining(const struct server *server);

/* Calls for each link: links_visit(). */
void server_visit(struct server *server, void (*visit)(struct link *link, void *arg), void *arg);

/* Serves until server_stop(). Then every connection is gone, and the links' users have been told. */
void server_run(struct server *server);
void server_stop(struct server *server); /* any thread */
void server_wake(void *server);          /* any thread */

#endif
