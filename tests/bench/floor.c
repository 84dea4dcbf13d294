/*
 * floor: what the kernel allows. An epoll server that tells every client every event and does nothing else:
 * no checks, no roster, no pings, no rides. Events published in a turn are written once into one shared
 * buffer as finished frames; at the end of the turn each client gets one send() of all it has not had.
 *
 * --drop, --double and --swap N spoil the Nth event (from 1), so that a test can see the load generator
 * notice.
 */
#include "bench/frame.h"
#include "common/option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DESCRIPTORS_MAX = 20000,
    EVENTS_PER_TURN = 512,
    INPUT_SIZE = 64 * 1024,
    LOG_MAX = 256 * 1024 * 1024, /* past it whoever lags is closed */
};

struct settings {
    uint64_t port, drop, twice, swap;
};

#define NUMBER(field, text, default_, max_, help_)                                                           \
    {                                                                                                        \
        .name = (text), .type = OPTION_UINT, .offset = offsetof(struct settings, field),                     \
        .initial = (default_), .max = (max_), .help = (help_)                                                \
    }

static const struct option_row rows[] = {
    NUMBER(port, "port", "0", UINT16_MAX, "to listen on at 127.0.0.1; 0 picks a free one"),
    NUMBER(drop, "drop", "0", UINT32_MAX, "the event that nobody is told; 0: none"),
    NUMBER(twice, "double", "0", UINT32_MAX, "the event that everybody is told twice; 0: none"),
    NUMBER(swap, "swap", "0", UINT32_MAX, "the event that follows the one after it; 0: none"),
};

static const struct option_program program = {
    .name = "floor",
    .summary = "Tells every client every event with as little work as possible.",
    .env = "FLOOR",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
};

struct client {
    int fd; /* -1: none */
    enum { UPGRADING, OPEN, JOINED } state;
    size_t cursor; /* how much of the log it has had */
    struct buf carry;
};

struct floor {
    struct settings settings;
    int epoll, listener;
    struct client *clients; /* by descriptor */
    int highest;
    struct buf log;  /* frames that somebody has not had */
    struct buf held; /* the event to swap */
    uint64_t events;
    char input[INPUT_SIZE];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void client_close(struct client *client)
{
    close(client->fd);
    client->fd = -1;
    buf_deinit(&client->carry);
}

static void append_event(struct buf *log, const char *record, size_t len)
{
    static const char head[] = "42[\"userBoarded\",",
                      tail[] = ",\"1234567-floorfl\"]"; /* as long as the gateway's */
    char text[4096];
    size_t size = sizeof head - 1;

    memcpy(text, head, size);
    for (size_t i = 0; i < len && size < sizeof text - sizeof tail; i++)
        if (record[i] != '\\')
            text[size++] = record[i];
    memcpy(text + size, tail, sizeof tail - 1);
    if (frame_append(log, FRAME_TEXT, text, size + sizeof tail - 1, false) != 0)
        fail("the log is full");
}

/* 42["message","{…}"] */
static void publish(struct floor *floor, const char *text, size_t len)
{
    size_t head = sizeof "42[\"message\",\"" - 1, tail = 2;

    if (len < head + tail)
        return;
    uint64_t number = ++floor->events;
    const char *record = text + head;
    size_t size = len - head - tail;

    if (number == floor->settings.drop)
        return;
    if (number == floor->settings.swap) {
        append_event(&floor->held, record, size);
        return;
    }
    append_event(&floor->log, record, size);
    if (number == floor->settings.twice)
        append_event(&floor->log, record, size);
    if (floor->held.len > 0) {
        if (buf_append(&floor->log, floor->held.data, floor->held.len) != 0)
            fail("the log is full");
        buf_clear(&floor->held);
    }
}

static void answer(struct client *client, const char *text)
{
    struct buf out;

    buf_init(&out, 4096);
    if (frame_append(&out, FRAME_TEXT, text, strlen(text), false) != 0 ||
        send(client->fd, out.data, out.len, MSG_NOSIGNAL) < 0)
        shutdown(client->fd, SHUT_RDWR);
    buf_deinit(&out);
}

/* Unmasks a frame of the client, which need not have the key 0. */
static void hear(struct floor *floor, struct client *client, const struct frame *frame)
{
    for (size_t i = 0; frame->mask && i < frame->len; i++)
        frame->data[i] ^= (char)(frame->mask >> 8 * (i % 4));
    if (client->state == OPEN && frame->len >= 2 && memcmp(frame->data, "40", 2) == 0) {
        answer(client, "40{\"sid\":\"floorfloorfloorfloor\"}");
        client->cursor = floor->log.len;
        client->state = JOINED;
    } else if (client->state == JOINED && frame->len > 2 && memcmp(frame->data, "42", 2) == 0) {
        publish(floor, frame->data, frame->len);
    }
}

/* The 101 with the accept key (RFC 6455, section 4.2.2) and Engine.IO's open packet. Returns bytes used. */
static size_t upgrade(struct client *client, char *data, size_t len)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", field[] = "Sec-WebSocket-Key: ";
    const char *end = memmem(data, len, "\r\n\r\n", 4), *key = memmem(data, len, field, sizeof field - 1);
    char joined[128];
    unsigned char hash[EVP_MAX_MD_SIZE], accept[64];
    unsigned hash_len = 0;

    if (!end || !key)
        return 0;
    key += sizeof field - 1;
    int size = snprintf(joined, sizeof joined, "%.24s%s", key, guid);

    EVP_Digest(joined, (size_t)size, hash, &hash_len, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, hash, (int)hash_len);
    char head[256];

    size = snprintf(head, sizeof head,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: %s\r\n\r\n",
                    (char *)accept);
    if (send(client->fd, head, (size_t)size, MSG_NOSIGNAL) != size)
        shutdown(client->fd, SHUT_RDWR);
    answer(client, "0{\"sid\":\"floorfloorfloorfloor\",\"upgrades\":[],\"pingInterval\":25000,"
                   "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    client->state = OPEN;
    return (size_t)(end + 4 - data);
}

static void client_read(struct floor *floor, struct client *client)
{
    size_t carried = client->carry.len, used = 0;
    struct frame frame;

    if (carried > 0)
        memcpy(floor->input, client->carry.data, carried);
    ssize_t got = recv(client->fd, floor->input + carried, INPUT_SIZE - carried, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        client_close(client);
        return;
    }
    size_t len = carried + (size_t)got;

    if (client->state == UPGRADING)
        used = upgrade(client, floor->input, len);
    while (client->state != UPGRADING && frame_read(floor->input + used, len - used, &frame)) {
        hear(floor, client, &frame);
        used += frame.whole;
    }
    buf_clear(&client->carry);
    if (used < len && buf_append(&client->carry, floor->input + used, len - used) != 0)
        client_close(client);
}

static void accept_all(struct floor *floor)
{
    int fd, on = 1;

    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= DESCRIPTORS_MAX) {
            close(fd);
            continue;
        }
        struct client *client = &floor->clients[fd];
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

        *client = (struct client){.fd = fd, .state = UPGRADING};
        buf_init(&client->carry, INPUT_SIZE);
        floor->highest = fd > floor->highest ? fd : floor->highest;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            fail("epoll_ctl");
    }
}

static void client_flush(struct floor *floor, struct client *client)
{
    ssize_t sent =
        send(client->fd, floor->log.data + client->cursor, floor->log.len - client->cursor, MSG_NOSIGNAL);

    if (sent > 0)
        client->cursor += (size_t)sent;
    else if (errno != EAGAIN)
        client_close(client);
}

/* One send() per client; then forgets what everybody has had. Returns whether somebody lags. */
static bool flush(struct floor *floor)
{
    size_t least = floor->log.len;

    if (least == 0)
        return false;
    for (int fd = 0; fd <= floor->highest; fd++) {
        struct client *client = &floor->clients[fd];

        if (client->fd < 0 || client->state != JOINED)
            continue;
        if (client->cursor < floor->log.len)
            client_flush(floor, client);
        if (client->fd >= 0 && client->cursor < least)
            least = client->cursor;
    }
    bool lagging = least < floor->log.len;

    /* Moving the rest is worth it once in a while. */
    if (!lagging || least > LOG_MAX / 4) {
        buf_consume(&floor->log, least);
        for (int fd = 0; fd <= floor->highest; fd++)
            floor->clients[fd].cursor -=
                floor->clients[fd].cursor < least ? floor->clients[fd].cursor : least;
    }
    return lagging;
}

static void serve(struct floor *floor)
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool lagging = false;

    for (;;) {
        /* Whoever lags is tried again each turn: a full socket is rare, watching for room costs every client.
         */
        int count = epoll_wait(floor->epoll, events, EVENTS_PER_TURN, lagging ? 1 : -1);

        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == floor->listener)
                accept_all(floor);
            else
                client_read(floor, &floor->clients[events[i].data.fd]);
        }
        lagging = flush(floor);
    }
}

static void start(struct floor *floor)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN};
    struct rlimit descriptors = {.rlim_cur = DESCRIPTORS_MAX, .rlim_max = DESCRIPTORS_MAX};
    socklen_t size = sizeof address;
    int on = 1;

    (void)setrlimit(RLIMIT_NOFILE, &descriptors);
    floor->clients = calloc(DESCRIPTORS_MAX, sizeof *floor->clients);
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    floor->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!floor->clients || floor->epoll < 0 || floor->listener < 0)
        fail("floor");
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        floor->clients[fd].fd = -1;
    buf_init(&floor->log, LOG_MAX);
    buf_init(&floor->held, INPUT_SIZE);
    address.sin_port = htons((uint16_t)floor->settings.port);
    setsockopt(floor->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    event.data.fd = floor->listener;
    if (bind(floor->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(floor->listener, SOMAXCONN) != 0 ||
        getsockname(floor->listener, (struct sockaddr *)&address, &size) != 0 ||
        epoll_ctl(floor->epoll, EPOLL_CTL_ADD, floor->listener, &event) != 0)
        fail("floor");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct floor floor;
    struct buf error;

    buf_init(&error, 4096);
    switch (option_load(&program, &floor.settings, sizeof floor.settings, argc, argv, environ, &error)) {
    case OPTION_EXIT:
        return 0;
    case OPTION_BAD:
        fprintf(stderr, "floor: %.*s\n", (int)error.len, error.data);
        return 1;
    case OPTION_OK:
        break;
    }
    start(&floor);
    serve(&floor);
}
