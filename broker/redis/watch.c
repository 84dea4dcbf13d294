/*
 * Subscribing, catching up, passing on.
 */
#include "broker/redis/watch.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/backoff.h"
#include "broker/redis/call.h"
#include "broker/redis/catchup.h"
#include "broker/redis/held.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/stream.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only what is still found wrong after a while leads to a new epoch: what was found first may be about to be
 * mended, and events will tell of it. */
enum { RENEW_AFTER_MS = 1500, RENEW_WITHIN_MS = 30000 };

/* In a cluster: when a subscription that has not been confirmed is asked for once more. */
enum { RESUBSCRIBE_MS = 500 };

/* A tally is believed so often in a row, and once in so long after that: whoever reaches Redis can say them.
 */
enum { RENEWALS_MAX = 4, RENEWAL_EVERY_MS = 30000 };

enum watch_state {
    WATCH_AWAY,        /* not subscribed: the server is down, or nobody watches */
    WATCH_SUBSCRIBING, /* SUBSCRIBE is on its way; events are ignored, the roster will include them */
    WATCH_CATCHING_UP, /* subscribed; a catch-up runs, or waits for its next attempt; events are held */
    WATCH_LIVE,        /* events go to the gateway as they come */
};

/* One ride's, for as long as the gateway wants it. */
struct watch {
    struct watches *watches;
    struct redis_ride *ride;
    enum watch_state state;
    struct stream stream;
    struct catchup *catchup;              /* NULL: none runs */
    bool again;                           /* something was missed during the catch-up: one more afterwards */
    bool renew;                           /* the next one is to begin a new epoch */
    uint64_t wrong_ms;                    /* since when the roster is found wrong; 0: it is not */
    uint64_t renewals_ms;                 /* when all epochs that began because of that will be long ago */
    bool suspect;                         /* a message of another epoch was the reason to catch up */
    struct event *retry;                  /* the next attempt to subscribe, or to catch up */
    struct backoff backoff;               /* of these attempts */
    struct broker_message *results_first; /* of committed transitions whose events have not come yet */
    struct broker_message *results_last;
};

static void tell(const struct watch *watch, struct broker_message *message)
{
    outbox_tell(watch->watches->setup->outbox, message);
}

static const struct broker_metrics *metrics_of(const struct watch *watch)
{
    return watch->watches->setup->metrics;
}

/* --- results that wait for their events --- */

static void tell_first_result(struct watch *watch)
{
    struct broker_message *result = watch->results_first;

    watch->results_first = broker_message_next(result);
    if (!watch->results_first)
        watch->results_last = NULL;
    watch->watches->results_held--;
    tell(watch, result);
}

static void tell_results_that_came_true(struct watch *watch)
{
    while (watch->results_first && stream_includes(&watch->stream, &watch->results_first->position))
        tell_first_result(watch);
}

/* The ride has been caught up with: a result of another epoch has no event to wait for any more. */
static void tell_results_of_other_epochs(struct watch *watch)
{
    while (watch->results_first && (!stream_same_epoch(&watch->stream, &watch->results_first->position) ||
                                    stream_includes(&watch->stream, &watch->results_first->position)))
        tell_first_result(watch);
}

static void tell_all_results(struct watch *watch)
{
    while (watch->results_first)
        tell_first_result(watch);
}

static void hold_result(struct watch *watch, struct broker_message *result)
{
    result->mail.next = NULL;
    if (watch->results_last)
        watch->results_last->mail.next = &result->mail;
    else
        watch->results_first = result;
    watch->results_last = result;
    watch->watches->results_held++;
}

/* --- catching up --- */

static const struct catchup_reports reports;

static void catch_up(struct watch *watch)
{
    assert(!watch->catchup);
    stream_unsettle(&watch->stream);
    watch->state = WATCH_CATCHING_UP;
    watch->again = false;
    watch->catchup =
        catchup_start(watch->ride->store, watch->ride, watch->stream.known ? &watch->stream.at : NULL,
                      watch->renew, &reports, watch);
    watch->renew = false;
}

/* The chain of events is broken, or may be. */
static void repair(struct watch *watch)
{
    if (watch->state == WATCH_LIVE)
        catch_up(watch);
    else
        watch->again = true; /* the catch-up under way may have read too early */
}

static void subscribe(struct watch *watch);

static void retry(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct store *store = watch->ride->store;

    (void)fd, (void)what;
    if (watch->state == WATCH_SUBSCRIBING)
        subscribe(watch);
    else
        catch_up(watch);
    store->settle(store->settle_arg);
}

static void retry_after(struct watch *watch, unsigned pause_ms)
{
    const struct timeval pause = {.tv_sec = pause_ms / 1000,
                                  .tv_usec = (suseconds_t)(pause_ms % 1000) * 1000};

    event_add(watch->retry, &pause);
}

static void catching_up_failed(const char *reason, void *arg)
{
    struct watch *watch = arg;

    watch->catchup = NULL;
    if (!reason)
        return; /* the connection is gone, and the server will be down next */
    if (*reason)
        store_trouble(watch->ride->store, "cannot read the roster of %s: %s", watch->ride->name, reason);
    retry_after(watch, backoff_pause(&watch->backoff));
}

static void stop_catching_up(struct watch *watch)
{
    if (watch->catchup)
        catchup_abandon(watch->catchup);
    watch->catchup = NULL;
    event_del(watch->retry);
}

/* There is no subscription any more. What the gateway was told stays known. */
static void suspend(struct watch *watch)
{
    stop_catching_up(watch);
    stream_unsettle(&watch->stream);
    watch->state = WATCH_AWAY;
}

/* An event has been told. What it says of an epoch that Redis has left since is no news to whoever holds the
 * socket. */
static void follow(struct watch *watch, const struct broker_message *event)
{
    if (strcmp(watch->ride->known.at.epoch, event->position.epoch) != 0)
        return;
    redis_ride_reached(watch->ride, &event->position);
    held_heard(watch->ride, event);
}

static struct broker_message *event_of(const struct watch *watch, const struct record_event *record)
{
    struct blob *user = alloc_blob(record->user.at, record->user.len);
    struct broker_message *event =
        message_event(watch->ride->name, &record->position, record->kind, record->socket_id, user);

    memcpy(event->before, record->before, sizeof event->before);
    blob_unref(user);
    return event;
}

static void caught_event(const struct record_event *record, void *arg)
{
    struct watch *watch = arg;
    struct broker_message *event = event_of(watch, record);

    watch->stream.at = record->position;
    follow(watch, event);
    tell(watch, event);
    tell_results_that_came_true(watch);
}

/* Lately. */
static bool is_found_wrong(const struct watch *watch)
{
    return watch->wrong_ms > 0 && clock_ms() - watch->wrong_ms <= RENEW_WITHIN_MS;
}

static bool may_renew(const struct watch *watch)
{
    return watch->renewals_ms < clock_ms() + (RENEWALS_MAX - 1) * RENEWAL_EVERY_MS;
}

/* A new epoch has begun because of what was found wrong, whichever node asked for it. */
static void count_renewal(struct watch *watch)
{
    uint64_t now = clock_ms();

    watch->renewals_ms = (watch->renewals_ms > now ? watch->renewals_ms : now) + RENEWAL_EVERY_MS;
}

/* Whoever is missing has time to be put back in a new epoch, but for what has been found wrong before that.
 */
static void caught_roster(const struct broker_position *position, struct broker_rider *riders, size_t count,
                          void *arg)
{
    struct watch *watch = arg;
    bool renumbered = watch->stream.known && !stream_same_epoch(&watch->stream, position);

    if (renumbered)
        watch->suspect = false; /* the message of another epoch told the truth */
    else
        held_compare(watch->ride, riders, count, position->offset);
    held_skipped(watch->ride, stream_same_epoch(&watch->stream, position) ? watch->stream.at.offset : 0,
                 position->offset);
    watch->stream.known = true;
    watch->stream.at = *position;
    metric_add(metrics_of(watch)->rosters, 1);
    struct broker_message *roster = message_roster(watch->ride->name, position, riders, count, renumbered);
    roster->settled = is_found_wrong(watch);
    if (renumbered && roster->settled)
        count_renewal(watch);
    watch->wrong_ms = 0;
    tell(watch, roster);
}

static void bad_message(struct watch *watch, const char *what)
{
    metric_add(metrics_of(watch)->bad_messages, 1);
    store_trouble(watch->ride->store, "%s on the channel of %s", what, watch->ride->name);
}

static void judge_suspect(struct watch *watch)
{
    if (watch->suspect)
        bad_message(watch, "a message of an epoch that never was");
    watch->suspect = false;
}

/* --- events --- */

static void take_event(struct watch *watch, struct broker_message *event)
{
    switch (stream_offer(&watch->stream, event)) {
    case STREAM_HOLD:
        stream_hold(&watch->stream, event);
        return;
    case STREAM_NEXT:
        follow(watch, event);
        tell(watch, event);
        tell_results_that_came_true(watch);
        return;
    case STREAM_OLD:
        break;
    case STREAM_GAP:
        metric_add(metrics_of(watch)->gaps, 1);
        catch_up(watch);
        break;
    case STREAM_FOREIGN:
        watch->suspect = !redis_ride_has_left(watch->ride, event->position.epoch);
        catch_up(watch);
        break;
    }
    broker_message_free(event);
}

static void caught_up(const struct broker_position *position, void *arg)
{
    struct watch *watch = arg;
    bool missed = watch->again || watch->stream.overflowed;
    struct broker_message *event;

    watch->catchup = NULL;
    watch->state = WATCH_LIVE;
    backoff_reset(&watch->backoff);
    judge_suspect(watch);
    stream_settle(&watch->stream, position);
    tell_results_that_came_true(watch);
    while (watch->state == WATCH_LIVE && (event = stream_take_held(&watch->stream)))
        take_event(watch, event);
    if (watch->state != WATCH_LIVE)
        return;
    if (missed)
        catch_up(watch);
    else
        tell_results_of_other_epochs(watch);
}

static const struct catchup_reports reports = {
    .event = caught_event,
    .roster = caught_roster,
    .done = caught_up,
    .failed = catching_up_failed,
};

/* `check`: an audit has found something wrong, and every node is to check what it holds. `anew`: a new epoch
 * has begun. `tally …`: an audit has found nothing wrong. */
static bool take_word(struct watch *watch, const struct redisReply *text)
{
    struct record_tally tally;

    if (text->type != REDIS_REPLY_STRING)
        return false;
    if (record_parse_tally(text->str, text->len, &tally) == 0) {
        if (watch->state == WATCH_LIVE)
            tell(watch, message_tally(watch->ride->name, &tally.position, tally.aboard, tally.marks));
        return true;
    }
    if (strcmp(text->str, "check") == 0)
        watch->watches->check(watch->ride, watch->watches->arg);
    else if (strcmp(text->str, "anew") == 0)
        repair(watch);
    else
        return false;
    return true;
}

static void take_message(struct watch *watch, const struct redisReply *text)
{
    struct json_slice message = reply_slice(text), event;
    struct record_event record;
    bool malformed = message.len == 0;

    if (watch->state != WATCH_CATCHING_UP && watch->state != WATCH_LIVE)
        return;
    if (take_word(watch, text))
        return;
    while (!malformed && record_next_event(&message, &event)) {
        malformed = record_parse_event(event.at, event.len, &record) != 0;
        if (!malformed)
            take_event(watch, event_of(watch, &record));
    }
    if (malformed) {
        bad_message(watch, "a malformed message");
        repair(watch);
    }
}

void watch_result(struct watches *watches, struct redis_ride *ride, struct broker_message *result)
{
    struct watch *watch = ride->watch;

    if (!watch || stream_includes(&watch->stream, &result->position)) {
        outbox_tell(watches->setup->outbox, result);
        return;
    }
    hold_result(watch, result);
    if (watch->stream.known && !stream_same_epoch(&watch->stream, &result->position))
        repair(watch);
}

/* --- the subscription --- */

/* SUBSCRIBE or UNSUBSCRIBE, or what stands for it in a cluster. */
static void send_subscription(const struct watch *watch, const char *command)
{
    const struct store *store = watch->ride->store;
    char sharded[sizeof "SUNSUBSCRIBE"];
    struct call call;

    snprintf(sharded, sizeof sharded, "%s%s", store->cluster ? "S" : "", command);
    call_command(&call, watch->ride->store, sharded);
    call_channel(&call, watch->ride->name);
    call_send_event(&call);
}

/* A node of a cluster may refuse it, by an error that does not say which subscription it is about. */
static void subscribe(struct watch *watch)
{
    watch->state = WATCH_SUBSCRIBING;
    send_subscription(watch, "SUBSCRIBE");
    if (watch->ride->store->cluster)
        retry_after(watch, RESUBSCRIBE_MS);
}

static void watch_free(struct watch *watch)
{
    watch->ride->watch = NULL;
    redis_ride_let_go(watch->ride);
    stream_deinit(&watch->stream);
    event_free(watch->retry);
    free(watch);
}

/* Confirmations come in the order of the commands: where the ride was watched and given up before, on the
 * same connection, the end of that comes in between, and leads back to here. */
static void subscription_confirmed(struct watch *watch)
{
    if (watch->state != WATCH_SUBSCRIBING)
        return;
    event_del(watch->retry);
    catch_up(watch);
}

/* Given up before the one that is asked for now; or the slot has left the server. */
static void subscription_ended(struct watch *watch)
{
    if (watch->state != WATCH_CATCHING_UP && watch->state != WATCH_LIVE)
        return;
    suspend(watch);
    watch->state = WATCH_SUBSCRIBING;
    retry_after(watch, backoff_pause(&watch->backoff));
}

/* The watch of the ride whose name stands between the braces of a channel's name; NULL when there is none, or
 * the ride is another server's. */
static struct watch *watch_of_channel(const struct watches *watches, const struct store *store,
                                      const struct redisReply *channel)
{
    size_t prefix_len = strlen(watches->setup->prefix);
    struct key_name expected;

    if (channel->type != REDIS_REPLY_STRING || channel->len <= prefix_len + 1)
        return NULL;
    const char *name = channel->str + prefix_len + 1;
    const char *end = memchr(name, '}', channel->len - prefix_len - 1);
    if (!end)
        return NULL;
    const struct redis_ride *ride = redis_rides_find(watches->rides, name, (size_t)(end - name));
    if (!ride || ride->store != store)
        return NULL;
    store_channel(store, ride->name, &expected);
    return expected.len == channel->len && memcmp(expected.text, channel->str, expected.len) == 0
               ? ride->watch
               : NULL;
}

void watch_heard(struct watches *watches, const struct store *store, const struct redisReply *word,
                 const struct redisReply *channel, const struct redisReply *text)
{
    struct watch *watch = watch_of_channel(watches, store, channel);

    if (!watch)
        return; /* unwatched meanwhile */
    const char *what = word->str + (store->cluster && *word->str == 's' ? 1 : 0);

    if (strcmp(what, "message") == 0)
        take_message(watch, text);
    else if (strcmp(what, "subscribe") == 0)
        subscription_confirmed(watch);
    else if (strcmp(what, "unsubscribe") == 0)
        subscription_ended(watch);
}

/* --- watching --- */

static void watch_new(struct watches *watches, struct redis_ride *ride)
{
    struct watch *watch = alloc_zeroed(sizeof *watch);

    watch->watches = watches;
    watch->ride = ride;
    stream_init(&watch->stream);
    watch->retry = event_new(watches->setup->base, -1, 0, retry, watch);
    if (!watch->retry)
        alloc_failed();
    backoff_reset(&watch->backoff);
    ride->watch = watch;
}

void watch_begin(struct watches *watches, const char *name)
{
    struct redis_ride *ride = redis_rides_get(watches->rides, name);

    assert(!ride->watch);
    watch_new(watches, ride);
    watch_arrive(ride);
}

/* The gateway wants no more of it. */
static void end(struct watch *watch)
{
    stop_catching_up(watch);
    tell_all_results(watch);
    watch_free(watch);
}

void watch_reread(struct watches *watches, const char *name)
{
    const struct redis_ride *ride = redis_rides_find(watches->rides, name, strlen(name));
    struct watch *watch = ride ? ride->watch : NULL;
    uint64_t now = clock_ms();

    if (!watch || watch->state != WATCH_LIVE)
        return;
    if (!is_found_wrong(watch))
        watch->wrong_ms = now;
    if (now - watch->wrong_ms < RENEW_AFTER_MS || !may_renew(watch)) {
        watches->audit(watch->ride, watches->arg);
        return;
    }
    watch->renew = true;
    repair(watch);
}

void watch_end(struct watches *watches, const char *name)
{
    struct watch *watch = redis_rides_get(watches->rides, name)->watch;

    assert(watch);
    if (watch->state != WATCH_AWAY)
        send_subscription(watch, "UNSUBSCRIBE");
    end(watch);
}

void watch_resume_all(struct watches *watches, const struct store *store)
{
    for (struct redis_ride *ride = watches->rides->by_name; ride; ride = ride->hh.next)
        if (ride->store == store)
            watch_arrive(ride);
}

void watch_suspend_all(struct watches *watches, const struct store *store)
{
    for (struct redis_ride *ride = watches->rides->by_name; ride; ride = ride->hh.next)
        if (ride->store == store && ride->watch)
            suspend(ride->watch);
}

void watch_leave(struct redis_ride *ride)
{
    if (!ride->watch)
        return;
    if (ride->watch->state != WATCH_AWAY)
        send_subscription(ride->watch, "UNSUBSCRIBE");
    suspend(ride->watch);
}

void watch_arrive(struct redis_ride *ride)
{
    if (ride->watch && ride->store->up)
        subscribe(ride->watch);
}

bool watch_waits(const struct redis_ride *ride)
{
    return ride->watch && ride->watch->results_first && ride->store->up;
}

bool watch_is_live(const struct redis_ride *ride)
{
    return ride->watch && ride->watch->state == WATCH_LIVE;
}

const struct broker_position *watch_heard_up_to(const struct redis_ride *ride)
{
    return ride->watch && ride->watch->stream.known ? &ride->watch->stream.at : NULL;
}

void watch_renumbered(const struct redis_ride *ride)
{
    if (watch_is_live(ride) && !stream_same_epoch(&ride->watch->stream, &ride->known.at))
        catch_up(ride->watch);
}

void watch_end_all(struct watches *watches)
{
    for (struct redis_ride *ride = watches->rides->by_name; ride; ride = ride->hh.next)
        if (ride->watch)
            end(ride->watch);
}
