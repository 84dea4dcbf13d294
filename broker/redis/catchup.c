/*
 * Asking and scanning.
 */
#include "broker/redis/catchup.h"

#include "broker/broker_metrics.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/scan.h"
#include "common/metrics.h"
#include "common/user.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Events or users in one answer, about. Of users whose records are short more come in the next one: as many
 * as PAGE_BYTES hold, so that no answer keeps Redis or this thread for long. */
enum { PAGE_SIZE = 100, PAGE_SIZE_MAX = 500, PAGE_BYTES = 4 << 20 };

/* A log that was spoiled, or an epoch that has begun, meanwhile: more than that does not happen. */
enum { DETOURS_MAX = 3 };

struct scanned {
    struct blob *user;
    UT_hash_handle hh;
    char id[USER_ID_MAX + 1];
};

/* An event to be told after the roster. */
struct retold {
    struct record_event event; /* but for the record */
    struct blob *user;
    struct retold *next;
};

struct catchup {
    struct store *store;
    struct redis_ride *ride; /* NULL: abandoned */
    const struct catchup_reports *reports;
    void *arg;
    struct scan scan;
    bool known;
    struct broker_position at; /* told, or scanned, up to here; only when known */
    bool renew;                /* a new epoch is to begin */
    bool scanning;
    struct scanned *riders; /* by the user's id; while scanning */
    size_t bytes;           /* of these, and of the events to be told after them */
    bool replayed;          /* some event came from the log */
    unsigned detours;       /* it was begun anew, or the ride was */
    bool retelling;         /* scanned to be told as the roster with which its epoch began */
    struct broker_position began;
    struct retold *retold_first, **retold_last; /* all events of that epoch */
};

/* --- what was scanned --- */

static void scanned_remove(struct catchup *catchup, const char *id)
{
    struct scanned *rider;

    HASH_FIND_STR(catchup->riders, id, rider);
    if (!rider)
        return;
    HASH_DEL(catchup->riders, rider);
    catchup->bytes -= broker_rider_bytes(rider->user->len);
    blob_unref(rider->user);
    free(rider);
}

/* Takes the record. */
static void scanned_set(struct catchup *catchup, const char *id, struct blob *user)
{
    struct scanned *rider = alloc_zeroed(sizeof *rider);

    scanned_remove(catchup, id);
    memcpy(rider->id, id, strlen(id));
    rider->user = user;
    catchup->bytes += broker_rider_bytes(user->len);
    HASH_ADD_STR(catchup->riders, id, rider);
}

static void scanned_clear(struct catchup *catchup)
{
    while (catchup->riders)
        scanned_remove(catchup, catchup->riders->id);
}

/* Hands over everything as a roster. */
static void scanned_tell(struct catchup *catchup, const struct broker_position *position)
{
    size_t count = 0;
    struct broker_rider *riders = alloc_zeroed((HASH_COUNT(catchup->riders) + 1) * sizeof *riders);

    for (struct scanned *rider = catchup->riders; rider; rider = rider->hh.next)
        riders[count++].user = blob_ref(rider->user);
    catchup->reports->roster(position, riders, count, catchup->arg);
}

/* --- what is told after that --- */

static void retold_clear(struct catchup *catchup)
{
    struct retold *retold;

    while ((retold = catchup->retold_first)) {
        catchup->retold_first = retold->next;
        catchup->bytes -= broker_rider_bytes(retold->user->len);
        blob_unref(retold->user);
        free(retold);
    }
    catchup->retold_last = &catchup->retold_first;
    catchup->retelling = false;
}

/* Its person is told by it, not by the roster. */
static void retold_add(struct catchup *catchup, const struct record_event *event)
{
    struct retold *retold = alloc_zeroed(sizeof *retold);
    char id[USER_ID_MAX + 1];

    retold->event = *event;
    retold->user = alloc_blob(event->user.at, event->user.len);
    retold->event.user = (struct json_slice){retold->user->data, retold->user->len};
    catchup->bytes += broker_rider_bytes(retold->user->len);
    *catchup->retold_last = retold;
    catchup->retold_last = &retold->next;
    user_id(retold->user, id);
    if (event->kind != BROKER_ENDED)
        scanned_remove(catchup, id);
}

static void tell_all(struct catchup *catchup)
{
    scanned_tell(catchup, catchup->retelling ? &catchup->began : &catchup->at);
    for (const struct retold *retold = catchup->retold_first; retold; retold = retold->next)
        catchup->reports->event(&retold->event, catchup->arg);
}

/* --- life --- */

static void catchup_free(struct catchup *catchup)
{
    scanned_clear(catchup);
    retold_clear(catchup);
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
        tell_all(catchup);
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

    call_ride(&call, catchup->store, SCRIPT_ROSTER, catchup->ride->name, &catchup->ride->known);
    call_number(&call, PAGE_SIZE);
    call_text(&call, catchup->known ? catchup->at.epoch : "");
    call_number(&call, catchup->at.offset);
    call_text(&call, catchup->at.chain);
    call_number(&call, catchup->renew);
    return call_send(&call, roster_answered, catchup);
}

static void ask_roster_or_end(struct catchup *catchup)
{
    if (ask_roster(catchup) != 0)
        catchup_failed(catchup, NULL);
}

/* Redis says again and again what leads nowhere. Whether it is left alone for a while. */
static bool is_led_astray(struct catchup *catchup)
{
    if (++catchup->detours <= DETOURS_MAX)
        return false;
    catchup_failed(catchup, "what it answers leads nowhere");
    return true;
}

static void start_again(struct catchup *catchup)
{
    if (is_led_astray(catchup))
        return;
    catchup->known = false;
    catchup->scanning = false;
    scanned_clear(catchup);
    retold_clear(catchup);
    ask_roster_or_end(catchup);
}

/* Redis has more than a ride may hold, or says so. Whether it is left alone for a while. */
static bool is_too_much(struct catchup *catchup)
{
    size_t max = catchup->store->setup->roster_bytes;

    if (!max || catchup->bytes <= max)
        return false;
    catchup_failed(catchup, "its riders are more than --roster-bytes allows");
    return true;
}

/* --- 'log' --- */

static void apply_to_scanned(struct catchup *catchup, const struct record_event *event)
{
    struct blob *user = alloc_blob(event->user.at, event->user.len);
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    if (event->kind == BROKER_BOARDED || event->kind == BROKER_RESTORED) {
        scanned_set(catchup, id, user);
        return;
    }
    if (event->kind != BROKER_ENDED)
        scanned_remove(catchup, id);
    blob_unref(user);
}

static void apply_event(struct catchup *catchup, const struct record_event *event)
{
    if (catchup->retelling)
        retold_add(catchup, event);
    else if (catchup->scanning)
        apply_to_scanned(catchup, event);
    else
        catchup->reports->event(event, catchup->arg);
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
        memcpy(event.position.epoch, catchup->at.epoch, sizeof event.position.epoch);
        memcpy(event.before, catchup->at.chain, sizeof event.before);
        catchup->at = event.position;
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
    bool is_whole = apply_log(catchup, entries) == 0;

    if (is_too_much(catchup))
        return;
    if (!is_whole || (entries->elements == 0 && catchup->at.offset < end->offset))
        start_again(catchup);
    else if (catchup->at.offset < end->offset)
        ask_roster_or_end(catchup);
    else
        catchup_done(catchup);
}

/* --- 'users' and HSCAN --- */

/* A record that is not ours stands in nobody's way. */
static void delete_user(struct catchup *catchup, struct json_slice id)
{
    struct call call;

    bad_record(catchup, "users");
    call_command(&call, catchup->store, "HDEL");
    call_bytes(&call, catchup->scan.key.text, catchup->scan.key.len);
    call_bytes(&call, id.at, id.len);
    call_tell(&call);
}

/* Adds [ id, user, … ] to what was scanned. */
static void add_users(struct catchup *catchup, const struct redisReply *pairs)
{
    char id[USER_ID_MAX + 1];

    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        struct json_slice key = reply_slice(pairs->element[i]), record = reply_slice(pairs->element[i + 1]);
        struct blob *user = record_user_valid(record) ? alloc_blob(record.at, record.len) : NULL;

        if (user)
            user_id(user, id);
        if (user && strlen(id) == key.len && memcmp(id, key.at, key.len) == 0) {
            scanned_set(catchup, id, user);
        } else {
            blob_unref(user);
            delete_user(catchup, key);
        }
    }
}

/* The next page is taken to be like this one. */
static unsigned next_page_size(const struct redisReply *pairs)
{
    size_t bytes = 0;

    for (size_t i = 0; i < pairs->elements; i++)
        bytes += pairs->element[i]->len;
    size_t users = pairs->elements / 2, fit = bytes ? PAGE_BYTES * users / bytes : PAGE_SIZE;

    return fit < 1 ? 1 : fit > PAGE_SIZE_MAX ? PAGE_SIZE_MAX : (unsigned)fit;
}

static void page_came(const struct redisReply *pairs, void *arg)
{
    struct catchup *catchup = arg;

    if (!catchup->ride) {
        catchup_failed(catchup, NULL);
        return;
    }
    add_users(catchup, pairs);
    if (is_too_much(catchup))
        return;
    catchup->scan.page_size = next_page_size(pairs);
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

/* --- the answer of the roster script --- */

enum answer { ANSWER_LOG, ANSWER_USERS, ANSWER_LARGE, ANSWER_ANEW, ANSWER_NONE };

/* Events may only follow on what is known. */
static enum answer read_answer(const struct catchup *catchup, const struct redisReply *reply,
                               struct broker_position *end)
{
    const char *word = call_read_word(reply);

    if (!call_read_position(reply, end))
        return ANSWER_NONE;
    if (strcmp(word, "large") == 0)
        return ANSWER_LARGE;
    if (strcmp(word, "anew") == 0)
        return reply->elements == 5 && reply->element[4]->type == REDIS_REPLY_INTEGER ? ANSWER_ANEW
                                                                                      : ANSWER_NONE;
    if (reply->elements != 5 || reply->element[4]->type != REDIS_REPLY_ARRAY)
        return ANSWER_NONE;
    if (strcmp(word, "log") != 0)
        return ANSWER_USERS;
    return catchup->known && strcmp(catchup->at.epoch, end->epoch) == 0 ? ANSWER_LOG : ANSWER_NONE;
}

/* From here on the set is built anew; what was scanned before the log was lost is void. */
static void start_scanning(struct catchup *catchup, const struct broker_position *position)
{
    scanned_clear(catchup);
    retold_clear(catchup);
    catchup->renew = false;
    catchup->scanning = true;
    catchup->known = true;
    catchup->at = *position;
}

/* Everything since the epoch began is in the log: told from there, whoever exited meanwhile is told as
 * exited, not just missing, and whoever boarded as boarded, though the gateway may have had that rider
 * before. */
static void begin_anew(struct catchup *catchup, const struct broker_position *position, bool with_riders)
{
    if (is_led_astray(catchup))
        return;
    start_scanning(catchup, position);
    catchup->retelling = true;
    catchup->began = *position;
    if (with_riders)
        scan_begin(&catchup->scan);
    else
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
        got_log(catchup, &end, reply->element[4]);
        break;
    case ANSWER_USERS:
        start_scanning(catchup, &end);
        add_users(catchup, reply->element[4]);
        if (!is_too_much(catchup))
            catchup_done(catchup);
        break;
    case ANSWER_LARGE:
        start_scanning(catchup, &end);
        scan_begin(&catchup->scan);
        break;
    case ANSWER_ANEW:
        begin_anew(catchup, &end, reply->element[4]->integer != 0);
        break;
    case ANSWER_NONE:
        catchup_failed(catchup, store_defers(catchup->store, reply) ? "" : store_complaint(reply));
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
                              const struct broker_position *known, bool renew,
                              const struct catchup_reports *reports, void *arg)
{
    struct catchup *catchup = alloc_zeroed(sizeof *catchup);

    catchup->store = store;
    catchup->ride = ride;
    catchup->reports = reports;
    catchup->arg = arg;
    catchup->known = known != NULL;
    catchup->renew = renew;
    catchup->retold_last = &catchup->retold_first;
    if (known)
        catchup->at = *known;
    catchup->scan = (struct scan){
        .store = store,
        .command = "HSCAN",
        .page_size = PAGE_SIZE,
        .page = page_came,
        .failed = scan_failed,
        .arg = catchup,
    };
    key_name_make(&catchup->scan.key, store->setup->prefix, ride->name, "users");
    if (ask_roster(catchup) == 0)
        return catchup;
    catchup_free(catchup);
    return NULL;
}
