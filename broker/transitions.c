/*
 * Transitions on their way to Redis.
 *
 * All that have no answer stay in one list in order of submission. They are sent without waiting for each
 * other's answers; when the connection is lost, everything in the list is sent again, in order, before
 * anything newer. The script makes sure that each is done once, and in order on each ride, even where an old
 * connection's bytes arrive late or Redis forgets its scripts halfway (broker/scripts/transition.lua).
 */
#include "broker/message.h"
#include "broker/redis.h"
#include "common/id.h"
#include "common/log.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    IN_FLIGHT_MAX = 1024, /* bounds the output buffer and what must be sent again */
};

/* How many events a ride's log keeps, about: what a gateway can miss and still be replayed. */
static const char log_cap[] = "4096";

struct transition {
    struct order *order;
    struct redis_ride *ride;
    uint64_t sequence;
    size_t bytes;
    struct transition *prev, *next;           /* all */
    struct transition *ride_prev, *ride_next; /* of the ride */
};

static void set_bytes(struct redis *redis, size_t bytes)
{
    redis->transitions.bytes = bytes;
    metric_set(redis->backend.setup.metrics->queue_bytes, (int64_t)bytes);
}

/* Takes the transition out of the lists and frees it; its result has been told. */
static void transition_end(struct transition *transition)
{
    struct redis_ride *ride = transition->ride;
    struct redis *redis = ride->redis;

    set_bytes(redis, redis->transitions.bytes - transition->bytes);
    DL_DELETE(redis->transitions.all, transition);
    DL_DELETE2(ride->transitions, transition, ride_prev, ride_next);
    order_free(transition->order);
    free(transition);
    redis_ride_drop_if_unused(ride);
}

static void refuse(struct transition *transition, const char *error)
{
    broker_tell(transition->ride->redis->backend.setup.broker, message_refused(transition->order, error));
    transition_end(transition);
}

static const char *kind_name(enum broker_transition_kind kind)
{
    switch (kind) {
    case BROKER_BOARD:
        return "board";
    case BROKER_EXIT:
        return "exit";
    case BROKER_DISCONNECT:
        break;
    }
    return "disconnect";
}

static void make_keys(struct key_name keys[6], struct redis_ride *ride)
{
    const struct backend_setup *setup = &ride->redis->backend.setup;
    char held[80], done[32];

    snprintf(held, sizeof held, "node:%s", setup->node_id);
    snprintf(done, sizeof done, "done:%s", ride->redis->run);
    const char *const names[6] = {"users", "holders", held, "meta", "log", done};
    for (size_t i = 0; i < 6; i++)
        key_name_make(&keys[i], setup->prefix, ride->name, names[i]);
}

static void transition_answered(const struct redisReply *reply, void *arg);

/* 0, or -1 when there is no connection. */
static int send_transition(struct transition *transition)
{
    struct redis_ride *ride = transition->ride;
    struct redis *redis = ride->redis;
    const struct order *order = transition->order;
    struct key_name keys[6], channel;
    char candidate[EPOCH_LEN + 1], sequence[24], before[24];
    struct redis_arg args[16];
    size_t count = 0;

    make_keys(keys, ride);
    watch_channel_name(&channel, ride);
    id_make(candidate, EPOCH_LEN);
    snprintf(sequence, sizeof sequence, "%" PRIu64, transition->sequence);
    snprintf(before, sizeof before, "%" PRIu64,
             transition == ride->transitions ? 0 : transition->ride_prev->sequence);

    for (; count < 6; count++)
        args[count] = (struct redis_arg){keys[count].text, keys[count].len};
    args[count++] = (struct redis_arg){channel.text, channel.len};
    args[count++] = redis_arg_text(kind_name(order->transition));
    args[count++] = redis_arg_text(order->socket_id);
    args[count++] = redis_arg_text(redis->backend.setup.node_id);
    args[count++] =
        order->user ? (struct redis_arg){order->user->data, order->user->len} : redis_arg_text("");
    args[count++] = redis_arg_text(candidate);
    args[count++] = redis_arg_text(redis->run);
    args[count++] = redis_arg_text(sequence);
    args[count++] = redis_arg_text(before);
    args[count++] = redis_arg_text(log_cap);
    return scripts_call(&redis->scripts, SCRIPT_TRANSITION, 6, args, count, transition_answered, transition);
}

static void send_waiting(struct redis *redis)
{
    struct transitions *transitions = &redis->transitions;

    while (redis->up && transitions->unsent && transitions->in_flight < IN_FLIGHT_MAX) {
        if (send_transition(transitions->unsent) != 0)
            return;
        transitions->in_flight++;
        transitions->unsent = transitions->unsent->next;
    }
}

/* Once more, at once. Without a connection it stays in the list and goes out with all others later. */
static void send_again(struct transition *transition)
{
    if (send_transition(transition) == 0)
        transition->ride->redis->transitions.in_flight++;
}

/* Errors that are about the server or the connection, not about this transition. */
static bool server_is_away(const struct redisReply *reply)
{
    static const char *const codes[] = {"READONLY",    "LOADING", "BUSY",   "MASTERDOWN",
                                        "CLUSTERDOWN", "NOAUTH",  "NOPERM", "TRYAGAIN"};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (redis_reply_is_error(reply, codes[i]))
            return true;
    return false;
}

/* What the script answers. */
enum verdict { VERDICT_OK, VERDICT_REFUSED, VERDICT_EARLY, VERDICT_NONE };

static enum verdict read_verdict(const struct redisReply *reply, struct broker_position *position)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return VERDICT_NONE;
    const char *word = reply->element[0]->str;
    if (strcmp(word, "early") == 0)
        return VERDICT_EARLY;
    if (strcmp(word, "refused") == 0)
        return VERDICT_REFUSED;
    if (strcmp(word, "ok") == 0 && reply->elements == 3 &&
        scripts_read_position(reply->element[1], reply->element[2], position))
        return VERDICT_OK;
    return VERDICT_NONE;
}

static void conclude(struct transition *transition, const struct redisReply *reply)
{
    struct redis_ride *ride = transition->ride;
    struct broker_position position;

    switch (read_verdict(reply, &position)) {
    case VERDICT_OK:
        watch_result(ride, message_done(transition->order, &position));
        transition_end(transition);
        break;
    case VERDICT_REFUSED:
        refuse(transition, "another gateway has taken over this connection");
        break;
    case VERDICT_EARLY:
        send_again(transition);
        break;
    case VERDICT_NONE:
        redis_trouble(ride->redis, "a transition on %s failed: %s", ride->name,
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        refuse(transition, "the broker cannot record it");
        break;
    }
}

static void transition_answered(const struct redisReply *reply, void *arg)
{
    struct transition *transition = arg;
    struct redis *redis = transition->ride->redis;

    redis->transitions.in_flight--;
    if (!reply)
        return; /* stays in the list */
    if (scripts_missing(&redis->scripts, SCRIPT_TRANSITION, reply))
        send_again(transition);
    else if (server_is_away(reply))
        redis_link_fail(redis->commands, reply->str);
    else
        conclude(transition, reply);
    send_waiting(redis);
}

void transitions_submit(struct redis *redis, struct order *order)
{
    struct transitions *transitions = &redis->transitions;
    size_t bytes = sizeof(struct transition) + sizeof *order + (order->user ? order->user->len : 0);

    /* That a client is gone must be told in any case; there is one for each client at most. */
    bool bounded = order->transition != BROKER_DISCONNECT;

    if (bounded && transitions->bytes + bytes > redis->backend.setup.queue_bytes) {
        broker_tell(redis->backend.setup.broker,
                    message_refused(order, "the broker is away and its queue is full; try again"));
        order_free(order);
        return;
    }
    struct transition *transition = alloc_zeroed(sizeof *transition);
    transition->order = order;
    transition->ride = redis_ride_get(redis, order->ride);
    transition->sequence = ++transitions->sequence;
    transition->bytes = bytes;
    DL_APPEND(transitions->all, transition);
    DL_APPEND2(transition->ride->transitions, transition, ride_prev, ride_next);
    if (!transitions->unsent)
        transitions->unsent = transition;
    set_bytes(redis, transitions->bytes + bytes);
    send_waiting(redis);
}

void transitions_resume(struct redis *redis)
{
    redis->transitions.unsent = redis->transitions.all;
    send_waiting(redis);
}

void transitions_refuse_all(struct redis *redis, const char *error)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(redis->transitions.all, transition, next)
    {
        refuse(transition, error);
    }
    redis->transitions.unsent = NULL;
}
