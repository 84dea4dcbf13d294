/*
 * One run over this node's rides and the sockets it has there, a step with each answer.
 */
#include "broker/redis/disown.h"

#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_run(struct redis *redis)
{
    free(redis->disown.rides);
    redis->disown.rides = NULL;
    redis->disown.running = false;
}

/* Where the connection was lost, the next one has it done again. */
static void give_up(struct redis *redis, const struct redisReply *reply)
{
    if (reply)
        redis_trouble(redis, "cannot go through the sockets of this node: %s",
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
    end_run(redis);
}

static void scan(struct redis *redis, const struct key_name *set, const char *cursor, redis_answer *answer)
{
    const struct redis_arg args[] = {redis_arg_text("SSCAN"), key_name_arg(set), redis_arg_text(cursor),
                                     redis_arg_text("COUNT"), redis_arg_text("100")};

    if (redis_link_send(redis->commands, answer, redis, args, 5) != 0)
        give_up(redis, NULL);
}

/* The members in a page, whose cursor is kept; NULL if it is none. */
static const struct redisReply *read_page(const struct redisReply *reply, char cursor[24])
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    snprintf(cursor, 24, "%s", reply->element[0]->str);
    return reply->element[1];
}

/* --- sockets --- */

static void next_page(struct redis *redis);

static void sockets_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct disown *disown = &redis->disown;
    const struct redisReply *sockets = read_page(reply, disown->sockets_cursor);
    char socket_id[SOCKET_ID_LEN + 1];

    if (!sockets) {
        give_up(redis, reply);
        return;
    }
    for (size_t i = 0; i < sockets->elements; i++)
        if (record_parse_socket_id(reply_slice(sockets->element[i]), socket_id) == 0)
            transitions_disown(redis, disown->rides[disown->ride], socket_id);
    if (strcmp(disown->sockets_cursor, "0") == 0)
        disown->ride++;
    transitions_send(redis);
    next_page(redis);
}

static void ask_for_sockets(struct redis *redis)
{
    struct disown *disown = &redis->disown;
    struct key_name held;
    char what[RECORD_NODE_MAX + 8];

    snprintf(what, sizeof what, "node:%s", redis->node);
    key_name_make(&held, redis->backend.setup.prefix, disown->rides[disown->ride], what);
    scan(redis, &held, disown->sockets_cursor, sockets_answered);
}

/* --- rides --- */

static void rides_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct disown *disown = &redis->disown;
    const struct redisReply *rides = read_page(reply, disown->rides_cursor);

    if (!rides) {
        give_up(redis, reply);
        return;
    }
    free(disown->rides);
    disown->rides = alloc_zeroed((rides->elements + 1) * sizeof *disown->rides);
    disown->ride_count = 0;
    disown->ride = 0;
    for (size_t i = 0; i < rides->elements; i++)
        if (record_parse_ride(reply_slice(rides->element[i]), disown->rides[disown->ride_count]) == 0)
            disown->ride_count++;
    next_page(redis);
}

static void ask_for_rides(struct redis *redis)
{
    struct key_name rides;

    key_name_make_node(&rides, redis->backend.setup.prefix, redis->node, ":rides");
    scan(redis, &rides, redis->disown.rides_cursor, rides_answered);
}

/* Of sockets, else of rides. */
static void next_page(struct redis *redis)
{
    struct disown *disown = &redis->disown;

    if (disown->ride < disown->ride_count)
        ask_for_sockets(redis);
    else if (strcmp(disown->rides_cursor, "0") != 0)
        ask_for_rides(redis);
    else
        end_run(redis);
}

void disown_run(struct redis *redis)
{
    struct disown *disown = &redis->disown;

    if (!disown->due || disown->running)
        return;
    disown->due = false;
    disown->running = true;
    strcpy(disown->rides_cursor, "0");
    strcpy(disown->sockets_cursor, "0");
    ask_for_rides(redis);
}

void disown_deinit(struct redis *redis)
{
    end_run(redis);
}
