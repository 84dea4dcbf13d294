/*
 * Engine.IO v4 sessions (the published protocol, revision 4; details in docs/protocol.md): handshake,
 * long-polling, WebSocket, the upgrade from one to the other, heartbeat, and orderly and abrupt ends. A state
 * machine: HTTP exchanges and WebSockets are opaque handles driven through `struct eio_transport`, time comes
 * through the timers.
 *
 *   POST body, WebSocket message ─▶ eio_post / eio_ws_message ─▶ app->message
 *   app ─▶ eio_send, or a ride through session->outlet ─▶ transport->reply / ws_write
 *
 * Ownership: sessions belong to the engine. A session that ended stays valid until eio_reap(), which the loop
 * calls between callbacks and which tells the app. Handles belong to the transport; the engine forgets one
 * when it has replied on it, closed it, or been told that it is lost. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_PROTOCOL_ENGINEIO_H
#define RIDECAST_GATEWAY_PROTOCOL_ENGINEIO_H

#include "common/hash.h"
#include "common/id.h"
#include "common/ip.h"
#include "gateway/net/bucket.h"
#include "gateway/net/timers.h"
#include "gateway/net/traffic.h"
#include "gateway/rides/outlet.h"

struct eio;
struct eio_session;
struct peer;
struct refusals;

/* What carries sessions. An exchange is an HTTP request that waits for its response; a socket is an open
 * WebSocket. */
struct eio_transport {
    /* Answers; the exchange is over. Must not call back into the engine before returning. */
    void (*reply)(void *exchange, int status, const char *content_type, const void *body, size_t n);
    /* The same with 200 and a body that is given away. Whether that takes time: then eio_answered() follows,
     * unless the session lets go of it. */
    bool (*send)(void *exchange, const char *content_type, struct parcel *body, struct eio_session *session);
    void (*let_go)(void *exchange);
    /* Cuts the TCP connection of an exchange or a socket without another word; the engine does not hear of it
     * again. */
    void (*drop)(void *handle);
    /* Whether what is sent now is taken: of a poll that waits, or a socket. */
    bool (*ready)(void *handle);
    /* Whether the peer has acknowledged anything since this was last asked with that mark. */
    bool (*ws_progressed)(void *socket, uint32_t *mark);
    /* Takes finished frames. */
    void (*ws_write)(void *socket, const char *frames, size_t n);
    /* Sends an empty close frame behind what was written, then waits for the peer's; the engine does not hear
     * of it again. */
    void (*ws_close)(void *socket);
    /* The same for a client that was told to close by the last of it: it has a moment to do so first. */
    void (*ws_dismiss)(void *socket);
};

/* What sessions are for. */
struct eio_app {
    void (*open)(void *app, struct eio_session *session);
    void (*message)(void *app, struct eio_session *session, bool binary, const char *data, size_t len);
    /*
     * The session is closing or has ended: let go of it, nothing can be sent any more. Its outlet must be on
     * no ride afterwards. Called by eio_reap() and eio_free(), once for every session opened.
     */
    void (*close)(void *app, struct eio_session *session);
};

struct eio_options {
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t upgrade_timeout_ms;
    size_t max_payload_bytes;   /* told to clients */
    struct bucket_rate chatter; /* packets of one session that are no messages */
    struct refusals *refusals;  /* told of what was refused; may be NULL */
    const struct eio_transport *transport;
    const struct eio_app *app;
    void *app_data;
    struct timers *timers;
    struct slice *slice; /* for ends of crowds; NULL: no bound */
    struct outlets *outlets;
};

enum eio_state {
    EIO_POLLING,   /* HTTP long-polling; a WebSocket may be probing */
    EIO_WEBSOCKET, /* all packets on `ws` */
    EIO_ENDED,     /* out of the table, waiting for eio_reap() */
};

/* Of a session id that somebody else has made. */
enum { EIO_SID_MIN = 20, EIO_SID_MAX = 64 };

/* Where a session comes from. */
struct eio_origin {
    char sid[EIO_SID_MAX + 1]; /* the id it is to have, valid and not in use; "": any */
    struct ip client;          /* whom limits by address count, and the log names */
    char *authorization;       /* the Authorization header, which the session takes; NULL: none */
    struct peer *guest;        /* whose client it is counted as: the session closes it. NULL: nobody's */
    bool declines_recovery;    /* its client wants no recovery, by the query */
};

/* A WebSocket that wants to take over from polling. */
struct eio_probe {
    void *socket;
    bool answered;      /* it has said 2probe: polls are released so that the client can switch */
    struct timer timer; /* its deadline */
};

/* One for each client: what only some need for a while is kept outside of it. */
struct eio_session {
    struct eio *eio;
    void *data; /* the app's */
    struct ip client;
    char *authorization; /* of the request that opened it; NULL: none */
    struct peer *guest;
    struct bucket chatter;   /* packets that are no messages */
    struct traffic traffic;  /* of the client's messages; for the app */
    void *get;               /* the poll that waits for packets */
    void *post;              /* the exchange whose body is on its way */
    void *answered;          /* a poll whose answer is long, and on its way: the client takes it, or the
                                transport cuts it */
    void *ws;                /* the WebSocket, in EIO_WEBSOCKET */
    struct eio_probe *probe; /* in EIO_POLLING, while the client upgrades; NULL: it does not */
    struct outlet outlet;
    struct timer heartbeat; /* the next ping, or the pong's deadline, or the end of closing */
    struct eio_session *departing_next;
    UT_hash_handle hh;
    uint32_t acked; /* ws_progressed()'s */
    enum eio_state state : 8;
    bool closing : 1;   /* an orderly end: what is queued is delivered, input is ignored, nothing is added */
    bool dismissed : 1; /* closing, and what is queued tells the client to close */
    bool awaits_pong : 1;
    bool extended : 1;          /* the pong's deadline was extended once */
    bool held_up : 1;           /* the ping may have waited behind what the client is slow to take */
    bool departing : 1;         /* in eio->departing */
    bool told : 1;              /* the app has been told */
    bool declines_recovery : 1; /* for the app */
    char sid[];
};

/* HTTP errors, by their codes in the protocol. */
enum eio_error {
    EIO_OK = -1,
    EIO_UNKNOWN_TRANSPORT,
    EIO_UNKNOWN_SID,
    EIO_BAD_HANDSHAKE_METHOD,
    EIO_BAD_REQUEST,
    EIO_FORBIDDEN,
    EIO_UNSUPPORTED_VERSION,
};

const char *eio_error_message(enum eio_error error);
/* Writes `{"code":…,"message":"…"}`. */
void eio_error_body(enum eio_error error, char *out, size_t size);
enum { EIO_ERROR_BODY_SIZE = 64 };

/* How long an orderly end may take. */
enum { EIO_CLOSING_MS = 30000 };

/* Aborts when out of memory. */
struct eio *eio_new(const struct eio_options *options);
/* Ends all sessions, telling the app, without a word to the clients. NULL is harmless. */
void eio_free(struct eio *eio);

size_t eio_session_count(const struct eio *eio);
size_t eio_websocket_count(const struct eio *eio); /* sessions of them that are on WebSocket */

/* The session of that id, closing ones included; NULL: unknown. */
struct eio_session *eio_find(const struct eio *eio, const char *sid);

/* EIO_SID_MIN to EIO_SID_MAX letters of A-Z a-z 0-9 _ - */
bool eio_sid_valid(const char *sid);

/* Opens a session and answers with the open packet. `origin` NULL: nothing is known. */
void eio_open_polling(struct eio *eio, void *exchange, const struct eio_origin *origin);
struct eio_session *eio_open_ws(struct eio *eio, void *socket, const struct eio_origin *origin);

/* A poll. The engine replies now or later. */
void eio_get(struct eio_session *session, void *exchange);

/*
 * A POST's headers are here. 0: go on with its body, then call one of the next three, unless the engine
 * replies before that because the session ends; -1: the engine has replied (another POST was under way).
 */
int eio_post_begin(struct eio_session *session, void *exchange);
/* The body is complete; it is changed by reading it. The engine replies. */
void eio_post(struct eio_session *session, void *exchange, char *body, size_t len);
/* The body is over the limit or unusable: forget the exchange, reply nothing. With `end` the session ends
 * too. */
void eio_post_refused(struct eio_session *session, void *exchange, bool end);

/* A WebSocket for a polling session. False: not wanted (another one is there): close it; the session does not
 * know it. */
bool eio_ws_attach(struct eio_session *session, void *socket);
/* A whole message. May end the session or call ws_close on the socket. `data` may be changed. */
void eio_ws_message(struct eio_session *session, void *socket, bool binary, char *data, size_t len);
/* The socket is about to say its last word: write what is queued for it before. */
void eio_ws_flush(struct eio_session *session, void *socket);

/*
 * The peer closed the TCP connection of a GET that waits, of a POST under way or of a WebSocket. The session
 * ends unless that was only probing.
 */
void eio_lost(struct eio_session *session, void *handle);

/* A long answer to a poll is through, or its connection is gone. */
void eio_answered(struct eio_session *session, const void *exchange);

/* Sends a message. Dropped when the session is closing or has ended. */
void eio_send(struct eio_session *session, bool binary, const char *data, size_t len);

/* The same with a text of which the greater part is shared (outlet.h). A reference is taken. */
void eio_send_shared(struct eio_session *session, const char *head, size_t head_len, struct blob *shared,
                     const char *tail);

/* An orderly end: what was sent so far is delivered first. */
void eio_close(struct eio_session *session);

/* The same, of a client that was told to close by the last of it: over a WebSocket it does so, and the
 * transport only where it does not. */
void eio_dismiss(struct eio_session *session);

/* Cuts the connection: nothing more is delivered. */
void eio_abort(struct eio_session *session);

/*
 * Ends up to `count` sessions, as far as the slice reaches, so that their clients take the connection for
 * lost and come back, elsewhere perhaps. Those between two polls are passed over unless `all`: a client
 * learns at once only while its poll waits. Returns how many; they have been reaped.
 */
size_t eio_let_go(struct eio *eio, size_t count, bool all);

/* Calls for each session that has not ended; `visit` may end it. */
void eio_visit(struct eio *eio, void (*visit)(struct eio_session *session, void *arg), void *arg);

/* Tells the app of the sessions that ended and frees them. Not from inside any callback of the engine's. */
void eio_reap(struct eio *eio);

#endif
