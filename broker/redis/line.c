/*
 * Rides in turn, and runs of their transitions.
 */
#include "broker/redis/line.h"

#include "broker/redis/call.h"

#include <utlist.h>

enum {
    LOG_READER_COST = 8, /* operations, for one that may look through the log */
    LOOKED_AT_MAX = 64,  /* rides, for one call: of those that wait, none may be able to join it */
};

/* What is left of a call. */
struct room {
    size_t operations; /* that do not look through the log */
    size_t rides, bytes;
};

void line_add(struct line *line, struct transition *transition)
{
    struct redis_ride *ride = transition->ride;

    transition->stage = TRANSITION_WAITING;
    line->count++;
    if (!ride->waiting)
        DL_APPEND2(line->rides, ride, line_prev, line_next);
    if (!ride->waiting || transition->sequence < ride->waiting->sequence)
        ride->waiting = transition;
}

/* What may have been done before is looked for in the log. */
static size_t cost_of(const struct transition *transition)
{
    bool reads_log =
        transition->script == SCRIPT_SUSPEND || transition->script == SCRIPT_RESTORE || transition->unsure;

    return reads_log ? LOG_READER_COST : 1;
}

bool line_is_long(const struct line *line)
{
    return line->rides && line->count >= CALL_OPERATIONS_MAX / cost_of(line->rides->waiting);
}

static size_t bytes_of(const struct transition *transition)
{
    return transition->order->user ? transition->order->user->len : 0;
}

/* Where the first of a ride fails, so does what comes behind it. */
static bool fails(const struct transition *transition)
{
    return transition->failing_ms > 0 || transition->ride->transitions->failing_ms > 0;
}

static bool may_share(const struct transition *one, const struct transition *other)
{
    return one->script == other->script && !fails(one) && !fails(other) &&
           (one->ride == other->ride || !(one->ride->apart || other->ride->apart));
}

static bool fits(const struct transition *transition, const struct room *room)
{
    return cost_of(transition) <= room->operations && bytes_of(transition) <= room->bytes;
}

static void count_sent(struct line *line, const struct transition *transition, struct room *room)
{
    size_t bytes = bytes_of(transition);

    line->count--;
    room->operations -= cost_of(transition);
    room->bytes -= bytes < room->bytes ? bytes : room->bytes;
}

/* The first of the ride that waits, and those right behind it. */
static struct transition *take_run(struct line *line, struct redis_ride *ride, struct room *room)
{
    struct transition *first = ride->waiting, *next = first;

    first->together = 0;
    first->next_run = NULL;
    do {
        count_sent(line, next, room);
        next->stage = TRANSITION_SENT;
        first->together++;
        next = next->ride_next;
    } while (next && next->stage == TRANSITION_WAITING && may_share(first, next) && fits(next, room));
    while (next && next->stage != TRANSITION_WAITING)
        next = next->ride_next;
    ride->waiting = next;
    room->rides--;
    return first;
}

/* The ride has had its turn. */
static void step_back(struct line *line, struct redis_ride *ride)
{
    DL_DELETE2(line->rides, ride, line_prev, line_next);
    if (ride->waiting)
        DL_APPEND2(line->rides, ride, line_prev, line_next);
}

struct transition *line_take(struct line *line)
{
    struct redis_ride *ride = line->rides, *last = ride ? ride->line_prev : NULL, *next;
    struct transition *first = NULL, *latest = NULL;
    struct room room;

    if (!ride)
        return NULL;
    room = (struct room){CALL_OPERATIONS_MAX, CALL_RIDES_MAX, LINE_CALL_BYTES};
    size_t left = LOOKED_AT_MAX;
    for (bool more = true; more && room.operations > 0 && room.rides > 0; ride = next) {
        next = ride->line_next;
        more = ride != last && --left > 0;
        if (first && !(may_share(first, ride->waiting) && fits(ride->waiting, &room)))
            continue;
        struct transition *run = take_run(line, ride, &room);
        if (first)
            latest->next_run = run;
        else
            first = run;
        latest = run;
        step_back(line, ride);
    }
    return first;
}

void line_leave(struct line *line, struct redis_ride *ride)
{
    if (!ride->waiting)
        return;
    for (const struct transition *waits = ride->waiting; waits; waits = waits->ride_next)
        line->count -= waits->stage == TRANSITION_WAITING;
    ride->waiting = NULL;
    DL_DELETE2(line->rides, ride, line_prev, line_next);
}

void line_clear(struct line *line)
{
    struct redis_ride *ride, *next;

    DL_FOREACH_SAFE2(line->rides, ride, next, line_next)
    {
        ride->waiting = NULL;
    }
    *line = (struct line){.rides = NULL};
}
