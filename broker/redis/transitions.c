/*
 * Transitions on their way to Redis, and the restorations of held riders between them.
 *
 * All that have no answer stay in one list in order of submission. They are sent without waiting for each
 * other's answers; when the connection is lost, everything in the list is sent again, in order, before
 * anything newer. The scripts make sure that each is done once, and in order on each ride, even where an old
 * connection's bytes arrive late or Redis forgets its scripts halfway (broker/redis/scripts/operation.lua).
 */
#include "broker/message.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
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

struct transition {
    struct order *order;
    enum script script;
    uint64_t claim;  /* of a boarding, resumption or restoration (held.h), else 0 */
    uint64_t tenure; /* of the socket, as far as this node knew */
    bool ours;       /* not the gateway's: it has no result, and does not count as queued */
    struct redis_ride *ride;
    uint64_t sequence;
    uint64_t sent_us; /* when, by the monotonic clock; sent again: the last time */
    size_t bytes;
    struct transition *prev, *next;           /* all */
    struct transition *ride_prev, *ride_next; /* of the ride */
};

static void set_bytes(struct redis *redis, size_t bytes)
{
    redis->transitions.bytes = bytes;
    metric_set(redis->backend.setup.metrics->queue_bytes, (int64_t)bytes);
}

static size_t bytes_of(const struct order *order)
{
    return sizeof(struct transition) + sizeof *order + (order->user ? order->user->len : 0);
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

/* Without success, for the reason given. */
static void transition_fail(struct transition *transition, const char *error)
{
    struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;

    if (transition->script == SCRIPT_RESTORE) {
        held_restored(ride, order->socket_id, transition->claim, 0);
    } else if (!transition->ours) {
        broker_tell(ride->redis->backend.setup.broker, message_refused(order, error));
        held_failed(ride, order->socket_id, transition->claim);
    }
    transition_end(transition);
}

/* --- sending --- */

static enum script script_of(const struct redis *redis, enum broker_transition_kind kind)
{
    switch (kind) {
    case BROKER_BOARD:
    case BROKER_EXIT:
    case BROKER_DISCONNECT:
        break;
    case BROKER_SUSPEND:
        if (redis->backend.setup.recovery_window_ms > 0)
            return SCRIPT_SUSPEND;
        break; /* nothing to wait for */
    case BROKER_RESUME:
        return SCRIPT_RESUME;
    }
    return SCRIPT_TRANSITION;
}

/* What SCRIPT_TRANSITION is told to do. */
static const char *kind_name(enum broker_transition_kind kind)
{
    if (kind == BROKER_BOARD)
        return "board";
    return kind == BROKER_EXIT ? "exit" : "disconnect";
}

enum { KEYS = 7 };

static void make_keys(struct key_name keys[KEYS], struct redis_ride *ride)
{
    const struct redis *redis = ride->redis;
    char held[RECORD_NODE_MAX + 8], done[32];

    snprintf(held, sizeof held, "node:%s", redis->node);
    snprintf(done, sizeof done, "done:%s", redis->run);
    const char *const names[KEYS] = {"users", "holders", held, "away", "meta", "log", done};
    for (size_t i = 0; i < KEYS; i++)
        key_name_make(&keys[i], redis->backend.setup.prefix, ride->name, names[i]);
}

/* What has to be known elsewhere first, lest nobody finds the rider again. */
static void announce(struct transition *transition)
{
    if (transition->claim > 0)
        lease_note_ride(transition->ride);
    else if (transition->script == SCRIPT_SUSPEND)
        lease_note_suspension(transition->ride);
}

static void transition_answered(const struct redisReply *reply, void *arg);

struct numbers {
    char tenure[24], window[24], known[24], sequence[24], before[24];
};

static void print_numbers(struct numbers *numbers, const struct transition *transition)
{
    struct redis_ride *ride = transition->ride;
    const struct backend_setup *setup = &ride->redis->backend.setup;

    snprintf(numbers->tenure, sizeof numbers->tenure, "%" PRIu64, transition->tenure);
    snprintf(numbers->window, sizeof numbers->window, "%" PRIu64, setup->recovery_window_ms);
    snprintf(numbers->known, sizeof numbers->known, "%" PRIu64, ride->at.offset);
    snprintf(numbers->sequence, sizeof numbers->sequence, "%" PRIu64, transition->sequence);
    snprintf(numbers->before, sizeof numbers->before, "%" PRIu64,
             transition == ride->transitions ? 0 : transition->ride_prev->sequence);
}

/* 0, or -1 when there is no connection. */
static int send_transition(struct transition *transition)
{
    struct redis_ride *ride = transition->ride;
    struct redis *redis = ride->redis;
    const struct order *order = transition->order;
    struct key_name keys[KEYS], channel;
    char candidate[EPOCH_LEN + 1];
    struct numbers numbers;
    struct redis_arg args[24];
    size_t count = 0;

    transition->sent_us = redis_now_us();
    announce(transition);
    make_keys(keys, ride);
    redis_channel_name(redis, ride->name, &channel);
    id_make(candidate, EPOCH_LEN);
    print_numbers(&numbers, transition);

    while (count < KEYS) {
        args[count] = key_name_arg(&keys[count]);
        count++;
    }
    args[count++] = key_name_arg(&channel);
    args[count++] = redis_arg_text(kind_name(order->transition));
    args[count++] = redis_arg_text(order->socket_id);
    args[count++] = redis_arg_text(redis->node);
    args[count++] =
        order->user ? (struct redis_arg){order->user->data, order->user->len} : redis_arg_text("");
    args[count++] = redis_arg_text(numbers.tenure);
    args[count++] = redis_arg_text(numbers.window);
    args[count++] = redis_arg_text(candidate);
    args[count++] = redis_arg_text(ride->at.epoch);
    args[count++] = redis_arg_text(numbers.known);
    args[count++] = redis_arg_text(redis->run);
    args[count++] = redis_arg_text(numbers.sequence);
    args[count++] = redis_arg_text(numbers.before);
    args[count++] = redis_arg_text(LOG_CAP);
    return scripts_call(&redis->scripts, transition->script, KEYS, args, count, transition_answered,
                        transition);
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

void transitions_send(struct redis *redis)
{
    do
        send_waiting(redis);
    while (held_feed(redis));
}

/* Once more, at once. Without a connection it stays in the list and goes out with all others later. */
static void send_again(struct transition *transition)
{
    if (send_transition(transition) == 0)
        transition->ride->redis->transitions.in_flight++;
}

/* --- answers --- */

enum verdict { VERDICT_OK, VERDICT_REFUSED, VERDICT_EARLY, VERDICT_NONE };

struct answer {
    struct broker_position position;
    uint64_t tenure;
    struct json_slice detail;
};

/* What broker/redis/scripts/operation.lua says. */
static enum verdict read_answer(const struct redisReply *reply, struct answer *answer)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return VERDICT_NONE;
    const char *word = reply->element[0]->str;
    if (strcmp(word, "early") == 0)
        return VERDICT_EARLY;
    if (strcmp(word, "refused") == 0)
        return VERDICT_REFUSED;
    if (strcmp(word, "ok") != 0 || reply->elements != 5 ||
        !scripts_read_position(reply->element[1], reply->element[2], &answer->position) ||
        record_parse_tenure(reply_slice(reply->element[3]), &answer->tenure) != 0)
        return VERDICT_NONE;
    answer->detail = reply_slice(reply->element[4]);
    return VERDICT_OK;
}

static void restored(struct transition *transition, const struct answer *answer)
{
    struct redis_ride *ride = transition->ride;

    if (answer->detail.len > 0)
        metric_add(ride->redis->backend.setup.metrics->riders_restored, 1);
    held_restored(ride, transition->order->socket_id, transition->claim, answer->position.offset);
}

static void committed(struct transition *transition, const struct answer *answer)
{
    struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;
    struct blob *found = NULL;

    if (order->transition == BROKER_RESUME && record_user_valid(answer->detail))
        found = alloc_blob(answer->detail.at, answer->detail.len);
    held_settled(ride, order->socket_id, transition->claim, found ? found : order->user, answer->tenure,
                 answer->position.offset);
    watch_result(ride, message_done(order, &answer->position, found));
    blob_unref(found);
}

static void refused(struct transition *transition)
{
    struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;

    if (transition->script == SCRIPT_RESTORE)
        held_restored(ride, order->socket_id, transition->claim, 0);
    else
        broker_tell(ride->redis->backend.setup.broker,
                    message_refused(order, "another gateway has taken over this connection"));
    held_refused(ride, order->socket_id, transition->claim);
}

static void conclude(struct transition *transition, const struct redisReply *reply)
{
    struct redis_ride *ride = transition->ride;
    struct answer answer;

    switch (read_answer(reply, &answer)) {
    case VERDICT_OK:
        redis_ride_reached(ride, &answer.position);
        if (transition->script == SCRIPT_RESTORE)
            restored(transition, &answer);
        else if (!transition->ours)
            committed(transition, &answer);
        transition_end(transition);
        break;
    case VERDICT_REFUSED:
        refused(transition);
        transition_end(transition);
        break;
    case VERDICT_EARLY:
        send_again(transition);
        break;
    case VERDICT_NONE:
        redis_trouble(ride->redis, "a transition on %s failed: %s", ride->name,
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        transition_fail(transition, "the broker cannot record it");
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
    metric_observe(redis->backend.setup.metrics->latency, (int64_t)(redis_now_us() - transition->sent_us));
    if (scripts_missing(&redis->scripts, transition->script, reply))
        send_again(transition);
    else if (redis_server_is_away(reply))
        redis_link_fail(redis->commands, reply->str);
    else
        conclude(transition, reply);
    transitions_send(redis);
}

/* --- submitting --- */

/* Takes the transition, filled in as far as it is special, and the order. */
static void append(struct redis_ride *ride, struct transition *transition, struct order *order)
{
    struct transitions *transitions = &ride->redis->transitions;

    transition->order = order;
    transition->ride = ride;
    transition->sequence = ++transitions->sequence;
    transition->bytes = transition->ours ? 0 : bytes_of(order);
    DL_APPEND(transitions->all, transition);
    DL_APPEND2(ride->transitions, transition, ride_prev, ride_next);
    if (!transitions->unsent)
        transitions->unsent = transition;
    set_bytes(ride->redis, transitions->bytes + transition->bytes);
}

/* What a client asks for may be refused. What becomes of a client must be told, and is once for each. */
static bool has_room(const struct redis *redis, const struct order *order)
{
    return (order->transition != BROKER_BOARD && order->transition != BROKER_EXIT) ||
           redis->transitions.bytes + bytes_of(order) <= redis->backend.setup.queue_bytes;
}

void transitions_submit(struct redis *redis, struct order *order)
{
    if (!has_room(redis, order)) {
        broker_tell(redis->backend.setup.broker,
                    message_refused(order, "the broker is away and its queue is full; try again"));
        order_free(order);
        return;
    }
    struct redis_ride *ride = redis_ride_get(redis, order->ride);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    transition->script = script_of(redis, order->transition);
    transition->tenure = held_tenure(ride, order->socket_id);
    if (order->transition == BROKER_BOARD || order->transition == BROKER_RESUME)
        transition->claim = held_claim(ride, order->socket_id);
    else
        held_forget(ride, order->socket_id);
    append(ride, transition, order);
    transitions_send(redis);
}

static struct order *order_of_ours(const struct redis_ride *ride, const char *socket_id)
{
    struct order *order = alloc_zeroed(sizeof *order);

    memcpy(order->ride, ride->name, sizeof order->ride);
    memcpy(order->socket_id, socket_id, SOCKET_ID_LEN);
    return order;
}

void transitions_restore(struct held *held)
{
    struct order *order = order_of_ours(held->ride, held->socket_id);
    struct transition *transition = alloc_zeroed(sizeof *transition);

    order->user = blob_ref(held->user);
    transition->script = SCRIPT_RESTORE;
    transition->claim = held->claim;
    transition->tenure = held->tenure;
    transition->ours = true;
    append(held->ride, transition, order);
}

void transitions_disown(struct redis *redis, const char *name, const char *socket_id)
{
    struct redis_ride *ride = redis_ride_get(redis, name);

    if (held_here(ride, socket_id))
        return;
    struct order *order = order_of_ours(ride, socket_id);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    order->transition = BROKER_SUSPEND;
    transition->script = script_of(redis, BROKER_SUSPEND);
    transition->ours = true;
    append(ride, transition, order);
}

/* The records in them may be older than what is sent again behind them, and both be missing in Redis now. */
static void withdraw_restorations(struct redis *redis)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(redis->transitions.all, transition, next)
    {
        if (transition->script != SCRIPT_RESTORE)
            continue;
        held_withdrawn(transition->ride, transition->order->socket_id, transition->claim);
        transition_end(transition);
    }
}

void transitions_resume(struct redis *redis)
{
    withdraw_restorations(redis);
    redis->transitions.unsent = redis->transitions.all;
    transitions_send(redis);
}

void transitions_refuse_all(struct redis *redis, const char *error)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(redis->transitions.all, transition, next)
    {
        transition_fail(transition, error);
    }
    redis->transitions.unsent = NULL;
}
