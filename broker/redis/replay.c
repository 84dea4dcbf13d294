/*
 * What one client has missed, read from the log in pages: asked for until the page reaches the ride's
 * position.
 */
#include "broker/message.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { UNDER_WAY_MAX = 16 }; /* each may hold as many records as a HISTORY has */

static const char page_size[] = "500";

struct replay {
    struct redis *redis;
    struct order *order;
    struct broker_position at; /* read up to here */
    struct broker_past_event *events;
    size_t count, room;
    struct replay *prev, *next; /* those that have not been started */
};

/* 0, or -1 when there is no connection. */
static int replay_ask(struct replay *replay);

static void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        blob_unref(replay->events[i].user);
    free(replay->events);
    order_free(replay->order);
    free(replay);
}

static void refuse(struct replay *replay)
{
    broker_tell(replay->redis->backend.setup.broker, message_no_history(replay->order));
    replay_free(replay);
}

static void start_waiting(struct redis *redis)
{
    struct replays *replays = &redis->replays;

    while (replays->waiting && replays->under_way < UNDER_WAY_MAX) {
        struct replay *replay = replays->waiting;
        DL_DELETE(replays->waiting, replay);
        if (redis->up && replay_ask(replay) == 0)
            replays->under_way++;
        else
            refuse(replay);
    }
}

static void replay_fail(struct replay *replay)
{
    struct redis *redis = replay->redis;

    refuse(replay);
    redis->replays.under_way--;
    start_waiting(redis);
}

static void replay_done(struct replay *replay)
{
    struct redis *redis = replay->redis;
    struct redis_ride *ride = redis_ride_find(redis, replay->order->ride);
    struct broker_message *history =
        message_history(replay->order, &replay->at, replay->events, replay->count);

    replay->events = NULL;
    replay->count = 0;
    if (ride)
        watch_result(ride, history);
    else
        broker_tell(redis->backend.setup.broker, history);
    replay_free(replay);
    redis->replays.under_way--;
    start_waiting(redis);
}

static void add_event(struct replay *replay, const struct record_event *event)
{
    if (replay->count == replay->room) {
        size_t room = replay->room * 2 + 16;
        struct broker_past_event *events = realloc(replay->events, room * sizeof *events);
        if (!events)
            alloc_failed();
        replay->events = events;
        replay->room = room;
    }
    struct broker_past_event *past = &replay->events[replay->count++];
    *past = (struct broker_past_event){
        .offset = event->position.offset,
        .kind = event->kind,
        .user = alloc_blob(event->user.at, event->user.len),
    };
    memcpy(past->socket_id, event->socket_id, sizeof past->socket_id);
    replay->at.offset = event->position.offset;
}

/* 0, or -1 when an event is bad or missing. */
static int add_page(struct replay *replay, const struct redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        struct record_event event;
        if (log_entry_read(entries->element[i], &event) != 0 ||
            event.position.offset != replay->at.offset + 1) {
            metric_add(replay->redis->backend.setup.metrics->bad_messages, 1);
            return -1;
        }
        add_event(replay, &event);
    }
    return 0;
}

static void ask_on(struct replay *replay)
{
    if (replay_ask(replay) != 0)
        replay_fail(replay);
}

static void got_page(struct replay *replay, const struct redisReply *reply)
{
    struct broker_position end;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 ||
        reply->element[3]->type != REDIS_REPLY_ARRAY ||
        !scripts_read_position(reply->element[1], reply->element[2], &end) ||
        end.offset - replay->order->from.offset > REPLAY_EVENTS_MAX ||
        add_page(replay, reply->element[3]) != 0)
        replay_fail(replay);
    else if (replay->at.offset < end.offset)
        ask_on(replay);
    else
        replay_done(replay);
}

static void page_answered(const struct redisReply *reply, void *arg)
{
    struct replay *replay = arg;

    if (!reply)
        replay_fail(replay);
    else if (scripts_missing(&replay->redis->scripts, SCRIPT_REPLAY, reply))
        ask_on(replay);
    else
        got_page(replay, reply);
}

static int replay_ask(struct replay *replay)
{
    struct redis *redis = replay->redis;
    const char *prefix = redis->backend.setup.prefix;
    struct key_name meta, events;
    char offset[24];

    key_name_make(&meta, prefix, replay->order->ride, "meta");
    key_name_make(&events, prefix, replay->order->ride, "log");
    snprintf(offset, sizeof offset, "%" PRIu64, replay->at.offset);
    const struct redis_arg args[] = {
        key_name_arg(&meta),    key_name_arg(&events),     redis_arg_text(replay->at.epoch),
        redis_arg_text(offset), redis_arg_text(page_size),
    };
    return scripts_call(&redis->scripts, SCRIPT_REPLAY, 2, args, 5, page_answered, replay);
}

void replay_start(struct redis *redis, struct order *order)
{
    struct replay *replay = alloc_zeroed(sizeof *replay);

    replay->redis = redis;
    replay->order = order;
    replay->at = order->from;
    DL_APPEND(redis->replays.waiting, replay);
    start_waiting(redis);
}
