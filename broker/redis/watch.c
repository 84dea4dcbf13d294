/*
 * Watched rides: from SUBSCRIBE to an unbroken stream of events.
 *
 * Subscribe, then catch up, then pass on what follows. Whatever breaks the chain (a gap, a message that
 * cannot be right, a foreign epoch) leads back to catching up, and while that lasts live events are held. A
 * result of a committed transition is told once its event, or a roster that includes it, has been.
 */
#include "broker/message.h"
#include "broker/redis/record.h"
#include "broker/redis/redis.h"
#include "common/log.h"
#include "common/metrics.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(struct redis_ride *ride, struct broker_message *message)
{
    broker_tell(ride->redis->backend.setup.broker, message);
}

static const struct broker_metrics *metrics_of(const struct redis_ride *ride)
{
    return ride->redis->backend.setup.metrics;
}

/* --- results that wait for their events --- */

static void tell_first_result(struct redis_ride *ride)
{
    struct broker_message *result = ride->results_first;

    ride->results_first = broker_message_next(result);
    if (!ride->results_first)
        ride->results_last = NULL;
    ride->redis->results_held--;
    tell(ride, result);
}

static void tell_results_that_came_true(struct redis_ride *ride)
{
    while (ride->results_first && stream_includes(&ride->stream, &ride->results_first->position))
        tell_first_result(ride);
}

/* The ride has been caught up with: a result of another epoch has no event to wait for any more. */
static void tell_results_of_other_epochs(struct redis_ride *ride)
{
    while (ride->results_first && (!stream_same_epoch(&ride->stream, &ride->results_first->position) ||
                                   stream_includes(&ride->stream, &ride->results_first->position)))
        tell_first_result(ride);
}

static void tell_all_results(struct redis_ride *ride)
{
    while (ride->results_first)
        tell_first_result(ride);
}

static void hold_result(struct redis_ride *ride, struct broker_message *result)
{
    result->mail.next = NULL;
    if (ride->results_last)
        ride->results_last->mail.next = &result->mail;
    else
        ride->results_first = result;
    ride->results_last = result;
    ride->redis->results_held++;
}

/* --- catching up --- */

static void catch_up(struct redis_ride *ride)
{
    assert(!ride->catchup);
    stream_unsettle(&ride->stream);
    ride->state = WATCH_CATCHING_UP;
    ride->again = false;
    ride->catchup = catchup_start(ride, ride->stream.known ? &ride->stream.at : NULL);
}

/* The chain of events is broken, or may be. */
static void repair(struct redis_ride *ride)
{
    if (ride->state == WATCH_LIVE)
        catch_up(ride);
    else
        ride->again = true; /* the catch-up under way may have read too early */
}

static void retry_catching_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    catch_up(arg);
}

void watch_catchup_failed(struct redis_ride *ride, const char *reason)
{
    unsigned pause_ms = backoff_pause(&ride->backoff);
    const struct timeval pause = {.tv_sec = pause_ms / 1000,
                                  .tv_usec = (suseconds_t)(pause_ms % 1000) * 1000};

    redis_trouble(ride->redis, "cannot read the roster of %s: %s", ride->name, reason);
    ride->catchup = NULL;
    event_add(ride->retry, &pause);
}

static void stop_catching_up(struct redis_ride *ride)
{
    if (ride->catchup)
        catchup_abandon(ride->catchup);
    ride->catchup = NULL;
    if (ride->retry)
        event_del(ride->retry);
}

/* An event has been told. What it says of an epoch that Redis has left since is no news to whoever holds the
 * socket. */
static void follow(struct redis_ride *ride, const struct broker_position *position,
                   enum broker_event_kind kind, const char *socket_id)
{
    if (strcmp(ride->at.epoch, position->epoch) != 0)
        return;
    redis_ride_reached(ride, position);
    held_heard(ride, socket_id, kind, position->offset);
}

void watch_caught_event(struct redis_ride *ride, const struct record_event *record)
{
    struct blob *user = alloc_blob(record->user.at, record->user.len);

    ride->stream.at = record->position;
    tell(ride, message_event(ride->name, &record->position, record->kind, record->socket_id, user));
    blob_unref(user);
    follow(ride, &record->position, record->kind, record->socket_id);
    tell_results_that_came_true(ride);
}

void watch_caught_roster(struct redis_ride *ride, const struct broker_position *position,
                         struct broker_rider *riders, size_t count)
{
    bool renumbered = ride->stream.known && !stream_same_epoch(&ride->stream, position);

    if (renumbered)
        ride->suspect = false; /* the message of another epoch told the truth */
    else
        held_compare(ride, riders, count, position->offset);
    ride->stream.known = true;
    ride->stream.at = *position;
    metric_add(metrics_of(ride)->rosters, 1);
    tell(ride, message_roster(ride->name, position, riders, count, renumbered));
}

static void bad_message(struct redis_ride *ride, const char *what)
{
    metric_add(metrics_of(ride)->bad_messages, 1);
    redis_trouble(ride->redis, "%s on the channel of %s", what, ride->name);
}

static void judge_suspect(struct redis_ride *ride)
{
    if (ride->suspect)
        bad_message(ride, "a message of an epoch that never was");
    ride->suspect = false;
}

/* --- events --- */

static void take_event(struct redis_ride *ride, struct broker_message *event)
{
    switch (stream_offer(&ride->stream, &event->position)) {
    case STREAM_HOLD:
        stream_hold(&ride->stream, event);
        return;
    case STREAM_NEXT:
        follow(ride, &event->position, event->event, event->socket_id);
        tell(ride, event);
        tell_results_that_came_true(ride);
        return;
    case STREAM_OLD:
        break;
    case STREAM_GAP:
        metric_add(metrics_of(ride)->gaps, 1);
        catch_up(ride);
        break;
    case STREAM_FOREIGN:
        ride->suspect = true;
        catch_up(ride);
        break;
    }
    broker_message_free(event);
}

void watch_caught_up(struct redis_ride *ride, const struct broker_position *position)
{
    bool missed = ride->again || ride->stream.overflowed;
    struct broker_message *event;

    ride->catchup = NULL;
    ride->state = WATCH_LIVE;
    backoff_reset(&ride->backoff);
    judge_suspect(ride);
    stream_settle(&ride->stream, position);
    tell_results_that_came_true(ride);
    while (ride->state == WATCH_LIVE && (event = stream_take_held(&ride->stream)))
        take_event(ride, event);
    if (ride->state != WATCH_LIVE)
        return;
    if (missed)
        catch_up(ride);
    else
        tell_results_of_other_epochs(ride);
}

static void take_message(struct redis_ride *ride, const struct redisReply *text)
{
    struct record_event record;

    if (ride->state != WATCH_CATCHING_UP && ride->state != WATCH_LIVE)
        return;
    if (text->type != REDIS_REPLY_STRING || record_parse_event(text->str, text->len, &record) != 0) {
        bad_message(ride, "a malformed message");
        repair(ride);
        return;
    }
    struct blob *user = alloc_blob(record.user.at, record.user.len);
    take_event(ride, message_event(ride->name, &record.position, record.kind, record.socket_id, user));
    blob_unref(user);
}

void watch_result(struct redis_ride *ride, struct broker_message *result)
{
    if (!ride->watched || stream_includes(&ride->stream, &result->position)) {
        tell(ride, result);
        return;
    }
    hold_result(ride, result);
    if (ride->stream.known && !stream_same_epoch(&ride->stream, &result->position))
        repair(ride);
}

/* --- the subscription --- */

static void send_subscription(struct redis_ride *ride, const char *command)
{
    struct key_name channel;

    redis_channel_name(ride->redis, ride->name, &channel);
    const struct redis_arg args[] = {redis_arg_text(command), {channel.text, channel.len}};
    if (redis_link_send(ride->redis->events, NULL, NULL, args, 2) == 0)
        ride->confirmations_due++;
}

static void subscribe(struct redis_ride *ride)
{
    ride->state = WATCH_SUBSCRIBING;
    send_subscription(ride, "SUBSCRIBE");
}

/* Only the last of several confirmations counts: before it, the subscription may have been given up and taken
 * again. */
static void subscription_confirmed(struct redis_ride *ride)
{
    if (ride->confirmations_due > 0)
        ride->confirmations_due--;
    if (ride->state == WATCH_SUBSCRIBING && ride->confirmations_due == 0)
        catch_up(ride);
    redis_ride_drop_if_unused(ride);
}

/* The ride whose name stands between the braces of a channel's name; NULL when it is not known here. */
static struct redis_ride *ride_of_channel(struct redis *redis, const struct redisReply *channel)
{
    size_t prefix_len = strlen(redis->backend.setup.prefix);
    struct redis_ride *ride = NULL;
    struct key_name expected;

    if (channel->type != REDIS_REPLY_STRING || channel->len <= prefix_len + 1)
        return NULL;
    const char *name = channel->str + prefix_len + 1;
    const char *end = memchr(name, '}', channel->len - prefix_len - 1);
    if (!end)
        return NULL;
    HASH_FIND(hh, redis->rides, name, (size_t)(end - name), ride);
    if (!ride)
        return NULL;
    redis_channel_name(redis, ride->name, &expected);
    return expected.len == channel->len && memcmp(expected.text, channel->str, expected.len) == 0 ? ride
                                                                                                  : NULL;
}

void watch_heard(struct redis *redis, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_link_fail(redis->events, reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return; /* the answer to a ping */
    if (takeover_heard(redis, reply->element[1], reply->element[2]))
        return;
    struct redis_ride *ride = ride_of_channel(redis, reply->element[1]);
    if (!ride)
        return; /* unwatched meanwhile */
    if (strcmp(reply->element[0]->str, "message") == 0)
        take_message(ride, reply->element[2]);
    else
        subscription_confirmed(ride);
}

/* --- watching --- */

void watch_begin(struct redis *redis, const char *name)
{
    struct redis_ride *ride = redis_ride_get(redis, name);

    assert(!ride->watched);
    ride->watched = true;
    ride->suspect = false;
    backoff_reset(&ride->backoff);
    if (!ride->retry)
        ride->retry = event_new(redis->backend.setup.base, -1, 0, retry_catching_up, ride);
    if (!ride->retry)
        alloc_failed();
    if (redis->up)
        subscribe(ride);
}

void watch_end(struct redis *redis, const char *name)
{
    struct redis_ride *ride = redis_ride_get(redis, name);

    if (ride->state != WATCH_AWAY)
        send_subscription(ride, "UNSUBSCRIBE");
    stop_catching_up(ride);
    stream_deinit(&ride->stream);
    ride->state = WATCH_AWAY;
    ride->watched = false;
    tell_all_results(ride);
    redis_ride_drop_if_unused(ride);
}

void watch_resume_all(struct redis *redis)
{
    for (struct redis_ride *ride = redis->rides; ride; ride = ride->hh.next)
        if (ride->watched)
            subscribe(ride);
}

void watch_suspend_all(struct redis *redis)
{
    struct redis_ride *ride, *next;

    HASH_ITER(hh, redis->rides, ride, next)
    {
        stop_catching_up(ride);
        stream_unsettle(&ride->stream);
        ride->state = WATCH_AWAY;
        ride->confirmations_due = 0;
        redis_ride_drop_if_unused(ride);
    }
}

void watch_release_all(struct redis *redis)
{
    struct redis_ride *ride, *next;

    HASH_ITER(hh, redis->rides, ride, next)
    {
        tell_all_results(ride);
    }
}

void watch_deinit(struct redis_ride *ride)
{
    stop_catching_up(ride);
    stream_deinit(&ride->stream);
    if (ride->retry)
        event_free(ride->retry);
}
