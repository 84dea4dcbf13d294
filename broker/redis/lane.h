/*
 * The way of transitions to one server: those that wait, the calls without an answer, and the pauses before
 * what has failed is sent once more. Each server has its own, so that one that stands still holds up nobody
 * but its own rides.
 *
 * A call is sent when its lane is asked to send, and remembers what it carries: its answer is shared out
 * among them by position. What an answer means is transitions.h's to say. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_LANE_H
#define RIDECAST_BROKER_REDIS_LANE_H

#include "broker/redis/backoff.h"
#include "broker/redis/line.h"
#include "broker/redis/store.h"

struct event;
struct sent;

/* Whom an answer is about. One about several does not say which of them are done. */
enum lane_about {
    LANE_ABOUT_ONE,   /* this transition alone */
    LANE_ABOUT_RIDE,  /* others of its ride, too */
    LANE_ABOUT_RIDES, /* others of other rides, too */
};

/* The answer to what was asked about the transition; NULL: the connection went away first. */
typedef void lane_answer(struct transition *transition, const struct redisReply *reply,
                         enum lane_about about);

struct lane {
    struct store *store;
    struct line line;          /* those that wait to be sent */
    struct transition *paused; /* those that are to be sent once more after a pause */
    struct event *timer;       /* the pause's end */
    struct backoff backoff;    /* of these pauses */
    struct sent *sent;         /* calls without an answer */
    size_t in_flight, calls;   /* transitions in these; how many these are */
    size_t load, bytes;        /* transitions without an answer of the server's rides; what they hold */
    size_t restoring;          /* restorations among them */
    lane_answer *answer;
};

/* Empty. The store outlives it, and its connections are closed before lane_deinit(). */
void lane_init(struct lane *lane, struct store *store, lane_answer *answer);
void lane_deinit(struct lane *lane);

/* The transition is to be sent: with the next call; after a pause. */
void lane_add(struct lane *lane, struct transition *transition);
void lane_pause(struct lane *lane, struct transition *transition);

/* Sends what waits. What cannot be sent waits for the connection, and is added once more then. */
void lane_send(struct lane *lane);

/* Sends a call about this transition, which counts as sent. `answer` gets what is answered. -1: there is no
 * connection. */
int lane_ask(struct lane *lane, struct call *call, struct transition *transition, lane_answer *answer);

/* Whether so many calls have no answer that what is added now would wait for one of them. */
bool lane_busy(const struct lane *lane);

/* Another server has the ride: nothing of it waits or pauses here, and what is answered about it does not
 * count any more. What was sent may have been done. */
void lane_leave(struct lane *lane, struct redis_ride *ride);

/* Nothing waits any more, for its turn or for a pause. */
void lane_clear(struct lane *lane);

#endif
