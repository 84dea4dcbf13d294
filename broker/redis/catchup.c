/*
 * Brings one ride up to date.
 *
 *   roster script ─┬─ 'log': the events after the known position ─▶ told one by one; asked again until there
 *                  │         are no more
 *                  ├─ 'users': all of them ─▶ a roster
 *                  ├─ 'large' at offset A ─▶ HSCAN, page by page ─▶ roster script from A
 *                  │     └─ 'log': the events since A, applied to what was scanned ─▶ a roster
 *                  └─ 'anew': an empty roster ─▶ roster script from the beginning of the epoch
 *
 * A scan goes on while riders come and go, and may show a rider that boarded during it or not. Whoever did
 * not move is in it, and the log has all who did: events from A on, applied on top, give the exact set at
 * their end. Where the log does not reach back, or Redis keeps records that are none of ours, it starts again
 * with nothing known.
 */
#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "common/id.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char page_size[] = "500"; /* events or users in one answer, about */

struct scanned {
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    UT_hash_handle hh;
};

struct catchup {
    struct redis *redis;
    struct redis_ride *ride; /* NULL: abandoned */
    bool known;
    struct broker_position at; /* told, or scanned, up to here; only when known */
    bool scanning;
    struct scanned *riders; /* by socket id; while scanning */
    bool replayed;          /* some event came from the log */
};

/* --- what was scanned --- */

static void scanned_remove(struct catchup *catchup, const char *socket_id)
{
    struct scanned *rider;

    HASH_FIND_STR(catchup->riders, socket_id, rider);
    if (!rider)
        return;
    HASH_DEL(catchup->riders, rider);
    blob_unref(rider->user);
    free(rider);
}

static void scanned_set(struct catchup *catchup, const char *socket_id, struct json_slice user)
{
    struct scanned *rider = alloc_zeroed(sizeof *rider);

    scanned_remove(catchup, socket_id);
    memcpy(rider->socket_id, socket_id, SOCKET_ID_LEN);
    rider->user = alloc_blob(user.at, user.len);
    HASH_ADD_STR(catchup->riders, socket_id, rider);
}

static void scanned_clear(struct catchup *catchup)
{
    while (catchup->riders)
        scanned_remove(catchup, catchup->riders->socket_id);
}

/* Hands over everything as a roster. */
static void scanned_tell(struct catchup *catchup)
{
    size_t count = 0;
    struct broker_rider *riders = alloc_zeroed((HASH_COUNT(catchup->riders) + 1) * sizeof *riders);

    for (struct scanned *rider = catchup->riders; rider; rider = rider->hh.next, count++) {
        memcpy(riders[count].socket_id, rider->socket_id, SOCKET_ID_LEN);
        riders[count].user = blob_ref(rider->user);
    }
    watch_caught_roster(catchup->ride, &catchup->at, riders, count);
}

/* --- life --- */

static void catchup_free(struct catchup *catchup)
{
    scanned_clear(catchup);
    free(catchup);
}

void catchup_abandon(struct catchup *catchup)
{
    catchup->ride = NULL; /* freed by the answer it waits for */
}

static void catchup_failed(struct catchup *catchup, const char *reason)
{
    watch_catchup_failed(catchup->ride, reason);
    catchup_free(catchup);
}

/* The connection is gone; the ride will be told that the backend is down. */
static void catchup_cut_off(struct catchup *catchup)
{
    if (catchup->ride)
        catchup->ride->catchup = NULL;
    catchup_free(catchup);
}

static void catchup_done(struct catchup *catchup)
{
    if (catchup->scanning)
        scanned_tell(catchup);
    watch_caught_up(catchup->ride, &catchup->at);
    catchup_free(catchup);
}

static void bad_record(struct catchup *catchup, const char *where)
{
    metric_add(catchup->redis->backend.setup.metrics->bad_messages, 1);
    redis_trouble(catchup->redis, "a bad record in the %s of %s", where, catchup->ride->name);
}

/* --- the roster script --- */

static void roster_answered(const struct redisReply *reply, void *arg);

static int ask_roster(struct catchup *catchup)
{
    struct key_name users, meta, events;
    char candidate[EPOCH_LEN + 1], offset[24];
    const char *prefix = catchup->redis->backend.setup.prefix;

    key_name_make(&users, prefix, catchup->ride->name, "users");
    key_name_make(&meta, prefix, catchup->ride->name, "meta");
    key_name_make(&events, prefix, catchup->ride->name, "log");
    id_make(candidate, EPOCH_LEN);
    snprintf(offset, sizeof offset, "%" PRIu64, catchup->known ? catchup->at.offset : 0);
    const struct redis_arg args[] = {
        {users.text, users.len},
        {meta.text, meta.len},
        {events.text, events.len},
        redis_arg_text(candidate),
        redis_arg_text(catchup->known ? catchup->at.epoch : ""),
        redis_arg_text(offset),
        redis_arg_text(page_size),
    };
    return scripts_call(&catchup->redis->scripts, SCRIPT_ROSTER, 3, args, sizeof args / sizeof *args,
                        roster_answered, catchup);
}

static void ask_roster_or_end(struct catchup *catchup)
{
    if (ask_roster(catchup) != 0)
        catchup_cut_off(catchup);
}

static void start_again(struct catchup *catchup)
{
    catchup->known = false;
    catchup->scanning = false;
    scanned_clear(catchup);
    ask_roster_or_end(catchup);
}

/* --- 'log' --- */

static void apply_event(struct catchup *catchup, const struct record_event *event)
{
    if (!catchup->scanning)
        watch_caught_event(catchup->ride, event);
    else if (event->kind == BROKER_BOARDED || event->kind == BROKER_RESTORED)
        scanned_set(catchup, event->socket_id, event->user);
    else
        scanned_remove(catchup, event->socket_id);
}

/* 0, or -1 when an entry is bad or missing; those before it have been applied. */
static int apply_log(struct catchup *catchup, const struct redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        struct record_event event;
        if (log_entry_read(entries->element[i], &event) != 0 ||
            event.position.offset != catchup->at.offset + 1) {
            bad_record(catchup, "log");
            return -1;
        }
        catchup->at.offset++;
        event.position = catchup->at;
        apply_event(catchup, &event);
    }
    return 0;
}

static void got_log(struct catchup *catchup, const struct broker_position *end,
                    const struct redisReply *entries)
{
    if (entries->elements > 0 && !catchup->scanning && !catchup->replayed) {
        catchup->replayed = true;
        metric_add(catchup->redis->backend.setup.metrics->replays, 1);
    }
    if (apply_log(catchup, entries) != 0)
        start_again(catchup);
    else if (catchup->at.offset < end->offset)
        ask_roster_or_end(catchup);
    else
        catchup_done(catchup);
}

/* --- 'users' and HSCAN --- */

/* Adds [ socket id, user, … ] to what was scanned. Records that are none of ours are left out. */
static void add_users(struct catchup *catchup, const struct redisReply *pairs)
{
    char socket_id[SOCKET_ID_LEN + 1];

    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        struct json_slice user = reply_slice(pairs->element[i + 1]);
        if (record_parse_socket_id(reply_slice(pairs->element[i]), socket_id) != 0 ||
            !record_user_valid(user))
            bad_record(catchup, "users");
        else
            scanned_set(catchup, socket_id, user);
    }
}

static void scan_answered(const struct redisReply *reply, void *arg);

static void ask_scan(struct catchup *catchup, const char *cursor)
{
    struct key_name users;

    key_name_make(&users, catchup->redis->backend.setup.prefix, catchup->ride->name, "users");
    const struct redis_arg args[] = {
        redis_arg_text("HSCAN"), {users.text, users.len},   redis_arg_text(cursor),
        redis_arg_text("COUNT"), redis_arg_text(page_size),
    };
    if (redis_link_send(catchup->redis->commands, scan_answered, catchup, args, sizeof args / sizeof *args) !=
        0)
        catchup_cut_off(catchup);
}

static void scan_answered(const struct redisReply *reply, void *arg)
{
    struct catchup *catchup = arg;

    if (!reply || !catchup->ride) {
        catchup_cut_off(catchup);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        catchup_failed(catchup, reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        return;
    }
    add_users(catchup, reply->element[1]);
    if (strcmp(reply->element[0]->str, "0") != 0)
        ask_scan(catchup, reply->element[0]->str);
    else
        ask_roster_or_end(catchup);
}

/* --- the answer of the roster script --- */

enum answer { ANSWER_LOG, ANSWER_USERS, ANSWER_LARGE, ANSWER_ANEW, ANSWER_NONE };

static enum answer read_answer(const struct redisReply *reply, struct broker_position *end)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        !scripts_read_position(reply->element[1], reply->element[2], end))
        return ANSWER_NONE;
    const char *word = reply->element[0]->str;
    if (strcmp(word, "large") == 0)
        return ANSWER_LARGE;
    if (strcmp(word, "anew") == 0)
        return ANSWER_ANEW;
    if (reply->elements != 4 || reply->element[3]->type != REDIS_REPLY_ARRAY)
        return ANSWER_NONE;
    return strcmp(word, "log") == 0 ? ANSWER_LOG : ANSWER_USERS;
}

/* From here on the set is built anew; what was scanned before the log was lost is void. */
static void start_scanning(struct catchup *catchup, const struct broker_position *position)
{
    scanned_clear(catchup);
    catchup->scanning = true;
    catchup->known = true;
    catchup->at = *position;
}

/* Nobody was aboard, and everything since is in the log: so that who exited meanwhile is not only missing. */
static void begin_anew(struct catchup *catchup, const struct broker_position *position)
{
    scanned_clear(catchup);
    catchup->scanning = false;
    catchup->known = true;
    catchup->at = *position;
    watch_caught_roster(catchup->ride, position, NULL, 0);
    ask_roster_or_end(catchup);
}

static void roster_answered(const struct redisReply *reply, void *arg)
{
    struct catchup *catchup = arg;
    struct broker_position end;

    if (!reply || !catchup->ride) {
        catchup_cut_off(catchup);
        return;
    }
    if (scripts_missing(&catchup->redis->scripts, SCRIPT_ROSTER, reply)) {
        ask_roster_or_end(catchup);
        return;
    }
    enum answer answer = read_answer(reply, &end);
    if (answer != ANSWER_NONE)
        redis_ride_reached(catchup->ride, &end);
    switch (answer) {
    case ANSWER_LOG:
        got_log(catchup, &end, reply->element[3]);
        break;
    case ANSWER_USERS:
        start_scanning(catchup, &end);
        add_users(catchup, reply->element[3]);
        catchup_done(catchup);
        break;
    case ANSWER_LARGE:
        start_scanning(catchup, &end);
        ask_scan(catchup, "0");
        break;
    case ANSWER_ANEW:
        begin_anew(catchup, &end);
        break;
    case ANSWER_NONE:
        catchup_failed(catchup, reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        break;
    }
}

struct catchup *catchup_start(struct redis_ride *ride, const struct broker_position *known)
{
    struct catchup *catchup = alloc_zeroed(sizeof *catchup);

    catchup->redis = ride->redis;
    catchup->ride = ride;
    catchup->known = known != NULL;
    if (known)
        catchup->at = *known;
    if (ask_roster(catchup) == 0)
        return catchup;
    catchup_free(catchup);
    return NULL;
}
