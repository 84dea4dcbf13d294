/*
 * A thread with a libevent loop that can be woken, and that hears the process' signals: the broker's
 * (broker_thread.c), which says what is done there. A simulation replaces this file when it is linked, and
 * steps the loop itself: tests/sim/world.
 *
 * Called on the gateway thread, unless it says otherwise.
 */
#ifndef RIDECAST_BROKER_LOOP_THREAD_H
#define RIDECAST_BROKER_LOOP_THREAD_H

struct loop_thread;
struct event_base;

/* All called on the thread. */
struct loop_thread_setup {
    void (*begin)(void *arg); /* first */
    void (*turn)(void *arg);  /* before each wait: whatever is to be done after what has happened */
    void (*signal)(int number, void *arg);
    void (*end)(void *arg); /* last */
    void *arg;
};

/* Does not run yet. NULL: errno says why. */
struct loop_thread *loop_thread_new(const struct loop_thread_setup *setup);

/* Its loop, for whoever has events there. They are freed before it. */
struct event_base *loop_thread_base(struct loop_thread *thread);

/*
 * Reads SIGTERM, SIGINT and SIGHUP from now on, which must be blocked in every thread, and takes no other
 * (SIGPIPE included) but those that a fault in its own code raises. 0, or -1: errno says why.
 */
int loop_thread_start(struct loop_thread *thread);

/* A turn follows. Any thread. */
void loop_thread_wake(struct loop_thread *thread);

/* The loop ends when what runs now has returned. On the thread. */
void loop_thread_leave(struct loop_thread *thread);

/* Waits until it has ended. */
void loop_thread_join(struct loop_thread *thread);

/* Of one that has ended, or was never started. NULL is harmless. */
void loop_thread_free(struct loop_thread *thread);

#endif
