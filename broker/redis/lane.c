/*
 * Calls, and what they carry.
 */
#include "broker/redis/lane.h"

#include "broker/broker_metrics.h"
#include "broker/redis/operations.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <utlist.h>

enum {
    IN_FLIGHT_MAX = 1024, /* bounds the output buffer and what must be sent again */
    CALLS_MAX = 2,        /* that are not full: what comes while so many have no answer goes together */
};

struct sent {
    struct lane *lane;
    lane_answer *answer;
    uint64_t us;           /* when, by the monotonic clock */
    enum lane_about whole; /* whom an answer is about that is one for all */
    struct sent *prev, *next;
    size_t count;
    struct transition *transitions[]; /* in the order of the answers; NULL: another server has its ride */
};

/* --- answers --- */

static void observe_latency(const struct sent *sent)
{
    int64_t us = (int64_t)(clock_us() - sent->us);

    for (size_t i = 0; i < sent->count; i++)
        metric_observe(store_metrics(sent->lane->store)->latency, us);
}

/* A list with an answer for each, or else what holds for all. */
static void answered(const struct redisReply *reply, void *arg)
{
    struct sent *sent = arg;
    bool listed = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == sent->count;

    DL_DELETE(sent->lane->sent, sent);
    sent->lane->calls--;
    sent->lane->in_flight -= sent->count;
    if (reply)
        observe_latency(sent);
    for (size_t i = 0; i < sent->count; i++)
        if (sent->transitions[i])
            sent->answer(sent->transitions[i], listed ? reply->element[i] : reply,
                         listed ? LANE_ABOUT_ONE : sent->whole);
    free(sent);
}

/* --- sending --- */

/* Takes `sent`. 0, or -1 when there is no connection. */
static int send_off(struct sent *sent, struct call *call)
{
    struct lane *lane = sent->lane;

    sent->us = clock_us();
    if (call_send(call, answered, sent) != 0) {
        free(sent);
        return -1;
    }
    DL_APPEND(lane->sent, sent);
    lane->in_flight += sent->count;
    lane->calls++;
    return 0;
}

static struct sent *sent_new(struct lane *lane, size_t count, enum lane_about whole, lane_answer *answer)
{
    struct sent *sent = alloc_zeroed(sizeof *sent + count * sizeof(struct transition *));

    sent->lane = lane;
    sent->whole = whole;
    sent->answer = answer;
    return sent;
}

int lane_ask(struct lane *lane, struct call *call, struct transition *transition, lane_answer *answer)
{
    struct sent *sent = sent_new(lane, 1, LANE_ABOUT_ONE, answer);

    sent->transitions[sent->count++] = transition;
    return send_off(sent, call);
}

/* What has to be known elsewhere first, lest nobody finds the rider again. */
static void announce(struct store *store, const struct transition *transition)
{
    struct redis_ride *ride = transition->ride;

    if (transition->claim > 0)
        notes_hold(&ride->notes, store, ride->name);
    else if (transition->script == SCRIPT_SUSPEND || transition_ends_for_good(transition))
        notes_suspend(&ride->notes, store, ride->name);
}

static void add_run(struct sent *sent, struct transition *first)
{
    struct transition *transition = first;

    for (size_t i = 0; i < first->together; i++, transition = transition->ride_next) {
        announce(sent->lane->store, transition);
        sent->transitions[sent->count++] = transition;
    }
}

static size_t count_chain(struct transition *chain)
{
    struct transition *first;
    size_t count = 0;

    LL_FOREACH2(chain, first, next_run)
    {
        count += first->together;
    }
    return count;
}

/* A chain of runs. */
static int send_chain(struct lane *lane, struct transition *chain)
{
    enum lane_about whole = chain->next_run       ? LANE_ABOUT_RIDES
                            : chain->together > 1 ? LANE_ABOUT_RIDE
                                                  : LANE_ABOUT_ONE;
    struct sent *sent = sent_new(lane, count_chain(chain), whole, lane->answer);
    struct transition *first;
    struct call call;

    LL_FOREACH2(chain, first, next_run)
    {
        add_run(sent, first);
    }
    operations_call(&call, lane->store, chain);
    return send_off(sent, &call);
}

bool lane_busy(const struct lane *lane)
{
    return lane->calls >= CALLS_MAX;
}

/* What comes while some calls have no answer goes together, as soon as one has or a call is full. */
static bool may_send(const struct lane *lane)
{
    return lane->store->up && lane->in_flight < IN_FLIGHT_MAX &&
           (!lane_busy(lane) || line_is_long(&lane->line));
}

void lane_send(struct lane *lane)
{
    struct transition *chain;

    while (may_send(lane) && (chain = line_take(&lane->line)))
        if (send_chain(lane, chain) != 0)
            return;
}

/* --- waiting --- */

void lane_add(struct lane *lane, struct transition *transition)
{
    line_add(&lane->line, transition);
}

void lane_pause(struct lane *lane, struct transition *transition)
{
    transition->stage = TRANSITION_PAUSED;
    LL_PREPEND2(lane->paused, transition, next_paused);
    if (event_pending(lane->timer, EV_TIMEOUT, NULL))
        return;
    unsigned pause_ms = backoff_pause(&lane->backoff);
    const struct timeval pause = {.tv_sec = pause_ms / 1000,
                                  .tv_usec = (suseconds_t)(pause_ms % 1000) * 1000};
    event_add(lane->timer, &pause);
}

static void pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct lane *lane = arg;
    struct transition *transition;

    (void)fd, (void)what;
    LL_FOREACH2(lane->paused, transition, next_paused)
    {
        lane_add(lane, transition);
    }
    lane->paused = NULL;
    lane->store->settle(lane->store->settle_arg);
}

/* What was only asked about it, has not done it. */
static void disregard(struct sent *sent, const struct redis_ride *ride)
{
    for (size_t i = 0; i < sent->count; i++) {
        struct transition *transition = sent->transitions[i];

        if (!transition || transition->ride != ride)
            continue;
        transition->unsure = transition->unsure || sent->answer == sent->lane->answer;
        sent->transitions[i] = NULL;
    }
}

void lane_leave(struct lane *lane, struct redis_ride *ride)
{
    struct transition *transition, *next;
    struct sent *sent;

    line_leave(&lane->line, ride);
    LL_FOREACH_SAFE2(lane->paused, transition, next, next_paused)
    {
        if (transition->ride == ride)
            LL_DELETE2(lane->paused, transition, next_paused);
    }
    DL_FOREACH(lane->sent, sent)
    {
        disregard(sent, ride);
    }
}

void lane_clear(struct lane *lane)
{
    line_clear(&lane->line);
    lane->paused = NULL;
}

/* --- life --- */

void lane_init(struct lane *lane, struct store *store, lane_answer *answer)
{
    *lane = (struct lane){.store = store, .answer = answer};
    backoff_reset(&lane->backoff);
    lane->timer = event_new(store->setup->base, -1, 0, pause_over, lane);
    if (!lane->timer)
        alloc_failed();
}

void lane_deinit(struct lane *lane)
{
    event_free(lane->timer);
}
