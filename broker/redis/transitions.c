/*
 * Waiting, in flight, answered.
 */
#include "broker/redis/transitions.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/exits.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/operations.h"
#include "broker/redis/watch.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "common/user.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    IN_FLIGHT_MAX = 1024,   /* bounds the output buffer and what must be sent again */
    CALLS_MAX = 2,          /* that are not full: what comes while so many have no answer goes together */
    DISOWN_MS = 1000,       /* for a socket that is not here: another node may be about to put it back */
    DISOWNED_MAX = 1000,    /* under way: an audit names the others again */
    REFUSE_AFTER_MS = 5000, /* a boarding that is not done for so long because of errors */
};

static bool is_exit(const struct transition *transition)
{
    return transition->script == SCRIPT_TRANSITION && transition->order->transition == BROKER_EXIT;
}

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
    store_tell_gateway(transition->transitions->store, message);
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

/* What has to be known elsewhere first, lest nobody finds the rider again. */
static void announce(const struct transition *transition)
{
    struct store *store = transition->transitions->store;
    struct redis_ride *ride = transition->ride;

    if (transition->claim > 0)
        notes_hold(&ride->notes, store, ride->name);
    else if (transition->script == SCRIPT_SUSPEND || transition_ends_for_good(transition))
        notes_suspend(&ride->notes, store, ride->name);
}

static void announce_run(const struct transition *first)
{
    const struct transition *transition = first;

    for (size_t i = 0; i < first->together; i++, transition = transition->ride_next)
        announce(transition);
}

static void call_answered(const struct redisReply *reply, void *arg);

static size_t count_chain(struct transition *chain)
{
    struct transition *first;
    size_t count = 0;

    LL_FOREACH2(chain, first, next_run)
    {
        count += first->together;
    }
    return count;
}

/* A chain of runs. 0, or -1 when there is no connection. */
static int send_call(struct transition *chain)
{
    struct transitions *transitions = chain->transitions;
    struct transition *first;
    struct call call;

    LL_FOREACH2(chain, first, next_run)
    {
        announce_run(first);
    }
    operations_call(&call, transitions->store, chain);
    chain->sent_us = clock_us();
    if (call_send(&call, call_answered, chain) != 0)
        return -1;
    transitions->in_flight += count_chain(chain);
    transitions->calls++;
    return 0;
}

bool transitions_busy(const struct transitions *transitions)
{
    return transitions->store->up && transitions->calls >= CALLS_MAX;
}

/* What comes while some calls have no answer goes together, as soon as one has or a call is full. */
static bool may_send(const struct transitions *transitions)
{
    return transitions->store->up && transitions->in_flight < IN_FLIGHT_MAX &&
           (transitions->calls < CALLS_MAX || line_is_long(&transitions->line));
}

/* What cannot be sent goes out with all others later. */
void transitions_send(struct transitions *transitions)
{
    struct transition *chain;

    while (may_send(transitions) && (chain = line_take(&transitions->line)))
        if (send_call(chain) != 0)
            return;
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
        metric_add(store_metrics(transitions->store)->riders_restored, 1);
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

static void repeat_after_a_pause(struct transition *transition)
{
    struct transitions *transitions = transition->transitions;

    transition->stage = TRANSITION_PAUSED;
    LL_PREPEND2(transitions->paused, transition, next_paused);
    if (event_pending(transitions->timer, EV_TIMEOUT, NULL))
        return;
    unsigned pause_ms = backoff_pause(&transitions->backoff);
    const struct timeval pause = {.tv_sec = pause_ms / 1000,
                                  .tv_usec = (suseconds_t)(pause_ms % 1000) * 1000};
    event_add(transitions->timer, &pause);
}

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
        repeat_after_a_pause(transition);
}

static bool waits_for_failing(const struct transition *transition)
{
    return transition->ride->transitions->failing_ms > 0;
}

/* What is early on a ride where the first one fails can only be early again. */
static void repeat(struct transition *transition)
{
    if (waits_for_failing(transition))
        repeat_or_refuse(transition);
    else
        line_add(&transition->transitions->line, transition);
}

static void pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct transitions *transitions = arg;
    struct transition *transition;

    (void)fd, (void)what;
    LL_FOREACH2(transitions->paused, transition, next_paused)
    {
        line_add(&transitions->line, transition);
    }
    transitions->paused = NULL;
    transitions->store->settle(transitions->store->settle_arg);
}

/* Redis has answered, but nothing definite: it has not been done. Perhaps a key is spoiled: an audit of the
 * ride mends that. */
static void failed(struct transition *transition, const struct redisReply *reply)
{
    struct transitions *transitions = transition->transitions;

    store_trouble(transitions->store, "a transition on %s failed: %s", transition->ride->name,
                  store_complaint(reply));
    transitions->spoiled(transition->ride, transitions->arg);
    repeat_or_refuse(transition);
}

static void done_mended(const struct redisReply *reply, void *arg)
{
    struct transition *transition = arg;

    transition->transitions->in_flight--;
    if (!reply || store_is_away(transition->transitions->store, reply))
        return; /* it stays in the list */
    if (reply->type == REDIS_REPLY_INTEGER)
        repeat_or_refuse(transition);
    else
        failed(transition, reply);
}

/* Redis says that it was done before, and it cannot have been: what Redis has as this process' last operation
 * on the ride is spoiled. That was the one before the first that has no answer. That one is sent again behind
 * the answer to the mending, not with it: were both lost, nobody could say any more whether it was done. */
static void mend_done(struct transition *transition)
{
    struct store *store = transition->transitions->store;
    const struct redis_ride *ride = transition->ride;
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
    if (call_send(&call, done_mended, transition) == 0)
        transition->transitions->in_flight++;
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
        backoff_reset(&transition->transitions->backoff);
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

/* `own`: the reply is about this operation alone. One about several does not say which of them are done. */
static void operation_answered(struct transition *transition, const struct redisReply *reply, bool own)
{
    switch (call_judge(transition->transitions->store, transition->script, reply)) {
    case CALL_LOST:
        transition->unsure = true; /* it stays in the list */
        break;
    case CALL_AGAIN:
        repeat(transition);
        break;
    case CALL_ANSWERED:
        transition->unsure = transition->unsure || !own;
        conclude(transition, reply);
        break;
    }
}

static void observe_latency(const struct transition *chain, size_t count)
{
    int64_t us = (int64_t)(clock_us() - chain->sent_us);

    while (count-- > 0)
        metric_observe(store_metrics(chain->transitions->store)->latency, us);
}

/* A list with an answer for each operation, or else what holds for all. */
static void call_answered(const struct redisReply *reply, void *arg)
{
    struct transition *chain = arg;
    struct transitions *transitions = chain->transitions;
    size_t count = count_chain(chain), at = 0;
    bool listed = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == count;

    transitions->calls--;
    transitions->in_flight -= count;
    if (reply)
        observe_latency(chain, count);
    for (struct transition *run = chain, *next_run; run; run = next_run) {
        struct transition *transition = run, *next;

        next_run = run->next_run;
        for (size_t left = run->together; left > 0; left--, transition = next) {
            next = transition->ride_next;
            operation_answered(transition, listed ? reply->element[at++] : reply, listed || count == 1);
        }
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
    line_add(&transitions->line, transition);
    set_bytes(transitions, transitions->bytes + transition->bytes);
    if (is_exit(transition))
        exits_add(ride, transition->id);
}

/* What a client asks for may be refused. What becomes of a client must be told, and is once for each. */
static bool has_room(const struct transitions *transitions, const struct order *order)
{
    return (order->transition != BROKER_BOARD && order->transition != BROKER_EXIT) ||
           transitions->bytes + bytes_of(order) <= transitions->store->setup->queue_bytes;
}

/* Up to where the record that is held of the socket is the latest: it is noted together with it, since both
 * change with every event. */
static void note_heard(struct transition *transition, const struct redis_ride *ride, const char *socket_id)
{
    const struct broker_position *heard = watch_heard_up_to(ride);
    uint64_t missed = held_missed(ride, socket_id);

    if (!heard || missed == 0)
        return;
    transition->heard = *heard;
    if (missed < heard->offset)
        transition->heard.offset = missed;
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
    transition->script = script_of(transitions->store, BROKER_SUSPEND);
    transition->wait_ms = held_parted_ms(transitions->holding, socket_id);
    if (transition->wait_ms < DISOWN_MS)
        transition->wait_ms = DISOWN_MS;
    transition->ours = true;
    transition->disowns = true;
    transitions->disowned++;
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
    struct transition *transition;

    line_clear(&transitions->line);
    transitions->paused = NULL;
    withdraw_restorations(transitions);
    DL_FOREACH(transitions->all, transition)
    {
        line_add(&transitions->line, transition);
    }
}

void transitions_refuse_all(struct transitions *transitions, const char *error)
{
    struct transition *transition, *next;

    line_clear(&transitions->line);
    transitions->paused = NULL;
    DL_FOREACH_SAFE(transitions->all, transition, next)
    {
        transition_fail(transition, error);
    }
}

void transitions_init(struct transitions *transitions)
{
    transitions->timer = event_new(transitions->store->setup->base, -1, 0, pause_over, transitions);
    if (!transitions->timer)
        alloc_failed();
    backoff_reset(&transitions->backoff);
}

void transitions_deinit(struct transitions *transitions)
{
    if (transitions->timer)
        event_free(transitions->timer);
}
