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

struct client {
    int fd;
    enum client_state state;
    bool stalled;
    bool dirty;     /* in the list of those with something to write */
    bool blocked;   /* the socket was full: waits for EPOLLOUT */
    uint16_t mark;  /* where in the last event's frame the marker was */
    uint32_t index; /* its number in the swarm */
    uint32_t ride;
    struct sequence *sequences; /* one for each publisher of the ride */
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

/* Turns until then, or until nothing is owed any more if `drained`. */
void swarm_run(struct swarm *swarm, uint64_t until, bool drained);

/* The client that is publisher `publisher` of `ride`. */
struct client *swarm_publisher(struct swarm *swarm, size_t ride, size_t publisher);

/*
 * Has it board (again); an ack is asked for where one is awaited. Written at the end of the turn. 0, or -1
 * when its socket has been full for so long that its buffer is, too, or it is closed.
 */
int swarm_publish(struct swarm *swarm, size_t ride, size_t publisher);

/* Writes what was published outside a turn. */
void swarm_flush(struct swarm *swarm);

#endif
