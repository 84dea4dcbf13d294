/*
 * Waiting, in flight, answered.
 */
#include "broker/redis/transitions.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/watch.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
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
    struct transitions *transitions;
    struct redis_ride *ride;
    uint64_t sequence;
    uint64_t sent_us; /* when, by the monotonic clock; sent again: the last time */
    size_t bytes;
    struct transition *prev, *next;           /* all */
    struct transition *ride_prev, *ride_next; /* of the ride */
    struct transition *next_again;            /* of those to be sent once more */
};

static void set_bytes(struct transitions *transitions, size_t bytes)
{
    transitions->bytes = bytes;
    metric_set(store_metrics(transitions->store)->queue_bytes, (int64_t)bytes);
}

static size_t bytes_of(const struct order *order)
{
    return sizeof(struct transition) + sizeof *order + (order->user ? order->user->len : 0);
}

/* Takes the transition out of the lists and frees it; its result has been told. */
static void transition_end(struct transition *transition)
{
    struct transitions *transitions = transition->transitions;
    struct redis_ride *ride = transition->ride;

    set_bytes(transitions, transitions->bytes - transition->bytes);
    DL_DELETE(transitions->all, transition);
    DL_DELETE2(ride->transitions, transition, ride_prev, ride_next);
    if (!ride->transitions)
        redis_ride_let_go(ride);
    order_free(transition->order);
    free(transition);
}

static void tell(const struct transition *transition, struct broker_message *message)
{
    store_tell_gateway(transition->transitions->store, message);
}

static void restoration_failed(const struct transition *transition)
{
    held_restored(transition->transitions->holding, transition->ride, transition->order->socket_id,
                  transition->claim, 0);
}

/* Without success, for the reason given. */
static void transition_fail(struct transition *transition, const char *error)
{
    if (transition->script == SCRIPT_RESTORE) {
        restoration_failed(transition);
    } else if (!transition->ours) {
        tell(transition, message_refused(transition->order, error));
        held_failed(transition->ride, transition->order->socket_id, transition->claim);
    }
    transition_end(transition);
}

/* --- sending --- */

static enum script script_of(const struct store *store, enum broker_transition_kind kind)
{
    switch (kind) {
    case BROKER_BOARD:
    case BROKER_EXIT:
    case BROKER_DISCONNECT:
        break;
    case BROKER_SUSPEND:
        if (store->setup->recovery_window_ms > 0)
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

/* What has to be known elsewhere first, lest nobody finds the rider again. */
static void announce(const struct transition *transition)
{
    struct store *store = transition->transitions->store;
    struct redis_ride *ride = transition->ride;

    if (transition->claim > 0)
        notes_hold(&ride->notes, store, ride->name);
    else if (transition->script == SCRIPT_SUSPEND)
        notes_suspend(&ride->notes, store, ride->name);
}

/* broker/redis/scripts/operation.lua says what they are. */
static void make_call(struct call *call, const struct transition *transition)
{
    struct store *store = transition->transitions->store;
    const struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;
    char held[RECORD_NODE_MAX + 8], done[32];

    snprintf(held, sizeof held, "node:%s", store->node);
    snprintf(done, sizeof done, "done:%s", store->run);
    call_script(call, store, transition->script, ride->name, "users", "holders", held, "away", "meta", "log",
                done);
    call_channel(call, ride->name);
    call_text(call, kind_name(order->transition));
    call_text(call, order->socket_id);
    call_text(call, store->node);
    call_bytes(call, order->user ? order->user->data : "", order->user ? order->user->len : 0);
    call_number(call, transition->tenure);
    call_number(call, store->setup->recovery_window_ms);
    call_position(call, &ride->at);
    call_text(call, store->run);
    call_number(call, transition->sequence);
    call_number(call, transition == ride->transitions ? 0 : transition->ride_prev->sequence);
    call_number(call, LOG_CAP);
}

static void transition_answered(const struct redisReply *reply, void *arg);

/* 0, or -1 when there is no connection. */
static int send_transition(struct transition *transition)
{
    struct call call;

    transition->sent_us = clock_us();
    announce(transition);
    make_call(&call, transition);
    if (call_send(&call, transition_answered, transition) != 0)
        return -1;
    transition->transitions->in_flight++;
    return 0;
}

void transitions_send(struct transitions *transitions)
{
    if (!transitions->store->up)
        return;
    while (transitions->again) {
        struct transition *transition = transitions->again;

        LL_DELETE2(transitions->again, transition, next_again);
        if (send_transition(transition) != 0)
            return; /* it is in the list, and goes out with all others later */
    }
    while (transitions->unsent && transitions->in_flight < IN_FLIGHT_MAX) {
        if (send_transition(transitions->unsent) != 0)
            return;
        transitions->unsent = transitions->unsent->next;
    }
}

/* --- answers --- */

enum verdict { VERDICT_OK, VERDICT_REFUSED, VERDICT_EARLY, VERDICT_MOVED, VERDICT_NONE };

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
    if (reply->elements < 3 || !call_read_position(reply->element[1], reply->element[2], &answer->position))
        return VERDICT_NONE;
    if (strcmp(word, "moved") == 0)
        return VERDICT_MOVED;
    if (strcmp(word, "ok") != 0 || reply->elements != 5 ||
        record_parse_tenure(reply_slice(reply->element[3]), &answer->tenure) != 0)
        return VERDICT_NONE;
    answer->detail = reply_slice(reply->element[4]);
    return VERDICT_OK;
}

static void restored(const struct transition *transition, const struct answer *answer)
{
    struct transitions *transitions = transition->transitions;

    if (answer->detail.len > 0)
        metric_add(store_metrics(transitions->store)->riders_restored, 1);
    held_restored(transitions->holding, transition->ride, transition->order->socket_id, transition->claim,
                  answer->position.offset);
}

static void committed(const struct transition *transition, const struct answer *answer)
{
    struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;
    struct blob *found = NULL;

    if (order->transition == BROKER_RESUME && record_user_valid(answer->detail))
        found = alloc_blob(answer->detail.at, answer->detail.len);
    held_settled(ride, order->socket_id, transition->claim, found ? found : order->user, answer->tenure,
                 answer->position.offset);
    watch_result(transition->transitions->watches, ride, message_done(order, &answer->position, found));
    blob_unref(found);
}

static void refused(const struct transition *transition)
{
    const struct order *order = transition->order;

    if (transition->script == SCRIPT_RESTORE)
        restoration_failed(transition);
    else
        tell(transition, message_refused(order, "another gateway has taken over this connection"));
    if (held_refused(transition->ride, order->socket_id, transition->claim))
        tell(transition, message_evicted(order->ride, order->socket_id));
}

static void conclude(struct transition *transition, const struct redisReply *reply)
{
    struct answer answer;

    switch (read_answer(reply, &answer)) {
    case VERDICT_OK:
        redis_ride_reached(transition->ride, &answer.position);
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
    case VERDICT_MOVED:
        redis_ride_reached(transition->ride, &answer.position);
        LL_APPEND2(transition->transitions->again, transition, next_again);
        break;
    case VERDICT_EARLY:
        LL_APPEND2(transition->transitions->again, transition, next_again);
        break;
    case VERDICT_NONE:
        store_trouble(transition->transitions->store, "a transition on %s failed: %s", transition->ride->name,
                      store_complaint(reply));
        transition_fail(transition, "the broker cannot record it");
        break;
    }
}

static void transition_answered(const struct redisReply *reply, void *arg)
{
    struct transition *transition = arg;
    struct transitions *transitions = transition->transitions;

    transitions->in_flight--;
    if (reply)
        metric_observe(store_metrics(transitions->store)->latency,
                       (int64_t)(clock_us() - transition->sent_us));
    switch (call_judge(transitions->store, transition->script, reply)) {
    case CALL_LOST:
        break; /* it stays in the list */
    case CALL_AGAIN:
        LL_APPEND2(transitions->again, transition, next_again);
        break;
    case CALL_ANSWERED:
        conclude(transition, reply);
        break;
    }
}

/* --- submitting --- */

/* Takes the transition, filled in as far as it is special, and the order. */
static void append(struct transitions *transitions, struct redis_ride *ride, struct transition *transition,
                   struct order *order)
{
    transition->transitions = transitions;
    transition->order = order;
    transition->ride = ride;
    transition->sequence = ++transitions->sequence;
    transition->bytes = transition->ours ? 0 : bytes_of(order);
    DL_APPEND(transitions->all, transition);
    DL_APPEND2(ride->transitions, transition, ride_prev, ride_next);
    if (!transitions->unsent)
        transitions->unsent = transition;
    set_bytes(transitions, transitions->bytes + transition->bytes);
}

/* What a client asks for may be refused. What becomes of a client must be told, and is once for each. */
static bool has_room(const struct transitions *transitions, const struct order *order)
{
    return (order->transition != BROKER_BOARD && order->transition != BROKER_EXIT) ||
           transitions->bytes + bytes_of(order) <= transitions->store->setup->queue_bytes;
}

void transitions_submit(struct transitions *transitions, struct order *order)
{
    if (!has_room(transitions, order)) {
        store_tell_gateway(transitions->store,
                           message_refused(order, "the broker is away and its queue is full; try again"));
        order_free(order);
        return;
    }
    struct redis_ride *ride = redis_rides_get(transitions->rides, order->ride);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    transition->script = script_of(transitions->store, order->transition);
    transition->tenure = held_tenure(ride, order->socket_id);
    if (order->transition == BROKER_BOARD || order->transition == BROKER_RESUME)
        transition->claim = held_claim(transitions->holding, ride, order->socket_id);
    else
        held_forget(ride, order->socket_id);
    append(transitions, ride, transition, order);
}

static struct order *order_of_ours(const char *ride, const char *socket_id)
{
    struct order *order = order_new(ORDER_SUBMIT, ride);

    memcpy(order->socket_id, socket_id, SOCKET_ID_LEN);
    return order;
}

void transitions_restore(struct transitions *transitions, const struct held *held)
{
    struct order *order = order_of_ours(held->ride->name, held->socket_id);
    struct transition *transition = alloc_zeroed(sizeof *transition);

    order->user = blob_ref(held->user);
    transition->script = SCRIPT_RESTORE;
    transition->claim = held->claim;
    transition->tenure = held->tenure;
    transition->ours = true;
    append(transitions, held->ride, transition, order);
}

void transitions_disown(struct transitions *transitions, const char *name, const char *socket_id)
{
    struct redis_ride *ride = redis_rides_get(transitions->rides, name);

    if (held_here(ride, socket_id))
        return;
    struct order *order = order_of_ours(name, socket_id);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    order->transition = BROKER_SUSPEND;
    transition->script = script_of(transitions->store, BROKER_SUSPEND);
    transition->ours = true;
    append(transitions, ride, transition, order);
}

/* The records in them may be older than what is sent again behind them, and both be missing in Redis now. */
static void withdraw_restorations(struct transitions *transitions)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(transitions->all, transition, next)
    {
        if (transition->script != SCRIPT_RESTORE)
            continue;
        held_withdrawn(transitions->holding, transition->ride, transition->order->socket_id,
                       transition->claim);
        transition_end(transition);
    }
}

void transitions_resume(struct transitions *transitions)
{
    transitions->again = NULL;
    withdraw_restorations(transitions);
    transitions->unsent = transitions->all;
}

void transitions_refuse_all(struct transitions *transitions, const char *error)
{
    struct transition *transition, *next;

    transitions->again = NULL;
    DL_FOREACH_SAFE(transitions->all, transition, next)
    {
        transition_fail(transition, error);
    }
    transitions->unsent = NULL;
}
