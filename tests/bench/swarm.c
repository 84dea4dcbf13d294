/*
 * The clients' sockets and the loop around them: one epoll, one large read for each socket that has
 * something, one write for each client that said something in a turn.
 */
#include "bench/swarm.h"

#include "bench/speech.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_PER_TURN = 512,
    INPUT_SIZE = 256 * 1024,
    OUT_MAX = 1024 * 1024,
    SOURCE_ADDRESSES = 16,      /* 127.0.0.2 and on: closed connections hold their ports for a minute */
    STALLED_RECEIVE_BUFFER = 1, /* the kernel makes the smallest of it */
    GUESTS_PER_PLAIN = 4,       /* one of so many guests speaks plain JSON */
};

enum manner { MANNER_CLOSE, MANNER_EXIT, MANNER_RESET, MANNERS };

uint64_t swarm_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (!memory)
        fail("memory");
    return memory;
}

static void guest_init(struct swarm *swarm, struct client *client)
{
    const struct swarm_plan *plan = &swarm->plan;
    size_t number = client->index - (plan->clients - plan->guests);

    client->stays = swarm->stays + number * plan->publishers;
    client->owed = UINT64_MAX;
    if (number % GUESTS_PER_PLAIN == 0)
        client->dialect = DIALECT_PLAIN;
}

void swarm_init(struct swarm *swarm, const struct swarm_plan *plan)
{
    uint32_t random;

    memset(swarm, 0, sizeof *swarm);
    swarm->plan = *plan;
    swarm->total = plan->clients + plan->stalled;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        fail("getrandom");
    swarm->run = random % 10000;
    swarm->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (swarm->epoll < 0)
        fail("epoll_create1");
    swarm->clients = allocate(swarm->total, sizeof *swarm->clients);
    swarm->sequences = allocate(swarm->total * plan->publishers, sizeof *swarm->sequences);
    swarm->stays = allocate(plan->guests * plan->publishers, sizeof *swarm->stays);
    swarm->published = allocate(plan->rides * plan->publishers, sizeof *swarm->published);
    swarm->members = allocate(plan->rides, sizeof *swarm->members);
    swarm->dirty = allocate(swarm->total, sizeof(struct client *));
    swarm->input = allocate(INPUT_SIZE, 1);
    for (size_t i = 0; i < swarm->total; i++) {
        struct client *client = &swarm->clients[i];

        client->fd = -1;
        client->index = (uint32_t)i;
        client->ride = (uint32_t)(i % plan->rides);
        client->stalled = i >= plan->clients;
        client->dialect = plan->dialect;
        client->sequences = swarm->sequences + i * plan->publishers;
        if (i + plan->guests >= plan->clients && !client->stalled)
            guest_init(swarm, client);
        buf_init(&client->carry, INPUT_SIZE);
        buf_init(&client->out, OUT_MAX);
    }
}

void swarm_deinit(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->total; i++) {
        if (swarm->clients[i].fd >= 0)
            close(swarm->clients[i].fd);
        buf_deinit(&swarm->clients[i].carry);
        buf_deinit(&swarm->clients[i].out);
    }
    close(swarm->epoll);
    free(swarm->clients);
    free(swarm->sequences);
    free(swarm->stays);
    free(swarm->published);
    free(swarm->members);
    free(swarm->dirty);
    free(swarm->input);
}

static void client_start(struct swarm *swarm, struct client *client);

static enum manner guest_manner(const struct client *client)
{
    return (enum manner)((client->index + client->visit) % MANNERS);
}

/* A visit is over; the next one begins at once, as somebody else. */
static void guest_return(struct swarm *swarm, struct client *client)
{
    swarm->left++;
    if (guest_manner(client) == MANNER_EXIT && !client->heard_exit)
        swarm->unheard++;
    client->visit++;
    client->parting = PARTING_NOT;
    client->had = 0;
    client->owed = UINT64_MAX;
    client->heard_exit = client->blocked = false;
    client->offset = 0;
    buf_clear(&client->carry);
    buf_clear(&client->out);
    client_start(swarm, client);
}

static void client_unjoin(struct swarm *swarm, const struct client *client)
{
    swarm->ready--;
    if (!client->stalled)
        swarm->members[client->ride]--;
}

/* What it was owed and does not get any more stays owed: it counts as lost. */
static void client_close(struct swarm *swarm, struct client *client)
{
    if (client->state == CLIENT_READY && client->parting == PARTING_NOT)
        client_unjoin(swarm, client);
    client->state = CLIENT_CLOSED;
    close(client->fd);
    client->fd = -1;
    if (client->parting == PARTING_SAID)
        guest_return(swarm, client);
    else
        swarm->closed++;
}

static void client_watch(struct swarm *swarm, struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    if (epoll_ctl(swarm->epoll, operation, client->fd, &event) != 0)
        fail("epoll_ctl");
}

static void client_start(struct swarm *swarm, struct client *client)
{
    const struct swarm_plan *plan = &swarm->plan;
    uint32_t source = INADDR_LOOPBACK + 1 + client->index % SOURCE_ADDRESSES;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, smallest = STALLED_RECEIVE_BUFFER;

    to.sin_port = htons(plan->ports[client->index / plan->rides % plan->port_count]);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        fail("socket");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (client->stalled)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest);
    if (bind(client->fd, (struct sockaddr *)&from, sizeof from) != 0)
        fail("bind");
    if (connect(client->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        fail("connect");
    client->state = CLIENT_CONNECTING;
    client_watch(swarm, client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void client_said(struct swarm *swarm, struct client *client)
{
    if (client->dirty || client->out.len == 0)
        return;
    client->dirty = true;
    swarm->dirty[swarm->dirty_count++] = client;
}

static void client_write(struct swarm *swarm, struct client *client)
{
    if (client->out.len == 0 || client->state == CLIENT_CLOSED)
        return;
    ssize_t sent = send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN) {
        client_close(swarm, client);
        return;
    }
    if (sent > 0)
        buf_consume(&client->out, (size_t)sent);
    bool blocked = client->out.len > 0;

    if (blocked != client->blocked)
        client_watch(swarm, client, EPOLL_CTL_MOD, EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0));
    client->blocked = blocked;
}

static void client_connected(struct swarm *swarm, struct client *client)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        client_close(swarm, client);
        return;
    }
    client->state = CLIENT_UPGRADING;
    client_watch(swarm, client, EPOLL_CTL_MOD, EPOLLIN);
    speech_greet(swarm, client);
    client_said(swarm, client);
}

/* It has all it was owed, and goes. */
static void guest_part(struct swarm *swarm, struct client *client)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    client->parting = PARTING_SAID;
    switch (guest_manner(client)) {
    case MANNER_CLOSE:
        if (speech_close(client) != 0)
            fail("memory");
        break;
    case MANNER_EXIT:
        if (speech_guest(swarm, client, "exiting") != 0)
            fail("memory");
        break;
    default:
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        client_close(swarm, client);
        return;
    }
    client_said(swarm, client);
}

/* What is published from now on is not for it. */
static void guest_leave(struct swarm *swarm, struct client *client)
{
    size_t publishers = swarm->plan.publishers;
    uint64_t owed = 0;

    if (client->state != CLIENT_READY || client->parting != PARTING_NOT) {
        swarm->late++;
        return;
    }
    client_unjoin(swarm, client);
    client->parting = PARTING_OWED;
    for (size_t i = 0; i < publishers; i++) {
        client->stays[i].until = swarm->published[client->ride * publishers + i];
        owed += client->stays[i].until - client->stays[i].from;
    }
    client->owed = owed;
    if (client->had == owed)
        guest_part(swarm, client);
}

void swarm_rotate(struct swarm *swarm, uint64_t now)
{
    const struct swarm_plan *plan = &swarm->plan;

    if (plan->guests == 0)
        return;
    if (swarm->rotation == 0)
        swarm->rotation = now;
    uint64_t due = (now - swarm->rotation) * plan->churn / 1000000000;

    for (; swarm->departures < due; swarm->departures++)
        guest_leave(swarm, &swarm->clients[plan->clients - 1 - swarm->departures % plan->guests]);
}

/* The unfinished frame of the last read, then what is new, as one run of bytes. */
static void client_read(struct swarm *swarm, struct client *client)
{
    size_t carried = client->carry.len;

    if (carried > 0)
        memcpy(swarm->input, client->carry.data, carried);
    ssize_t got = recv(client->fd, swarm->input + carried, INPUT_SIZE - carried, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        client_close(swarm, client);
        return;
    }
    swarm->bytes += (uint64_t)got;
    size_t len = carried + (size_t)got;
    ssize_t used = speech_hear(swarm, client, swarm->input, len, swarm_now());

    if (used < 0 || (used == 0 && len == INPUT_SIZE)) {
        client_close(swarm, client);
        return;
    }
    buf_clear(&client->carry);
    if ((size_t)used < len && buf_append(&client->carry, swarm->input + used, len - (size_t)used) != 0)
        fail("memory");
    client_said(swarm, client);
    if (client->parting == PARTING_OWED && client->had == client->owed)
        guest_part(swarm, client);
    if (client->stalled && client->state == CLIENT_READY)
        client_watch(swarm, client, EPOLL_CTL_DEL, 0);
}

void swarm_flush(struct swarm *swarm)
{
    size_t count = swarm->dirty_count;

    swarm->dirty_count = 0;
    for (size_t i = 0; i < count; i++) {
        swarm->dirty[i]->dirty = false;
        client_write(swarm, swarm->dirty[i]);
    }
}

static void client_event(struct swarm *swarm, struct client *client, uint32_t events)
{
    if (client->state == CLIENT_CONNECTING) {
        client_connected(swarm, client);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        client_read(swarm, client);
    if (events & EPOLLOUT)
        client_write(swarm, client);
}

void swarm_turn(struct swarm *swarm, uint64_t until)
{
    struct epoll_event events[EVENTS_PER_TURN];
    uint64_t now = swarm_now(), left = until > now ? until - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
    int count = epoll_pwait2(swarm->epoll, events, EVENTS_PER_TURN, &wait, NULL);

    if (count < 0 && errno != EINTR)
        fail("epoll_pwait2");
    for (int i = 0; i < count; i++)
        client_event(swarm, events[i].data.ptr, events[i].events);
    swarm_flush(swarm);
}

void swarm_run(struct swarm *swarm, uint64_t until, bool drained)
{
    while (swarm_now() < until &&
           !(drained && swarm->delivered >= swarm->expected && swarm->ready + swarm->closed == swarm->total))
        swarm_turn(swarm, until);
}

int swarm_connect(struct swarm *swarm, uint64_t timeout_ns)
{
    uint64_t until = swarm_now() + timeout_ns;

    while (swarm->ready < swarm->total) {
        while (swarm->started < swarm->total &&
               swarm->started - swarm->ready - swarm->closed < swarm->plan.burst)
            client_start(swarm, &swarm->clients[swarm->started++]);
        if (swarm->ready + swarm->closed == swarm->total || swarm_now() >= until)
            break;
        swarm_turn(swarm, until);
    }
    return swarm->ready == swarm->total ? 0 : -1;
}

struct client *swarm_publisher(struct swarm *swarm, size_t ride, size_t publisher)
{
    return &swarm->clients[ride + publisher * swarm->plan.rides];
}

int swarm_publish(struct swarm *swarm, size_t ride, size_t publisher)
{
    struct client *client = swarm_publisher(swarm, ride, publisher);
    uint32_t *number = &swarm->published[ride * swarm->plan.publishers + publisher];

    if (client->state != CLIENT_READY || speech_board(swarm, client, publisher, *number, swarm_now()) != 0) {
        swarm->skipped++;
        return -1;
    }
    ++*number;
    swarm->expected += swarm->members[ride];
    client_said(swarm, client);
    return 0;
}
