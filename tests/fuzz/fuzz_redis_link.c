/*
 * The bytes of a Redis that sends anything, through a real socket into the real connection
 * (broker/redis/redis_link.h): before it has been greeted, while commands wait, on a subscription. The
 * input's first byte tells which kind of connection it is and how many bytes come at a time; a 0xff among the
 * rest hangs up. Every command gets one answer, though it be NULL.
 */
#include "tests/fuzz/fuzz.h"

#include "broker/redis/redis_address.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/redis_url.h"
#include "common/log.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMANDS = 3, SUBSCRIPTION = 1, LOGIN = 2, PIECE_SHIFT = 2, HANG_UP = 0xff };

static int server_fd; /* Redis' end */

struct client {
    struct redis_link *link;
    unsigned sent, answered, ready, lost;
};

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return 0;
}

/* In the place of hiredis' own. */
redisContext *redisConnectNonBlock(const char *host, int port)
{
    int ends[2];

    (void)host, (void)port;
    CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    if (server_fd >= 0)
        close(server_fd);
    server_fd = ends[0];
    redisContext *context = redisConnectFd(ends[1]);

    CHECK(context && !context->err);
    context->flags &= ~REDIS_BLOCK;
    return context;
}

static void on_answer(const struct redisReply *reply, void *arg)
{
    struct client *client = arg;

    CHECK(!reply || reply->type > 0);
    client->answered++;
    CHECK(client->answered <= client->sent);
}

static void on_ready(void *arg)
{
    static const struct redis_arg command = {"GET", 3};
    struct client *client = arg;

    client->ready++;
    for (int i = 0; i < COMMANDS; i++)
        if (!redis_link_send(client->link, on_answer, client, &command, 1))
            client->sent++;
}

static void on_lost(const char *reason, void *arg)
{
    struct client *client = arg;

    CHECK(reason);
    CHECK(client->answered == client->sent);
    client->lost++;
}

static void on_pushed(const struct redisReply *reply, void *arg)
{
    struct client *client = arg;

    CHECK(reply && client->ready);
}

static void run(struct event_base *base, const uint8_t *data, size_t size, size_t piece)
{
    char ignored[4096];

    for (size_t at = 0; at < size && server_fd >= 0;) {
        size_t n = size - at < piece ? size - at : piece;
        const uint8_t *end = memchr(data + at, HANG_UP, n);

        n = end ? (size_t)(end - data) - at : n;
        if (n && send(server_fd, data + at, n, MSG_NOSIGNAL) < 0)
            return; /* it is not listened to any more */
        event_base_loop(base, EVLOOP_NONBLOCK);
        while (read(server_fd, ignored, sizeof ignored) > 0)
            ;
        if (end) {
            close(server_fd);
            server_fd = -1;
            event_base_loop(base, EVLOOP_NONBLOCK);
        }
        at += end ? n + 1 : n;
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_login nobody, somebody = {.user = "u", .password = "p"};
    static const struct redis_address address = {.host = "127.0.0.1", .port = 6379};
    struct event_base *base = event_base_new();
    uint8_t kind = size ? data[0] : 0;
    struct client client = {0};
    const struct redis_link_setup setup = {
        .base = base,
        .address = &address,
        .login = kind & LOGIN ? &somebody : &nobody,
        .db = kind & LOGIN ? 1 : 0,
        .limit_ms = 60000,
        .ready = on_ready,
        .lost = on_lost,
        .pushed = kind & SUBSCRIPTION ? on_pushed : NULL,
        .arg = &client,
    };

    CHECK(base);
    server_fd = -1;
    client.link = redis_link_new(&setup);
    redis_link_open(client.link);
    event_base_loop(base, EVLOOP_NONBLOCK);
    if (size)
        run(base, data + 1, size - 1, (size_t)(kind >> PIECE_SHIFT) + 1);
    redis_link_free(client.link);
    CHECK(client.answered == client.sent);
    if (server_fd >= 0)
        close(server_fd);
    event_base_free(base);
    return 0;
}
