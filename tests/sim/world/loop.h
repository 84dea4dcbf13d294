/*
 * libevent's loop as the product uses it, in the place of the library: timers on virtual time, and
 * descriptors of the simulation that are readable or writable when the simulation says so. A loop runs in one
 * half, and only when that has a turn.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_LOOP_H
#define RIDECAST_TESTS_SIM_WORLD_LOOP_H

#include <stdbool.h>

struct event_base;
struct half;

/* Before any event: what is due there makes this half due. */
void loop_bind(struct event_base *base, struct half *half);

/* What libevent does between two waits. False: it has been told to break. */
bool loop_turn(struct event_base *base);

/* Makes the half due when the next of its events is. */
void loop_wait(struct event_base *base);

/* A new descriptor of the simulation, which nothing of the process is. */
int loop_descriptor(void);
void loop_descriptor_free(int fd);

/* It is ready for that from now on (EV_READ, EV_WRITE), until something else is said. */
void loop_ready(int fd, short what);

#endif
