/*
 * broker/loop_thread.h without a thread: the simulation steps it as a half of its node.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_LOOP_THREAD_H
#define RIDECAST_TESTS_SIM_WORLD_LOOP_THREAD_H

#include "broker/loop_thread.h"

struct half;

/* SIGTERM and the like, to be heard in a turn that follows. */
void loop_thread_signal(struct loop_thread *thread, int number);

struct half *loop_thread_half(struct loop_thread *thread);

#endif
