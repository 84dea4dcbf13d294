/*
 * Connections: what comes in is cut into commands, and what follows from them goes out when all have been
 * carried out.
 */
#include "common/alloc.h"
#include "tests/sim/redis/command.h"
#include "tests/sim/redis/number.h"
#include "tests/sim/redis/reply.h"

#include <stdlib.h>
#include <utlist.h>

enum { ARGS_MAX = 1024 * 1024, BYTES_MAX = 512 * 1024 * 1024 };

struct sim_redis_connection *sim_redis_connect(struct sim_redis *redis, struct sim_redis_client client)
{
    struct sim_redis_connection *connection = alloc_zeroed(sizeof *connection);

    connection->redis = redis;
    connection->client = client;
    connection->authenticated = !redis->setup.password;
    buf_init(&connection->in, SIZE_MAX / 2);
    buf_init(&connection->out, SIZE_MAX / 2);
    DL_APPEND(redis->connections, connection);
    return connection;
}

void sim_redis_disconnect(struct sim_redis_connection *connection)
{
    sim_unsubscribe_all(connection);
    DL_DELETE(connection->redis->connections, connection);
    buf_deinit(&connection->in);
    buf_deinit(&connection->out);
    free(connection);
}

/* --- commands, which are lists of texts --- */

enum reading { READ, READ_PART, READ_WRONG };

/* `*3\r\n` or `$5\r\n`, moving on past it. */
static enum reading read_number(struct bytes *left, char kind, long long max, long long *number)
{
    const char *end = left->len > 0 ? memchr(left->at, '\r', left->len) : NULL;

    if (left->len > 0 && *left->at != kind)
        return READ_WRONG;
    if (!end || end + 1 == left->at + left->len)
        return READ_PART;
    struct bytes digits = {left->at + 1, (size_t)(end - left->at) - 1};
    if (!sim_number_parse(digits, number) || *number < 0 || *number > max)
        return READ_WRONG;
    left->len -= digits.len + 3;
    left->at += digits.len + 3;
    return READ;
}

/* Moves on past one command, whose texts are put into `args`, for free(). */
static enum reading read_command(struct bytes *left, struct bytes **args, size_t *count)
{
    long long number, len;
    enum reading reading = read_number(left, '*', ARGS_MAX, &number);

    *args = NULL;
    *count = 0;
    if (reading != READ)
        return reading;
    *args = alloc_zeroed(((size_t)number + 1) * sizeof **args);
    for (; *count < (size_t)number; ++*count) {
        reading = read_number(left, '$', BYTES_MAX, &len);
        if (reading == READ && left->len < (size_t)len + 2)
            reading = READ_PART;
        if (reading != READ) {
            free(*args);
            return reading;
        }
        (*args)[*count] = (struct bytes){left->at, (size_t)len};
        left->at += len + 2;
        left->len -= (size_t)len + 2;
    }
    return READ;
}

static void run_commands(struct sim_redis_connection *connection)
{
    struct bytes left = {connection->in.data, connection->in.len}, *args;
    size_t done = 0, count;
    enum reading reading;

    while ((reading = read_command(&left, &args, &count)) == READ) {
        struct sim_call call = {.redis = connection->redis,
                                .connection = connection,
                                .args = args,
                                .count = count,
                                .out = &connection->out};

        if (count > 0)
            sim_command_run(&call);
        free(args);
        done = connection->in.len - left.len;
    }
    buf_consume(&connection->in, done);
    if (reading == READ_WRONG) {
        sim_reply_error(&connection->out, "ERR Protocol error");
        connection->broken = true;
    }
}

/* Says what there is to say to all, the oldest first. */
static void flush(struct sim_redis *redis)
{
    struct sim_redis_connection *connection, *next;

    DL_FOREACH_SAFE(redis->connections, connection, next)
    {
        struct sim_redis_client client = connection->client;

        if (connection->out.len > 0)
            client.output(connection->out.data, connection->out.len, client.arg);
        buf_clear(&connection->out);
        if (connection->broken) {
            sim_redis_disconnect(connection);
            client.closed(client.arg);
        }
    }
}

void sim_redis_input(struct sim_redis_connection *connection, const char *bytes, size_t len)
{
    struct sim_redis *redis = connection->redis;

    sim_reply_raw(&connection->in, (struct bytes){bytes, len});
    run_commands(connection);
    flush(redis);
}
