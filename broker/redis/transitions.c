/*
 * Submitted, answered.
 */
#include "broker/redis/transitions.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/exits.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/server_error.h"
#include "broker/redis/watch.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "common/user.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    DISOWN_MS = 1000,       /* for a socket that is not here: another node may be about to put it back */
    DISOWNED_MAX = 1000,    /* under way: an audit names the others again */
    REFUSE_AFTER_MS = 5000, /* a boarding that is not done for so long because of errors */
};

static bool is_exit(const struct transition *transition)
{
    return transition->script == SCRIPT_TRANSITION && transition->order->transition == BROKER_EXIT;
}

static struct lane *lane_of(const struct transition *transition)
{
    return transition->ride->store->lane;
}

static void set_bytes(struct transitions *transitions, size_t bytes)
{
    transitions->bytes = bytes;
    metric_set(transitions->setup->metrics->queue_bytes, (int64_t)bytes);
}

/* Its server has it to do. */
static void take_on(const struct transition *transition)
{
    struct lane *lane = lane_of(transition);

    lane->load++;
    lane->bytes += transition->bytes;
    lane->restoring += transition->script == SCRIPT_RESTORE;
}

static void put_down(const struct transition *transition)
{
    struct lane *lane = lane_of(transition);

    lane->load--;
    lane->bytes -= transition->bytes;
    lane->restoring -= transition->script == SCRIPT_RESTORE;
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
    put_down(transition);
    transitions->disowned -= transition->disowns;
    if (is_exit(transition))
        exits_remove(ride, transition->id);
    assert(ride->waiting != transition);
    DL_DELETE(transitions->all, transition);
    DL_DELETE2(ride->transitions, transition, ride_prev, ride_next);
    if (!ride->transitions)
        redis_ride_let_go(ride);
    order_free(transition->order);
    free(transition);
}

static void tell(const struct transition *transition, struct broker_message *message)
{
    outbox_tell(transition->transitions->setup->outbox, message);
}

static void restoration_failed(const struct transition *transition)
{
    held_restored(transition->transitions->holding, transition->ride, transition->order->socket_id,
                  transition->claim, 0, 0);
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

/* --- answers --- */

static bool detail_is(const struct record_answer *answer, const char *word)
{
    return answer->detail.len == strlen(word) && memcmp(answer->detail.at, word, answer->detail.len) == 0;
}

static void restored(const struct transition *transition, const struct record_answer *answer)
{
    struct transitions *transitions = transition->transitions;

    const char *socket_id = transition->order->socket_id;

    if (detail_is(answer, "missing"))
        metric_add(transitions->setup->metrics->riders_restored, 1);
    held_restored(transitions->holding, transition->ride, socket_id, transition->claim, answer->tenure,
                  answer->position.offset);
    if (detail_is(answer, "off"))
        held_put_off(transition->ride, socket_id, transition->claim);
    if (record_user_valid(answer->detail)) {
        struct blob *user = alloc_blob(answer->detail.at, answer->detail.len);

        held_corrected(transition->ride, socket_id, transition->claim, user, answer->position.offset);
        blob_unref(user);
    }
}

static void committed(const struct transition *transition, const struct record_answer *answer)
{
    struct transitions *transitions = transition->transitions;
    struct redis_ride *ride = transition->ride;
    const struct order *order = transition->order;
    struct blob *found = NULL; /* with this record, whatever the order said */

    if (record_user_valid(answer->detail))
        found = alloc_blob(answer->detail.at, answer->detail.len);
    bool taken = held_settled(ride, order->socket_id, transition->claim, found ? found : order->user,
                              answer->tenure, answer->position.offset);
    watch_result(transitions->watches, ride,
                 message_done(order, &answer->position, order->transition == BROKER_RESUME ? found : NULL,
                              answer->tenure));
    blob_unref(found);
    if (taken) {
        tell(transition, message_evicted(order->ride, order->socket_id));
        transitions_disown(transitions, order->ride, order->socket_id);
    }
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

/* --- once more --- */

/* What becomes of a client is tried until it is done; who wants to board is told after a while. */
static void repeat_or_refuse(struct transition *transition)
{
    uint64_t now = clock_ms();

    if (transition->failing_ms == 0)
        transition->failing_ms = now;
    if (transition->order->transition == BROKER_BOARD && !transition->ours &&
        now - transition->failing_ms >= REFUSE_AFTER_MS)
        transition_fail(transition, "the broker cannot record it");
    else
        lane_pause(lane_of(transition), transition);
}

static bool waits_for_failing(const struct transition *transition)
{
    return transition->ride->transitions->failing_ms > 0;
}

/* What is early on a ride where the first one fails, or pauses, can only be early again. */
static void repeat(struct transition *transition)
{
    if (waits_for_failing(transition))
        repeat_or_refuse(transition);
    else if (transition->ride->transitions->stage == TRANSITION_PAUSED)
        lane_pause(lane_of(transition), transition);
    else
        lane_add(lane_of(transition), transition);
}

/* Redis has answered, but nothing definite: it has not been done. Perhaps a key is spoiled: an audit of the
 * ride mends that. */
static void failed(struct transition *transition, const struct redisReply *reply)
{
    struct transitions *transitions = transition->transitions;

    store_trouble(transition->ride->store, "a transition on %s failed: %s", transition->ride->name,
                  store_complaint(reply));
    transitions->spoiled(transition->ride, transitions->arg);
    repeat_or_refuse(transition);
}

static void done_mended(struct transition *transition, const struct redisReply *reply, enum lane_about about)
{
    (void)about;
    if (!reply || store_is_away(transition->ride->store, reply))
        return; /* it stays in the list */
    if (store_defers(transition->ride->store, reply))
        lane_pause(lane_of(transition), transition);
    else if (reply->type == REDIS_REPLY_INTEGER)
        repeat_or_refuse(transition);
    else
        failed(transition, reply);
}

/* Redis says that it was done before, and it cannot have been: what Redis has as this process' last operation
 * on the ride is spoiled. That was the one before the first that has no answer. That one is sent again behind
 * the answer to the mending, not with it: were both lost, nobody could say any more whether it was done. */
static void mend_done(struct transition *transition)
{
    const struct redis_ride *ride = transition->ride;
    struct store *store = ride->store;
    char field[sizeof "done:" + EPOCH_LEN];
    struct key_name meta;
    struct call call;

    if (transition != ride->transitions) {
        repeat(transition);
        return;
    }
    store_trouble(store, "what Redis has of this gateway on %s is spoiled", ride->name);
    key_name_make(&meta, store->setup->prefix, ride->name, "meta");
    snprintf(field, sizeof field, "done:%s", store->run);
    call_command(&call, store, "HSET");
    call_bytes(&call, meta.text, meta.len);
    call_text(&call, field);
    call_number(&call, transition->sequence - 1);
    if (lane_ask(store->lane, &call, transition, done_mended) != 0)
        return; /* it stays in the list */
}

static void conclude(struct transition *transition, const struct redisReply *reply)
{
    struct json_slice text = reply_slice(reply);
    struct record_answer answer;
    enum record_verdict verdict = record_parse_answer(text.at, text.len, &answer);
    bool moved_before = transition->moved;

    if (verdict == RECORD_DONE && transition->unsure)
        verdict = RECORD_OK;
    transition->moved = verdict == RECORD_MOVED;
    if (verdict == RECORD_OK || verdict == RECORD_REFUSED || verdict == RECORD_CROWDED) {
        transition->failing_ms = 0;
        transition->ride->apart = false;
        backoff_reset(&lane_of(transition)->backoff);
    }
    switch (verdict) {
    case RECORD_OK:
        redis_ride_reached(transition->ride, &answer.position);
        if (transition->script == SCRIPT_RESTORE)
            restored(transition, &answer);
        else if (!transition->ours)
            committed(transition, &answer);
        transition_end(transition);
        break;
    case RECORD_DONE:
        redis_ride_reached(transition->ride, &answer.position);
        mend_done(transition);
        break;
    case RECORD_REFUSED:
        refused(transition);
        transition_end(transition);
        break;
    case RECORD_CROWDED:
        transition_fail(transition, "the user has too many connections");
        break;
    case RECORD_MOVED:
        redis_ride_reached(transition->ride, &answer.position);
        if (moved_before) /* it was sent in the epoch that it was told: this may lead nowhere */
            failed(transition, reply);
        else
            repeat(transition);
        break;
    case RECORD_EARLY:
        repeat(transition);
        break;
    case RECORD_NO_ANSWER:
        failed(transition, reply);
        break;
    }
}

static void withdraw_if_restoration(struct transition *transition)
{
    if (transition->script != SCRIPT_RESTORE)
        return;
    held_withdrawn(transition->transitions->holding, transition->ride, transition->order->socket_id,
                   transition->claim);
    transition_end(transition);
}

/* The slot is on its way, which may take long. What is the node's own makes room for that of other rides
 * meanwhile: a restoration is due anew, and what is to be disowned an audit names again. */
static void defer(struct transition *transition, bool begun)
{
    transition->ride->deferred_ms = clock_ms();
    if (transition->script == SCRIPT_RESTORE) {
        withdraw_if_restoration(transition);
        return;
    }
    if (transition->disowns) {
        transition_end(transition);
        return;
    }
    transition->unsure = transition->unsure || begun;
    lane_pause(lane_of(transition), transition);
}

/* The slot of some ride in the call is on its way, and the answer does not say which: each tries by itself.
 */
static void set_apart(struct transition *transition)
{
    transition->unsure = true;
    transition->ride->apart = true;
    lane_add(lane_of(transition), transition);
}

void transitions_answered(struct transition *transition, const struct redisReply *reply,
                          enum lane_about about)
{
    bool own = about == LANE_ABOUT_ONE;

    switch (call_judge(transition->ride->store, transition->script, reply)) {
    case CALL_LOST:
        transition->unsure = true; /* it stays in the list */
        break;
    case CALL_AGAIN:
        repeat(transition);
        break;
    case CALL_LATER:
        if (about == LANE_ABOUT_RIDES)
            set_apart(transition);
        else
            defer(transition, !own || slot_error_in_script(reply));
        break;
    case CALL_ANSWERED:
        transition->unsure = transition->unsure || !own;
        conclude(transition, reply);
        break;
    }
}

/* --- submitting --- */

/* Rises, and tells when that was: what has not been heard of for long is forgotten (scripts/audit.lua). */
static uint64_t next_sequence(const struct transitions *transitions)
{
    uint64_t now_us = clock_wall_ms() * 1000;

    return now_us > transitions->sequence ? now_us : transitions->sequence + 1;
}

/* Takes the transition, filled in as far as it is special, and the order. */
static void append(struct transitions *transitions, struct redis_ride *ride, struct transition *transition,
                   struct order *order)
{
    transition->transitions = transitions;
    transition->order = order;
    transition->ride = ride;
    transitions->sequence = transition->sequence = next_sequence(transitions);
    transition->bytes = transition->ours ? 0 : bytes_of(order);
    if (order->user)
        user_id(order->user, transition->id);
    DL_APPEND(transitions->all, transition);
    DL_APPEND2(ride->transitions, transition, ride_prev, ride_next);
    lane_add(lane_of(transition), transition);
    set_bytes(transitions, transitions->bytes + transition->bytes);
    take_on(transition);
    if (is_exit(transition))
        exits_add(ride, transition->id);
}

/* What a client asks for may be refused. What becomes of a client must be told, and is once for each. A
 * server that is away takes none of the others' room. */
static bool has_room(const struct transitions *transitions, const struct order *order)
{
    if (order->transition != BROKER_BOARD && order->transition != BROKER_EXIT)
        return true;
    const struct lane *lane = redis_rides_store(transitions->rides, order->ride)->lane;

    return lane->bytes + bytes_of(order) <= transitions->setup->queue_bytes;
}

/* Up to where the record that is held of the socket is the latest: it is noted together with it, since both
 * change with every event. */
static void note_heard(struct transition *transition, const struct redis_ride *ride, const char *socket_id)
{
    const struct broker_position *heard = watch_heard_up_to(ride);
    uint64_t missed = held_missed(ride, socket_id);

    held_origin(ride, socket_id, transition->origin);
    if (!heard || missed == 0)
        return;
    transition->heard = *heard;
    if (missed < heard->offset)
        transition->heard.offset = missed;
}

static enum script script_of(const struct backend_setup *setup, enum broker_transition_kind kind)
{
    switch (kind) {
    case BROKER_BOARD:
    case BROKER_EXIT:
    case BROKER_DISCONNECT:
        break;
    case BROKER_SUSPEND:
        if (setup->recovery_window_ms > 0)
            return SCRIPT_SUSPEND;
        break; /* nothing to wait for */
    case BROKER_RESUME:
        return SCRIPT_RESUME;
    }
    return SCRIPT_TRANSITION;
}

void transitions_submit(struct transitions *transitions, struct order *order)
{
    if (!has_room(transitions, order)) {
        outbox_tell(transitions->setup->outbox,
                    message_refused(order, "the broker is away and its queue is full; try again"));
        order_free(order);
        return;
    }
    struct redis_ride *ride = redis_rides_get(transitions->rides, order->ride);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    transition->script = script_of(transitions->setup, order->transition);
    transition->tenure = held_tenure(ride, order->socket_id);
    if (transition->tenure < order->tenure)
        transition->tenure = order->tenure;
    if (order->transition == BROKER_BOARD || order->transition == BROKER_RESUME)
        transition->claim = held_claim(transitions->holding, ride, order->socket_id);
    else if (order->transition == BROKER_SUSPEND) {
        note_heard(transition, ride, order->socket_id);
        order->user = held_part(transitions->holding, ride, order->socket_id);
    } else
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
    note_heard(transition, held->ride, held->socket_id);
    transition->ours = true;
    append(transitions, held->ride, transition, order);
}

void transitions_disown(struct transitions *transitions, const char *name, const char *socket_id)
{
    struct redis_ride *ride = redis_rides_find(transitions->rides, name, strlen(name));

    if ((ride && held_here(ride, socket_id)) || transitions->disowned >= DISOWNED_MAX)
        return;
    if (!ride)
        ride = redis_rides_get(transitions->rides, name);
    struct order *order = order_of_ours(name, socket_id);
    struct transition *transition = alloc_zeroed(sizeof *transition);
    order->transition = BROKER_SUSPEND;
    transition->script = script_of(transitions->setup, BROKER_SUSPEND);
    transition->wait_ms = held_parted_ms(transitions->holding, socket_id);
    if (transition->wait_ms < DISOWN_MS)
        transition->wait_ms = DISOWN_MS;
    transition->ours = true;
    transition->disowns = true;
    transitions->disowned++;
    append(transitions, ride, transition, order);
}

/* The records in them may be older than what is sent again behind them, and both be missing in Redis now. */
static void withdraw_restorations(struct transitions *transitions, const struct store *store)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(transitions->all, transition, next)
    {
        if (transition->ride->store == store)
            withdraw_if_restoration(transition);
    }
}

void transitions_leave(struct redis_ride *ride)
{
    struct transition *transition, *next;

    lane_leave(ride->store->lane, ride);
    DL_FOREACH_SAFE2(ride->transitions, transition, next, ride_next)
    {
        withdraw_if_restoration(transition);
    }
    DL_FOREACH2(ride->transitions, transition, ride_next)
    {
        put_down(transition);
    }
}

void transitions_arrive(struct redis_ride *ride)
{
    struct transition *transition;

    ride->deferred_ms = 0;
    ride->apart = false;
    held_look_again(ride);
    DL_FOREACH2(ride->transitions, transition, ride_next)
    {
        take_on(transition);
        lane_add(ride->store->lane, transition);
    }
}

void transitions_cut_off(struct transitions *transitions, const struct store *store)
{
    lane_clear(store->lane);
    withdraw_restorations(transitions, store);
}

void transitions_resume(struct transitions *transitions, const struct store *store)
{
    struct transition *transition;
    struct redis_ride *ride, *next;

    DL_FOREACH_SAFE2(transitions->holding->parked, ride, next, due_next)
    {
        if (ride->store == store)
            held_look_again(ride);
    }
    lane_clear(store->lane);
    DL_FOREACH(transitions->all, transition)
    {
        if (transition->ride->store == store)
            lane_add(store->lane, transition);
    }
}

void transitions_refuse_all(struct transitions *transitions, const char *error)
{
    struct transition *transition, *next;

    DL_FOREACH_SAFE(transitions->all, transition, next)
    {
        transition_fail(transition, error);
    }
}
