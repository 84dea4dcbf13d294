/*
 * The beat of this node: three times in a lease (at least twice a second) it renews its lease and looks after
 * what all nodes share.
 *
 *   connected ─▶ first beat ─▶ redis_registered() … a beat every period … ─▶ lost, or given back
 *
 * On each beat the node says that it may hold something (`nodes`), renews its lease, learns Redis' clock,
 * agrees on the secret (whoever stores one first; the others follow, and put it back if it is gone), and
 * takes or renews the role of the sweeper if nobody else has it. The sweeper sweeps, and reaps once its own
 * connection and lease have held for two leases: after an outage everybody renews before anybody judges.
 *
 * A lease that is gone when it should be renewed means that others may have reaped this node: all riders are
 * restored, one beat later, so that no reaping that was already on its way follows the restorations.
 *
 * Also the notes by which others find this node's riders. Each goes out on the connection for commands
 * before the first transition that needs it. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_LEASE_H
#define RIDECAST_BROKER_REDIS_LEASE_H

#include "broker/broker.h"
#include "broker/redis/redis_link.h"

struct event;
struct redis;
struct redis_ride;

enum {
    LEASES_OF_REST = 20,      /* a minute at the default: how long what seems over is still looked after */
    SUSPENSION_NOTE_MS = 500, /* a ride's suspensions are noted at most this often */
};

/* What has been noted of a ride. Embedded in struct redis_ride; zeroed is nothing. */
struct lease_notes {
    bool ride;              /* it is among this node's rides */
    uint64_t suspension_ms; /* when a suspension was noted last; 0: never */
};

/* Embedded in struct redis. */
struct lease {
    struct event *timer;
    uint64_t period_ms;
    bool had;               /* this process has had a lease */
    bool ready;             /* the first beat on this connection has been answered */
    bool beating;           /* a beat has not been answered */
    uint64_t beat_ms;       /* when it was sent */
    bool gone;              /* that beat has found no lease */
    bool restore_due;       /* on the next beat */
    uint64_t steady_ms;     /* since when connection and lease have held */
    int64_t clock_ahead_ms; /* Redis' clock less our monotonic one */
    bool sweeper;
    bool knows_secret;
    uint8_t secret[SECRET_LEN];
    struct blob *about; /* what this gateway says of itself: the lease's value; NULL: nothing yet */
    bool leaving, left;
};

void lease_init(struct redis *redis);
void lease_deinit(struct redis *redis);

/* The connection for commands is new; it is lost. */
void lease_begin(struct redis *redis);
void lease_end(struct redis *redis);

/* Gives the lease back, so that others look after what may be left at once. Whether that is done. */
bool lease_give_back(struct redis *redis);

/* What this gateway says of itself, from the next beat on. Takes a reference. */
void lease_about(struct redis *redis, struct blob *json);

/* Redis' clock in milliseconds, nearly. */
uint64_t lease_clock_ms(const struct redis *redis);

/* This node may hold riders on the ride; some may become due one window from now; it holds none any more. */
void lease_note_ride(struct redis_ride *ride);
void lease_note_suspension(struct redis_ride *ride);
void lease_note_away(struct redis *redis, const char *ride);
void lease_strike_ride(struct redis_ride *ride);

/* What was noted may be lost: note it again when it is needed. */
void lease_forget_notes(struct redis *redis);

/* Sends a command whose answer matters only if it is an error. */
void lease_tell(struct redis *redis, const struct redis_arg *args, size_t count);

#endif
