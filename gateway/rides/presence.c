/* Rides, rosters and the broker's messages: see presence.h. */
#include "gateway/rides/presence.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/user.h"
#include "gateway/rides/ride_list.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct presence {
    struct presence_options options;
    struct watched watched;
    struct riders riders;
    bool broker_up;
    struct blob *away; /* servers of the broker's that are, as a text; NULL: none */
};

struct presence *presence_new(const struct presence_options *options)
{
    struct presence *presence = alloc_zeroed(sizeof *presence);
    const struct riders_options riders = {
        .watched = &presence->watched,
        .broker = options->broker,
        .max_user_bytes = options->max_user_bytes,
        .riders_per_ride = options->riders_per_ride,
        .roster_bytes = options->roster_bytes,
        .transitions = options->transitions,
        .events = options->events,
        .queue_bytes = options->queue_bytes,
        .recovery_window_ms = options->recovery_window_ms,
        .refusals = options->refusals,
        .peers = options->peers,
    };
    const struct watched_options watched = {
        .broker = options->broker,
        .timers = options->timers,
        .peers = options->peers,
        .refusals = options->refusals,
        .backlog_bytes = options->backlog_bytes,
        .budget = options->budget,
    };

    presence->options = *options;
    watched_init(&presence->watched, &watched);
    riders_init(&presence->riders, &riders);
    return presence;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    riders_deinit(&presence->riders);
    watched_deinit(&presence->watched);
    blob_unref(presence->away);
    free(presence);
}

bool presence_ready(const struct presence *presence)
{
    return presence->broker_up;
}

const struct blob *presence_away(const struct presence *presence)
{
    return presence->away;
}

struct rides *presence_rides(struct presence *presence)
{
    return &presence->watched.rides;
}

struct riders *presence_riders(struct presence *presence)
{
    return &presence->riders;
}

/* --- rides --- */

const char *presence_fault(const struct presence *presence, const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-";
    size_t len = strlen(name);

    if (name[0] != '/' || len > RIDE_NAME_MAX || strspn(name, allowed) != len)
        return "a ride's name is / and at most 127 of A-Z a-z 0-9 / _ . ~ -";
    /* Else whoever types a slash too many would be alone on a ride that looks like the others'. */
    if (strstr(name, "//") || (len > 1 && name[len - 1] == '/'))
        return "a ride's name has no / at its end and no two in a row";
    return ride_list_has(presence->options.rides, name) ? NULL : "there is no ride of that name here";
}

bool presence_knows(const struct presence *presence, const char *name)
{
    const struct ride *ride = rides_find(&presence->watched.rides, name);

    return ride && ride->live;
}

size_t presence_users_bytes(const struct presence *presence, const char *name)
{
    const struct ride *ride = rides_find(&presence->watched.rides, name);

    return ride ? roster_bytes(ride->roster) : 0;
}

const char *presence_begin(struct presence *presence, const char *name, const struct ip *client)
{
    return watched_begin(&presence->watched, name, client);
}

struct ask *presence_ask(struct presence *presence, const char *name,
                         void (*answer)(void *arg, struct blob *json), void *arg)
{
    return watched_ask(watched_use(&presence->watched, name), answer, arg);
}

/* --- the broker's messages --- */

/* Tells what no event told. Such a difference has no place of its own in the stream: a client that has had
 * only a part of it cannot go on from there, so it gets a position from which nobody is recovered. */
static void tell_difference(struct ride *ride, enum broker_event_kind kind, const struct blob *user)
{
    ride_changed(ride);
    ride_event(ride, kind, user, &(struct broker_position){.offset = ride->position.offset});
}

struct difference {
    struct ride *ride;
    bool boarded; /* somebody has */
};

static void tell_gone(void *arg, struct blob *user)
{
    const struct difference *difference = arg;

    tell_difference(difference->ride, BROKER_DISCONNECTED, user);
}

static void tell_boarded(void *arg, struct blob *user)
{
    struct difference *difference = arg;

    tell_difference(difference->ride, BROKER_BOARDED, user);
    difference->boarded = true;
}

static void tell_nobody(void *arg, struct blob *user)
{
    (void)arg, (void)user;
}

/* Nobody has put them back since the store lost them. */
static void doubts_end(void *owner)
{
    struct difference difference = {.ride = owner};

    roster_drop_doubted(difference.ride->roster, tell_gone, &difference);
}

static void on_roster(struct presence *presence, const struct broker_message *message)
{
    static const struct roster_difference told = {.gone = tell_gone, .boarded = tell_boarded};
    static const struct roster_difference silent = {.gone = tell_nobody, .boarded = tell_nobody};
    struct ride *ride = rides_find(&presence->watched.rides, message->ride);
    struct difference difference = {.ride = ride};

    if (!ride)
        return;
    ride_changed(ride);
    ride->position = message->position;
    if (message->renumbered && !message->settled && ride->live) {
        /* The store was emptied or is an old copy: who is missing has time to be put back by the node that
         * holds it. */
        roster_doubt(ride->roster);
        ride->doubt.fire = doubts_end;
        ride->doubt.owner = ride;
        timers_set(presence->options.timers, &ride->doubt,
                   clock_ms() + presence->options.node_lease_ms + presence->options.recovery_window_ms +
                       PRESENCE_DOUBT_SLACK_MS);
    }
    roster_replace(ride->roster, message->riders, message->rider_count, ride->live ? &told : &silent,
                   &difference);
    if (difference.boarded)
        riders_missed_boardings(&presence->riders, ride);
    if (ride->live)
        return;
    ride->live = true;
    watched_known(ride);
    riders_submit_held(&presence->riders, ride);
}

/*
 * Whether clients hear of an event. Whoever is put back as it was after a loss in the store was never gone
 * for those that knew it; whoever is not aboard, as far as they know, cannot be gone.
 */
static bool is_news(enum broker_event_kind kind, const struct blob *known, const struct blob *user)
{
    switch (kind) {
    case BROKER_BOARDED:
    case BROKER_EXITED:
        break;
    case BROKER_DISCONNECTED:
        return known != NULL;
    case BROKER_RESTORED:
        return !known || !blob_equal(known, user);
    case BROKER_ENDED:
        return false;
    }
    return true;
}

/* Gateways never come to this, but a store that is hostile. */
static bool has_room(const struct presence *presence, const struct roster *roster, const char *id,
                     const struct blob *user)
{
    size_t max = PRESENCE_ROSTER_SLACK * presence->options.roster_bytes;
    const struct blob *known = roster_get(roster, id);
    size_t has = known ? broker_rider_bytes(known->len) : 0;

    return !max || roster_cost(roster) - has + broker_rider_bytes(user->len) <= max;
}

static void fold(const struct presence *presence, struct roster *roster, enum broker_event_kind kind,
                 const char *id, struct blob *user)
{
    switch (kind) {
    case BROKER_BOARDED:
    case BROKER_RESTORED:
        if (has_room(presence, roster, id, user))
            roster_set(roster, user);
        break;
    case BROKER_EXITED:
    case BROKER_DISCONNECTED:
        roster_remove(roster, id);
        break;
    case BROKER_ENDED:
        break;
    }
}

static void remember(struct ride *ride, const struct broker_message *message)
{
    struct history_event event = {
        .position = message->position, .kind = message->event, .user = message->user};

    memcpy(event.socket_id, message->socket_id, sizeof event.socket_id);
    history_add(&ride->history, &ride->position, &event);
}

static void on_broker_event(struct presence *presence, const struct broker_message *message)
{
    struct ride *ride = rides_find(&presence->watched.rides, message->ride);
    char id[USER_ID_MAX + 1];

    if (!ride || !ride->live)
        return;
    ride_changed(ride);
    if (presence->options.recovery_window_ms)
        remember(ride, message);
    ride->position = message->position;
    user_id(message->user, id);
    bool told = is_news(message->event, roster_get(ride->roster, id), message->user);
    fold(presence, ride->roster, message->event, id, message->user);
    if (told)
        ride_event(ride, message->event, message->user, &message->position);
    riders_heard(&presence->riders, message);
}

static bool is_as_told(struct roster *roster, const struct broker_message *tally)
{
    uint32_t marks;

    return roster_count(roster) == tally->rider_count &&
           (!roster_marks(roster, &marks) || marks == tally->marks);
}

/* Where the store has others at the very place that is known here, one of the two is wrong. */
static void on_tally(struct presence *presence, const struct broker_message *message)
{
    const struct ride *ride = rides_find(&presence->watched.rides, message->ride);

    if (ride && ride->live && broker_position_equal(&ride->position, &message->position) &&
        !roster_in_doubt(ride->roster) && !is_as_told(ride->roster, message))
        broker_reread(presence->options.broker, ride->name);
}

static void on_state(struct presence *presence, const struct broker_message *message)
{
    presence->broker_up = message->up;
    blob_unref(presence->away);
    presence->away = message->user ? blob_ref(message->user) : NULL;
    if (presence->away)
        log_warn("gateway", "the broker is up, but for %.*s", (int)presence->away->len, presence->away->data);
    else
        log_info("gateway", "the broker is %s", message->up ? "up" : "down");
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
        riders_result(&presence->riders, message);
        break;
    case BROKER_HISTORY:
        riders_history(&presence->riders, message);
        return;
    case BROKER_TALLY:
        on_tally(presence, message);
        break;
    case BROKER_EVICTED:
        riders_evicted(&presence->riders, message->ride, message->socket_id);
        break;
    case BROKER_STATE:
        on_state(presence, message);
        break;
    case BROKER_SECRET:
        riders_learn_secret(&presence->riders, message->secret);
        break;
    case BROKER_SURVEY:
        presence->options.surveyed(presence->options.owner, message->user);
        break;
    case BROKER_RELOAD:
        presence->options.reload(presence->options.owner);
        break;
    case BROKER_SIGNAL:
        presence->options.stop(presence->options.owner);
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
