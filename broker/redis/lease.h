/*
 * The beat of this node: three times in a lease (at least twice a second) it renews its lease and looks after
 * what all nodes share.
 *
 *   connected ─▶ first beat, lease confirmed ─▶ ready … a beat every period … ─▶ lost, or given back
 *
 * On each beat the node says that it may hold something (`nodes`), renews its lease, learns Redis' clock,
 * agrees on the secret (whoever stores one first; the others follow, and put it back if it is gone; in a
 * cluster one server keeps it and the others have copies, for those who start while that one is away), and
 * takes or renews the role of the sweeper if nobody else has it. What follows from a beat is the roof's to
 * decide. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_LEASE_H
#define RIDECAST_BROKER_REDIS_LEASE_H

#include "broker/redis/store.h"

struct event;

struct lease_reports {
    void (*ready)(void *arg);  /* a beat on this connection has been answered, and the lease is there */
    void (*beaten)(void *arg); /* every later one */
    void (*lost)(void *arg);   /* the beat has found no lease, and takes a new one: `beaten` follows */
    void (*late)(void *arg);   /* for one lease there has been none to be had: its slot is on its way */
};

/* What signs recovery ids, as far as this process knows it: the same for all servers, and the owner's of
 * these. It begins as a random one. */
struct lease_secret {
    bool known;   /* the gateway has been told */
    bool certain; /* it is what the server that keeps it has; else a copy of that, or this process' own */
    bool copied;  /* it is or was a copy */
    uint8_t bytes[SECRET_LEN];
};

struct lease {
    struct store *store;
    struct lease_secret *secret;
    const struct lease_reports *reports;
    void *arg;
    struct event *timer;
    uint64_t period_ms;
    bool ready;         /* as reported, on this connection */
    bool beating;       /* a beat has not been answered */
    uint64_t beat_ms;   /* when it was sent */
    bool gone;          /* that beat has found no lease */
    uint64_t begun_ms;  /* this connection */
    uint64_t there_ms;  /* when Redis said last that the lease is there; 0: not yet on this connection */
    bool told;          /* `late`, since then */
    uint64_t steady_ms; /* since when connection and lease have held */
    bool sweeper;       /* this node has the role */
    bool knows_clock;
    int64_t ahead_at_most_ms; /* Redis' clock less ours, by the latest beat */
    struct blob *about;       /* what this gateway says of itself: the lease's value; NULL: nothing yet */
    bool leaving, left;
};

/* At rest. The store, the secret, the reports and `arg` outlive it. */
void lease_init(struct lease *lease, struct store *store, struct lease_secret *secret,
                const struct lease_reports *reports, void *arg);
void lease_deinit(struct lease *lease);

/* The connection for commands is new; it is lost. */
void lease_begin(struct lease *lease);
void lease_end(struct lease *lease);

/* Gives the lease back, so that others look after what may be left at once. Whether that is done. */
bool lease_give_back(struct lease *lease);

/* What this gateway says of itself, from the next beat on. Takes a reference. */
void lease_about(struct lease *lease, struct blob *json);

#endif
