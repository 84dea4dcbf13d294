/*
 * Pages of the log: asked for until one reaches the ride's position.
 */
#include "broker/redis/replay.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/alloc.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* What a transition may find before it in Redis, and then in this thread: so many pages, a millisecond each
 * where records are large. */
enum { UNDER_WAY_MAX = 4, PAGE_SIZE = 100 };

struct replay {
    struct replays *replays;
    struct order *order;
    struct broker_position at; /* read up to here */
    struct broker_past_event *events;
    size_t count, room;
    size_t bytes; /* of the records */
    bool forgotten;
    bool cut_off;               /* its connection was lost before */
    struct replay *prev, *next; /* in `waiting`, `paused` or `reading` */
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
    store_tell_gateway(replay->replays->store, message_no_history(replay->order));
    replay_free(replay);
}

static void end_reading(struct replay *replay)
{
    DL_DELETE(replay->replays->reading, replay);
    replay->replays->under_way--;
}

static void replay_fail(struct replay *replay)
{
    end_reading(replay);
    refuse(replay);
}

static void replay_done(struct replay *replay)
{
    struct replays *replays = replay->replays;
    const char *name = replay->order->ride;
    struct redis_ride *ride = redis_rides_find(replays->watches->rides, name, strlen(name));
    struct broker_message *history =
        message_history(replay->order, &replay->at, replay->events, replay->count);

    replay->events = NULL;
    replay->count = 0;
    if (ride)
        watch_result(replays->watches, ride, history);
    else
        store_tell_gateway(replays->store, history);
    end_reading(replay);
    replay_free(replay);
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
    replay->bytes += event->user.len;
    memcpy(past->chain, event->position.chain, sizeof past->chain);
    memcpy(past->socket_id, event->socket_id, sizeof past->socket_id);
    replay->at.offset = event->position.offset;
    memcpy(replay->at.chain, event->position.chain, sizeof replay->at.chain);
}

/* 0, or -1 when an event is bad or missing. */
static int add_page(struct replay *replay, const struct redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        struct record_event event;

        if (log_entry_read(entries->element[i], &event) != 0 ||
            event.position.offset != replay->at.offset + 1) {
            metric_add(store_metrics(replay->replays->store)->bad_messages, 1);
            return -1;
        }
        add_event(replay, &event);
    }
    return 0;
}

/* For the server that has the ride by now. */
static void wait_in_line(struct replay *replay)
{
    struct replays *replays =
        redis_rides_store(replay->replays->watches->rides, replay->order->ride)->replays;

    replay->replays = replays;
    DL_APPEND(replays->waiting, replay);
}

static void wait_again(struct replay *replay)
{
    end_reading(replay);
    wait_in_line(replay);
}

/* The slot is on its way. */
static void wait_for_beat(struct replay *replay)
{
    end_reading(replay);
    DL_APPEND(replay->replays->paused, replay);
}

static void ask_on(struct replay *replay)
{
    if (replay_ask(replay) != 0)
        wait_again(replay);
}

/* Once that may be so; twice, and it may be the answer that cuts the connection off. */
static void wait_for_connection(struct replay *replay)
{
    if (replay->cut_off) {
        replay_fail(replay);
        return;
    }
    replay->cut_off = true;
    wait_again(replay);
}

static void got_page(struct replay *replay, const struct redisReply *reply)
{
    struct broker_position end;

    if (!call_read_position(reply, &end) || reply->elements != 5 ||
        reply->element[4]->type != REDIS_REPLY_ARRAY || strcmp(end.epoch, replay->at.epoch) != 0 ||
        end.offset - replay->order->from.offset > REPLAY_EVENTS_MAX ||
        add_page(replay, reply->element[4]) != 0 || replay->bytes > REPLAY_BYTES_MAX ||
        (reply->element[4]->elements == 0 && replay->at.offset < end.offset))
        replay_fail(replay);
    else if (replay->at.offset < end.offset)
        ask_on(replay);
    else
        replay_done(replay);
}

static void page_answered(const struct redisReply *reply, void *arg)
{
    struct replay *replay = arg;

    struct store *store = replay->replays->store;

    if (replay->forgotten)
        replay_fail(replay);
    else if (!reply)
        wait_for_connection(replay);
    else if (store_defers(store, reply))
        wait_for_beat(replay);
    else if (scripts_missing(&store->scripts, SCRIPT_REPLAY, reply))
        ask_on(replay);
    else
        got_page(replay, reply);
}

static int replay_ask(struct replay *replay)
{
    const struct ride_known known = {.at = replay->at};
    struct call call;

    call_ride(&call, replay->replays->store, SCRIPT_REPLAY, replay->order->ride, &known);
    call_number(&call, PAGE_SIZE);
    call_text(&call, replay->count == 0 ? replay->order->socket_id : "");
    call_number(&call, REPLAY_BEFORE);
    return call_send(&call, page_answered, replay);
}

void replays_add(struct replays *replays, struct order *order)
{
    struct replay *replay = alloc_zeroed(sizeof *replay);

    replay->replays = replays;
    replay->order = order;
    replay->at = order->from;
    DL_APPEND(replays->waiting, replay);
}

static struct replay *find(struct replay *list, uint64_t ticket)
{
    while (list && list->order->ticket != ticket)
        list = list->next;
    return list;
}

bool replays_forget(struct replays *replays, uint64_t ticket)
{
    struct replay *replay = find(replays->reading, ticket);

    if (replay) {
        replay->forgotten = true; /* its answer is on its way */
        return true;
    }
    struct replay **list = find(replays->paused, ticket) ? &replays->paused : &replays->waiting;
    replay = find(*list, ticket);
    if (!replay)
        return false;
    DL_DELETE(*list, replay);
    refuse(replay);
    return true;
}

bool replays_busy(const struct replays *replays)
{
    return replays->waiting || replays->paused || replays->under_way > 0;
}

void replays_beat(struct replays *replays)
{
    DL_CONCAT(replays->waiting, replays->paused);
    replays->paused = NULL;
}

void replays_move(struct replays *replays)
{
    replays_beat(replays);
    struct replay *waiting = replays->waiting, *replay, *next;
    replays->waiting = NULL;
    DL_FOREACH_SAFE(waiting, replay, next)
    {
        wait_in_line(replay);
    }
}

void replays_refuse_all(struct replays *replays)
{
    replays_beat(replays);
    while (replays->waiting) {
        struct replay *replay = replays->waiting;

        DL_DELETE(replays->waiting, replay);
        refuse(replay);
    }
}

void replays_settle(struct replays *replays)
{
    while (replays->store->up && replays->waiting && replays->under_way < UNDER_WAY_MAX) {
        struct replay *replay = replays->waiting;

        if (replay_ask(replay) != 0)
            return;
        DL_DELETE(replays->waiting, replay);
        DL_APPEND(replays->reading, replay);
        replays->under_way++;
    }
}
