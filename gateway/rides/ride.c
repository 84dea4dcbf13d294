/* Rides, members and the fan-out: see ride.h. */
#include "gateway/rides/ride.h"

#include "common/budget.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    /* After so many bytes of events in one round (a roster's difference) the rest of it is not sliced, so
       that the logs stay within their bounds. */
    FLUSH_BYTES = 1 << 20,
    /* Room for the frame that passes FLUSH_BYTES. */
    FRAME_ROOM = 1 << 17,
    /* What a slice costs at most: a write counts one and one more for each SLICE_BYTES. About a millisecond,
       which is what everybody else may have to wait for a large ride. */
    SLICE = 128,
    SLICE_BYTES = 1 << 14,
};

void rides_init(struct rides *rides, size_t backlog_bytes, struct budget *budget)
{
    *rides = (struct rides){.backlog_bytes = backlog_bytes, .slice = SLICE, .budget = budget};
}

/* A log's memory was `before` bytes. */
static void count_log(const struct ride *ride, const struct fanlog *log, size_t before)
{
    budget_move(ride->rides->budget, BUDGET_EVENTS, before, log->bytes.size);
}

static void trim(const struct ride *ride, struct fanlog *log, uint64_t cursor)
{
    size_t before = log->bytes.size;

    fanlog_trim(log, cursor);
    count_log(ride, log, before);
}

void rides_deinit(struct rides *rides)
{
    struct ride *ride, *next;

    HASH_ITER(hh, rides->by_name, ride, next)
    ride_free(ride);
}

struct ride *rides_find(const struct rides *rides, const char *name)
{
    struct ride *ride;

    HASH_FIND_STR(rides->by_name, name, ride);
    return ride;
}

struct ride *ride_new(struct rides *rides, const char *name)
{
    struct ride *ride = alloc_zeroed(sizeof *ride);

    ride->roster = roster_new();
    memcpy(ride->name, name, strnlen(name, RIDE_NAME_MAX));
    ride->rides = rides;
    /* fanlog_trim() may leave as many dead bytes as live ones. */
    for (int form = 0; form < WIRE_FORMS; form++)
        fanlog_init(&ride->log[form], 2 * (rides->backlog_bytes + 2 * FLUSH_BYTES + FRAME_ROOM));
    HASH_ADD_STR(rides->by_name, name, ride);
    return ride;
}

static void count_news(struct ride *ride)
{
    if (ride->rides->delays && !ride->news)
        ride->news_us = clock_us();
    ride->news++;
}

/* Every member that is not blocked has had everything. */
static void news_told(struct ride *ride)
{
    const struct rides *rides = ride->rides;

    if (ride->news && rides->batches)
        metric_observe(rides->batches, (int64_t)ride->news);
    if (ride->news && rides->delays)
        metric_observe(rides->delays, (int64_t)(clock_us() - ride->news_us));
    ride->news = 0;
}

static void mark_clean(struct ride *ride)
{
    if (!ride->dirty)
        return;
    DL_DELETE2(ride->rides->dirty, ride, dirty_prev, dirty_next);
    ride->dirty = false;
}

size_t rides_backlog(const struct rides *rides)
{
    size_t bytes = 0;

    for (const struct ride *ride = rides->by_name; ride; ride = ride->hh.next)
        for (int form = 0; form < WIRE_FORMS; form++)
            bytes += (size_t)(fanlog_head(&ride->log[form]) - ride->log[form].base);
    return bytes;
}

void ride_free(struct ride *ride)
{
    mark_clean(ride);
    HASH_DEL(ride->rides->by_name, ride);
    for (int form = 0; form < WIRE_FORMS; form++) {
        size_t before = ride->log[form].bytes.size;

        fanlog_deinit(&ride->log[form]);
        count_log(ride, &ride->log[form], before);
    }
    history_deinit(&ride->history);
    shares_deinit(&ride->pace);
    roster_free(ride->roster);
    ride_changed(ride);
    free(ride);
}

struct blob *ride_snapshot(struct ride *ride)
{
    if (ride->snapshot)
        return ride->snapshot;
    char offset[WIRE_OFFSET_SIZE];
    wire_offset(&ride->position, offset);
    struct buf json;
    buf_init(&json, SIZE_MAX / 2);
    if (buf_appendf(&json, "{\"offset\":\"%s\",\"users\":", offset) == 0 &&
        roster_print(ride->roster, &json) == 0 && buf_append(&json, "}", 1) == 0)
        ride->snapshot = blob_new(json.data, json.len);
    buf_deinit(&json);
    if (ride->snapshot)
        budget_share(ride->rides->budget, ride->snapshot);
    return ride->snapshot;
}

void ride_changed(struct ride *ride)
{
    if (ride->snapshot)
        budget_unshare(ride->rides->budget, ride->snapshot);
    blob_unref(ride->snapshot);
    ride->snapshot = NULL;
}

/* Gives back what is kept for members who have left or caught up, and counts who is behind. */
static void take_stock(struct ride *ride, enum wire_form form)
{
    struct fanlog *log = &ride->log[form];
    struct flush *flush = &ride->flush[form];
    uint64_t slowest = fanlog_head(log);
    const struct member *member;

    log->behind = 0;
    DL_FOREACH(ride->members[form], member)
    {
        log->behind += member->reader.cursor < fanlog_head(log);
        if (member->reader.cursor < slowest)
            slowest = member->reader.cursor;
    }
    trim(ride, log, slowest);
    if (flush->slowest < slowest)
        flush->slowest = slowest; /* what the round has met may be gone now */
    size_t before = log->bytes.size;

    fanlog_shed(log);
    count_log(ride, log, before);
}

void rides_shed(struct rides *rides)
{
    for (struct ride *ride = rides->by_name; ride; ride = ride->hh.next) {
        ride_changed(ride);
        for (int form = 0; form < WIRE_FORMS; form++)
            take_stock(ride, (enum wire_form)form);
    }
}

/* Which of the ride's logs the member reads. */
static enum wire_form form_of(const struct member *member)
{
    return (enum wire_form)(member->reader.log - member->ride->log);
}

void member_join(struct member *member, struct ride *ride, struct outlet *outlet, enum wire_form form)
{
    *member = (struct member){.ride = ride, .outlet = outlet, .reader = {.log = &ride->log[form]}};
    fanlog_skip(&member->reader);
    /* The last to be visited: in the middle of a round it would have the place of one who is due, and what
       that one has not had would be trimmed. */
    if (ride->flush[form].next)
        DL_PREPEND_ELEM(ride->members[form], ride->flush[form].next, member);
    else
        DL_APPEND(ride->members[form], member);
    outlet_join(outlet, &member->reader);
    ride->counts[form]++;
    ride->member_count++;
}

void member_leave(struct member *member)
{
    struct ride *ride = member->ride;
    enum wire_form form = form_of(member);
    struct flush *flush = &ride->flush[form];

    if (flush->next == member)
        flush->next = member->next;
    DL_DELETE(ride->members[form], member);
    outlet_leave(member->outlet, &member->reader);
    ride->counts[form]--;
    ride->member_count--;
    member->ride = NULL;
}

static void lose_member(struct member *member)
{
    fanlog_skip(&member->reader);
    outlet_lag(member->outlet);
}

/* Gives a member what it has not had, and what it still lacks a bound. Returns what that cost. */
static size_t visit(struct member *member)
{
    uint64_t head = fanlog_head(member->reader.log);
    uint64_t behind = head - member->reader.cursor;

    outlet_flush(member->outlet);
    if (member->outlet->overflowed || member->outlet->skipped ||
        head - member->reader.cursor > member->ride->rides->backlog_bytes)
        lose_member(member);
    return 1 + (size_t)behind / SLICE_BYTES;
}

/* Goes on with a log until everybody has had everything, or the budget is used up. Returns what is left of
 * it. */
static size_t flush_form(struct ride *ride, enum wire_form form, size_t budget)
{
    struct flush *flush = &ride->flush[form];
    struct fanlog *log = &ride->log[form];

    while (flush->due && ride->counts[form] && budget) {
        if (!flush->left) {
            flush->left = ride->counts[form];
            flush->slowest = fanlog_head(log);
            flush->appended = 0;
        }
        struct member *member = flush->next ? flush->next : ride->members[form];
        size_t cost = visit(member);
        budget -= cost < budget ? cost : budget;
        if (member->reader.cursor < flush->slowest)
            flush->slowest = member->reader.cursor;
        flush->next = member->next;
        flush->due--;
        if (!--flush->left)
            trim(ride, log, flush->slowest);
    }
    if (!ride->counts[form]) {
        flush->due = flush->left = 0; /* what the round has met may be trimmed now */
        trim(ride, log, fanlog_head(log));
    }
    return budget;
}

/* Returns what is left of the budget; none: there may be more to do. */
static size_t flush(struct ride *ride, size_t budget)
{
    for (int form = 0; form < WIRE_FORMS && budget; form++)
        budget = flush_form(ride, (enum wire_form)form, budget);
    if (budget) {
        news_told(ride);
        mark_clean(ride);
    }
    return budget;
}

bool rides_flush(struct rides *rides)
{
    size_t budget = rides->slice;

    while (rides->dirty && budget) {
        struct ride *ride = rides->dirty;

        budget = flush(ride, budget);
        if (!budget) {
            /* The others come first in the next turn. */
            DL_DELETE2(rides->dirty, ride, dirty_prev, dirty_next);
            DL_APPEND2(rides->dirty, ride, dirty_prev, dirty_next);
        }
    }
    return rides->dirty != NULL;
}

void ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                const struct broker_position *position)
{
    bool full = false;

    for (int form = 0; form < WIRE_FORMS; form++) {
        if (!ride->members[form])
            continue;
        struct buf *bytes = fanlog_bytes(&ride->log[form]);
        size_t before = bytes->len, size = bytes->size;
        int failed = wire_event(bytes, (enum wire_form)form, ride->name, kind, user, position);

        count_log(ride, &ride->log[form], size);
        if (failed) {
            /* No memory for the event: a client that would miss it is ended instead, so that it comes back.
             */
            struct member *member;

            DL_FOREACH(ride->members[form], member)
            lose_member(member);
            continue;
        }
        struct flush *flush = &ride->flush[form];
        if (!flush->due)
            flush->left = flush->appended = 0; /* all have had everything before: a new round */
        flush->due = ride->counts[form];
        flush->appended += bytes->len - before;
        full = full || flush->appended > FLUSH_BYTES;
    }
    if (!ride->member_count)
        return;
    count_news(ride);
    ride->rides->events++;
    ride->rides->deliveries += ride->member_count;
    if (!ride->dirty) {
        DL_APPEND2(ride->rides->dirty, ride, dirty_prev, dirty_next);
        ride->dirty = true;
    }
    if (full)
        flush(ride, SIZE_MAX);
}
