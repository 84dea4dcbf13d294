/*
 * Socket.IO v5, the server's side of one connection: namespaces joined and left, events in, acks out, binary
 * events gathered, connection errors. A pure state machine: it says what a message asks of the application,
 * which does it and answers; what carries the connection and who hears of ends are functions given to it;
 * time comes through the timers.
 *
 *   Engine.IO message ──▶ sio_client_text / sio_client_binary ──▶ enum sio_verdict
 *   application ──▶ sio_accept, sio_refuse, sio_emit, sio_ack, sio_disconnect ──▶ carrier->send
 *
 * A `struct sio_client` belongs to one Engine.IO session. A `struct sio_socket` is the client's membership of
 * one namespace; it belongs to the client and lives from SIO_CONNECTS until app->disconnect or sio_refuse().
 * After these it stays valid until sio_client_forget() or the client's next message, so that it may end while
 * the application is in the middle of using it; what is sent on it goes nowhere. An event is borrowed as
 * long.
 *
 * Anything protocol.md section 7 says to close on ends every socket (app->disconnect) and closes through
 * carrier->close, exactly once, after which the client ignores input and drops what is sent. So does a lack
 * of memory, where a packet would be lost otherwise; while sending, the sockets end in the next turn of the
 * timers, never under the sender's feet.
 *
 * The application's and the carrier's functions must not give the client another message, nor free it.
 */
#ifndef RIDECAST_GATEWAY_PROTOCOL_SOCKETIO_H
#define RIDECAST_GATEWAY_PROTOCOL_SOCKETIO_H

#include "common/json_text.h"
#include "gateway/net/timers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct sio_client;
struct sio_socket;

/* Refusing may cost the application work: a client that was refused so often in a row is closed. */
enum { SIO_REFUSALS_MAX = 16 };

/* A part of a binary event. */
struct sio_attachment {
    const char *data;
    size_t len;
};

struct sio_event {
    struct json_slice args; /* the whole array, the event's name first; valid JSON; borrowed */
    const struct sio_attachment *attachments;
    size_t attachment_count;
    bool has_id; /* the client waits for an ack */
    uint64_t id;
};

/* How a socket ended. */
enum sio_end {
    SIO_LEFT, /* for good: the client said so, or sio_disconnect() */
    SIO_LOST, /* the connection ended under it */
};

/* What a message asks of the application. */
enum sio_verdict {
    /*
     * Nothing: a part of a binary event, or an event that is kept as its socket is not accepted yet, or an
     * ack; or a socket has left or the connection is over, which app->disconnect has told.
     */
    SIO_NOTHING,
    /*
     * The client wants to join a namespace: sio_accept() or sio_refuse() the socket, now or later. Events
     * that arrive before are kept in order, within `max_pending_bytes`.
     */
    SIO_CONNECTS,
    /* An event for a namespace that is joined. */
    SIO_SPEAKS,
    /* Nothing: it wanted to join one more than `max_namespaces`, and was refused. */
    SIO_TOO_MANY_NAMESPACES,
};

/* With SIO_CONNECTS and SIO_SPEAKS: who, and what is said. */
struct sio_message {
    struct sio_socket *socket;
    struct json_slice auth; /* SIO_CONNECTS: an object; borrowed */
    struct sio_event event; /* SIO_SPEAKS */
};

/* What the application is told besides. All on the gateway thread. */
struct sio_app {
    /*
     * The socket is gone: by the client's `41`, by sio_disconnect() or because the connection ended. Also for
     * sockets not yet accepted.
     */
    void (*disconnect)(void *app, struct sio_socket *socket, enum sio_end end);
    /* The client joined no namespace in time, or (`gathering`) sent a binary event in part: the connection
     * ends. May be NULL. */
    void (*timed_out)(void *app, void *session, bool gathering);
};

/* What carries it. */
struct sio_carrier {
    void (*send_text)(void *session, const char *text, size_t len);
    void (*send_binary)(void *session, const char *data, size_t len);
    /* A text of which the greater part is shared: a reference is taken. NULL where sio_ack_shared() is not
     * used. */
    void (*send_shared)(void *session, const char *head, size_t head_len, struct blob *shared,
                        const char *tail);
    /* An orderly end of the whole connection, after what was sent so far. SIO_LEFT: that tells the client to
     * close. */
    void (*close)(void *session, enum sio_end end);
};

struct sio_options {
    uint64_t connect_timeout_ms; /* a client that joined nothing by then is closed */
    uint64_t gather_ms;          /* and so is one whose binary event is not whole by then; 0: never */
    /*
     * What a client may make the server hold, bookkeeping included: a binary event being gathered and the
     * events that wait for sio_accept(), together. More closes the connection. Less than 4 GiB.
     */
    size_t max_pending_bytes;
    size_t max_namespaces; /* of one client; one more is refused with "Too many namespaces". 0: any number */
    const struct sio_app *app;
    void *app_data;
    const struct sio_carrier *carrier;
    struct timers *timers;
    struct budget *budget; /* which what is held counts against; NULL: nothing does */
};

/* `options` is borrowed for the client's life. Aborts when out of memory. */
struct sio_client *sio_client_new(const struct sio_options *options, void *session, uint64_t now_ms);

/* Ends it: app->disconnect for each socket left, nothing is sent. NULL is harmless. */
void sio_client_free(struct sio_client *client);

/* An Engine.IO message arrived. `message` is filled as the verdict says. */
enum sio_verdict sio_client_text(struct sio_client *client, const char *text, size_t len,
                                 struct sio_message *message);
enum sio_verdict sio_client_binary(struct sio_client *client, const char *data, size_t len,
                                   struct sio_message *message);

/* The application has done what the last message asked for: frees what was borrowed for that, and sockets
 * that have ended. Not from inside the application's or the carrier's functions. */
void sio_client_forget(struct sio_client *client);

/* What it holds, of `max_pending_bytes`. */
size_t sio_client_held(const struct sio_client *client);

void *sio_client_session(const struct sio_client *client);

/* The namespace, with its '/'; NUL-terminated. */
const char *sio_socket_nsp(const struct sio_socket *socket);
struct sio_client *sio_socket_client(const struct sio_socket *socket);
/* A pointer of the application's. */
void *sio_socket_data(const struct sio_socket *socket);
void sio_socket_set_data(struct sio_socket *socket, void *data);

/*
 * Each socket takes one of these, once; a second answer does nothing.
 *
 * Answers CONNECT with the socket id and, unless NULL, the recovery id `pid`. What was kept
 * meanwhile is to be taken with sio_next_kept() before anything else arrives.
 */
void sio_accept(struct sio_socket *socket, const char *socket_id, const char *pid);
/* The oldest event kept, borrowed until the next call or the client's next message. False: there is none. */
bool sio_next_kept(struct sio_socket *socket, struct sio_event *event);
/*
 * Answers CONNECT_ERROR {"message":…,"data":…} (`data` is JSON, or NULL for none) and frees the socket (no
 * app->disconnect). The connection stays, unless it is on none and this is the SIO_REFUSALS_MAX-th time since
 * it last joined one.
 */
void sio_refuse(struct sio_socket *socket, const char *message, const char *data);

/*
 * Sends an event: `args` is the inside of the array, e.g. `"exception",{"status":"error"}`. `attachments` may
 * be NULL. Nothing is sent on a socket that is not accepted yet or has ended; the same holds for acks.
 */
void sio_emit(struct sio_socket *socket, const char *args, size_t len,
              const struct sio_attachment *attachments, size_t attachment_count);
/* Answers an ack: `args` is the inside of the array. */
void sio_ack(struct sio_socket *socket, uint64_t id, const char *args, size_t len,
             const struct sio_attachment *attachments, size_t attachment_count);
/* The same with one argument that is shared, not copied. */
void sio_ack_shared(struct sio_socket *socket, uint64_t id, struct blob *json);
/*
 * socket.disconnect(true): sends DISCONNECT on every namespace joined, this one first, ends every socket
 * (app->disconnect) and closes the connection once it was delivered. Does nothing on a socket that has ended.
 */
void sio_disconnect(struct sio_socket *socket);

#endif
