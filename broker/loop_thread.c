/* A thread with a loop: see loop_thread.h. */
#include "broker/loop_thread.h"

#include "common/alloc.h"
#include "common/log.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct loop_thread {
    struct loop_thread_setup setup;
    pthread_t thread;
    struct event_base *base;
    int wake_fd, signal_fd;
    struct event *wake, *signal; /* the two descriptors are readable */
};

static void woken(evutil_socket_t fd, short what, void *arg)
{
    uint64_t wakes;

    (void)what, (void)arg;
    if (read(fd, &wakes, sizeof wakes) < 0 && errno != EAGAIN && errno != EINTR)
        log_error("broker", "cannot read the wake-up descriptor: %s", strerror(errno));
}

static void take_signal(evutil_socket_t fd, short what, void *arg)
{
    struct loop_thread *thread = arg;
    struct signalfd_siginfo info;

    (void)what;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        thread->setup.signal((int)info.ssi_signo, thread->setup.arg);
}

static void *thread_main(void *arg)
{
    struct loop_thread *thread = arg;

    thread->setup.begin(thread->setup.arg);
    do {
        thread->setup.turn(thread->setup.arg);
        event_base_loop(thread->base, EVLOOP_ONCE);
    } while (!event_base_got_break(thread->base));
    thread->setup.end(thread->setup.arg);
    return NULL;
}

struct loop_thread *loop_thread_new(const struct loop_thread_setup *setup)
{
    struct loop_thread *thread = alloc_zeroed(sizeof *thread);

    thread->setup = *setup;
    thread->signal_fd = -1;
    thread->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    thread->base = event_base_new();
    if (thread->wake_fd >= 0 && thread->base)
        return thread;
    loop_thread_free(thread);
    return NULL;
}

struct event_base *loop_thread_base(struct loop_thread *thread)
{
    return thread->base;
}

static int make_events(struct loop_thread *thread)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    thread->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (thread->signal_fd < 0)
        return -1;
    thread->wake = event_new(thread->base, thread->wake_fd, EV_READ | EV_PERSIST, woken, thread);
    thread->signal = event_new(thread->base, thread->signal_fd, EV_READ | EV_PERSIST, take_signal, thread);
    if (!thread->wake || !thread->signal)
        return -1;
    return event_add(thread->wake, NULL) == 0 && event_add(thread->signal, NULL) == 0 ? 0 : -1;
}

static int begin(struct loop_thread *thread)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t blocked, before;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int failure = pthread_create(&thread->thread, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return failure == 0 ? 0 : -1;
}

int loop_thread_start(struct loop_thread *thread)
{
    return make_events(thread) == 0 && begin(thread) == 0 ? 0 : -1;
}

void loop_thread_wake(struct loop_thread *thread)
{
    const uint64_t one = 1;

    while (write(thread->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_thread_leave(struct loop_thread *thread)
{
    event_base_loopbreak(thread->base);
}

void loop_thread_join(struct loop_thread *thread)
{
    pthread_join(thread->thread, NULL);
}

static void event_drop(struct event *event)
{
    if (event)
        event_free(event);
}

static void descriptor_drop(int fd)
{
    if (fd >= 0)
        close(fd);
}

void loop_thread_free(struct loop_thread *thread)
{
    if (!thread)
        return;
    event_drop(thread->wake);
    event_drop(thread->signal);
    if (thread->base)
        event_base_free(thread->base);
    descriptor_drop(thread->wake_fd);
    descriptor_drop(thread->signal_fd);
    free(thread);
}
