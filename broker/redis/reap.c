/*
 * One run over all nodes, a step with each answer:
 *
 *   nodes ─▶ each: its lease? ─ gone ─▶ its rides, page by page ─▶ each: its lease still gone? ─▶ a bite
 *                                                                           ▲                      │
 *                                                                           └──── more are left ───┘
 *
 * The lease is asked for before every bite: a node that comes back is left alone at once.
 */
#include "broker/redis/reap.h"

#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "common/id.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Somebody may have listed a million: the others' turn comes when these are struck off. */
enum { DEAD_MAX = 4096 };

/* A node found without a lease. */
struct dead_node {
    char name[RECORD_NODE_MAX + 1];
    bool counted;      /* as reaped */
    uint64_t empty_ms; /* since when nothing has been found of it; 0: not yet */
    uint64_t look_ms;  /* not before */
    UT_hash_handle hh;
};

static const char *prefix_of(const struct redis *redis)
{
    return redis->backend.setup.prefix;
}

static const char *current_node(const struct redis *redis)
{
    return redis->reap.nodes[redis->reap.node];
}

static struct dead_node *dead_find(struct redis *redis, const char *name)
{
    struct dead_node *dead;

    HASH_FIND_STR(redis->reap.dead, name, dead);
    return dead;
}

static struct dead_node *dead_get(struct redis *redis, const char *name)
{
    struct dead_node *dead = dead_find(redis, name);

    if (dead)
        return dead;
    dead = alloc_zeroed(sizeof *dead);
    memcpy(dead->name, name, strlen(name));
    HASH_ADD_STR(redis->reap.dead, name, dead);
    return dead;
}

static void dead_drop(struct redis *redis, struct dead_node *dead)
{
    HASH_DEL(redis->reap.dead, dead);
    free(dead);
}

static void end_run(struct redis *redis)
{
    struct reap *reap = &redis->reap;

    free(reap->nodes);
    free(reap->rides);
    reap->nodes = NULL;
    reap->rides = NULL;
    reap->running = false;
}

/* A step of the run; the run ends if it cannot be sent. */
static void ask(struct redis *redis, redis_answer *answer, const struct redis_arg *args, size_t count)
{
    if (redis_link_send(redis->commands, answer, redis, args, count) != 0)
        end_run(redis);
}

static void ask_for_lease(struct redis *redis, redis_answer *answer)
{
    struct key_name lease;

    key_name_make_node(&lease, prefix_of(redis), current_node(redis), "");
    const struct redis_arg args[] = {redis_arg_text("EXISTS"), key_name_arg(&lease)};
    ask(redis, answer, args, 2);
}

/* Ends the run after an answer that cannot be used. */
static void give_up(struct redis *redis, const struct redisReply *reply)
{
    if (reply)
        redis_trouble(redis, "cannot look after dead nodes: %s",
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
    end_run(redis);
}

/* What SSCAN answers: the next cursor and some members. */
static bool is_page(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
}

/* --- from node to node --- */

static void node_answered(const struct redisReply *reply, void *arg);
static void ask_for_nodes(struct redis *redis);

static void look_at_node(struct redis *redis)
{
    struct reap *reap = &redis->reap;

    if (reap->node < reap->node_count)
        ask_for_lease(redis, node_answered);
    else if (strcmp(reap->nodes_cursor, "0") != 0)
        ask_for_nodes(redis);
    else
        end_run(redis);
}

static void next_node(struct redis *redis)
{
    redis->reap.node++;
    look_at_node(redis);
}

static void node_lives(struct redis *redis)
{
    struct dead_node *dead = dead_find(redis, current_node(redis));

    if (dead)
        dead_drop(redis, dead);
    next_node(redis);
}

static void strike_off(struct redis *redis)
{
    const char *node = current_node(redis);
    struct key_name rides, nodes;

    key_name_make_node(&rides, prefix_of(redis), node, ":rides");
    key_name_make_shared(&nodes, prefix_of(redis), "nodes");
    const struct redis_arg forget[] = {redis_arg_text("DEL"), key_name_arg(&rides)};
    const struct redis_arg remove[] = {redis_arg_text("SREM"), key_name_arg(&nodes), redis_arg_text(node)};
    lease_tell(redis, forget, 2);
    lease_tell(redis, remove, 3);
    dead_drop(redis, dead_find(redis, node));
}

/* All its rides have been gone through. */
static void node_done(struct redis *redis)
{
    struct dead_node *dead = dead_get(redis, current_node(redis));
    uint64_t now = redis_now_ms(), lease_ms = redis->backend.setup.node_lease_ms;

    if (redis->reap.found) {
        if (!dead->counted)
            metric_add(redis->backend.setup.metrics->nodes_reaped, 1);
        dead->counted = true;
        dead->empty_ms = 0;
    } else if (dead->empty_ms == 0) {
        dead->empty_ms = now;
    }
    dead->look_ms = redis->reap.found ? now : now + lease_ms;
    if (dead->empty_ms > 0 && now - dead->empty_ms >= LEASES_OF_REST * lease_ms)
        strike_off(redis);
    next_node(redis);
}

/* --- from ride to ride --- */

static void bite(struct redis *redis);

static void ride_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (!reply || reply->type != REDIS_REPLY_INTEGER)
        give_up(redis, reply);
    else if (reply->integer > 0)
        node_lives(redis);
    else
        bite(redis);
}

static void ask_for_rides(struct redis *redis);

static void look_at_ride(struct redis *redis)
{
    struct reap *reap = &redis->reap;

    if (reap->ride < reap->ride_count)
        ask_for_lease(redis, ride_answered);
    else if (strcmp(reap->cursor, "0") != 0)
        ask_for_rides(redis);
    else
        node_done(redis);
}

static void next_ride(struct redis *redis)
{
    redis->reap.ride++;
    look_at_ride(redis);
}

/* What the script took. False: the answer is none of its own. */
static bool count_taken(struct redis *redis, struct redis_ride *ride, const struct redisReply *reply)
{
    struct broker_position position;

    if (reply->elements != 5 || reply->element[3]->type != REDIS_REPLY_INTEGER ||
        reply->element[4]->type != REDIS_REPLY_INTEGER ||
        !scripts_read_position(reply->element[1], reply->element[2], &position))
        return false;
    if (ride)
        redis_ride_reached(ride, &position);
    if (reply->element[3]->integer > 0)
        redis->reap.found = true;
    metric_add(redis->backend.setup.metrics->riders_reaped, reply->element[3]->integer);
    return true;
}

static void bite_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct reap *reap = &redis->reap;

    if (!reply) {
        end_run(redis);
        return;
    }
    if (scripts_missing(&redis->scripts, SCRIPT_REAP, reply)) {
        look_at_ride(redis);
        return;
    }
    if (redis_server_is_away(reply)) {
        redis_link_fail(redis->commands, reply->str);
        end_run(redis);
        return;
    }
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 1 &&
        count_taken(redis, redis_ride_find(redis, reap->rides[reap->ride]), reply) &&
        reply->element[4]->integer > 0) {
        look_at_ride(redis);
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR)
        redis_trouble(redis, "cannot reap riders on %s: %s", reap->rides[reap->ride], reply->str);
    next_ride(redis);
}

static void bite(struct redis *redis)
{
    const char *prefix = prefix_of(redis), *node = current_node(redis);
    const char *ride = redis->reap.rides[redis->reap.ride];
    const struct redis_ride *known = redis_ride_find(redis, ride);
    struct key_name keys[6], channel;
    char held[RECORD_NODE_MAX + 8], candidate[EPOCH_LEN + 1], offset[24], window[24], limit[8];
    const char *const names[6] = {"users", "holders", held, "away", "meta", "log"};
    struct redis_arg args[14];
    size_t count = 0;

    if (redis->backend.setup.recovery_window_ms > 0)
        lease_note_away(redis, ride);
    snprintf(held, sizeof held, "node:%s", node);
    snprintf(offset, sizeof offset, "%" PRIu64, known ? known->at.offset : 0);
    snprintf(window, sizeof window, "%" PRIu64, redis->backend.setup.recovery_window_ms);
    snprintf(limit, sizeof limit, "%d", BITE);
    id_make(candidate, EPOCH_LEN);
    redis_channel_name(redis, ride, &channel);
    for (; count < 6; count++) {
        key_name_make(&keys[count], prefix, ride, names[count]);
        args[count] = key_name_arg(&keys[count]);
    }
    args[count++] = key_name_arg(&channel);
    args[count++] = redis_arg_text(node);
    args[count++] = redis_arg_text(window);
    args[count++] = redis_arg_text(candidate);
    args[count++] = redis_arg_text(known ? known->at.epoch : "");
    args[count++] = redis_arg_text(offset);
    args[count++] = redis_arg_text(limit);
    args[count++] = redis_arg_text(LOG_CAP);
    if (scripts_call(&redis->scripts, SCRIPT_REAP, 6, args, count, bite_answered, redis) != 0)
        end_run(redis);
}

/* --- pages of rides --- */

static void rides_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct reap *reap = &redis->reap;

    if (!is_page(reply)) {
        give_up(redis, reply);
        return;
    }
    const struct redisReply *names = reply->element[1];
    free(reap->rides);
    reap->rides = alloc_zeroed((names->elements + 1) * sizeof *reap->rides);
    reap->ride_count = 0;
    reap->ride = 0;
    for (size_t i = 0; i < names->elements; i++)
        reap->ride_count +=
            record_parse_ride(reply_slice(names->element[i]), reap->rides[reap->ride_count]) == 0;
    snprintf(reap->cursor, sizeof reap->cursor, "%s", reply->element[0]->str);
    look_at_ride(redis);
}

static void ask_for_rides(struct redis *redis)
{
    struct key_name rides;

    key_name_make_node(&rides, prefix_of(redis), current_node(redis), ":rides");
    const struct redis_arg args[] = {redis_arg_text("SSCAN"), key_name_arg(&rides),
                                     redis_arg_text(redis->reap.cursor)};
    ask(redis, rides_answered, args, 3);
}

static void node_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (!reply || reply->type != REDIS_REPLY_INTEGER) {
        give_up(redis, reply);
        return;
    }
    if (reply->integer > 0) {
        node_lives(redis);
        return;
    }
    if (!dead_find(redis, current_node(redis)) && HASH_COUNT(redis->reap.dead) >= DEAD_MAX) {
        next_node(redis);
        return;
    }
    struct dead_node *dead = dead_get(redis, current_node(redis));
    if (redis_now_ms() < dead->look_ms) {
        next_node(redis);
        return;
    }
    redis->reap.found = false;
    strcpy(redis->reap.cursor, "0");
    ask_for_rides(redis);
}

/* --- a run --- */

static void nodes_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct reap *reap = &redis->reap;

    if (!is_page(reply)) {
        give_up(redis, reply);
        return;
    }
    const struct redisReply *names = reply->element[1];
    free(reap->nodes);
    reap->nodes = alloc_zeroed((names->elements + 1) * sizeof *reap->nodes);
    reap->node_count = 0;
    reap->node = 0;
    for (size_t i = 0; i < names->elements; i++) {
        char *node = reap->nodes[reap->node_count];
        if (record_parse_node(reply_slice(names->element[i]), node) == 0 && strcmp(node, redis->node) != 0)
            reap->node_count++;
    }
    snprintf(reap->nodes_cursor, sizeof reap->nodes_cursor, "%s", reply->element[0]->str);
    look_at_node(redis);
}

static void ask_for_nodes(struct redis *redis)
{
    struct key_name nodes;

    key_name_make_shared(&nodes, prefix_of(redis), "nodes");
    const struct redis_arg args[] = {redis_arg_text("SSCAN"), key_name_arg(&nodes),
                                     redis_arg_text(redis->reap.nodes_cursor), redis_arg_text("COUNT"),
                                     redis_arg_text("100")};
    ask(redis, nodes_answered, args, 5);
}

void reap_run(struct redis *redis)
{
    if (redis->reap.running)
        return;
    redis->reap.running = true;
    strcpy(redis->reap.nodes_cursor, "0");
    ask_for_nodes(redis);
}

void reap_forget(struct redis *redis)
{
    if (redis->reap.running)
        return;
    while (redis->reap.dead)
        dead_drop(redis, redis->reap.dead);
}

void reap_deinit(struct redis *redis)
{
    end_run(redis);
    reap_forget(redis);
}
