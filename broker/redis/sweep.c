/*
 * One run over the rides with suspended riders: page by page, a few rides at a time.
 */
#include "broker/redis/sweep.h"

#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "common/id.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT_MAX = 8,            /* Redis does what is sent together without a break */
    LEASES_BETWEEN_FULL_RUNS = 4, /* they find what an earlier sweeper has left behind */
    FRESH_MS = 2000, /* after the deadline a ride is noted with: it may be this late, and a beat passes */
};

static const char page_size[] = "200";

struct swept_ride {
    struct redis *redis;
    char name[RIDE_NAME_MAX + 1];
    uint64_t deadline_ms;
};

static void ask_for_page(struct redis *redis);

static void end_run(struct redis *redis)
{
    free(redis->sweep.page);
    redis->sweep.page = NULL;
    redis->sweep.count = 0;
    redis->sweep.next = 0;
    redis->sweep.running = false;
}

/* Those whose last deadline is long over have been swept in this run, or were noted anew. */
static void forget_old(struct redis *redis)
{
    uint64_t rest_ms = LEASES_OF_REST * redis->backend.setup.node_lease_ms;
    struct key_name away;
    char until[24];

    key_name_make_shared(&away, redis->backend.setup.prefix, "away");
    snprintf(until, sizeof until, "(%" PRIu64, redis->sweep.start_ms - rest_ms);
    const struct redis_arg args[] = {redis_arg_text("ZREMRANGEBYSCORE"), key_name_arg(&away),
                                     redis_arg_text("-inf"), redis_arg_text(until)};
    lease_tell(redis, args, 4);
}

static int send_sweep(struct swept_ride *ride);

static void go_on(struct redis *redis)
{
    struct sweep *sweep = &redis->sweep;

    while (!sweep->broken && sweep->next < sweep->count && sweep->in_flight < IN_FLIGHT_MAX) {
        if (send_sweep(&sweep->page[sweep->next]) != 0)
            sweep->broken = true;
        else
            sweep->next++;
    }
    if (sweep->in_flight > 0)
        return;
    if (!sweep->broken && strcmp(sweep->cursor, "0") != 0) {
        ask_for_page(redis);
        return;
    }
    if (sweep->full && !sweep->broken)
        forget_old(redis);
    end_run(redis);
}

/* --- one ride --- */

/* {'ok', epoch, offset, taken, left} or {'none', left}. How many were taken; `left` how many are suspended.
 */
static long long read_answer(struct swept_ride *ride, const struct redisReply *reply, long long *left)
{
    struct redis_ride *known = redis_ride_find(ride->redis, ride->name);
    struct broker_position position;

    *left = 1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2 ||
        reply->element[reply->elements - 1]->type != REDIS_REPLY_INTEGER)
        return 0;
    *left = reply->element[reply->elements - 1]->integer;
    if (reply->elements != 5 || reply->element[3]->type != REDIS_REPLY_INTEGER ||
        !scripts_read_position(reply->element[1], reply->element[2], &position))
        return 0;
    if (known)
        redis_ride_reached(known, &position);
    return reply->element[3]->integer;
}

static void swept(struct swept_ride *ride, const struct redisReply *reply)
{
    struct redis *redis = ride->redis;
    long long left, taken = read_answer(ride, reply, &left);

    if (reply->type == REDIS_REPLY_ERROR)
        redis_trouble(redis, "cannot sweep %s: %s", ride->name, reply->str);
    metric_add(redis->backend.setup.metrics->riders_swept, taken);
    if (taken == BITE && send_sweep(ride) == 0)
        return;
    if (left > 0 && ride->deadline_ms < redis->sweep.start_ms)
        lease_note_away(redis, ride->name); /* it was noted with too early a deadline, or is spoiled */
}

static void sweep_answered(const struct redisReply *reply, void *arg)
{
    struct swept_ride *ride = arg;
    struct redis *redis = ride->redis;

    bool answered = reply && !redis_server_is_away(reply);

    redis->sweep.in_flight--;
    if (reply && !answered)
        redis_link_fail(redis->commands, reply->str);
    if (answered && scripts_missing(&redis->scripts, SCRIPT_SWEEP, reply))
        answered = send_sweep(ride) == 0; /* again, now that the script is on its way */
    else if (answered)
        swept(ride, reply);
    if (!answered)
        redis->sweep.broken = true;
    go_on(redis);
}

static int send_sweep(struct swept_ride *ride)
{
    static const char *const names[5] = {"users", "holders", "away", "meta", "log"};
    struct redis *redis = ride->redis;
    const struct redis_ride *known = redis_ride_find(redis, ride->name);
    struct key_name keys[5], channel;
    char candidate[EPOCH_LEN + 1], offset[24], limit[8];
    struct redis_arg args[11];
    size_t count = 0;

    for (; count < 5; count++) {
        key_name_make(&keys[count], redis->backend.setup.prefix, ride->name, names[count]);
        args[count] = key_name_arg(&keys[count]);
    }
    redis_channel_name(redis, ride->name, &channel);
    id_make(candidate, EPOCH_LEN);
    snprintf(offset, sizeof offset, "%" PRIu64, known ? known->at.offset : 0);
    snprintf(limit, sizeof limit, "%d", BITE);
    args[count++] = key_name_arg(&channel);
    args[count++] = redis_arg_text(candidate);
    args[count++] = redis_arg_text(known ? known->at.epoch : "");
    args[count++] = redis_arg_text(offset);
    args[count++] = redis_arg_text(limit);
    args[count++] = redis_arg_text(LOG_CAP);
    if (scripts_call(&redis->scripts, SCRIPT_SWEEP, 5, args, count, sweep_answered, ride) != 0)
        return -1;
    redis->sweep.in_flight++;
    return 0;
}

/* --- pages --- */

/* Adds [ ride, deadline, … ], leaving out those where nobody can be due. */
static void read_page(struct redis *redis, const struct redisReply *pairs)
{
    struct sweep *sweep = &redis->sweep;

    free(sweep->page);
    sweep->page = alloc_zeroed((pairs->elements / 2 + 1) * sizeof *sweep->page);
    sweep->count = 0;
    sweep->next = 0;
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        struct swept_ride *ride = &sweep->page[sweep->count];
        double deadline_ms = strtod(reply_slice(pairs->element[i + 1]).at, NULL);
        if (record_parse_ride(reply_slice(pairs->element[i]), ride->name) != 0)
            continue;
        ride->redis = redis;
        ride->deadline_ms = deadline_ms > 0 && deadline_ms < 1e15 ? (uint64_t)deadline_ms : 0;
        if (sweep->full || ride->deadline_ms + FRESH_MS >= sweep->start_ms)
            sweep->count++;
    }
}

static void page_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        if (reply)
            redis_trouble(redis, "cannot find suspended riders: %s",
                          reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        end_run(redis);
        return;
    }
    snprintf(redis->sweep.cursor, sizeof redis->sweep.cursor, "%s", reply->element[0]->str);
    read_page(redis, reply->element[1]);
    go_on(redis);
}

static void ask_for_page(struct redis *redis)
{
    struct key_name away;

    key_name_make_shared(&away, redis->backend.setup.prefix, "away");
    const struct redis_arg args[] = {redis_arg_text("ZSCAN"), key_name_arg(&away),
                                     redis_arg_text(redis->sweep.cursor), redis_arg_text("COUNT"),
                                     redis_arg_text(page_size)};
    if (redis_link_send(redis->commands, page_answered, redis, args, 5) != 0)
        end_run(redis);
}

void sweep_run(struct redis *redis)
{
    struct sweep *sweep = &redis->sweep;
    uint64_t now = redis_now_ms();

    if (sweep->running)
        return;
    sweep->running = true;
    sweep->broken = false;
    sweep->start_ms = lease_clock_ms(redis);
    sweep->full = sweep->full_ms == 0 ||
                  now - sweep->full_ms >= LEASES_BETWEEN_FULL_RUNS * redis->backend.setup.node_lease_ms;
    if (sweep->full)
        sweep->full_ms = now;
    strcpy(sweep->cursor, "0");
    ask_for_page(redis);
}

void sweep_deinit(struct redis *redis)
{
    free(redis->sweep.page);
}
