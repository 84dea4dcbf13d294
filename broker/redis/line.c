/*
 * Rides in turn, and runs of their transitions.
 */
#include "broker/redis/line.h"

#include "broker/redis/call.h"

#include <utlist.h>

/* Those that may look through the log take some 20 times as long. */
enum { LOG_READERS_MAX = 8 };

/* What is left of a call. */
struct room {
    size_t operations, rides, bytes;
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

size_t line_most(enum script script)
{
    return script == SCRIPT_SUSPEND || script == SCRIPT_RESTORE ? LOG_READERS_MAX : CALL_OPERATIONS_MAX;
}

bool line_is_long(const struct line *line)
{
    return line->rides && line->count >= line_most(line->rides->waiting->script);
}

static size_t bytes_of(const struct transition *transition)
{
    return transition->order->user ? transition->order->user->len : 0;
}

/* One server has all rides, so any two may share a call. (In a cluster those of one slot might.) */
static bool may_share(const struct transition *one, const struct transition *other)
{
    return one->script == other->script && one->failing_ms == 0 && other->failing_ms == 0;
}

static bool fits(const struct transition *transition, const struct room *room)
{
    return room->operations > 0 && bytes_of(transition) <= room->bytes;
}

static void count_sent(struct line *line, const struct transition *transition, struct room *room)
{
    size_t bytes = bytes_of(transition);

    line->count--;
    room->operations--;
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
    room = (struct room){line_most(ride->waiting->script), CALL_RIDES_MAX, LINE_CALL_BYTES};
    for (bool more = true; more && room.operations > 0 && room.rides > 0; ride = next) {
        next = ride->line_next;
        more = ride != last;
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

void line_clear(struct line *line)
{
    struct redis_ride *ride, *next;

    DL_FOREACH_SAFE2(line->rides, ride, next, line_next)
    {
        ride->waiting = NULL;
    }
    *line = (struct line){.rides = NULL};
}
