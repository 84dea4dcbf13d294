/*
 * A link: what a client's connection is at the moment, from bytes to requests and messages and back.
 *
 *   bytes ─▶ http reader ─▶ server: which request is whose ─▶ Engine.IO, a page, or an upgrade
 *         ─▶ ws decoder  ─▶ messages to an Engine.IO session or a plain WebSocket client
 *
 * A link serves one exchange at a time; what the peer pipelines meanwhile waits, within PIPELINE_MAX. Links
 * end by being marked gone and are freed at the end of the turn, never inside their own callbacks. Gateway
 * thread only.
 */
#ifndef RIDECAST_GATEWAY_NET_LINK_H
#define RIDECAST_GATEWAY_NET_LINK_H

#include "common/ip.h"
#include "gateway/net/bucket.h"
#include "gateway/net/http.h"
#include "gateway/net/timers.h"
#include "gateway/net/ws.h"

#include <stdbool.h>

struct blob;
struct conn;
struct eio_session;
struct peer;
struct server;

enum {
    LINK_IDLE_MS = 5000,      /* between requests */
    LINK_SEND_MS = 30000,     /* for a piece of a body that is sent */
    LINK_WS_CLOSE_MS = 30000, /* for the peer's close frame after ours */
    LINK_PIPELINE_MAX = 65536,
    LINK_PIECE_BYTES = 65536,    /* of a body, while the peer may be slow */
    LINK_RESPONSE_MAX = 1 << 28, /* a ceiling no legitimate response comes near */
};

enum link_state {
    LINK_HTTP,       /* reading requests, or waiting to answer one */
    LINK_WS_SESSION, /* a WebSocket of `session`, or one that probes for it */
    LINK_WS_SITE,    /* a WebSocket of the site's `client` */
    LINK_WS_CLOSING, /* our close frame is out, input is ignored until the peer's */
    LINK_GONE,       /* freed at the end of the turn */
};

enum link_exchange {
    EXCHANGE_NONE,    /* between requests, or reading a head */
    EXCHANGE_BODY,    /* the body is on its way */
    EXCHANGE_WAITING, /* the request is complete, the answer is to come */
    EXCHANGE_SENDING, /* the answer's body is on its way, piece by piece */
};

struct link {
    struct server *server;
    struct conn *conn; /* NULL once gone */
    enum link_state state;
    enum link_exchange exchange;
    struct peer *peer;           /* whose connection this is; NULL: a trusted proxy's */
    struct peer *guest;          /* whose plain WebSocket this is */
    struct ip address;           /* of the client where it is known, else of the connection */
    struct bucket chatter;       /* the WebSocket's pings and pongs */
    bool admin;                  /* an operator's: pages are served, clients are not */
    bool waits_for_page;         /* the exchange is the site's */
    bool in_head;                /* a request's head is due, or some of it is here */
    bool resumable;              /* in server->resumable: pipelined bytes can be read */
    struct http_reader *reader;  /* LINK_HTTP */
    struct buf pipelined;        /* bytes behind the request being served */
    struct ws_decoder decoder;   /* LINK_WS_… */
    struct eio_session *session; /* whose exchange or WebSocket this is */
    void *client;                /* the site's: LINK_WS_SITE, or an exchange kept for it */
    struct blob *sending;        /* EXCHANGE_SENDING: the body */
    size_t sent;                 /* of it */
    bool last;                   /* the connection is closed after it */
    struct timer timer;
    struct link *resumable_next;
    struct link *all_prev, *all_next; /* in server->links, or server->gone */
};

struct link *link_new(struct server *server, struct conn *conn);
/* Frees a link that is gone. */
void link_free(struct link *link);

void link_received(struct link *link, char *bytes, size_t n);
void link_writable(struct link *link);
/* The peer is gone. */
void link_closed(struct link *link);
/* Reads what was pipelined behind the request just answered. */
void link_resume(struct link *link);

/*
 * Answers the exchange. `headers` are further lines ended by CRLF, or NULL. The connection goes on with the
 * next request where the peer wants that and the request was read whole; else it is closed.
 */
void link_respond(struct link *link, int status, const char *content_type, const char *headers,
                  const void *body, size_t n);

/*
 * The same with a body that may be large: it is shared, not copied, and sent as fast as the peer takes it.
 * No more than LINK_PIECE_BYTES of it wait outside the blob. A reference is taken.
 */
void link_send(struct link *link, int status, const char *content_type, const char *headers,
               struct blob *body);

/* As link_respond(), and the connection is closed after it. */
void link_refuse(struct link *link, int status, const char *content_type, const char *headers,
                 const void *body, size_t n);

/* Turns the connection into a WebSocket of the session or (session NULL) of the site's client: writes the 101
 * and lets go of HTTP. */
void link_become_ws(struct link *link, const char *headers, struct eio_session *session, void *client);

/* The exchange is kept for a WebSocket of the site's client, which calls link_become_ws() when it is ready.
 */
void link_reserve(struct link *link, void *client);

/* A WebSocket's frames; see net.h for when it is ready. */
bool link_ready(const struct link *link);
void link_write(struct link *link, const void *frames, size_t n);

/* Sends a close frame and waits for the peer's. Its owner has let go of it. */
void link_ws_close(struct link *link, enum ws_status status);

/*
 * Whom the request comes from: the peer, or whoever is behind it where the peer is a proxy that is trusted
 * (then `*trusted` is set; NULL: not wanted). While there is a request.
 */
struct ip link_client(const struct link *link, bool *trusted);

/* Cuts the connection. Its owner has let go of it. */
void link_drop(struct link *link);

#endif
