#include "tests/sim/world/loop_thread.h"

#include "common/alloc.h"
#include "tests/sim/world/half.h"
#include "tests/sim/world/loop.h"
#include "tests/sim/world/node.h"
#include "tests/sim/world/trace.h"

#include <event2/event.h>
#include <stdlib.h>

struct loop_thread {
    struct loop_thread_setup setup;
    struct event_base *base;
    struct half half;
    enum { NEW, STARTED, RUNNING, ENDED } phase;
    int signal; /* to be heard; 0: none */
};

/* What comes between two waits, as broker/loop_thread.c has it. */
static void take_turn(void *owner)
{
    struct loop_thread *thread = owner;
    void *arg = thread->setup.arg;
    int number = thread->signal;

    thread->signal = 0;
    if (thread->phase == STARTED)
        thread->setup.begin(arg);
    thread->phase = RUNNING;
    if (number)
        thread->setup.signal(number, arg);
    if (!loop_turn(thread->base)) {
        thread->setup.end(arg);
        thread->phase = ENDED;
        return;
    }
    thread->setup.turn(arg);
    loop_wait(thread->base);
}

struct loop_thread *loop_thread_new(const struct loop_thread_setup *setup)
{
    struct loop_thread *thread = alloc_zeroed(sizeof *thread);

    thread->setup = *setup;
    thread->base = event_base_new();
    half_init(&thread->half, node_in_making->name, take_turn, thread);
    loop_bind(thread->base, &thread->half);
    node_in_making->broker = thread;
    return thread;
}

struct event_base *loop_thread_base(struct loop_thread *thread)
{
    return thread->base;
}

struct half *loop_thread_half(struct loop_thread *thread)
{
    return &thread->half;
}

int loop_thread_start(struct loop_thread *thread)
{
    thread->phase = STARTED;
    half_wake(&thread->half);
    return 0;
}

void loop_thread_wake(struct loop_thread *thread)
{
    if (thread->phase == STARTED || thread->phase == RUNNING)
        half_wake(&thread->half);
}

void loop_thread_signal(struct loop_thread *thread, int number)
{
    thread->signal = number;
    loop_thread_wake(thread);
}

void loop_thread_leave(struct loop_thread *thread)
{
    event_base_loopbreak(thread->base);
}

/* The gateway's half stands still meanwhile; everything else goes on. */
void loop_thread_join(struct loop_thread *thread)
{
    const char *before = trace_log_of;
    uint64_t until_us = schedule_now_us() + NODE_STOP_MAX_US;

    while (thread->phase != ENDED)
        if (!schedule_step(until_us))
            trace_fail(thread->half.name, "the broker's half does not end");
    trace_log_of = before;
}

void loop_thread_free(struct loop_thread *thread)
{
    if (!thread)
        return;
    half_deinit(&thread->half);
    event_base_free(thread->base);
    free(thread);
}
