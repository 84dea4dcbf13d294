/*
 * What a link is, for the files that see inside: link.c (its life, its time, whose it is), link_http.c
 * (exchanges) and link_ws.c (the WebSocket). Everybody else includes link.h.
 */
#ifndef RIDECAST_GATEWAY_NET_LINK_STATE_H
#define RIDECAST_GATEWAY_NET_LINK_STATE_H

#include "common/buf.h"
#include "common/ip.h"
#include "gateway/net/bucket.h"
#include "gateway/net/refusals.h"
#include "gateway/net/timers.h"
#include "gateway/net/ws.h"

struct conn;
struct http_reader;
struct links;
struct link_user;
struct parcel;
struct peer;

enum link_state {
    LINK_HTTP,         /* reading requests, or waiting to answer one */
    LINK_WS,           /* a WebSocket of `user` */
    LINK_WS_DISMISSED, /* the peer is to close; input is ignored until it does */
    LINK_WS_CLOSING,   /* our close frame is out, input is ignored until the peer's */
    LINK_LEAVING,      /* the peer is still to take the last bytes, then it is closed; input is ignored */
    LINK_GONE,         /* freed at the end of the turn */
};

enum link_exchange {
    EXCHANGE_NONE,    /* between requests, or reading a head */
    EXCHANGE_BODY,    /* the body is on its way */
    EXCHANGE_WAITING, /* the request is complete, the answer is to come */
    EXCHANGE_SENDING, /* the answer's body is on its way, piece by piece */
};

struct link {
    struct links *links;
    struct conn *conn;            /* NULL: no more, though its user may not have been told yet */
    const struct link_user *user; /* NULL: nobody is to hear of it */
    void *data;                   /* the user's */
    enum link_state state : 8;
    enum link_exchange exchange : 8;
    bool is_ws;            /* it has left HTTP, whose state is gone */
    bool behind_proxy;     /* the peer is one that is trusted */
    bool in_head;          /* a request's head is due, or some of it is here */
    bool resumable;        /* in links->resumable: pipelined bytes can be read */
    bool ended;            /* in links->ended: its user is to be told */
    uint32_t counted;      /* of what has come, in the budget */
    uint32_t acked;        /* conn_progressed()'s, for the timer */
    struct peer *peer;     /* whose connection this is; NULL: a trusted proxy's */
    struct peer *guest;    /* whose client this is, of link_admit() */
    struct ip address;     /* of the client where it is known, else of the connection's peer */
    struct bucket chatter; /* the WebSocket's pings and pongs */
    struct buf pipelined;  /* bytes behind the request being served */
    union {
        struct {
            struct http_reader *reader;
            struct parcel *sending; /* EXCHANGE_SENDING: the body */
            struct ip peer;         /* the connection's */
            bool last;              /* the connection is closed after what is being sent */
        } http;
        struct ws_decoder decoder; /* `is_ws` */
    };
    uint64_t due_ms; /* when the body, or the message, that has begun to come must be whole */
    struct timer timer;
    struct link *resumable_next;
    struct link *all_prev, *all_next;     /* in links->open, or links->gone */
    struct link *ended_prev, *ended_next; /* in links->ended, while `ended` */
};

/* --- link.c --- */

void link_set_timer(struct link *link, uint64_t after_ms);
void link_cancel_timer(struct link *link);

/* Tells the budget of what has come, after any change. */
void link_count(struct link *link);

/* A body or a message has begun to come. */
void link_begin_input(struct link *link);
/* Some more of it has come: it has until then, and no longer than that for the next bytes. */
void link_await_input(struct link *link);
/* The peer is to take some of what it is sent. */
void link_await_output(struct link *link);

/* The user, which hears nothing more of the link; NULL: there is none. */
const struct link_user *link_part(struct link *link);
/* It hears that the link is over, and nothing more. */
void link_abandon(struct link *link);
/* Closes the connection. Whoever does not take the last bytes is counted, and can be cut, until it has. */
void link_end(struct link *link);

void link_refused(const struct link *link, enum refusal refusal);

/* --- link_http.c --- */

void link_http_received(struct link *link, char *bytes, size_t n);
/* The peer takes more of the body that is being sent. */
void link_send_on(struct link *link);
/* What was pipelined can be served when the turn ends. */
void link_read_on(struct link *link);
/* Lets go of what HTTP needs. */
void link_leave_http(struct link *link);

/* --- link_ws.c --- */

void link_ws_received(struct link *link, char *bytes, size_t n);
/* Ends the WebSocket with a close frame, for what its peer has done. */
void link_ws_failed(struct link *link, enum ws_status status);

#endif
