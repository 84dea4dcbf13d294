/*
 * Asking and scanning.
 */
#include "broker/redis/catchup.h"

#include "broker/broker_metrics.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/scan.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE = 500 }; /* events or users in one answer, about */

struct scanned {
    char socket_id[SOCKET_ID_LEN + 1];
    struct blob *user;
    UT_hash_handle hh;
};

struct catchup {
    struct store *store;
    struct redis_ride *ride; /* NULL: abandoned */
    const struct catchup_reports *reports;
    void *arg;
    struct scan scan;
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
    catchup->reports->roster(&catchup->at, riders, count, catchup->arg);
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

/* Without a reason the connection is gone. */
static void catchup_failed(struct catchup *catchup, const char *reason)
{
    if (catchup->ride)
        catchup->reports->failed(reason, catchup->arg);
    catchup_free(catchup);
}

static void catchup_done(struct catchup *catchup)
{
    if (catchup->scanning)
        scanned_tell(catchup);
    catchup->reports->done(&catchup->at, catchup->arg);
    catchup_free(catchup);
}

static void bad_record(struct catchup *catchup, const char *where)
{
    metric_add(store_metrics(catchup->store)->bad_messages, 1);
    store_trouble(catchup->store, "a bad record in the %s of %s", where, catchup->ride->name);
}

/* --- the roster script --- */

static void roster_answered(const struct redisReply *reply, void *arg);

static int ask_roster(struct catchup *catchup)
{
    struct call call;

    call_script(&call, catchup->store, SCRIPT_ROSTER, catchup->ride->name, "users", "meta", "log");
    call_position(&call, catchup->known ? &catchup->at : NULL);
    call_number(&call, PAGE_SIZE);
    return call_send(&call, roster_answered, catchup);
}

static void ask_roster_or_end(struct catchup *catchup)
{
    if (ask_roster(catchup) != 0)
        catchup_failed(catchup, NULL);
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
        catchup->reports->event(event, catchup->arg);
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
        metric_add(store_metrics(catchup->store)->replays, 1);
    }
    if (apply_log(catchup, entries) != 0)
        start_again(catchup);
    else if (catchup->at.offset < end->offset)
        ask_roster_or_end(catchup);
    else
        catchup_done(catchup);
}

/* --- 'users' and HSCAN --- */

/* Adds [ socket id, user, … ] to what was scanned. Records that are not ours are left out. */
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

static void page_came(const struct redisReply *pairs, void *arg)
{
    struct catchup *catchup = arg;

    if (!catchup->ride) {
        catchup_failed(catchup, NULL);
        return;
    }
    add_users(catchup, pairs);
    if (scan_at_end(&catchup->scan))
        ask_roster_or_end(catchup);
    else
        scan_next(&catchup->scan);
}

static void scan_failed(void *arg)
{
    struct catchup *catchup = arg;

    catchup_failed(catchup, catchup->scan.failure);
}

static void scan_users(struct catchup *catchup)
{
    catchup->scan = (struct scan){
        .store = catchup->store,
        .command = "HSCAN",
        .page_size = PAGE_SIZE,
        .page = page_came,
        .failed = scan_failed,
        .arg = catchup,
    };
    key_name_make(&catchup->scan.key, catchup->store->setup->prefix, catchup->ride->name, "users");
    scan_begin(&catchup->scan);
}

/* --- the answer of the roster script --- */

enum answer { ANSWER_LOG, ANSWER_USERS, ANSWER_LARGE, ANSWER_ANEW, ANSWER_NONE };

/* Events may only follow on what is known. */
static enum answer read_answer(const struct catchup *catchup, const struct redisReply *reply,
                               struct broker_position *end)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        !call_read_position(reply->element[1], reply->element[2], end))
        return ANSWER_NONE;
    const char *word = reply->element[0]->str;
    if (strcmp(word, "large") == 0)
        return ANSWER_LARGE;
    if (strcmp(word, "anew") == 0)
        return ANSWER_ANEW;
    if (reply->elements != 4 || reply->element[3]->type != REDIS_REPLY_ARRAY)
        return ANSWER_NONE;
    if (strcmp(word, "log") != 0)
        return ANSWER_USERS;
    return catchup->known && strcmp(catchup->at.epoch, end->epoch) == 0 ? ANSWER_LOG : ANSWER_NONE;
}

/* From here on the set is built anew; what was scanned before the log was lost is void. */
static void start_scanning(struct catchup *catchup, const struct broker_position *position)
{
    scanned_clear(catchup);
    catchup->scanning = true;
    catchup->known = true;
    catchup->at = *position;
}

/* Nobody was aboard, and everything since is in the log: told from there, whoever exited meanwhile is told as
 * exited, not just missing. */
static void begin_anew(struct catchup *catchup, const struct broker_position *position)
{
    scanned_clear(catchup);
    catchup->scanning = false;
    catchup->known = true;
    catchup->at = *position;
    catchup->reports->roster(position, NULL, 0, catchup->arg);
    ask_roster_or_end(catchup);
}

static void take_answer(struct catchup *catchup, const struct redisReply *reply)
{
    struct broker_position end;
    enum answer answer = read_answer(catchup, reply, &end);

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
        scan_users(catchup);
        break;
    case ANSWER_ANEW:
        begin_anew(catchup, &end);
        break;
    case ANSWER_NONE:
        catchup_failed(catchup, store_complaint(reply));
        break;
    }
}

static void roster_answered(const struct redisReply *reply, void *arg)
{
    struct catchup *catchup = arg;

    if (!reply || !catchup->ride)
        catchup_failed(catchup, NULL);
    else if (scripts_missing(&catchup->store->scripts, SCRIPT_ROSTER, reply))
        ask_roster_or_end(catchup);
    else
        take_answer(catchup, reply);
}

struct catchup *catchup_start(struct store *store, struct redis_ride *ride,
                              const struct broker_position *known, const struct catchup_reports *reports,
                              void *arg)
{
    struct catchup *catchup = alloc_zeroed(sizeof *catchup);

    catchup->store = store;
    catchup->ride = ride;
    catchup->reports = reports;
    catchup->arg = arg;
    catchup->known = known != NULL;
    if (known)
        catchup->at = *known;
    if (ask_roster(catchup) == 0)
        return catchup;
    catchup_free(catchup);
    return NULL;
}
