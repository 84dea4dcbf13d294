/*
 * What one client has missed, read from the log in pages. As many as may be under way to one server are; the
 * others wait for replays_settle(), as do all while the server is away, or their slot on its way: for as long
 * as their clients do. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_REPLAY_H
#define RIDECAST_BROKER_REDIS_REPLAY_H

#include "broker/redis/watch.h"

struct replay;

/* One server's. Zeroed but for the parts below it, it is empty. */
struct replays {
    struct store *store;
    struct watches *watches; /* a HISTORY of a watched ride is told in its place among the events */
    struct replay *waiting;  /* in order of submission */
    struct replay *paused;   /* until the next beat */
    struct replay *reading;
    size_t under_way; /* of the latter */
};

/* Takes the order: it is answered with the log's events or without success. */
void replays_add(struct replays *replays, struct order *order);

/* Nobody waits for the one with that ticket: it fails before it asks for another page. Whether it was here.
 */
bool replays_forget(struct replays *replays, uint64_t ticket);

/* Whether any has not been answered. */
bool replays_busy(const struct replays *replays);

/* The end of a callback: starts those whose turn it is. */
void replays_settle(struct replays *replays);

/* Those whose slot was on its way are asked for again. */
void replays_beat(struct replays *replays);

/* Other servers have some of the rides: those that wait do so there. */
void replays_move(struct replays *replays);

/* The end, once the connections are closed: all that wait fail. */
void replays_refuse_all(struct replays *replays);

#endif
