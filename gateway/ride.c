/* Rides, members and the fan-out: see ride.h. */
#include "gateway/ride.h"
#include "gateway/wire.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    /* A long run of events (a roster's difference) is flushed in between, so that the logs stay within their
       bounds. */
    FLUSH_BYTES = 1 << 20,
    /* Room for the frame that passes FLUSH_BYTES. */
    FRAME_ROOM = 1 << 17,
};

void rides_init(struct rides *rides, size_t backlog_bytes)
{
    *rides = (struct rides){.backlog_bytes = backlog_bytes};
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
    struct ride *ride = calloc(1, sizeof *ride);
    if (!ride || !(ride->roster = roster_new()))
        abort();
    memcpy(ride->name, name, strnlen(name, RIDE_NAME_MAX));
    ride->rides = rides;
    /* fanlog_trim() may leave as many dead bytes as live ones. */
    for (int form = 0; form < WIRE_FORMS; form++)
        fanlog_init(&ride->log[form], 2 * (rides->backlog_bytes + FLUSH_BYTES + FRAME_ROOM));
    HASH_ADD_STR(rides->by_name, name, ride);
    return ride;
}

static void mark_clean(struct ride *ride)
{
    if (!ride->dirty)
        return;
    DL_DELETE2(ride->rides->dirty, ride, dirty_prev, dirty_next);
    ride->dirty = false;
    ride->unflushed = 0;
}

void ride_free(struct ride *ride)
{
    mark_clean(ride);
    HASH_DEL(ride->rides->by_name, ride);
    for (int form = 0; form < WIRE_FORMS; form++)
        fanlog_deinit(&ride->log[form]);
    history_deinit(&ride->history);
    roster_free(ride->roster);
    blob_unref(ride->snapshot);
    free(ride);
}

struct member *member_join(struct ride *ride, struct outlet *outlet, enum wire_form form)
{
    struct member *member = calloc(1, sizeof *member);
    if (!member)
        abort();
    *member = (struct member){
        .ride = ride, .outlet = outlet, .form = form, .cursor = fanlog_head(&ride->log[form])};
    DL_APPEND2(ride->members[form], member, ride_prev, ride_next);
    LL_PREPEND2(outlet->members, member, outlet_next);
    ride->member_count++;
    return member;
}

void member_leave(struct member *member)
{
    struct ride *ride = member->ride;
    DL_DELETE2(ride->members[member->form], member, ride_prev, ride_next);
    LL_DELETE2(member->outlet->members, member, outlet_next);
    ride->member_count--;
    free(member);
}

const char *member_stretch(const struct member *member, size_t *n)
{
    return fanlog_from(&member->ride->log[member->form], member->cursor, n);
}

void member_advance(struct member *member)
{
    member->cursor = fanlog_head(&member->ride->log[member->form]);
}

static void overflow_member(struct member *member)
{
    member_advance(member);
    outlet_overflow(member->outlet);
}

static void flush_form(struct ride *ride, enum wire_form form)
{
    struct fanlog *log = &ride->log[form];
    uint64_t head = fanlog_head(log);
    uint64_t slowest = head;
    struct member *member;
    DL_FOREACH2(ride->members[form], member, ride_next)
    {
        outlet_flush(member->outlet);
        if (member->outlet->overflowed || head - member->cursor > ride->rides->backlog_bytes)
            overflow_member(member);
        if (member->cursor < slowest)
            slowest = member->cursor;
    }
    fanlog_trim(log, slowest);
}

static void flush(struct ride *ride)
{
    mark_clean(ride);
    for (int form = 0; form < WIRE_FORMS; form++)
        flush_form(ride, (enum wire_form)form);
}

void rides_flush(struct rides *rides)
{
    while (rides->dirty)
        flush(rides->dirty);
}

void ride_event(struct ride *ride, enum broker_event_kind kind, const struct blob *user,
                const struct broker_position *position)
{
    for (int form = 0; form < WIRE_FORMS; form++) {
        if (!ride->members[form])
            continue;
        struct buf *bytes = fanlog_bytes(&ride->log[form]);
        size_t before = bytes->len;
        if (wire_event(bytes, (enum wire_form)form, ride->name, kind, user, position)) {
            /* No memory for the event: a client that would miss it is ended instead, so that it comes back.
             */
            struct member *member;
            DL_FOREACH2(ride->members[form], member, ride_next)
            overflow_member(member);
            continue;
        }
        ride->unflushed += bytes->len - before;
    }
    if (!ride->member_count)
        return;
    ride->rides->events++;
    ride->rides->deliveries += ride->member_count;
    if (!ride->dirty) {
        DL_APPEND2(ride->rides->dirty, ride, dirty_prev, dirty_next);
        ride->dirty = true;
    }
    if (ride->unflushed > FLUSH_BYTES)
        flush(ride);
}
