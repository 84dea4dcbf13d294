/*
 * Riders: clients on rides, and their transitions. See rider.h; how clients come back is in rider_return.c.
 */
#include "gateway/rides/rider.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/json_text.h"
#include "common/user.h"
#include "gateway/rides/rider_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char BROKER_AWAY[] = "the presence store cannot be reached now; try again";

/* A transition that has no result yet. */
struct pending {
    uint64_t ticket;
    enum broker_transition_kind kind;
    struct rider *rider; /* NULL: the client is gone, nobody waits */
    struct ack ack;
    struct pending *rider_prev, *rider_next;
    UT_hash_handle hh;
};

/*
 * The client's question who is aboard, until there is an answer. First it waits for the results of what the
 * client said before it, then for the ride's first roster; on most rides that is there already.
 */
struct question {
    struct rider *rider;
    struct ack ack;
    uint64_t behind;    /* the ticket of the last transition before it; 0: there is none */
    struct ask *ask;    /* NULL: it waits for results */
    struct timer timer; /* it waits no longer */
    struct question *prev, *next;
};

/* A transition held back until its ride is live. */
struct held {
    struct broker_transition transition;
    char socket_id[SOCKET_ID_LEN + 1];
    size_t bytes;
    struct held *prev, *next;
};

/* --- transitions --- */

static struct ack keep_ack(const struct ack *ack)
{
    struct ack kept = *ack;

    if (kept.text)
        blob_ref(kept.text);
    return kept;
}

uint64_t rider_remember(struct riders *riders, struct rider *rider, enum broker_transition_kind kind,
                        const struct ack *ack)
{
    struct pending *pending = alloc_zeroed(sizeof *pending);

    pending->ticket = ++riders->last_ticket;
    pending->kind = kind;
    HASH_ADD(hh, riders->pending, ticket, sizeof pending->ticket, pending);
    if (rider) {
        pending->rider = rider;
        pending->ack = keep_ack(ack);
        DL_APPEND2(rider->pending, pending, rider_prev, rider_next);
    }
    return pending->ticket;
}

static void drop_pending(struct riders *riders, struct pending *pending)
{
    HASH_DEL(riders->pending, pending);
    if (pending->rider)
        DL_DELETE2(pending->rider->pending, pending, rider_prev, rider_next);
    blob_unref(pending->ack.text);
    free(pending);
}

struct rider *rider_forget(struct riders *riders, uint64_t ticket)
{
    struct pending *pending;

    HASH_FIND(hh, riders->pending, &ticket, sizeof ticket, pending);
    struct rider *rider = pending ? pending->rider : NULL;
    if (pending)
        drop_pending(riders, pending);
    return rider;
}

static void drop_held(struct riders *riders, struct ride *ride, struct held *held)
{
    DL_DELETE(ride->held, held);
    riders->held_bytes -= held->bytes;
    blob_unref(held->transition.user);
    free(held);
}

void riders_init(struct riders *riders, const struct riders_options *options)
{
    *riders = (struct riders){.options = *options};
}

void riders_deinit(struct riders *riders)
{
    while (riders->pending)
        drop_pending(riders, riders->pending);
    for (struct ride *ride = riders->options.watched->rides.by_name; ride; ride = ride->hh.next)
        while (ride->held)
            drop_held(riders, ride, ride->held);
}

/* What a client asks for is bounded; what becomes of a client must be told in any case, and happens once for
 * each. */
static bool may_be_refused(enum broker_transition_kind kind)
{
    return kind == BROKER_BOARD || kind == BROKER_EXIT;
}

static void hold(struct riders *riders, struct ride *ride, const struct broker_transition *transition)
{
    size_t bytes = sizeof(struct held) + (transition->user ? transition->user->len : 0);

    if (may_be_refused(transition->kind) && riders->held_bytes + bytes > riders->options.queue_bytes) {
        struct broker_message refused = {
            .kind = BROKER_RESULT, .ticket = transition->ticket, .error = BROKER_AWAY};

        riders_result(riders, &refused);
        return;
    }
    struct held *held = alloc_zeroed(sizeof *held);
    memcpy(held->socket_id, transition->socket_id, sizeof held->socket_id);
    held->transition = *transition;
    held->transition.ride = ride->name;
    held->transition.socket_id = held->socket_id;
    if (transition->user)
        blob_ref(transition->user);
    held->bytes = bytes;
    riders->held_bytes += bytes;
    DL_APPEND(ride->held, held);
}

/* Whether somebody finds no room, who is not aboard yet or would take up more; `coming` others are let in
 * already. As far as is known here: what others board meanwhile comes on top. */
static bool is_full(const struct riders *riders, const struct ride *ride, const char *id, size_t record_len,
                    size_t coming)
{
    const struct riders_options *options = &riders->options;

    if (!ride->live)
        return false;
    const struct blob *known = roster_get(ride->roster, id);
    size_t has = known ? broker_rider_bytes(known->len) : 0;
    size_t wants = broker_rider_bytes(record_len);

    return (!known && options->riders_per_ride &&
            roster_count(ride->roster) + coming >= options->riders_per_ride) ||
           (wants > has && options->roster_bytes &&
            roster_cost(ride->roster) - has + wants > options->roster_bytes);
}

void rider_submit(struct rider *rider, enum broker_transition_kind kind, struct blob *user,
                  const struct ack *ack, bool waits)
{
    struct riders *riders = rider->riders;
    struct broker_transition transition = {
        .kind = kind,
        .ride = rider->ride->name,
        .socket_id = rider->id,
        .user = user,
        .ticket = rider_remember(riders, waits ? rider : NULL, kind, ack),
        .tenure = rider->tenure,
        .returned = rider->returned,
    };

    if (rider->ride->live)
        broker_submit(riders->options.broker, &transition);
    else
        hold(riders, rider->ride, &transition);
}

bool rider_said_boarding(const struct rider *rider)
{
    const struct pending *pending;

    DL_FOREACH2(rider->pending, pending, rider_next)
    {
        if (pending->kind == BROKER_BOARD)
            return true;
    }
    return false;
}

size_t riders_pending_count(const struct riders *riders)
{
    return HASH_COUNT(riders->pending);
}

/* --- coming and going --- */

struct rider *rider_add(struct riders *riders, const struct rider_options *options, const char *id)
{
    struct rider *rider = alloc_zeroed(sizeof *rider);

    rider->riders = riders;
    rider->ops = options->ops;
    rider->client = options->client;
    rider->member.outlet = options->outlet;
    rider->form = options->form;
    rider->pace = options->pace;
    memcpy(rider->id, id, SOCKET_ID_LEN);
    rider->ride = watched_use(riders->options.watched, options->ride);
    rider->ride->riders++;
    riders->count++;
    HASH_ADD_STR(riders->by_id, id, rider);
    return rider;
}

struct rider *rider_new(struct riders *riders, const struct rider_options *options)
{
    char id[SOCKET_ID_LEN + 1];

    id_make(id, SOCKET_ID_LEN);
    struct rider *rider = rider_add(riders, options, id);
    rider_join(rider);
    return rider;
}

const char *rider_id(const struct rider *rider)
{
    return rider->id;
}

/* Also while the broker has not said what became of the last boarding, exit or resumption. */
static bool may_be_aboard(const struct rider *rider)
{
    return rider->aboard || (rider->pending && rider->state != RIDER_CATCHING_UP);
}

/* One that is never refused. */
static void count_event(struct rider *rider)
{
    struct ip client = rider->ops->address(rider->client);

    shares_take(&rider->ride->pace, &rider->riders->options.events, &client, clock_ms());
}

static void give_up(struct rider *rider, enum rider_end end)
{
    if (rider->evicted || !may_be_aboard(rider))
        return;
    bool may_return = end == RIDER_LOST && riders_recover(rider->riders);
    if (!may_return)
        count_event(rider);
    rider_submit(rider, may_return ? BROKER_SUSPEND : BROKER_DISCONNECT, NULL, NULL, false);
}

static void drop_question(struct question *question)
{
    timers_cancel(question->rider->ride->watched->options.timers, &question->timer);
    if (question->ask)
        ask_cancel(question->ask);
    DL_DELETE(question->rider->questions, question);
    blob_unref(question->ack.text);
    free(question);
}

/* Results still come, but to nobody. */
static void wait_no_more(struct rider *rider)
{
    while (rider->questions)
        drop_question(rider->questions);
    while (rider->pending) {
        struct pending *pending = rider->pending;

        DL_DELETE2(rider->pending, pending, rider_prev, rider_next);
        pending->rider = NULL;
        if (rider->state == RIDER_CATCHING_UP && pending->kind == BROKER_RESUME)
            broker_forget(rider->riders->options.broker, pending->ticket);
    }
}

void rider_free(struct rider *rider, enum rider_end end)
{
    if (!rider)
        return;
    struct riders *riders = rider->riders;
    give_up(rider, end);
    wait_no_more(rider);
    if (rider->member.ride)
        member_leave(&rider->member);
    rider_end_comeback(rider);
    if (!rider->evicted)
        HASH_DEL(riders->by_id, rider);
    rider->ride->riders--;
    watched_release(rider->ride);
    riders->count--;
    free(rider);
}

void rider_evict(struct rider *rider)
{
    if (rider->evicted)
        return;
    wait_no_more(rider);
    HASH_DEL(rider->riders->by_id, rider);
    rider->evicted = true;
    rider->riders->counts.evicted++;
    rider->ops->evict(rider->client);
}

void riders_evicted(struct riders *riders, const char *ride, const char *socket_id)
{
    struct rider *rider;

    HASH_FIND_STR(riders->by_id, socket_id, rider);
    /* While resuming, it is not yet this rider who had the socket. */
    if (rider && rider->state != RIDER_RESUMING && !strcmp(rider->ride->name, ride))
        rider_evict(rider);
}

/* --- what a rider says --- */

const char *rider_subject(const struct rider *rider)
{
    return rider->ops->subject ? rider->ops->subject(rider->client) : NULL;
}

static void acknowledge(struct rider *rider, const struct ack *ack, const char *json, size_t len)
{
    if (ack->wanted)
        rider->ops->acknowledge(rider->client, ack, json, len);
}

static void acknowledge_error(struct rider *rider, const struct ack *ack, const char *message)
{
    struct buf json;

    buf_init(&json, 4096);
    if (buf_append_str(&json, "{\"ok\":false,\"error\":") == 0 &&
        json_text_quote(message, strlen(message), &json) == 0 && buf_append(&json, "}", 1) == 0)
        acknowledge(rider, ack, json.data, json.len);
    buf_deinit(&json);
}

void rider_tell_refused(struct rider *rider, const struct ack *ack, const char *message)
{
    rider->riders->counts.refused++;
    acknowledge_error(rider, ack, message);
    rider->ops->exception(rider->client, message);
}

void rider_refuse(struct rider *rider, const struct ack *ack, const char *message)
{
    struct ip client = rider->ops->address(rider->client);

    refuse_on(rider->riders->options.refusals, REFUSED_MESSAGE, &client, rider->ride->name, message);
    rider_tell_refused(rider, ack, message);
}

/*
 * Counts a transition against what its client and its ride may have. NULL, or why it is refused, which has
 * been noted. Whoever exits is let go in any case.
 */
static const char *too_fast(struct rider *rider, bool exits)
{
    const struct riders_options *options = &rider->riders->options;
    struct ip client = rider->ops->address(rider->client);
    uint64_t now = clock_ms();

    if (exits) {
        if (rider->pace)
            bucket_take(rider->pace, &options->transitions, 1, now);
        count_event(rider);
        return NULL;
    }
    if (rider->pace && !bucket_try(rider->pace, &options->transitions, 1, now)) {
        refuse(options->refusals, REFUSED_TRANSITIONS, &client);
        return "too many boardings at once; slow down";
    }
    if (!shares_try(&rider->ride->pace, &options->events, &client, now)) {
        refuse(options->refusals, REFUSED_EVENTS, &client);
        return "too much happens on this ride; try again";
    }
    return NULL;
}

static void tell_full(struct rider *rider, const struct ack *ack)
{
    struct ip client = rider->ops->address(rider->client);

    refuse(rider->riders->options.refusals, REFUSED_RIDERS, &client);
    rider_tell_refused(rider, ack, "the ride is full");
}

void rider_message(struct rider *rider, const char *json, size_t len, const struct ack *ack)
{
    if (rider->exiting)
        return;
    struct user user;
    const char *error;
    if (user_parse(json, len, rider->riders->options.max_user_bytes, &user, &error) != 0) {
        rider_refuse(rider, ack, error);
        return;
    }
    const char *subject = rider_subject(rider);
    if (subject && !user_is(&user, subject)) {
        rider_refuse(rider, ack, "the user is not the token's subject");
        blob_unref(user.json);
        return;
    }
    rider->exiting = user.status == USER_EXITING;
    error = too_fast(rider, rider->exiting);
    if (error) {
        rider_tell_refused(rider, ack, error);
    } else if (!rider->exiting && is_full(rider->riders, rider->ride, user.id, user.json->len, 0)) {
        tell_full(rider, ack);
    } else {
        rider_submit(rider, rider->exiting ? BROKER_EXIT : BROKER_BOARD, user.json, ack, true);
    }
    blob_unref(user.json);
}

static void tell_users(struct rider *rider, const struct ack *ack, struct blob *json)
{
    if (json)
        rider->ops->users(rider->client, ack, json);
    else
        acknowledge_error(rider, ack, BROKER_AWAY);
}

void rider_tell_users(struct rider *rider, const struct ack *ack)
{
    tell_users(rider, ack, ride_snapshot(rider->ride));
}

size_t rider_users_bytes(const struct rider *rider)
{
    return roster_bytes(rider->ride->roster);
}

static void answer(struct question *question, struct blob *json)
{
    tell_users(question->rider, &question->ack, json);
    drop_question(question);
}

static void roster_known(void *arg, struct blob *json)
{
    struct question *question = arg;

    question->ask = NULL;
    answer(question, json);
}

static void question_timed_out(void *owner)
{
    answer(owner, NULL);
}

/* Whether some of what the client said before it has no result yet. */
static bool is_ahead(const struct question *question)
{
    const struct pending *oldest = question->rider->pending;

    return oldest && oldest->ticket <= question->behind;
}

/* Answers what waits for no result any more, or has it wait for the roster. */
static void answer_questions(struct rider *rider)
{
    struct question *question, *next;

    DL_FOREACH_SAFE(rider->questions, question, next)
    {
        if (is_ahead(question))
            return;
        if (rider->ride->live)
            answer(question, ride_snapshot(rider->ride));
        else if (!question->ask)
            question->ask = watched_ask(rider->ride, roster_known, question);
    }
}

void rider_active_users(struct rider *rider, const struct ack *ack)
{
    if (!ack->wanted)
        return;
    if (rider->ride->live && !rider->pending) {
        rider_tell_users(rider, ack);
        return;
    }
    struct question *question = alloc_zeroed(sizeof *question);
    question->rider = rider;
    question->ack = keep_ack(ack);
    question->behind = rider->pending ? rider->pending->rider_prev->ticket : 0;
    question->timer = (struct timer){.fire = question_timed_out, .owner = question};
    timers_set(rider->ride->watched->options.timers, &question->timer, clock_ms() + RIDER_ASK_MS);
    DL_APPEND(rider->questions, question);
    answer_questions(rider);
}

/* --- results --- */

static void committed(struct rider *rider, enum broker_transition_kind kind, const struct ack *ack,
                      const struct broker_position *position)
{
    char offset[WIRE_OFFSET_SIZE];
    char json[WIRE_OFFSET_SIZE + 32];

    rider->aboard = kind == BROKER_BOARD;
    wire_offset(position, offset);
    int len = snprintf(json, sizeof json, "{\"ok\":true,\"offset\":\"%s\"}", offset);
    acknowledge(rider, ack, json, (size_t)len);
    answer_questions(rider);
    if (kind == BROKER_EXIT)
        rider->ops->disconnect(rider->client);
}

static void refused(struct rider *rider, enum broker_transition_kind kind, const struct ack *ack,
                    const char *error)
{
    rider_refuse(rider, ack, error);
    answer_questions(rider);
    if (kind != BROKER_EXIT)
        return;
    rider->exiting = false;
    /* Where it has heard all the same that it is gone it hears nothing more, and is to begin anew. */
    if (rider->state == RIDER_ON && !rider->member.ride)
        rider->ops->evict(rider->client);
}

/* Ends what is pending with its result. */
static void settle(struct riders *riders, struct pending *pending, const struct broker_message *result)
{
    struct rider *rider = pending->rider;
    enum broker_transition_kind kind = pending->kind;
    struct ack ack = keep_ack(&pending->ack);

    drop_pending(riders, pending);
    if (rider && result->tenure > 0)
        rider->tenure = result->tenure;

    if (rider && kind == BROKER_RESUME && rider->state == RIDER_ON) {
        rider->aboard = result->user != NULL;
        answer_questions(rider);
    } else if (rider && kind == BROKER_RESUME) {
        rider_resume_settled(rider, result);
    } else if (rider && result->ok) {
        committed(rider, kind, &ack, &result->position);
    } else if (rider) {
        refused(rider, kind, &ack, result->error);
    }
    blob_unref(ack.text);
}

void riders_result(struct riders *riders, const struct broker_message *message)
{
    struct pending *pending;

    HASH_FIND(hh, riders->pending, &message->ticket, sizeof message->ticket, pending);
    if (!pending)
        return;
    if (!message->ok && !pending->rider && !may_be_refused(pending->kind))
        refuse_on(riders->options.refusals, REFUSED_END, NULL, message->ride, message->error);
    settle(riders, pending, message);
}

/* --- what was held back --- */

/* Whether a boarding finds no room. `coming` are those before it who are not aboard yet. */
static bool is_refused(const struct riders *riders, const struct ride *ride, struct blob *user,
                       struct roster *coming)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    if (roster_get(coming, id))
        return false;
    if (is_full(riders, ride, id, user->len, roster_count(coming)))
        return true;
    if (!roster_get(ride->roster, id))
        roster_set(coming, user);
    return false;
}

static void refuse_held(struct riders *riders, uint64_t ticket)
{
    struct pending *pending;

    HASH_FIND(hh, riders->pending, &ticket, sizeof ticket, pending);
    struct rider *rider = pending->rider;
    struct ack ack = keep_ack(&pending->ack);

    drop_pending(riders, pending);
    if (rider) {
        tell_full(rider, &ack);
        answer_questions(rider);
    }
    blob_unref(ack.text);
}

/* On its way to the broker, or refused. */
void riders_submit_held(struct riders *riders, struct ride *ride)
{
    struct roster *coming = roster_new();

    while (ride->held) {
        struct held *held = ride->held;
        const struct broker_transition *transition = &held->transition;
        uint64_t ticket = transition->ticket;
        bool refused = transition->kind == BROKER_BOARD && is_refused(riders, ride, transition->user, coming);

        if (!refused)
            broker_submit(riders->options.broker, transition);
        drop_held(riders, ride, held);
        if (refused)
            refuse_held(riders, ticket);
    }
    roster_free(coming);
    watched_release(ride);
}
