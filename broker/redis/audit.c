/*
 * One run over a ride, a step with each answer:
 *
 *   connections, page by page ─▶ persons, page by page ─▶ tally ─▶ what this node holds, all at once
 *
 * A run knows its ride by name: it may be freed meanwhile.
 */
#include "broker/redis/audit.h"

#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/held.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/scan.h"
#include "broker/redis/watch.h"
#include "common/clock.h"
#include "common/user.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    RUNNING_MAX = 2,       /* others' calls wait for those that Redis has already */
    BEGUN_PER_BEAT = 200,  /* rides: with more than that in a round's beats, a round takes longer */
    CHECK_EVERY_MS = 1000, /* of a ride, at most: anybody who reaches Redis can ask all nodes for it */
    SETTLED_MS = 500,      /* nodes that were asked to check have put back what they hold */
    PAGES_MAX = 100000,    /* of a run: of a few million connections and persons; Redis does come to an end */
    NODES_MAX = 1000,      /* of a page: more than BITE connections, where the hash is small */
    REST_MS = 12,          /* after a page, some 20 times what it takes Redis: so much an audit may cost */
    MARK_LEN = 8,          /* hexadecimal digits of a record's SHA-1 */
    CHECKED_LEN = SOCKET_ID_LEN + MARK_LEN,
};

struct audit_run {
    struct audit *audit;
    char ride[RIDE_NAME_MAX + 1];
    const char *what; /* is gone through: connections or users */
    char cursor[SCAN_CURSOR_SIZE];
    unsigned pages;
    bool in_turn; /* not because something was wrong */
    bool wrong;   /* something was */

    /* Of the persons: where their first page was, a sum of their records, whether nothing happened meanwhile.
     */
    struct broker_position users_at;
    uint32_t marks;
    bool steady;
};

/* NULL: it is not known here any more, or another server's. */
static struct redis_ride *find_ride(const struct audit *audit, const char *name)
{
    struct redis_ride *ride = redis_rides_find(audit->rides, name, strlen(name));

    return ride && ride->store == audit->store ? ride : NULL;
}

static struct redis_ride *ride_of(const struct audit_run *run)
{
    return find_ride(run->audit, run->ride);
}

/* Nobody waits for an audit: what Redis does not let it read is that ride's trouble, and no reason to give up
 * the connection that all rides share. */
static enum call_verdict judge(struct audit *audit, enum script script, const struct redisReply *reply)
{
    if (!reply)
        return CALL_LOST;
    if (store_defers(audit->store, reply))
        return CALL_LATER;
    return scripts_missing(&audit->store->scripts, script, reply) ? CALL_AGAIN : CALL_ANSWERED;
}

/* --- what this node holds --- */

/* Of a check under way. */
struct checked {
    struct audit *audit;
    char ride[RIDE_NAME_MAX + 1];
    size_t left; /* of what this node holds there, for the next calls */
};

static void check_some(struct audit *audit, struct redis_ride *ride, size_t left);

static void check_answered(const struct redisReply *reply, void *arg)
{
    struct checked *checked = arg;
    struct store *store = checked->audit->store;
    struct redis_ride *ride = find_ride(checked->audit, checked->ride);
    char socket_id[SOCKET_ID_LEN + 1];

    if (judge(checked->audit, SCRIPT_CHECK, reply) == CALL_ANSWERED && ride) {
        if (reply->type != REDIS_REPLY_ARRAY)
            store_trouble(store, "cannot check the riders of %s: %s", checked->ride, store_complaint(reply));
        for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
            if (record_parse_socket_id(reply_slice(reply->element[i]), socket_id) == 0)
                held_lost(ride, socket_id);
        if (checked->left > 0)
            check_some(checked->audit, ride, checked->left);
    }
    free(checked);
}

/* Appends the socket and the mark of its record. */
static void add_checked(const struct held *held, char *at)
{
    char mark[MARK_LEN + 1];

    snprintf(mark, sizeof mark, "%08" PRIx32, user_mark(held->user));
    memcpy(at, held->socket_id, SOCKET_ID_LEN);
    memcpy(at + SOCKET_ID_LEN, mark, MARK_LEN);
}

/* As many as one call takes; the others when it has been answered. */
static void check_some(struct audit *audit, struct redis_ride *ride, size_t left)
{
    const struct held *sockets[BITE];
    char text[BITE * CHECKED_LEN];
    size_t count = 0;
    struct call call;

    while (count == 0 && left > 0) {
        size_t max = left < BITE ? left : BITE;

        count = held_next(ride, sockets, max);
        left -= max;
    }
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        add_checked(sockets[i], text + i * CHECKED_LEN);
    struct checked *checked = alloc_zeroed(sizeof *checked);
    checked->audit = audit;
    checked->left = left;
    memcpy(checked->ride, ride->name, sizeof checked->ride);
    call_ride(&call, audit->store, SCRIPT_CHECK, ride->name, NULL);
    call_text(&call, audit->store->node);
    call_bytes(&call, text, count * CHECKED_LEN);
    if (call_send(&call, check_answered, checked) != 0)
        free(checked);
}

/* Noted once more, too. Asked for again too soon, it is done on a later beat. */
static void check_held(struct audit *audit, struct redis_ride *ride)
{
    size_t left = held_count(ride);
    uint64_t now = clock_ms();

    ride->check_due = left > 0 && ride->checked_ms > 0 && now - ride->checked_ms < CHECK_EVERY_MS;
    if (left == 0 || ride->check_due)
        return;
    ride->checked_ms = now;
    ride->notes.ride = false;
    notes_hold(&ride->notes, audit->store, ride->name);
    check_some(audit, ride, left);
}

/* --- Redis' side --- */

static void go_on(struct audit *audit);

static void end_run(struct audit_run *run)
{
    struct audit *audit = run->audit;

    audit->running--;
    free(run);
    go_on(audit);
}

static int ask(struct audit_run *run);

static void ask_or_end(struct audit_run *run)
{
    if (ask(run) != 0)
        end_run(run);
}

/* So that whoever looks after dead nodes looks after these if they are dead. */
static void note_nodes(const struct audit_run *run, const struct redisReply *nodes)
{
    struct store *store = run->audit->store;
    char node[RECORD_NODE_MAX + 1];

    for (size_t i = 0; i < nodes->elements && i < NODES_MAX; i++)
        if (record_parse_node(reply_slice(nodes->element[i]), node) == 0 && strcmp(node, store->node) != 0)
            notes_node(store, node, run->ride);
}

/* To every node that follows the ride, this one as well. */
static void tell_tally(const struct audit_run *run, const struct broker_position *position, long long aboard)
{
    char tally[EPOCH_LEN + CHAIN_LEN + 80];
    struct call call;

    snprintf(tally, sizeof tally, "tally %s %" PRIu64 " %s %lld %" PRIu32, position->epoch, position->offset,
             position->chain, aboard, run->marks);
    call_command(&call, run->audit->store, run->audit->store->cluster ? "SPUBLISH" : "PUBLISH");
    call_channel(&call, run->ride);
    call_text(&call, tally);
    call_tell(&call);
}

/* Redis' side has been gone through, or another node did so just now. */
static void finish(struct audit_run *run, const struct broker_position *position,
                   const struct redisReply *reply)
{
    struct redis_ride *ride = ride_of(run);
    long long aboard = reply->element[4]->integer, suspended = reply->element[5]->integer;

    if (suspended > 0)
        notes_away(run->audit->store, run->ride);
    if (run->steady && !run->wrong)
        tell_tally(run, position, aboard);
    if (ride)
        check_held(run->audit, ride);
    end_run(run);
}

/* Of a page of persons. Only if nothing happens meanwhile the sum is that of a position. */
static void add_marks(struct audit_run *run, const struct broker_position *position, long long marks)
{
    run->steady =
        run->users_at.epoch[0] == '\0' || (run->steady && broker_position_equal(&run->users_at, position));
    run->users_at = *position;
    run->marks += (uint32_t)marks;
}

static void page_done(struct audit_run *run, const struct broker_position *position,
                      const struct redisReply *reply)
{
    note_nodes(run, reply->element[7]);
    if (strcmp(run->what, "users") == 0)
        add_marks(run, position, reply->element[9]->integer);
    run->wrong = run->wrong || reply->element[8]->integer != 0;
    if (strcmp(run->cursor, "0") == 0 && strcmp(run->what, "users") == 0) {
        finish(run, position, reply);
        return;
    }
    if (strcmp(run->cursor, "0") == 0)
        run->what = "users";
    ask_or_end(run);
}

static bool is_count(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0;
}

/* What scripts/audit.lua answers: a page, whose cursor is kept, or that this was done just now. */
static bool read_answer(struct audit_run *run, const struct redisReply *reply,
                        struct broker_position *position)
{
    if (!call_read_position(reply, position) || reply->elements < 6 || !is_count(reply->element[4]) ||
        !is_count(reply->element[5]))
        return false;
    return reply->elements == 6 ||
           (reply->elements == 10 && scan_read_cursor(reply->element[6], run->cursor) &&
            ++run->pages <= PAGES_MAX && reply->element[7]->type == REDIS_REPLY_ARRAY &&
            reply->element[8]->type == REDIS_REPLY_INTEGER && reply->element[9]->type == REDIS_REPLY_INTEGER);
}

static void answered(const struct redisReply *reply, void *arg)
{
    struct audit_run *run = arg;
    struct redis_ride *ride = ride_of(run);
    struct broker_position position;

    switch (judge(run->audit, SCRIPT_AUDIT, reply)) {
    case CALL_LOST:
    case CALL_LATER: /* in its turn */
        end_run(run);
        return;
    case CALL_AGAIN:
        ask_or_end(run);
        return;
    case CALL_ANSWERED:
        break;
    }
    if (!read_answer(run, reply, &position)) {
        store_trouble(run->audit->store, "cannot audit %s: %s", run->ride, store_complaint(reply));
        end_run(run);
        return;
    }
    if (ride)
        redis_ride_reached(ride, &position);
    if (reply->elements == 6)
        finish(run, &position, reply);
    else
        page_done(run, &position, reply);
}

/* 0, or -1 when there is no connection. */
static int ask(struct audit_run *run)
{
    struct call call;

    call_ride(&call, run->audit->store, SCRIPT_AUDIT, run->ride,
              redis_rides_known(run->audit->rides, run->ride));
    call_text(&call, run->what);
    call_text(&call, run->cursor);
    call_number(&call, BITE);
    call_number(&call, run->in_turn ? AUDIT_ROUND_MS / 2 : SETTLED_MS / 2);
    call_number(&call, run->in_turn ? REST_MS : 0);
    return call_send(&call, answered, run);
}

/* --- whose turn it is --- */

static void set_due(struct audit *audit, struct redis_ride *ride, enum audit_due due)
{
    DL_DELETE2(audit->due[ride->audit_due], ride, audit_prev, audit_next);
    ride->audit_due = due;
    ride->audit_soon_ms = clock_ms() + SETTLED_MS;
    DL_APPEND2(audit->due[due], ride, audit_prev, audit_next);
}

/* One that is due at once, or else the one that had its turn longest ago, if that is long enough; NULL: none.
 */
static struct redis_ride *next_ride(struct audit *audit, uint64_t now)
{
    struct redis_ride *ride = audit->due[AUDIT_AT_ONCE], *longest_ago = audit->due[AUDIT_IN_TURN];

    if (!ride && longest_ago && longest_ago->audit_ms <= now)
        ride = longest_ago;
    if (!ride)
        return NULL;
    ride->audit_ms = now + AUDIT_ROUND_MS;
    set_due(audit, ride, AUDIT_IN_TURN);
    return ride;
}

static void begin_run(struct audit *audit, struct redis_ride *ride, bool in_turn)
{
    struct audit_run *run = alloc_zeroed(sizeof *run);

    run->audit = audit;
    run->in_turn = in_turn;
    memcpy(run->ride, ride->name, sizeof run->ride);
    run->what = "connections";
    strcpy(run->cursor, "0");
    audit->running++;
    audit->begun++;
    ask_or_end(run);
}

static void go_on(struct audit *audit)
{
    uint64_t now = clock_ms();
    struct redis_ride *ride;

    while (audit->store->up && audit->running < RUNNING_MAX && audit->begun < BEGUN_PER_BEAT) {
        bool in_turn = !audit->due[AUDIT_AT_ONCE];

        ride = next_ride(audit, now);
        if (!ride)
            return;
        begin_run(audit, ride, in_turn);
    }
}

static void check_due(struct audit *audit)
{
    struct redis_ride *ride;

    for (int due = 0; due < AUDIT_DUE_COUNT; due++)
        DL_FOREACH2(audit->due[due], ride, audit_next)
        {
            if (ride->check_due)
                check_held(audit, ride);
        }
}

void audit_beat(struct audit *audit)
{
    uint64_t now = clock_ms();
    struct redis_ride *ride;

    check_due(audit);
    audit->begun = 0;
    while ((ride = audit->due[AUDIT_SOON]) && ride->audit_soon_ms <= now)
        set_due(audit, ride, AUDIT_AT_ONCE);
    go_on(audit);
}

void audit_ride(struct audit *audit, struct redis_ride *ride)
{
    if (ride->audit_due != AUDIT_AT_ONCE)
        set_due(audit, ride, AUDIT_AT_ONCE);
}

void audit_check(struct audit *audit, struct redis_ride *ride)
{
    check_held(audit, ride);
    if (ride->audit_due == AUDIT_IN_TURN)
        set_due(audit, ride, AUDIT_SOON);
}

void audit_all(struct audit *audit)
{
    struct redis_ride *ride;

    for (int due = 0; due < AUDIT_AT_ONCE; due++)
        while ((ride = audit->due[due]))
            set_due(audit, ride, AUDIT_AT_ONCE);
}

void audit_begin(struct audit *audit, struct redis_ride *ride)
{
    ride->audit_due = AUDIT_IN_TURN;
    DL_APPEND2(audit->due[AUDIT_IN_TURN], ride, audit_prev, audit_next);
}

void audit_end(struct audit *audit, struct redis_ride *ride)
{
    DL_DELETE2(audit->due[ride->audit_due], ride, audit_prev, audit_next);
}
