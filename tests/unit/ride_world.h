/*
 * A world for the fan-out: outlets, rides and their logs together, with carriers that record what they are
 * given.
 */
#ifndef RIDECAST_TESTS_UNIT_RIDE_WORLD_H
#define RIDECAST_TESTS_UNIT_RIDE_WORLD_H

#include "gateway/rides/ride.h"

enum { BACKLOG = 1000, RIDERS = 4 };

struct client {
    struct outlet outlet; /* first: the carrier finds its client by it */
    bool blocked;
    bool blocks; /* with the next write */
    size_t room; /* 0: any */
    unsigned overflows;
    unsigned writes;
    const char *written; /* the last write, to compare; its memory may be gone */
    size_t heard_bytes;
    struct buf heard;          /* the payloads, each with a newline */
    const char *while_writing; /* a packet to add inside the next write */
};

struct world {
    struct outlets outlets;
    struct rides rides;
    struct ride *ride;
    struct client client[RIDERS];
    struct member member[RIDERS]; /* of `ride` */
};

/* A world as the test's state, with a ride that nobody is on. At its end everything must have been given
 * back. */
int setup(void **state);
int teardown(void **state);

/* The i-th client comes to the ride, or leaves it. */
void join(struct world *w, int i);
void leave(struct world *w, int i);

/* Tells the ride the next event, with a user record of one letter 1, or of `size`. */
void tell(struct ride *ride);
void tell_sized(struct ride *ride, size_t size);

/* What a client hears of an event that tell() told. */
#define EVENT(offset) "42[\"userBoarded\",1,\"" #offset "-e\"]\n"

/* A loop turn. */
void turn(struct world *w);

/* The client takes writes again. */
void unblock(struct client *client);

/* Checks what a client has heard since the last check, and in how many writes. */
void assert_heard(struct client *client, unsigned writes, const char *payloads);

/* A text for that client alone. */
void packet(struct client *client, const char *text);

/* How much the ride's log in that form has. */
size_t kept(const struct ride *ride, enum wire_form form);

#endif
