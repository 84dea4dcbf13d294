/* The application: see presence.h. */
#include "gateway/presence.h"
#include "common/id.h"
#include "common/log.h"
#include "common/user.h"
#include "gateway/net.h"
#include "gateway/wire.h"

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

/* A transition held back until its ride is live. */
struct held {
    enum broker_transition_kind kind;
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    uint64_t ticket;
    size_t bytes;
    struct held *prev, *next;
};

struct rider {
    struct presence *presence;
    char id[SOCKET_ID_LEN + 1];
    const struct rider_ops *ops;
    void *client;
    struct member *member;
    bool aboard;  /* as far as the broker has said */
    bool exiting; /* an exit was submitted: what the client still sends is ignored */
    bool blamed;  /* a refused message was logged: once is enough, whatever the client sends */
    struct pending *pending;
    struct ask *asks;
};

struct ask {
    struct presence *presence;
    struct ride *ride;
    struct rider *rider; /* NULL: presence_ask()'s */
    struct ack ack;
    void (*answer)(void *arg, struct blob *json);
    void *arg;
    struct timer timer;
    struct ask *ride_prev, *ride_next;
    struct ask *rider_prev, *rider_next;
};

struct presence {
    struct presence_options options;
    struct rides rides;
    bool broker_up;
    uint64_t last_ticket;
    struct pending *pending; /* by ticket */
    size_t riders;
    size_t held_bytes;
    uint64_t refused;
};

struct presence *presence_new(const struct presence_options *options)
{
    struct presence *presence = calloc(1, sizeof *presence);
    if (!presence)
        abort();
    presence->options = *options;
    rides_init(&presence->rides, options->backlog_bytes);
    return presence;
}

static void drop_pending(struct presence *presence, struct pending *pending)
{
    HASH_DEL(presence->pending, pending);
    if (pending->rider)
        DL_DELETE2(pending->rider->pending, pending, rider_prev, rider_next);
    blob_unref(pending->ack.text);
    free(pending);
}

static void drop_held(struct presence *presence, struct held *held)
{
    presence->held_bytes -= held->bytes;
    blob_unref(held->user);
    free(held);
}

static void forget_held(struct presence *presence, struct ride *ride)
{
    while (ride->held) {
        struct held *held = ride->held;
        DL_DELETE(ride->held, held);
        drop_held(presence, held);
    }
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    struct pending *pending, *next_pending;
    HASH_ITER(hh, presence->pending, pending, next_pending)
    drop_pending(presence, pending);
    struct ride *ride, *next;
    HASH_ITER(hh, presence->rides.by_name, ride, next)
    {
        timers_cancel(presence->options.timers, &ride->linger);
        forget_held(presence, ride);
    }
    rides_deinit(&presence->rides);
    free(presence);
}

bool presence_ready(const struct presence *presence)
{
    return presence->broker_up;
}

struct rides *presence_rides(struct presence *presence)
{
    return &presence->rides;
}

size_t presence_rider_count(const struct presence *presence)
{
    return presence->riders;
}

uint64_t presence_refused_count(const struct presence *presence)
{
    return presence->refused;
}

size_t presence_pending_count(const struct presence *presence)
{
    return HASH_COUNT(presence->pending);
}

/* --- rides --- */

static bool ride_name_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-";
    size_t len = strlen(name);
    return name[0] == '/' && len <= RIDE_NAME_MAX && strspn(name, allowed) == len;
}

/* Whether `name` matches a pattern in which * stands for any run of characters. */
static bool matches(const char *pattern, size_t pattern_len, const char *name)
{
    const char *end = pattern + pattern_len;
    const char *star = NULL;
    const char *retry = NULL;
    while (*name) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (pattern < end && *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

bool presence_allows(const struct presence *presence, const char *name)
{
    if (!ride_name_valid(name))
        return false;
    for (const char *at = presence->options.rides; *at;) {
        size_t n = strcspn(at, ", ");
        if (n && matches(at, n, name))
            return true;
        at += n;
        at += strspn(at, ", ");
    }
    return false;
}

bool presence_knows(const struct presence *presence, const char *name)
{
    const struct ride *ride = rides_find(&presence->rides, name);
    return ride && ride->live;
}

static void ride_unused(void *owner)
{
    struct ride *ride = owner;
    struct presence *presence = ride->owner;
    broker_unwatch(presence->options.broker, ride->name);
    ride_free(ride);
}

/* Whoever starts to use a ride calls this first, and release_ride() after it has stopped. */
static struct ride *use_ride(struct presence *presence, const char *name)
{
    struct ride *ride = rides_find(&presence->rides, name);
    if (ride) {
        timers_cancel(presence->options.timers, &ride->linger);
        return ride;
    }
    ride = ride_new(&presence->rides, name);
    ride->owner = presence;
    ride->linger = (struct timer){.fire = ride_unused, .owner = ride};
    broker_watch(presence->options.broker, name);
    return ride;
}

static void release_ride(struct presence *presence, struct ride *ride)
{
    if (!ride->member_count && !ride->asks && !ride->held)
        timers_set(presence->options.timers, &ride->linger, net_now_ms(NULL) + PRESENCE_LINGER_MS);
}

/* --- who is aboard --- */

/* `{"offset":"…","users":[…]}` at the ride's position: made once and shared by all who ask until it changes.
 * Borrowed. */
static struct blob *snapshot(struct ride *ride)
{
    if (ride->snapshot)
        return ride->snapshot;
    char offset[WIRE_OFFSET_SIZE];
    wire_offset(&ride->position, offset);
    struct buf json;
    buf_init(&json, SIZE_MAX / 2);
    if (!buf_appendf(&json, "{\"offset\":\"%s\",\"users\":", offset) && !roster_print(ride->roster, &json) &&
        !buf_append(&json, "}", 1))
        ride->snapshot = blob_new(json.data, json.len);
    buf_deinit(&json);
    return ride->snapshot;
}

static void ride_changed(struct ride *ride)
{
    blob_unref(ride->snapshot);
    ride->snapshot = NULL;
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
    if (!buf_append_str(&json, "{\"ok\":false,\"error\":") &&
        !json_text_quote(message, strlen(message), &json) && !buf_append(&json, "}", 1))
        acknowledge(rider, ack, json.data, json.len);
    buf_deinit(&json);
}

static void answer_rider(struct rider *rider, const struct ack *ack, struct blob *json)
{
    if (json)
        acknowledge(rider, ack, json->data, json->len);
    else
        acknowledge_error(rider, ack, BROKER_AWAY);
}

void presence_ask_cancel(struct ask *ask)
{
    struct presence *presence = ask->presence;
    timers_cancel(presence->options.timers, &ask->timer);
    DL_DELETE2(ask->ride->asks, ask, ride_prev, ride_next);
    if (ask->rider)
        DL_DELETE2(ask->rider->asks, ask, rider_prev, rider_next);
    release_ride(presence, ask->ride);
    blob_unref(ask->ack.text);
    free(ask);
}

static void answer_ask(struct ask *ask, struct blob *json)
{
    if (ask->rider)
        answer_rider(ask->rider, &ask->ack, json);
    else
        ask->answer(ask->arg, json);
    presence_ask_cancel(ask);
}

static void ask_timed_out(void *owner)
{
    answer_ask(owner, NULL);
}

/* The ride must be in use. */
static struct ask *ask_later(struct presence *presence, struct ride *ride)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask)
        abort();
    ask->presence = presence;
    ask->ride = ride;
    ask->timer = (struct timer){.fire = ask_timed_out, .owner = ask};
    timers_set(presence->options.timers, &ask->timer, net_now_ms(NULL) + PRESENCE_ASK_MS);
    DL_APPEND2(ride->asks, ask, ride_prev, ride_next);
    return ask;
}

struct ask *presence_ask(struct presence *presence, const char *name,
                         void (*answer)(void *arg, struct blob *json), void *arg)
{
    struct ride *ride = use_ride(presence, name);
    if (ride->live) {
        answer(arg, snapshot(ride));
        release_ride(presence, ride);
        return NULL;
    }
    struct ask *ask = ask_later(presence, ride);
    ask->answer = answer;
    ask->arg = arg;
    return ask;
}

static struct ack keep_ack(const struct ack *ack)
{
    struct ack kept = *ack;
    if (kept.text)
        blob_ref(kept.text);
    return kept;
}

void rider_active_users(struct rider *rider, const struct ack *ack)
{
    struct ride *ride = rider->member->ride;
    if (!ack->wanted)
        return;
    if (ride->live) {
        answer_rider(rider, ack, snapshot(ride));
        return;
    }
    struct ask *ask = ask_later(rider->presence, ride);
    ask->rider = rider;
    ask->ack = keep_ack(ack);
    DL_APPEND2(rider->asks, ask, rider_prev, rider_next);
}

/* --- riders --- */

struct rider *rider_new(struct presence *presence, const char *name, struct outlet *outlet,
                        const struct rider_ops *ops, void *client)
{
    struct rider *rider = calloc(1, sizeof *rider);
    if (!rider)
        abort();
    rider->presence = presence;
    rider->ops = ops;
    rider->client = client;
    id_make(rider->id, SOCKET_ID_LEN);
    rider->member = member_join(use_ride(presence, name), outlet, ops->form);
    presence->riders++;
    return rider;
}

const char *rider_id(const struct rider *rider)
{
    return rider->id;
}

/* Hands a transition to the broker. `rider` NULL: nobody waits for the result. */
static uint64_t remember(struct presence *presence, struct rider *rider, enum broker_transition_kind kind,
                         const struct ack *ack)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending)
        abort();
    pending->ticket = ++presence->last_ticket;
    pending->kind = kind;
    HASH_ADD(hh, presence->pending, ticket, sizeof pending->ticket, pending);
    if (rider) {
        pending->rider = rider;
        pending->ack = keep_ack(ack);
        DL_APPEND2(rider->pending, pending, rider_prev, rider_next);
    }
    return pending->ticket;
}

static void settle_result(struct presence *presence, struct pending *pending, const char *error,
                          const struct broker_position *position);

static void hold(struct presence *presence, struct ride *ride, const struct broker_transition *transition)
{
    size_t bytes = sizeof(struct held) + (transition->user ? transition->user->len : 0);
    /* That a client is gone must be told in any case; there is one for each client at most. */
    if (transition->kind != BROKER_DISCONNECT &&
        presence->held_bytes + bytes > presence->options.queue_bytes) {
        struct pending *pending;
        HASH_FIND(hh, presence->pending, &transition->ticket, sizeof transition->ticket, pending);
        settle_result(presence, pending, BROKER_AWAY, NULL);
        return;
    }
    struct held *held = calloc(1, sizeof *held);
    if (!held)
        abort();
    held->kind = transition->kind;
    held->user = transition->user ? blob_ref(transition->user) : NULL;
    held->ticket = transition->ticket;
    held->bytes = bytes;
    memcpy(held->socket_id, transition->socket_id, sizeof held->socket_id);
    presence->held_bytes += bytes;
    DL_APPEND(ride->held, held);
}

static void submit(struct presence *presence, struct ride *ride, const struct broker_transition *transition)
{
    if (ride->live)
        broker_submit(presence->options.broker, transition);
    else
        hold(presence, ride, transition);
}

static void submit_held(struct presence *presence, struct ride *ride)
{
    while (ride->held) {
        struct held *held = ride->held;
        DL_DELETE(ride->held, held);
        struct broker_transition transition = {
            .kind = held->kind,
            .ride = ride->name,
            .socket_id = held->socket_id,
            .user = held->user,
            .ticket = held->ticket,
        };
        broker_submit(presence->options.broker, &transition);
        drop_held(presence, held);
    }
    release_ride(presence, ride);
}

void rider_free(struct rider *rider)
{
    if (!rider)
        return;
    struct presence *presence = rider->presence;
    struct ride *ride = rider->member->ride;
    /* Also while the broker has not said what became of the last boarding or exit. */
    bool may_be_aboard = rider->aboard || rider->pending;
    while (rider->asks)
        presence_ask_cancel(rider->asks);
    while (rider->pending) {
        struct pending *pending = rider->pending;
        DL_DELETE2(rider->pending, pending, rider_prev, rider_next);
        pending->rider = NULL;
    }
    if (may_be_aboard) {
        struct broker_transition transition = {
            .kind = BROKER_DISCONNECT,
            .ride = ride->name,
            .socket_id = rider->id,
            .ticket = remember(presence, NULL, BROKER_DISCONNECT, NULL),
        };
        submit(presence, ride, &transition);
    }
    member_leave(rider->member);
    release_ride(presence, ride);
    presence->riders--;
    free(rider);
}

void rider_refuse(struct rider *rider, const struct ack *ack, const char *message)
{
    if (!rider->blamed)
        log_warn("gateway", "%s: refused a message on %s: %s", rider->id, rider->member->ride->name, message);
    rider->blamed = true;
    rider->presence->refused++;
    acknowledge_error(rider, ack, message);
    rider->ops->exception(rider->client, message);
}

void rider_message(struct rider *rider, const char *json, size_t len, const struct ack *ack)
{
    if (rider->exiting)
        return;
    struct presence *presence = rider->presence;
    struct user user;
    const char *error;
    if (user_parse(json, len, presence->options.max_user_bytes, &user, &error)) {
        rider_refuse(rider, ack, error);
        return;
    }
    bool boarding = user.status == USER_BOARDING;
    rider->exiting = !boarding;
    enum broker_transition_kind kind = boarding ? BROKER_BOARD : BROKER_EXIT;
    struct broker_transition transition = {
        .kind = kind,
        .ride = rider->member->ride->name,
        .socket_id = rider->id,
        .user = user.json,
        .ticket = remember(presence, rider, kind, ack),
    };
    submit(presence, rider->member->ride, &transition);
    blob_unref(user.json);
}

/* --- the broker's messages --- */

/* A transition has come to its end: `error` NULL when it was committed, at `position`. */
static void settle_result(struct presence *presence, struct pending *pending, const char *error,
                          const struct broker_position *position)
{
    struct rider *rider = pending->rider;
    enum broker_transition_kind kind = pending->kind;
    struct ack ack = keep_ack(&pending->ack);
    drop_pending(presence, pending);

    if (rider && error) {
        if (kind == BROKER_EXIT)
            rider->exiting = false;
        rider_refuse(rider, &ack, error);
    } else if (rider) {
        rider->aboard = kind == BROKER_BOARD;
        char offset[WIRE_OFFSET_SIZE];
        char json[WIRE_OFFSET_SIZE + 32];
        wire_offset(position, offset);
        int len = snprintf(json, sizeof json, "{\"ok\":true,\"offset\":\"%s\"}", offset);
        acknowledge(rider, &ack, json, (size_t)len);
        if (kind == BROKER_EXIT)
            rider->ops->disconnect(rider->client);
    }
    blob_unref(ack.text);
}

static void on_result(struct presence *presence, const struct broker_message *message)
{
    struct pending *pending;
    HASH_FIND(hh, presence->pending, &message->ticket, sizeof message->ticket, pending);
    if (!pending)
        return;
    if (!message->ok && !pending->rider)
        log_warn("gateway", "%s on %s was not told that it is gone: %s", message->socket_id, message->ride,
                 message->error);
    settle_result(presence, pending, message->ok ? NULL : message->error, &message->position);
}

static void tell_gone(void *arg, const char *socket_id, struct blob *user)
{
    (void)socket_id;
    ride_event(arg, BROKER_DISCONNECTED, user);
}

static void tell_boarded(void *arg, const char *socket_id, struct blob *user)
{
    (void)socket_id;
    ride_event(arg, BROKER_BOARDED, user);
}

static void tell_nobody(void *arg, const char *socket_id, struct blob *user)
{
    (void)arg, (void)socket_id, (void)user;
}

static void on_roster(struct presence *presence, const struct broker_message *message)
{
    static const struct roster_difference told = {.gone = tell_gone, .boarded = tell_boarded};
    static const struct roster_difference silent = {.gone = tell_nobody, .boarded = tell_nobody};
    struct ride *ride = rides_find(&presence->rides, message->ride);
    if (!ride)
        return;
    ride_changed(ride);
    ride->position = message->position;
    roster_replace(ride->roster, message->riders, message->rider_count, ride->live ? &told : &silent, ride);
    if (ride->live)
        return;
    ride->live = true;
    while (ride->asks)
        answer_ask(ride->asks, snapshot(ride));
    submit_held(presence, ride);
}

static void on_broker_event(struct presence *presence, const struct broker_message *message)
{
    struct ride *ride = rides_find(&presence->rides, message->ride);
    if (!ride || !ride->live)
        return;
    ride_changed(ride);
    ride->position = message->position;
    bool known = roster_get(ride->roster, message->socket_id) != NULL;
    if (message->event == BROKER_BOARDED || message->event == BROKER_RESTORED)
        roster_set(ride->roster, message->socket_id, message->user);
    else
        roster_remove(ride->roster, message->socket_id);
    /* Whoever is put back after a loss in the store was never gone for the clients that knew it. */
    if (message->event != BROKER_RESTORED || !known)
        ride_event(ride, message->event, message->user);
}

static void on_state(struct presence *presence, bool up)
{
    presence->broker_up = up;
    log_info("gateway", "the broker is %s", up ? "up" : "down");
}

void presence_broker_ready(struct presence *presence)
{
    struct broker_message *message = broker_take(presence->options.broker);
    while (message) {
        switch (message->kind) {
        case BROKER_ROSTER:
            on_roster(presence, message);
            break;
        case BROKER_EVENT:
            on_broker_event(presence, message);
            break;
        case BROKER_RESULT:
            on_result(presence, message);
            break;
        case BROKER_STATE:
            on_state(presence, message->up);
            break;
        case BROKER_SIGNAL:
            presence->options.stop(presence->options.stop_arg);
            break;
        }
        struct broker_message *next = broker_message_next(message);
        broker_message_free(message);
        message = next;
    }
}
