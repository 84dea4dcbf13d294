/*
 * A link: what a client's connection is at the moment, from bytes to requests and messages and back.
 *
 *   bytes ─▶ http reader ─▶ struct link_site: who answers ─▶ link_respond(), or link_become_ws()
 *         ─▶ ws decoder  ─▶ link_user->message
 *
 * A link serves one exchange at a time; what the peer pipelines meanwhile waits, within PIPELINE_MAX. Links
 * end by being marked gone and are freed at the end of the turn, never inside their own callbacks: until then
 * answers, frames and ends given to them go nowhere. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_NET_LINK_H
#define RIDECAST_GATEWAY_NET_LINK_H

#include "common/ip.h"
#include "gateway/net/bucket.h"
#include "gateway/net/http.h"
#include "gateway/net/ws.h"

#include <stdbool.h>
#include <stddef.h>

struct budget;
struct conn;
struct link;
struct parcel;
struct peer;
struct peers;
struct refusals;
struct timers;

enum {
    LINK_IDLE_MS = 5000,      /* between requests */
    LINK_WS_CLOSE_MS = 30000, /* for the peer's close frame after ours */
    LINK_WS_DISMISS_MS = 250, /* for a peer that was told to go: a round trip, and its threads' turn */
    LINK_PIPELINE_MAX = 65536,
    LINK_PIECE_BYTES = 65536,    /* of a body, while the peer may be slow */
    LINK_RESPONSE_MAX = 1 << 28, /* a ceiling no legitimate response comes near */
};

/*
 * Whom a link is for, given with link_use(): whoever answers an exchange later, or speaks over a WebSocket.
 * The functions get the data given with it; those of a WebSocket may be NULL where only exchanges are used.
 */
struct link_user {
    /* A whole message; `bytes` may be changed, and are gone after the call. */
    void (*message)(void *data, struct link *link, bool binary, char *bytes, size_t len);
    /* The peer has answered a ping. NULL: of no interest. */
    void (*pong)(void *data);
    /* The WebSocket was blocked (link_ready()) and takes frames again. */
    void (*writable)(void *data);
    /* The link ends the WebSocket, whose peer broke the protocol or said too much. What is written before
     * this returns is still sent, ahead of the close frame; then the user must not use the link any more. */
    void (*closed)(void *data, struct link *link);
    /* An answer's body that was on its way when the user was given (link_send()) has been sent: the user must
     * not use the link any more. May be NULL. */
    void (*sent)(void *data, struct link *link);
    /* The peer is gone, was too slow, or has said goodbye: the user must not use the link any more. */
    void (*lost)(void *data, struct link *link);
};

/*
 * From now on `user` hears of the link: until it has answered the exchange (unless by link_become_ws()),
 * closed the WebSocket, dropped the link, or was told that it is over. NULL: nobody does.
 */
void link_use(struct link *link, const struct link_user *user, void *data);

/* What was given with it, if the link is for this user; else NULL. */
void *link_data(const struct link *link, const struct link_user *user);

/* --- exchanges --- */

/* The request, from the site's `head` on until it is answered. */
const struct http_request *link_request(const struct link *link);

/*
 * In the site's `head`: keep the body (and tell a client that waits for it to go on), or drop it; up to `max`
 * bytes, else the site's `too_big` follows. Kept, it is there with the request and may be changed.
 */
void link_take_body(struct link *link, bool keep, size_t max);
const struct buf *link_body(const struct link *link);

/*
 * Answers the exchange. `headers` are further lines ended by CRLF, or NULL. The connection goes on with the
 * next request where the peer wants that and the request was read whole; else it is closed.
 */
void link_respond(struct link *link, int status, const char *content_type, const char *headers,
                  const void *body, size_t n);

/*
 * The same with a body that may be large, which is given away: it is sent as fast as the peer takes it. No
 * more than LINK_PIECE_BYTES of it wait outside the parcel. `body` NULL: there is no memory for it.
 */
void link_send(struct link *link, int status, const char *content_type, const char *headers,
               struct parcel *body);

/* Whether such a body is on its way. */
bool link_sending(const struct link *link);

/* As link_respond(), and the connection is closed after it. */
void link_refuse(struct link *link, int status, const char *content_type, const char *headers,
                 const void *body, size_t n);

/* --- WebSockets --- */

/* Whether the request is a handshake that link_become_ws() can answer. */
bool link_offers_ws(const struct link *link);

/* Turns the connection into a WebSocket of its user: writes the 101 and lets go of HTTP. Without a user it
 * must be given one, or closed, before the next event. */
void link_become_ws(struct link *link, const char *headers);

/* Whether frames, or an answer, are taken at once; see net.h. */
bool link_ready(const struct link *link);
void link_write(struct link *link, const void *frames, size_t n);

/* Whether the peer has acknowledged anything since this was last asked with that mark; see net.h. */
bool link_progressed(const struct link *link, uint32_t *mark);

/* Sends a close frame and waits for the peer's. The user has let go of it. */
void link_ws_close(struct link *link, enum ws_status status);

/*
 * The peer has been told to close, by the last of what was written: once it has been sent, the peer has
 * LINK_WS_DISMISS_MS to do so before an empty close frame is sent. A client that handles messages in threads,
 * or drops those that come together with a close frame, would take that for a loss and come back. The user
 * has let go of it.
 */
void link_ws_dismiss(struct link *link);

/* --- both --- */

/* Cuts the connection. The user has let go of it. */
void link_drop(struct link *link);

/* Whether an operator's: pages are served there, clients are not. */
bool link_is_admin(const struct link *link);

/*
 * Whom the request comes from: the peer, or whoever is behind it where the peer is a proxy that is trusted
 * (then `*trusted` is set; NULL: not wanted). While there is a request.
 */
struct ip link_client(const struct link *link, bool *trusted);

/*
 * Whoever asks wants to become a client: one more at its address, if it may shake hands now and have another
 * one. NULL: it is counted until the link is gone, or until peer_close() once link_take_guest() has been
 * called. Else why not, a line of text, to be answered 429.
 */
const char *link_admit(struct link *link);
struct peer *link_take_guest(struct link *link);

/* Whether so much may be asked from its address now. An operator may ask for anything. */
bool link_ask(struct link *link, uint64_t asks);

/* Whether no clients are to be taken any more, and a line of text to answer 503 with then. */
bool link_draining(const struct link *link);
extern const char link_going_away[];

/* --- for the server --- */

/* What is served. */
struct link_site {
    /* A request's head is complete: say how to take its body (link_take_body()), or answer at once. Left
     * alone, a small body is dropped. */
    void (*head)(void *site, struct link *link);
    /* The body is larger than was said: answer. False: with 413. */
    bool (*too_big)(void *site, struct link *link);
    /* The request is complete: answer, or link_use() and answer later. False: with 404. */
    bool (*request)(void *site, struct link *link);
};

struct link_options {
    const struct link_site *site;
    void *site_data;
    const char *cors_origin;    /* "*" or a list (common/origin.h) */
    bool cors_credentials;      /* pages of that list may send some */
    const char *trusted_proxy;  /* a list of networks (common/ip.h) */
    size_t max_payload_bytes;   /* of a WebSocket message */
    size_t head_bytes;          /* of a request */
    uint64_t head_ms, body_ms;  /* for it to come; the latter also for a WebSocket message */
    uint64_t stall_ms;          /* for any progress of what is sent, or has begun to come */
    struct bucket_rate chatter; /* pings and pongs on one WebSocket */
    struct timers *timers;
    struct peers *peers;       /* who may be how many, borrowed */
    struct refusals *refusals; /* told of what was refused; may be NULL */
    struct budget *budget;     /* which what waits counts against; NULL: nothing does */
};

/* All links of a server, which embeds it. */
struct links {
    struct link_options options;
    bool draining; /* HTTP connections are closed after their exchange */
    struct link *open;
    struct link *ended; /* the connection is no more, the user is to be told: link_lost() */
    size_t ended_count;
    struct link *resumable; /* may read on; links_read_on() at the end of the turn */
    struct link *gone;      /* freed by links_reap() at the end of the turn */
};

/* `address`: the connection's peer's; `peer`: whose connection it is; NULL: not counted. NULL: no memory. */
struct link *link_new(struct links *links, struct conn *conn, const struct ip *address, struct peer *peer);

/* What net.h says of the connection. */
void link_received(struct link *link, char *bytes, size_t n);
void link_writable(struct link *link);
/* Its user is not told here, as many ends may come at once: it is found in links->ended, and until
 * link_lost() it is as if the kernel had said nothing yet. */
void link_closed(struct link *link);
/* Tells its user, and lets go of everything but the memory. */
void link_lost(struct link *link);

/* What it costs to keep what has come of requests and messages, and what is on its way to the peer. */
size_t link_cost(const struct link *link);
/* Calls for each, those included that are gone (link_gone()) and give back what they hold at the end of the
 * turn. `visit` must end none. */
void links_visit(struct links *links, void (*visit)(struct link *link, void *arg), void *arg);
bool link_gone(const struct link *link);
/* Whose request or WebSocket it is, or was last; of the connection's peer while that is not known. */
struct ip link_address(const struct link *link);
/* Cuts it, as it costs more than there is; its user is told. Harmless where it is gone. */
void link_sacrifice(struct link *link);

/* Reads what was pipelined behind requests that have been answered. */
void links_read_on(struct links *links);
void links_reap(struct links *links);

const struct link_options *link_options(const struct link *link);

#endif
