#include "tests/sim/world/server.h"

#include "common/alloc.h"
#include "tests/lib/virtual_clock.h"
#include "tests/sim/redis/sim_redis.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/flow.h"
#include "tests/sim/world/loop.h"
#include "tests/sim/world/node.h"
#include "tests/sim/world/trace.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

enum { READ_BYTES = 16384 };

struct line {
    const char *who;         /* the gateway; NULL: its end is gone */
    int fd;                  /* in its loop */
    struct flow up, down;    /* to the server, to the gateway */
    struct buf here;         /* what has come and has not been read */
    bool over;               /* nothing more comes */
    int failure;             /* it could not be connected: errno */
    struct happening arrive; /* at the server */
    struct happening burial;
    struct sim_redis_connection *connection; /* NULL: the server's end is gone, or has not been reached */
    struct line *prev, *next;
};

static struct sim_redis *server;
static struct sim_redis_copy *saved; /* NULL: nothing */
static struct line *lines;
static uint64_t held_until_us;

/* --- the two ends --- */

static void show_ready(const struct line *line)
{
    short ready = line->connection || line->over || line->failure ? EV_WRITE : 0;

    if (line->here.len || line->over)
        ready |= EV_READ;
    if (line->who)
        loop_ready(line->fd, ready);
}

static void bury(void *owner)
{
    struct line *line = owner;

    flow_deinit(&line->up);
    flow_deinit(&line->down);
    buf_deinit(&line->here);
    schedule_cancel(&line->arrive);
    DL_DELETE(lines, line);
    free(line);
}

static void bury_if_over(struct line *line)
{
    if (!line->who && !line->connection)
        schedule_set(&line->burial, schedule_now_us());
}

static void server_lets_go(struct line *line, bool reset)
{
    line->connection = NULL;
    flow_close(&line->up);
    flow_end(&line->down, reset);
    bury_if_over(line);
}

static void server_says(const char *bytes, size_t len, void *arg)
{
    struct line *line = arg;

    flow_write(&line->down, bytes, len);
}

static void server_closes(void *arg)
{
    server_lets_go(arg, false);
}

static uint64_t server_held(void *owner)
{
    (void)owner;
    return held_until_us;
}

static void reach(void *owner)
{
    struct line *line = owner;

    if (held_until_us > schedule_now_us()) {
        schedule_set(&line->arrive, held_until_us);
        return;
    }
    line->connection = sim_redis_connect(server, (struct sim_redis_client){server_says, server_closes, line});
    flow_open(&line->up, true);
    show_ready(line);
}

static void up_delivers(void *owner, char *bytes, size_t n)
{
    struct line *line = owner;

    sim_redis_set_clock(server, (int64_t)virtual_wall_us);
    sim_redis_input(line->connection, bytes, n);
}

static void up_ends(void *owner)
{
    struct line *line = owner;

    if (line->connection)
        sim_redis_disconnect(line->connection);
    server_lets_go(line, false);
}

static void down_delivers(void *owner, char *bytes, size_t n)
{
    struct line *line = owner;

    if (buf_append(&line->here, bytes, n) != 0)
        alloc_failed();
    show_ready(line);
}

static void down_ends(void *owner)
{
    struct line *line = owner;

    line->over = true;
    show_ready(line);
}

static void cut(struct line *line)
{
    schedule_cancel(&line->arrive);
    if (line->connection)
        sim_redis_disconnect(line->connection);
    line->failure = ECONNRESET;
    server_lets_go(line, true);
}

/* --- hiredis' sockets --- */

redisContext *__wrap_redisConnectNonBlock(const char *host, int port);
void __wrap_redisFree(redisContext *context);
void __real_redisFree(redisContext *context);
int __wrap_redisBufferRead(redisContext *context);
int __wrap_redisBufferWrite(redisContext *context, int *done);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

static struct line *line_of(int fd)
{
    struct line *line;

    DL_FOREACH(lines, line)
    if (line->who && line->fd == fd)
        return line;
    trace_fail("server", "descriptor %d is nobody's", fd);
}

redisContext *__wrap_redisConnectNonBlock(const char *host, int port)
{
    struct line *line = alloc_zeroed(sizeof *line);
    const struct flow_reader up = {up_delivers, up_ends, server_held, line};
    const struct flow_reader down = {down_delivers, down_ends, NULL, line};

    (void)host, (void)port;
    line->who = trace_log_of;
    line->fd = loop_descriptor();
    line->arrive = (struct happening){.happen = reach, .owner = line};
    line->burial = (struct happening){.happen = bury, .owner = line};
    flow_init(&line->up, &up, SIZE_MAX, READ_BYTES);
    flow_init(&line->down, &down, SIZE_MAX, READ_BYTES);
    flow_open(&line->down, true);
    buf_init(&line->here, SIZE_MAX / 2);
    DL_APPEND(lines, line);
    if (node_severed(line->who))
        cut(line);
    else
        schedule_set(&line->arrive, schedule_now_us() + flow_latency_us());
    return redisConnectFd(line->fd);
}

/* The number is no descriptor of the process': closing it does nothing. */
void __wrap_redisFree(redisContext *context)
{
    struct line *line = line_of(context->fd);

    loop_descriptor_free(line->fd);
    line->who = NULL;
    schedule_cancel(&line->arrive);
    flow_close(&line->down);
    flow_end(&line->up, chance_one_in(2));
    bury_if_over(line);
    __real_redisFree(context);
}

static int fail(redisContext *context, int kind, const char *why)
{
    context->err = kind;
    strcpy(context->errstr, why);
    return REDIS_ERR;
}

int __wrap_redisBufferRead(redisContext *context)
{
    struct line *line = line_of(context->fd);
    size_t n = line->here.len < READ_BYTES ? line->here.len : READ_BYTES;

    if (!n && line->failure)
        return fail(context, REDIS_ERR_IO, "Connection reset by peer");
    if (!n && line->over)
        return fail(context, REDIS_ERR_EOF, "Server closed the connection");
    redisReaderFeed(context->reader, line->here.data, n);
    buf_consume(&line->here, n);
    show_ready(line);
    return REDIS_OK;
}

int __wrap_redisBufferWrite(redisContext *context, int *done)
{
    struct line *line = line_of(context->fd);

    if (line->failure)
        return fail(context, REDIS_ERR_IO, "Connection reset by peer");
    flow_write(&line->up, context->obuf, sdslen(context->obuf));
    sdsfree(context->obuf);
    context->obuf = sdsempty();
    *done = 1;
    return REDIS_OK;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    (void)level, (void)name, (void)len;
    *(int *)value = line_of(fd)->failure;
    return 0;
}

/* --- what happens to it --- */

void server_begin(uint64_t seed)
{
    const struct sim_redis_setup setup = {
        .version = "7.0.15", .save = "", .seed = seed, .now_us = (int64_t)virtual_wall_us};

    server = sim_redis_new(&setup);
    held_until_us = 0;
}

void server_end(void)
{
    if (lines)
        trace_fail("server", "connections are left");
    sim_redis_copy_free(saved);
    saved = NULL;
    sim_redis_free(server);
    server = NULL;
}

void server_cut(const char *who)
{
    struct line *line;

    DL_FOREACH(lines, line)
    if (!who || line->who == who)
        cut(line);
}

void server_hold(uint64_t us)
{
    trace_write("redis", "does nothing for %llu us", (unsigned long long)us);
    held_until_us = schedule_now_us() + us;
}

void server_save(void)
{
    sim_redis_copy_free(saved);
    saved = sim_redis_save(server);
}

void server_restart(enum server_data data)
{
    static const char *const with[] = {"its data", "older data", "no data"};
    struct sim_redis_copy *newest = sim_redis_save(server);

    trace_write("redis", "restarts with %s", with[data]);
    sim_redis_restart(server, data == SERVER_NEWEST ? newest : data == SERVER_OLDER ? saved : NULL);
    sim_redis_copy_free(newest);
}

void server_fill(bool full)
{
    trace_write("redis", full ? "is full" : "has room");
    sim_redis_fill(server, full);
}

void server_evict(void)
{
    trace_write("redis", "evicts a key");
    sim_redis_evict(server);
}
