/* Rides, rosters and the broker's messages: see presence.h. */
#include "gateway/rides/presence.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "gateway/rides/presence_private.h"
#include "gateway/rides/ride_list.h"
#include "gateway/rides/wire.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

const char BROKER_AWAY[] = "the presence store cannot be reached now; try again";

struct presence *presence_new(const struct presence_options *options)
{
    struct presence *presence = alloc_zeroed(sizeof *presence);
    presence->options = *options;
    rides_init(&presence->rides, options->backlog_bytes);
    return presence;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    pending_forget_all(presence);
    struct ride *ride, *next;
    HASH_ITER(hh, presence->rides.by_name, ride, next)
    {
        timers_cancel(presence->options.timers, &ride->linger);
        timers_cancel(presence->options.timers, &ride->doubt);
        ride_forget_held(presence, ride);
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

const struct presence_counts *presence_counts(const struct presence *presence)
{
    return &presence->counts;
}

/* --- rides --- */

static bool ride_name_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-";
    size_t len = strlen(name);
    return name[0] == '/' && len <= RIDE_NAME_MAX && strspn(name, allowed) == len;
}

bool presence_allows(const struct presence *presence, const char *name)
{
    return ride_name_valid(name) && ride_list_has(presence->options.rides, name);
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
    timers_cancel(presence->options.timers, &ride->doubt);
    broker_unwatch(presence->options.broker, ride->name);
    ride_free(ride);
}

static void doubts_end(void *owner);

struct ride *ride_use(struct presence *presence, const char *name)
{
    struct ride *ride = rides_find(&presence->rides, name);
    if (ride) {
        timers_cancel(presence->options.timers, &ride->linger);
        return ride;
    }
    ride = ride_new(&presence->rides, name);
    ride->owner = presence;
    ride->linger = (struct timer){.fire = ride_unused, .owner = ride};
    ride->doubt = (struct timer){.fire = doubts_end, .owner = ride};
    broker_watch(presence->options.broker, name);
    return ride;
}

void ride_release(struct presence *presence, struct ride *ride)
{
    if (!ride->riders && !ride->asks && !ride->held)
        timers_set(presence->options.timers, &ride->linger, clock_ms() + PRESENCE_LINGER_MS);
}

/* --- who is aboard --- */

struct blob *ride_snapshot(struct ride *ride)
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

void presence_ask_cancel(struct ask *ask)
{
    struct presence *presence = ask->presence;
    timers_cancel(presence->options.timers, &ask->timer);
    DL_DELETE2(ask->ride->asks, ask, ride_prev, ride_next);
    if (ask->rider)
        rider_forget_ask(ask->rider, ask);
    ride_release(presence, ask->ride);
    blob_unref(ask->ack.text);
    free(ask);
}

static void answer_ask(struct ask *ask, struct blob *json)
{
    if (ask->rider)
        rider_answer(ask->rider, &ask->ack, json);
    else
        ask->answer(ask->arg, json);
    presence_ask_cancel(ask);
}

static void ask_timed_out(void *owner)
{
    answer_ask(owner, NULL);
}

struct ask *ask_new(struct presence *presence, struct ride *ride)
{
    struct ask *ask = alloc_zeroed(sizeof *ask);
    ask->presence = presence;
    ask->ride = ride;
    ask->timer = (struct timer){.fire = ask_timed_out, .owner = ask};
    timers_set(presence->options.timers, &ask->timer, clock_ms() + PRESENCE_ASK_MS);
    DL_APPEND2(ride->asks, ask, ride_prev, ride_next);
    return ask;
}

struct ask *presence_ask(struct presence *presence, const char *name,
                         void (*answer)(void *arg, struct blob *json), void *arg)
{
    struct ride *ride = ride_use(presence, name);
    if (ride->live) {
        answer(arg, ride_snapshot(ride));
        ride_release(presence, ride);
        return NULL;
    }
    struct ask *ask = ask_new(presence, ride);
    ask->answer = answer;
    ask->arg = arg;
    return ask;
}

/* --- the broker's messages --- */

/* Tells what no event told. Such a difference has no place of its own in the stream: a client that has had
 * only a part of it cannot go on from there, so it gets a position that nothing leads from. */
static void tell_difference(struct ride *ride, enum broker_event_kind kind, const struct blob *user)
{
    ride_event(ride, kind, user, &(struct broker_position){.offset = ride->position.offset});
}

static void tell_gone(void *arg, const char *socket_id, struct blob *user)
{
    (void)socket_id;
    tell_difference(arg, BROKER_DISCONNECTED, user);
}

static void tell_boarded(void *arg, const char *socket_id, struct blob *user)
{
    (void)socket_id;
    tell_difference(arg, BROKER_BOARDED, user);
}

static void tell_nobody(void *arg, const char *socket_id, struct blob *user)
{
    (void)arg, (void)socket_id, (void)user;
}

/* Nobody has put them back since the store lost them. */
static void doubts_end(void *owner)
{
    struct ride *ride = owner;
    ride_changed(ride);
    roster_drop_doubted(ride->roster, tell_gone, ride);
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
    if (message->renumbered && ride->live) {
        /* The store was emptied or is an old copy: who is missing has time to be put back by the node that
         * holds it. */
        roster_doubt(ride->roster);
        timers_set(presence->options.timers, &ride->doubt,
                   clock_ms() + presence->options.node_lease_ms + presence->options.recovery_window_ms +
                       PRESENCE_DOUBT_SLACK_MS);
    }
    roster_replace(ride->roster, message->riders, message->rider_count, ride->live ? &told : &silent, ride);
    if (ride->live)
        return;
    ride->live = true;
    while (ride->asks)
        answer_ask(ride->asks, ride_snapshot(ride));
    ride_submit_held(presence, ride);
}

static void on_broker_event(struct presence *presence, const struct broker_message *message)
{
    struct ride *ride = rides_find(&presence->rides, message->ride);
    if (!ride || !ride->live)
        return;
    ride_changed(ride);
    ride->position = message->position;
    /* Whoever is put back as it was after a loss in the store was never gone for the clients that knew it. */
    const struct blob *known = roster_get(ride->roster, message->socket_id);
    bool told = message->event != BROKER_RESTORED || !known || !blob_equal(known, message->user);
    if (message->event == BROKER_BOARDED || message->event == BROKER_RESTORED)
        roster_set(ride->roster, message->socket_id, message->user);
    else
        roster_remove(ride->roster, message->socket_id);
    if (presence->options.recovery_window_ms)
        history_add(&ride->history, &message->position, message->event, message->socket_id, message->user);
    if (told)
        ride_event(ride, message->event, message->user, &message->position);
}

static void on_state(struct presence *presence, bool up)
{
    presence->broker_up = up;
    log_info("gateway", "the broker is %s", up ? "up" : "down");
}

static void on_secret(struct presence *presence, const uint8_t secret[SECRET_LEN])
{
    memcpy(presence->secret, secret, SECRET_LEN);
    presence->has_secret = true;
}

/* Takes the message. */
static void on_message(struct presence *presence, struct broker_message *message)
{
    switch (message->kind) {
    case BROKER_ROSTER:
        on_roster(presence, message);
        break;
    case BROKER_EVENT:
        on_broker_event(presence, message);
        break;
    case BROKER_RESULT:
        rider_result(presence, message);
        break;
    case BROKER_HISTORY:
        rider_history(presence, message);
        return;
    case BROKER_EVICTED:
        rider_evicted(presence, message->ride, message->socket_id);
        break;
    case BROKER_STATE:
        on_state(presence, message->up);
        break;
    case BROKER_SECRET:
        on_secret(presence, message->secret);
        break;
    case BROKER_SURVEY:
        presence->options.surveyed(presence->options.surveyed_arg, message->user);
        break;
    case BROKER_RELOAD:
        presence->options.reload(presence->options.stop_arg);
        break;
    case BROKER_SIGNAL:
        presence->options.stop(presence->options.stop_arg);
        break;
    }
    broker_message_free(message);
}

void presence_broker_ready(struct presence *presence)
{
    struct broker_message *next;
    for (struct broker_message *message = broker_take(presence->options.broker); message; message = next) {
        next = broker_message_next(message);
        on_message(presence, message);
    }
}
