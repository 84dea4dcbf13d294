/*
 * The notes by which others find this node's riders: on which rides it may hold any (`node:<id>:rides`), and
 * by when those suspended on a ride may be due (`away`). Each goes out on the connection for commands before
 * the first transition that needs it, and is kept in mind so that it need not be said again. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_NOTES_H
#define RIDECAST_BROKER_REDIS_NOTES_H

#include <stdbool.h>
#include <stdint.h>

struct redisReply;
struct store;

enum {
    LEASES_OF_REST = 20,      /* a minute at the default: how long what seems over is still looked after */
    SUSPENSION_NOTE_MS = 500, /* a ride's suspensions are noted at most this often */
};

/* What has been noted of a ride. Embedded in it; zeroed is nothing, and makes it be noted again. */
struct notes {
    bool ride;              /* it is among this node's rides */
    uint64_t suspension_ms; /* when a suspension was noted last; 0: never */
};

/* This node may hold riders on the ride; it holds none any more. */
void notes_hold(struct notes *notes, struct store *store, const char *ride);
void notes_strike(struct notes *notes, struct store *store, const char *ride);

/* Some rider may become due one window from now. */
void notes_suspend(struct notes *notes, struct store *store, const char *ride);

/* The same of a ride that need not be known here: said in any case. */
void notes_away(struct store *store, const char *ride);

/* That node, which may be dead, may hold riders on the ride. */
void notes_node(struct store *store, const char *node, const char *ride);

/* The same two, passed on from where they were noted before: `answered` is told when they are there. 0, or -1
 * when there is no connection. */
int notes_pass_away(struct store *store, const char *ride,
                    void (*answered)(const struct redisReply *reply, void *arg), void *arg);
int notes_pass_node(struct store *store, const char *node, const char *ride,
                    void (*answered)(const struct redisReply *reply, void *arg), void *arg);

#endif
