/*
 * Thousands of clients in one thread: they connect over WebSocket (Socket.IO or plain JSON), board their
 * rides again and again as publishers, and check every event they are told.
 *
 * Client i is on ride i % rides and speaks to port (i / rides) % ports; the first `publishers` clients of a
 * ride are those that publish on it. Every record carries
 *
 *     "bench":"RRRR.PPPP.SSSSSSSSSS.TTTTTTTTTTTTTTTTTTTT"     run, publisher, sequence number, send time (ns)
 *
 * at a fixed width, so that a receiver looks at a few bytes of a frame in place and parses no JSON.
 *
 * The last `guests` of the clients come and go, one after the other, `churn` of them a second; every fourth
 * speaks plain JSON. A guest boards as somebody new each time, is owed every event that is published from its
 * join to its leaving, waits for all of them, and goes by a close, by an exit or by a reset, in turn; then it
 * comes back. Where there are guests, every client also checks that its ride's offsets rise by one.
 *
 * All times are CLOCK_MONOTONIC nanoseconds. What needs memory and finds none ends the program.
 */
#ifndef RIDECAST_BENCH_SWARM_H
#define RIDECAST_BENCH_SWARM_H

#include "bench/histogram.h"
#include "bench/sequence.h"
#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SWARM_PORTS_MAX = 8 };

enum dialect { DIALECT_SOCKETIO, DIALECT_PLAIN };

struct swarm_plan {
    enum dialect dialect;
    uint16_t ports[SWARM_PORTS_MAX];
    size_t port_count;
    size_t clients;    /* that read and check */
    size_t stalled;    /* that join and never read again, at the end of the numbering */
    size_t guests;     /* the last of `clients`; none of them publishes */
    size_t churn;      /* guests that leave, and come, each second */
    size_t rides;      /* at least 1; one ride is `/`, several are /r0, /r1, … */
    size_t publishers; /* of each ride, at most 9999 */
    size_t burst;      /* connections under way at the same time */
    bool acks;         /* publishers ask for an ack */
};

enum client_state {
    CLIENT_CONNECTING, /* TCP */
    CLIENT_UPGRADING,  /* waits for the 101 */
    CLIENT_OPENING,    /* Socket.IO: waits for Engine.IO's open packet */
    CLIENT_JOINING,    /* Socket.IO: waits for CONNECT's answer */
    CLIENT_READY,
    CLIENT_CLOSED,
};

enum parting {
    PARTING_NOT,
    PARTING_OWED, /* has left the ride's members and waits for what it is still owed */
    PARTING_SAID, /* has said so: the server ends the connection */
};

/* What a guest is owed of one publisher's events: from its join to its leaving. */
struct stay {
    uint32_t from, until;
};

struct client {
    int fd;
    enum client_state state;
    enum dialect dialect;
    enum parting parting;
    bool stalled;
    bool dirty;     /* in the list of those with something to write */
    bool blocked;   /* the socket was full: waits for EPOLLOUT */
    uint16_t mark;  /* where in the last event's frame the marker was */
    uint32_t index; /* its number in the swarm */
    uint32_t ride;
    struct sequence *sequences; /* one for each publisher of the ride */
    struct stay *stays;         /* the same; NULL: no guest */
    uint32_t visit;             /* a guest's how manieth */
    uint64_t had, owed;         /* of this visit's events; what is owed is known when it leaves */
    bool heard_exit;            /* its own */
    uint64_t offset;            /* of the last event heard; 0: none */
    struct buf carry;           /* the beginning of a frame that is not all here */
    struct buf out;
};

struct swarm {
    struct swarm_plan plan;
    unsigned run; /* 4 digits that tell this swarm's events from those of one before */
    int epoll;
    struct client *clients;
    size_t total;   /* clients and stalled ones */
    size_t started; /* connections begun */
    size_t ready, closed;
    struct sequence *sequences;
    struct stay *stays;
    uint32_t *published; /* the next number of each publisher of each ride */
    uint32_t *members;   /* ready clients of each ride that read */
    struct client **dirty;
    size_t dirty_count;
    char *input; /* one read for all */

    /* Since the start. */
    uint64_t expected;   /* deliveries owed: events times members */
    uint64_t delivered;  /* of these, come for the first time */
    uint64_t repeated;   /* came again */
    uint64_t disordered; /* came after a later one of the same publisher */
    uint64_t malformed;  /* a message that is not what it should be */
    uint64_t acked, refused;
    uint64_t bytes;
    uint64_t skipped; /* events not sent since the publisher's socket was full */
    uint64_t pongs;

    /* Of guests. */
    uint64_t rotation;   /* when they began to leave */
    uint64_t departures; /* that were due since then */
    uint64_t left;       /* visits that ended as they should */
    uint64_t late;       /* turns to leave of guests that were not there yet */
    uint64_t unheard;    /* exits whose guest was not told of its own */
    uint64_t unmarked;   /* events of guests, told to anybody */
    uint64_t gaps;       /* offsets that were left out */
    uint64_t back;       /* offsets that did not rise */

    struct histogram latency; /* of every 17th delivery of events sent at or after `latency_from` */
    uint64_t latency_from;
    uint64_t sampling;

    /* A publisher's transition was answered; may publish. May be NULL. */
    void (*acknowledged)(void *context, struct client *client, bool ok);
    void *context;
};

uint64_t swarm_now(void);

/* Prepares all clients; nothing is connected yet. */
void swarm_init(struct swarm *swarm, const struct swarm_plan *plan);
void swarm_deinit(struct swarm *swarm);

/* Connects all of them. 0, or -1 when not all were ready within `timeout_ns`. */
int swarm_connect(struct swarm *swarm, uint64_t timeout_ns);

/* Waits for what comes, until `until` at the latest, and handles it. */
void swarm_turn(struct swarm *swarm, uint64_t until);

/* Turns until then, or until nothing is owed any more and all guests are there, if `drained`. */
void swarm_run(struct swarm *swarm, uint64_t until, bool drained);

/* The client that is publisher `publisher` of `ride`. */
struct client *swarm_publisher(struct swarm *swarm, size_t ride, size_t publisher);

/*
 * Has it board (again); an ack is asked for where one is awaited. Written at the end of the turn. 0, or -1
 * when its socket has been full for so long that its buffer is, too, or it is closed.
 */
int swarm_publish(struct swarm *swarm, size_t ride, size_t publisher);

/* Has those guests leave whose turn has come; they come back by themselves. The first call starts the clock.
 */
void swarm_rotate(struct swarm *swarm, uint64_t now);

/* Writes what was published, or said by guests, outside a turn. */
void swarm_flush(struct swarm *swarm);

#endif
