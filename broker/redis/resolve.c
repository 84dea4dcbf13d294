/*
 * getaddrinfo(3), with its answer as text: the order is that of RFC 6724 and /etc/gai.conf.
 *
 * The thread and the loop share one object, and the last of the two to let go of it frees it. That the thread
 * is done is heard by its closing its end of a pipe.
 */
#include "broker/redis/resolve.h"

#include "broker/redis/timer.h"
#include "common/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct resolve {
    struct redis_address address;
    struct resolved resolved; /* the thread's until it lets go */
    int done_fd;              /* the thread's end */
    atomic_int holders;
    int heard_fd; /* from here on the loop's; -1: there is no thread */
    struct event *heard;
    resolve_done *done;
    void *arg;
};

static void release(struct resolve *resolve)
{
    if (atomic_fetch_sub(&resolve->holders, 1) == 1)
        free(resolve);
}

/* --- the thread --- */

static void add(struct resolved *resolved, const struct addrinfo *info, int port)
{
    struct redis_address *address = &resolved->addresses[resolved->count];
    char host[NI_MAXHOST];

    if (getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0 ||
        redis_address_set(address, host, strlen(host), port) != 0)
        return;
    for (size_t i = 0; i < resolved->count; i++)
        if (redis_address_equal(&resolved->addresses[i], address))
            return;
    resolved->count++;
}

static void look_up(const struct redis_address *address, struct resolved *resolved)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int failure = getaddrinfo(address->host, NULL, &hints, &all);

    if (failure != 0) {
        resolved->error = failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure);
        return;
    }
    for (const struct addrinfo *info = all; info && resolved->count < RESOLVE_MAX; info = info->ai_next)
        add(resolved, info, address->port);
    freeaddrinfo(all);
    if (resolved->count == 0)
        resolved->error = "its name has no IP address";
}

static void *resolve_main(void *arg)
{
    struct resolve *resolve = arg;
    int done_fd = resolve->done_fd;

    look_up(&resolve->address, &resolve->resolved);
    release(resolve);
    close(done_fd);
    return NULL;
}

/* Without a signal: they are the main thread's. 0, or why there is no thread. */
static int start_thread(struct resolve *resolve)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread, NULL, resolve_main, resolve);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure == 0)
        pthread_detach(thread);
    return failure;
}

/* --- the loop --- */

static void on_done(evutil_socket_t fd, short what, void *arg)
{
    struct resolve *resolve = arg;

    atomic_load(&resolve->holders); /* the thread has let go: what it wrote is seen from here on */
    const struct resolved resolved = resolve->resolved;
    resolve_done *done = resolve->done;
    void *done_arg = resolve->arg;

    (void)fd, (void)what;
    resolve_cancel(resolve);
    done(&resolved, done_arg);
}

/* 0, or -1: `resolved` says why there is no thread. */
static int start(struct resolve *resolve)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        resolve->resolved.error = strerror(errno);
        return -1;
    }
    resolve->heard_fd = ends[0];
    resolve->done_fd = ends[1];
    resolve->holders = 2;
    int failure = start_thread(resolve);
    if (failure == 0)
        return 0;
    resolve->holders = 1;
    resolve->resolved.error = strerror(failure);
    close(ends[0]);
    close(ends[1]);
    resolve->heard_fd = -1;
    return -1;
}

struct resolve *resolve_begin(struct event_base *base, const struct redis_address *address,
                              resolve_done *done, void *arg)
{
    struct resolve *resolve = alloc_zeroed(sizeof *resolve);

    resolve->address = *address;
    resolve->holders = 1;
    resolve->heard_fd = -1;
    resolve->done = done;
    resolve->arg = arg;
    bool waits = start(resolve) == 0;
    resolve->heard = event_new(base, resolve->heard_fd, waits ? EV_READ : 0, on_done, resolve);
    if (!resolve->heard)
        alloc_failed();
    if (waits)
        event_add(resolve->heard, NULL);
    else
        timer_set(resolve->heard, 0);
    return resolve;
}

void resolve_cancel(struct resolve *resolve)
{
    if (!resolve)
        return;
    event_free(resolve->heard);
    if (resolve->heard_fd >= 0)
        close(resolve->heard_fd);
    release(resolve);
}
