/*
 * How clients come back: which socket they had, and what they have missed. See rider.h.
 *
 *   a new client       rider_new ─▶ ON
 *   one that returns   rider_resume ─▶ RESUMING ─▶ (RESUME's result) ─▶ ON
 *                                                       └─▶ CATCHING_UP ─▶ (HISTORY) ─▶ ON
 *
 * It catches up where the ride's own history does not reach back to what it has had, or to where its socket
 * may have ended. On the way to ON it is told whether it has been recovered.
 *
 * Where the gateway that a client has left is late with a boarding, the socket comes aboard by that one
 * although its client is here. Then it is resumed once more, and the client not told. Where only the
 * difference of two rosters tells of boardings, it does not tell of which sockets: all that may be are asked
 * for.
 */
#include "gateway/rides/rider.h"

#include "common/alloc.h"
#include "common/clock.h"
#include "common/id.h"
#include "gateway/net/peers.h"
#include "gateway/rides/rider_state.h"

#include <stdlib.h>
#include <string.h>

bool riders_recover(const struct riders *riders)
{
    return riders->options.recovery_window_ms > 0;
}

void riders_learn_secret(struct riders *riders, const uint8_t secret[SECRET_LEN])
{
    memcpy(riders->secret, secret, SECRET_LEN);
    riders->has_secret = true;
}

bool rider_recovery_id(const struct rider *rider, char out[RECOVERY_ID_SIZE])
{
    const struct riders *riders = rider->riders;

    if (!riders_recover(riders) || !riders->has_secret || !rider->ride->live)
        return false;
    /* No other gateway can go on from what this client is told of doubted riders. */
    static const struct broker_position nowhere = {.epoch = RECOVERY_NOWHERE,
                                                   .chain = RECOVERY_NOWHERE_CHAIN};
    const struct ride *ride = rider->ride;
    const struct recovery_scope scope = {.ride = ride->name, .subject = rider_subject(rider)};
    recovery_id_make(riders->secret, &scope, rider->id,
                     roster_in_doubt(ride->roster) ? &nowhere : &ride->position, out);
    return true;
}

bool riders_check_recovery_id(struct riders *riders, const struct recovery_scope *scope, const char *text,
                              size_t len, char socket_id[SOCKET_ID_LEN + 1], struct broker_position *from)
{
    if (!riders_recover(riders) || !riders->has_secret)
        return false;
    if (recovery_id_check(riders->secret, scope, text, len, socket_id, from))
        return true;
    riders->counts.forged++;
    return false;
}

bool riders_may_resume(struct riders *riders, const struct ip *client)
{
    const struct riders_options *options = &riders->options;

    if (!options->peers || peers_take(options->peers, client, PEER_RESUMES, 1, clock_ms()))
        return true;
    refuse(options->refusals, REFUSED_RESUMES, client);
    return false;
}

struct rider *rider_resume(struct riders *riders, const struct rider_options *options, const char *socket_id,
                           const struct broker_position *from, uint64_t began)
{
    static const struct ack none = {0};
    struct rider *copy;

    HASH_FIND_STR(riders->by_id, socket_id, copy);
    if (copy)
        rider_evict(copy); /* a connection whose end nobody has noticed yet */
    struct rider *rider = rider_add(riders, options, socket_id);
    rider->state = RIDER_RESUMING;
    rider->returned = true;
    rider->comeback = alloc_zeroed(sizeof *rider->comeback);
    rider->comeback->from = *from;
    rider->comeback->began = began;
    rider_submit(rider, BROKER_RESUME, NULL, &none, true);
    return rider;
}

/* Nobody comes back to a socket that has ended: it gets a new one, unless its user is aboard under the old.
 */
static void take_new_id(struct rider *rider)
{
    HASH_DEL(rider->riders->by_id, rider);
    id_make(rider->id, SOCKET_ID_LEN);
    HASH_ADD_STR(rider->riders->by_id, id, rider);
    rider->returned = rider->elsewhere = false;
    rider->tenure = 0;
}

/* What the gateway that the client has left has put aboard is taken over: its client is here. A client that
 * is new here has left none, and may have gone on to another one by now. */
static void fetch(struct rider *rider)
{
    static const struct ack none = {0};
    bool due = rider->elsewhere && !rider->aboard && !rider->exiting;

    rider->elsewhere = false;
    if (due)
        rider_submit(rider, BROKER_RESUME, NULL, &none, true);
}

static void may_be_aboard_elsewhere(struct rider *rider)
{
    if (!rider->returned || rider_said_boarding(rider))
        return;
    rider->elsewhere = true;
    if (rider->state == RIDER_ON)
        fetch(rider);
}

/* Its own exit is the last that a client hears of the ride: then what it heard last tells wherever it comes
 * back that there is nothing to come back to, however much the others hear before it is disconnected. */
static void hear_no_more(struct rider *rider)
{
    if (!rider->member.ride)
        return;
    outlet_gather(rider->member.outlet);
    member_leave(&rider->member);
}

void riders_heard(struct riders *riders, const struct broker_message *event)
{
    struct rider *rider;

    HASH_FIND_STR(riders->by_id, event->socket_id, rider);
    if (!rider || strcmp(rider->ride->name, event->ride) != 0)
        return;
    if (event->event == BROKER_EXITED && rider->exiting)
        hear_no_more(rider);
    else if (event->event == BROKER_BOARDED || event->event == BROKER_RESTORED)
        may_be_aboard_elsewhere(rider);
}

void riders_missed_boardings(struct riders *riders, const struct ride *ride)
{
    for (struct rider *rider = riders->by_id; rider; rider = rider->hh.next)
        if (rider->ride == ride)
            may_be_aboard_elsewhere(rider);
}

static void finish_resuming(struct rider *rider, bool recovered)
{
    struct riders_counts *counts = &rider->riders->counts;

    rider->state = RIDER_ON;
    rider->comeback->recovered = recovered;
    if (recovered)
        counts->recovered++;
    else
        counts->unrecovered++;
    if (!recovered && !rider->aboard)
        take_new_id(rider);
    fetch(rider);
    rider->ops->resumed(rider->client, recovered);
}

/* The socket stays with whoever has it. The copy that was evicted for this rider may have held it here. */
static void start_anew(struct rider *rider)
{
    rider_submit(rider, BROKER_SUSPEND, NULL, NULL, false);
    finish_resuming(rider, false);
}

/* The last that a past tells of the socket is that it has ended. */
static bool past_ended(const struct broker_message *past, const char *socket_id)
{
    if (!past)
        return false;
    for (size_t i = past->event_count; i-- > 0;)
        if (!strcmp(past->events[i].socket_id, socket_id))
            return broker_event_ends(past->events[i].kind);
    return false;
}

/*
 * Whether the socket ended while the client was away, or with its knowledge before: there is nothing to come
 * back to. So it is too when the rider is aboard still, through other connections. One who is not aboard
 * because of what another connection said may come back: that was among the events.
 */
static bool has_ended(const struct rider *rider, const struct broker_message *past)
{
    const struct history *history = &rider->ride->history;

    return !rider->aboard && (history_knows(history, rider->id) ? history_ended(history, rider->id)
                                                                : past_ended(past, rider->id));
}

/* Whether there may be a run of events that leads from what the client has had to now. Clients elsewhere may
 * not know whom this gateway doubts, and would hear nothing of their return. */
static bool events_may_lead(const struct rider *rider)
{
    const struct ride *ride = rider->ride;
    const struct broker_position *from = &rider->comeback->from;

    return !strcmp(from->epoch, ride->position.epoch) &&
           (from->offset < ride->position.offset || broker_position_equal(from, &ride->position)) &&
           !roster_in_doubt(ride->roster);
}

/* Among how many events, up to what it has had, the end of its socket may be: a client may hear its own exit,
 * and something behind that. */
static uint64_t events_to_search(const struct rider *rider)
{
    const struct comeback *comeback = rider->comeback;
    uint64_t heard = comeback->from.offset > comeback->began ? comeback->from.offset - comeback->began : 0;

    return rider->aboard ? 0 : heard < REPLAY_BEFORE ? heard : REPLAY_BEFORE;
}

static bool would_know_its_end(const struct rider *rider)
{
    const struct history *history = &rider->ride->history;

    return history_knows(history, rider->id) ||
           history_has_before(history, rider->comeback->from.offset, events_to_search(rider));
}

/* What the client has missed, in bytes, as far as that can be told from what is remembered. */
static uint64_t missed_bytes(const struct rider *rider)
{
    enum { FRAME = 100 }; /* what an event is but for its record */
    const struct history *history = &rider->ride->history;
    uint64_t record = history->count > 0 ? history->bytes / history->count : 0;

    return (rider->ride->position.offset - rider->comeback->from.offset) * (record + FRAME);
}

/* Whether the client's address may have so much more read and sent anew. A few bytes ask for it, so that is
 * judged before. */
static bool may_replay(const struct rider *rider, uint64_t bytes)
{
    const struct riders_options *options = &rider->riders->options;

    if (!options->peers)
        return true;
    struct ip client = rider->ops->address(rider->client);
    if (peers_take(options->peers, &client, PEER_REPLAYS, bytes, clock_ms()))
        return true;
    refuse(options->refusals, REFUSED_REPLAYS, &client);
    return false;
}

void rider_resume_settled(struct rider *rider, const struct broker_message *result)
{
    const struct ride *ride = rider->ride;
    struct comeback *comeback = rider->comeback;

    if (!result->ok) {
        start_anew(rider);
        return;
    }
    rider->aboard = result->user != NULL;
    if (!events_may_lead(rider) || has_ended(rider, NULL)) {
        finish_resuming(rider, false);
        return;
    }
    comeback->charged = missed_bytes(rider);
    if (!may_replay(rider, comeback->charged)) {
        finish_resuming(rider, false);
    } else if (history_reaches(&ride->history, &comeback->from, &ride->position) &&
               would_know_its_end(rider)) {
        finish_resuming(rider, true);
    } else {
        rider->state = RIDER_CATCHING_UP;
        broker_replay(rider->riders->options.broker, ride->name, &comeback->from,
                      events_to_search(rider) ? rider->id : NULL,
                      rider_remember(rider->riders, rider, BROKER_RESUME, &(struct ack){0}));
    }
}

/* Whether the past, which goes on beyond `position`, has that very place in it. */
static bool past_holds(const struct broker_message *past, const struct broker_position *position)
{
    for (size_t i = 0; i < past->event_count; i++) {
        struct broker_position place = past->position;

        place.offset = past->events[i].offset;
        memcpy(place.chain, past->events[i].chain, sizeof place.chain);
        if (place.offset == position->offset)
            return broker_position_equal(&place, position);
    }
    return true; /* then it begins there: the broker has compared it */
}

/* Whether the broker's past and the ride's history together lead from what the client has had to now. */
static bool past_reaches(const struct rider *rider, const struct broker_message *past)
{
    const struct ride *ride = rider->ride;

    if (!past->ok || !events_may_lead(rider) || strcmp(past->position.epoch, ride->position.epoch) != 0)
        return false;
    if (past->position.offset > ride->position.offset)
        return past_holds(past, &ride->position);
    return history_reaches(&ride->history, &past->position, &ride->position);
}

/* It may be more than was told from what is remembered. */
static bool may_be_sent(const struct rider *rider, const struct broker_message *past)
{
    uint64_t bytes = 0, charged = rider->comeback->charged;

    for (size_t i = 0; i < past->event_count; i++)
        bytes += past->events[i].user->len;
    return bytes <= charged || may_replay(rider, bytes - charged);
}

void riders_history(struct riders *riders, struct broker_message *message)
{
    struct rider *rider = rider_forget(riders, message->ticket);

    if (!rider) {
        broker_message_free(message);
        return;
    }
    bool reaches = past_reaches(rider, message) && !has_ended(rider, message) && may_be_sent(rider, message);
    if (reaches)
        rider->comeback->past = message;
    else
        broker_message_free(message);
    finish_resuming(rider, reaches);
}

static int add_missed(struct rider *rider, struct buf *frames, const struct broker_position *position,
                      enum broker_event_kind kind, const struct blob *user)
{
    rider->comeback->from = *position;
    if (kind == BROKER_ENDED)
        return 0;
    return wire_event(frames, rider->form, rider->ride->name, kind, user, position);
}

/* Everything after `from` up to now, as frames: first what the broker remembers, then what the ride does. */
static int missed_frames(struct rider *rider, struct buf *frames)
{
    const struct broker_message *past = rider->comeback->past;
    uint64_t now = rider->ride->position.offset;

    for (size_t i = 0; past && i < past->event_count; i++) {
        const struct broker_past_event *event = &past->events[i];
        struct broker_position position = past->position;

        position.offset = event->offset;
        memcpy(position.chain, event->chain, sizeof position.chain);
        if (event->offset > rider->comeback->from.offset && event->offset <= now &&
            add_missed(rider, frames, &position, event->kind, event->user) != 0)
            return -1;
    }
    const struct history_event *event;
    while ((event = history_after(&rider->ride->history, &rider->comeback->from))) {
        if (add_missed(rider, frames, &event->position, event->kind, event->user) != 0)
            return -1;
    }
    return 0;
}

static void send_missed(struct rider *rider)
{
    struct buf frames;

    buf_init(&frames, SIZE_MAX / 2);
    if (missed_frames(rider, &frames) != 0)
        outlet_overflow(rider->member.outlet); /* no memory */
    else
        outlet_frames(rider->member.outlet, frames.data, frames.len);
    buf_deinit(&frames);
}

void rider_end_comeback(struct rider *rider)
{
    if (rider->comeback && rider->comeback->past)
        broker_message_free(rider->comeback->past);
    free(rider->comeback);
    rider->comeback = NULL;
}

void rider_join(struct rider *rider)
{
    if (rider->comeback && rider->comeback->recovered)
        send_missed(rider);
    rider_end_comeback(rider);
    member_join(&rider->member, rider->ride, rider->member.outlet, rider->form);
}
