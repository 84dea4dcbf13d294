/*
 * One run over the rides with suspended riders: page by page, a few rides at a time.
 */
#include "broker/redis/sweep.h"

#include "broker/broker_metrics.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_SIZE = 200,
    IN_FLIGHT_MAX = 8,            /* Redis does what is sent together without a break */
    LEASES_BETWEEN_FULL_RUNS = 4, /* they find what an earlier sweeper has left behind */
    FRESH_MS = 2000, /* after the deadline a ride is noted with: it may be this late, and a beat passes */
};

struct swept_ride {
    struct sweep *sweep;
    char name[RIDE_NAME_MAX + 1];
    uint64_t deadline_ms;
};

static void end_run(void *arg)
{
    struct sweep *sweep = arg;

    free(sweep->page);
    sweep->page = NULL;
    sweep->count = 0;
    sweep->next = 0;
    sweep->running = false;
}

/* Those whose last deadline is long over have been swept in this run, or were noted anew. */
static void forget_old(struct sweep *sweep)
{
    uint64_t rest_ms = LEASES_OF_REST * sweep->store->setup->node_lease_ms;
    struct call call;
    char until[24];

    snprintf(until, sizeof until, "(%" PRIu64, sweep->start_ms - rest_ms);
    call_command(&call, sweep->store, "ZREMRANGEBYSCORE");
    call_shared_key(&call, "away");
    call_text(&call, "-inf");
    call_text(&call, until);
    call_tell(&call);
}

static int send_sweep(struct swept_ride *ride);

static void go_on(struct sweep *sweep);

static void turn_has_come(const struct redisReply *reply, void *arg)
{
    struct sweep *sweep = arg;

    sweep->in_flight--;
    sweep->broken = sweep->broken || !reply;
    go_on(sweep);
}

/* This server answers for each that is passed on: what it makes up cannot fill the other's connection at
 * once.
 */
static int wait_a_turn(struct sweep *sweep)
{
    struct call call;

    call_command(&call, sweep->store, "PING");
    if (call_send(&call, turn_has_come, sweep) != 0)
        return -1;
    sweep->in_flight++;
    return 0;
}

/* Another server may have the ride by now: noted there, it is swept there. 0, or -1 when there is no
 * connection. */
static int take_turn(struct swept_ride *ride)
{
    struct store *there = redis_rides_store(ride->sweep->known, ride->name);

    if (there == ride->sweep->store)
        return send_sweep(ride);
    if (there->up)
        notes_away(there, ride->name);
    else
        ride->sweep->left = true;
    return wait_a_turn(ride->sweep);
}

static void go_on(struct sweep *sweep)
{
    while (!sweep->broken && sweep->next < sweep->count && sweep->in_flight < IN_FLIGHT_MAX) {
        if (take_turn(&sweep->page[sweep->next]) != 0)
            sweep->broken = true;
        else
            sweep->next++;
    }
    if (sweep->in_flight > 0)
        return;
    if (!sweep->broken && !scan_at_end(&sweep->rides)) {
        scan_next(&sweep->rides);
        return;
    }
    if (sweep->full && !sweep->broken && !sweep->left)
        forget_old(sweep);
    end_run(sweep);
}

/* --- one ride --- */

/* {'ok', epoch, offset, chain, taken, left} or {'none', left}. How many were taken; `left` how many are
 * suspended.
 */
static long long read_answer(const struct swept_ride *ride, const struct redisReply *reply, long long *left)
{
    struct redis_ride *known = redis_rides_find(ride->sweep->known, ride->name, strlen(ride->name));
    struct broker_position position;

    *left = 1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
        reply->element[reply->elements - 1]->type != REDIS_REPLY_INTEGER)
        return 0;
    *left = reply->element[reply->elements - 1]->integer;
    if (!call_read_position(reply, &position) || reply->elements != 6 ||
        reply->element[4]->type != REDIS_REPLY_INTEGER)
        return 0;
    if (known && known->store == ride->sweep->store)
        redis_ride_reached(known, &position);
    return reply->element[4]->integer;
}

/* What has not been swept is not forgotten with those that have been. */
static void note_anew(const struct swept_ride *ride)
{
    if (ride->deadline_ms < ride->sweep->start_ms)
        notes_away(ride->sweep->store, ride->name);
}

static void swept(struct swept_ride *ride, const struct redisReply *reply)
{
    struct store *store = ride->sweep->store;
    long long left, taken = read_answer(ride, reply, &left);

    if (reply->type == REDIS_REPLY_ERROR)
        store_trouble(store, "cannot sweep %s: %s", ride->name, reply->str);
    metric_add(store_metrics(store)->riders_swept, taken);
    if (taken == BITE && send_sweep(ride) == 0)
        return;
    if (left > 0)
        note_anew(ride); /* it was noted with too early a deadline, or is spoiled */
}

static void sweep_answered(const struct redisReply *reply, void *arg)
{
    struct swept_ride *ride = arg;
    struct sweep *sweep = ride->sweep;

    sweep->in_flight--;
    switch (call_judge(sweep->store, SCRIPT_SWEEP, reply)) {
    case CALL_LOST:
        sweep->broken = true;
        break;
    case CALL_AGAIN:
        sweep->broken = send_sweep(ride) != 0 || sweep->broken;
        break;
    case CALL_LATER: /* on one of the next runs */
        note_anew(ride);
        break;
    case CALL_ANSWERED:
        swept(ride, reply);
        break;
    }
    go_on(sweep);
}

static int send_sweep(struct swept_ride *ride)
{
    struct sweep *sweep = ride->sweep;
    struct call call;

    call_ride(&call, sweep->store, SCRIPT_SWEEP, ride->name, redis_rides_known(sweep->known, ride->name));
    call_number(&call, BITE);
    if (call_send(&call, sweep_answered, ride) != 0)
        return -1;
    sweep->in_flight++;
    return 0;
}

/* --- pages --- */

/* Reads [ ride, deadline, … ], leaving out those where nobody can be due. */
static void read_page(struct sweep *sweep, const struct redisReply *pairs)
{
    free(sweep->page);
    sweep->page = alloc_zeroed((pairs->elements / 2 + 1) * sizeof *sweep->page);
    sweep->count = 0;
    sweep->next = 0;
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        struct swept_ride *ride = &sweep->page[sweep->count];
        double deadline_ms = strtod(reply_slice(pairs->element[i + 1]).at, NULL);

        if (record_parse_ride(reply_slice(pairs->element[i]), ride->name) != 0)
            continue;
        ride->sweep = sweep;
        ride->deadline_ms = deadline_ms > 0 && deadline_ms < 1e15 ? (uint64_t)deadline_ms : 0;
        if (sweep->full || ride->deadline_ms + FRESH_MS >= sweep->start_ms)
            sweep->count++;
    }
}

static void page_came(const struct redisReply *pairs, void *arg)
{
    struct sweep *sweep = arg;

    read_page(sweep, pairs);
    go_on(sweep);
}

void sweep_run(struct sweep *sweep)
{
    uint64_t now = clock_ms();

    if (sweep->running)
        return;
    sweep->running = true;
    sweep->broken = sweep->left = false;
    sweep->start_ms = store_clock_ms(sweep->store);
    sweep->full = sweep->full_ms == 0 ||
                  now - sweep->full_ms >= LEASES_BETWEEN_FULL_RUNS * sweep->store->setup->node_lease_ms;
    if (sweep->full)
        sweep->full_ms = now;
    store_shared_key(sweep->store, "away", &sweep->rides.key);
    scan_begin(&sweep->rides);
}

void sweep_init(struct sweep *sweep, struct store *store, struct redis_rides *known)
{
    *sweep = (struct sweep){.store = store, .known = known};
    sweep->rides = (struct scan){
        .store = store,
        .command = "ZSCAN",
        .complaint = "cannot find suspended riders",
        .page_size = PAGE_SIZE,
        .page = page_came,
        .failed = end_run,
        .arg = sweep,
    };
}

void sweep_deinit(struct sweep *sweep)
{
    free(sweep->page);
}
