/*
 * The edge to libwebsockets: the listening socket, TCP connections, the loop and its
 * timers. Nothing else in the gateway includes libwebsockets.
 *
 * libwebsockets serves as event loop and buffered transport: connections are its raw sockets, HTTP and
 * WebSocket are read by gateway/net/http.h and gateway/net/ws.h (docs/decisions.md says why). The loop is
 * libwebsockets' libevent or libuv plug-in, on epoll.
 *
 * One thread runs the loop (the caller of net_run) and gets every callback; only net_wake() and net_stop()
 * may be called from others. After each callback `settle` is called once, so that what a turn produced is
 * written in one go.
 */
#ifndef RIDECAST_GATEWAY_NET_NET_H
#define RIDECAST_GATEWAY_NET_NET_H

#include "common/ip.h"
#include "gateway/net/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget;
struct net;
struct conn;

struct net_handler {
    /*
     * A client's connection has come; `full`: there are `max_connections`. What it is answered before it is
     * closed (a whole response, static); NULL: let it in. Without this function whoever comes when it is full
     * is closed.
     */
    const char *(*refusal)(void *owner, const struct ip *peer, bool full);
    /* The kernel has no descriptor or memory for a connection. May be NULL. */
    void (*starved)(void *owner);
    /* A connection was accepted from that address. Returns its data, which the other callbacks get; NULL:
     * refuse it. */
    void *(*opened)(void *owner, struct conn *conn, const struct ip *peer);
    /* Bytes arrived; they may be changed and are gone after the call. */
    void (*received)(void *data, char *bytes, size_t n);
    /* A connection that was blocked has handed everything to the kernel. */
    void (*writable)(void *data);
    /* The peer is gone, or a write failed. The connection is no more: NULL in its place is one that is gone,
     * which is never blocked and takes everything. */
    void (*closed)(void *data);
    /* So is one that was let go of with conn_close(); gets what was given there, if it was not NULL. */
    void (*lingered)(void *lingering);
    /* net_wake() was called (once for any number of calls; sometimes without one). */
    void (*woken)(void *owner);
    /* Timers may be due: after `woken`, and when the time of the earliest has come. What is not fired now is
     * for the next time that the loop wakes. */
    void (*due)(void *owner);
    /* The end of a turn: write what is due, free what ended. */
    void (*settle)(void *owner);
};

struct net_options {
    const char *listen;       /* HOST:PORT */
    const char *admin_listen; /* for operators, besides; "": none */
    uint64_t max_connections;
    size_t send_buffer_bytes; /* of a connection (SO_SNDBUF); 0: the kernel's choice */
    struct budget *budget;    /* which what the kernel has not taken counts against; NULL: nothing does */
    struct timers *timers;    /* of the loop, by clock_ms(); borrowed */
    const struct net_handler *handler;
    void *owner;
};

/*
 * Binds and listens. NULL: `error` (error_size bytes) holds one line that says why. The process must have all
 * signals blocked that it wants to handle itself: libwebsockets' libuv plug-in installs handlers for SIGINT
 * and SIGTERM.
 */
struct net *net_new(const struct net_options *options, char *error, size_t error_size);

/* The address listened on, with the real port: `127.0.0.1:3000`; and the operators', "" if there is none. */
const char *net_address(const struct net *net);
const char *net_admin_address(const struct net *net);

/* Serves until net_stop(). Every connection has been closed, and `closed` called for those still open, when
 * it returns. */
void net_run(struct net *net);

/* From any thread, and from a callback. */
void net_stop(struct net *net);
void net_wake(struct net *net);

/* After net_run() has returned, or instead of it. NULL is harmless. */
void net_free(struct net *net);

size_t net_connection_count(const struct net *net);
/* The version of libwebsockets, as it says. */
const char *net_version(void);
/* Connections refused, and accept() failures. */
uint64_t net_refused_count(const struct net *net);
/* Whether the last connection that came could not be accepted, for want of descriptors or memory. */
bool net_starved(const struct net *net);

/*
 * THE one function that gives bytes to libwebsockets. It takes all of them: what the kernel does not take at
 * once is kept by libwebsockets and sent before anything later, so a frame is never torn. The connection is
 * blocked until then: check conn_blocked() before giving more, and do not let the peer make you forget it.
 * While blocked nothing is read from the peer either. A failed write ends the connection: `closed` follows in
 * a later turn, never inside this call.
 */
void conn_write(struct conn *conn, const void *data, size_t n);

/* Whether libwebsockets still holds bytes of this connection. */
bool conn_blocked(const struct conn *conn);

/* Whether the peer has acknowledged anything since this was last asked with that mark, which is whoever asks'
 * own, and begins at 0: then it is slow, not gone. */
bool conn_progressed(const struct conn *conn, uint32_t *mark);

/*
 * Lets go of a connection: none of its callbacks comes any more and `conn` must not be used. conn_close(),
 * for one that is not blocked, sends FIN and gives the peer CONN_LINGER_S to close its side (else unread
 * input would make the kernel destroy data in flight); once it is gone `lingered` is called with `lingering`.
 * conn_abort() cuts.
 */
void conn_close(struct conn *conn, void *lingering);
void conn_abort(struct conn *conn);

enum { CONN_LINGER_S = 2 };

/* Whether it came to the operators' address. Of these there are at most NET_ADMIN_CONNECTIONS_MAX, which no
 * crowd of clients can take. */
bool conn_is_admin(const struct conn *conn);
enum { NET_ADMIN_CONNECTIONS_MAX = 32 };

#endif
