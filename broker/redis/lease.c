/*
 * Beats and notes.
 */
#include "broker/redis/lease.h"

#include "broker/message.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "broker/secret.h"
#include "common/log.h"
#include "common/metrics.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A killed gateway's riders are gone a lease, the window and two beats later at most: its lease is found
 * expired by one beat, and the window by another. */
enum { PERIOD_MAX_MS = 500, LEASES_BEFORE_JUDGING = 2 };

static const char *prefix_of(const struct redis *redis)
{
    return redis->backend.setup.prefix;
}

/* Whether there is nothing to read in the reply. */
static bool failed(struct redis *redis, const struct redisReply *reply)
{
    if (!reply)
        return true;
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (redis_server_is_away(reply))
        redis_link_fail(redis->commands, reply->str);
    else
        redis_trouble(redis, "Redis refuses what this node has to keep there: %s", reply->str);
    return true;
}

static void told(const struct redisReply *reply, void *arg)
{
    failed(arg, reply);
}

void lease_tell(struct redis *redis, const struct redis_arg *args, size_t count)
{
    redis_link_send(redis->commands, told, redis, args, count);
}

/* --- notes --- */

uint64_t lease_clock_ms(const struct redis *redis)
{
    return (uint64_t)((int64_t)redis_now_ms() + redis->lease.clock_ahead_ms);
}

static void note_ride(struct redis_ride *ride, const char *command)
{
    struct redis *redis = ride->redis;
    struct key_name rides;

    key_name_make_node(&rides, prefix_of(redis), redis->node, ":rides");
    const struct redis_arg args[] = {redis_arg_text(command), key_name_arg(&rides),
                                     redis_arg_text(ride->name)};
    lease_tell(redis, args, 3);
}

void lease_note_ride(struct redis_ride *ride)
{
    if (!ride->notes.ride)
        note_ride(ride, "SADD");
    ride->notes.ride = true;
}

void lease_strike_ride(struct redis_ride *ride)
{
    if (ride->notes.ride && ride->redis->up)
        note_ride(ride, "SREM");
    ride->notes.ride = false;
}

void lease_note_away(struct redis *redis, const char *ride)
{
    struct key_name away;
    char deadline[24];

    key_name_make_shared(&away, prefix_of(redis), "away");
    snprintf(deadline, sizeof deadline, "%" PRIu64,
             lease_clock_ms(redis) + redis->backend.setup.recovery_window_ms);
    const struct redis_arg args[] = {redis_arg_text("ZADD"), key_name_arg(&away), redis_arg_text("GT"),
                                     redis_arg_text(deadline), redis_arg_text(ride)};
    lease_tell(redis, args, 5);
}

void lease_note_suspension(struct redis_ride *ride)
{
    uint64_t now = redis_now_ms();

    if (ride->notes.suspension_ms > 0 && now - ride->notes.suspension_ms < SUSPENSION_NOTE_MS)
        return;
    ride->notes.suspension_ms = now;
    lease_note_away(ride->redis, ride->name);
}

void lease_forget_notes(struct redis *redis)
{
    for (struct redis_ride *ride = redis->rides; ride; ride = ride->hh.next)
        ride->notes = (struct lease_notes){.ride = false};
}

/* --- a beat --- */

static void lease_lost(struct redis *redis)
{
    struct lease *lease = &redis->lease;

    if (lease->had) {
        metric_add(redis->backend.setup.metrics->leases_lost, 1);
        log_warn("broker", "the lease of this node was gone; its riders are restored");
    }
    lease->restore_due = lease->had;
    lease->had = true;
    lease->steady_ms = redis_now_ms();
    redis->disown.due = true;
    lease_forget_notes(redis);
}

/* Notes once more: whoever took this node for dead may have struck its rides off just now. */
static void restore(struct redis *redis)
{
    redis->lease.restore_due = false;
    lease_forget_notes(redis);
    held_restore_all(redis);
}

static void do_the_sweepers_work(struct redis *redis)
{
    const struct lease *lease = &redis->lease;
    uint64_t steady_ms = redis_now_ms() - lease->steady_ms;

    sweep_run(redis);
    if (steady_ms >= LEASES_BEFORE_JUDGING * redis->backend.setup.node_lease_ms)
        reap_run(redis);
}

static void beat_done(struct redis *redis)
{
    struct lease *lease = &redis->lease;
    uint64_t now = redis_now_ms();

    lease->beating = false;
    if (now - lease->beat_ms > lease->period_ms)
        lease->steady_ms = now; /* Redis was slow: others may have found it so */
    if (redis->up && !lease->gone && lease->restore_due)
        restore(redis);
    else if (redis->up && !lease->gone)
        disown_run(redis);
    if (!lease->ready) {
        lease->ready = true;
        redis_registered(redis);
    } else if (lease->sweeper && redis->up) {
        do_the_sweepers_work(redis);
    } else {
        reap_forget(redis);
    }
}

static void print_lease_ms(const struct redis *redis, char text[24])
{
    snprintf(text, 24, "%" PRIu64, redis->backend.setup.node_lease_ms);
}

static struct redis_arg about(const struct redis *redis)
{
    const struct blob *json = redis->lease.about;

    return json ? (struct redis_arg){json->data, json->len} : redis_arg_text("{}");
}

static void take_lease(struct redis *redis)
{
    struct key_name key;
    char lease_ms[24];

    print_lease_ms(redis, lease_ms);
    key_name_make_node(&key, prefix_of(redis), redis->node, "");
    const struct redis_arg take[] = {redis_arg_text("SET"), key_name_arg(&key), about(redis),
                                     redis_arg_text("PX"), redis_arg_text(lease_ms)};
    lease_tell(redis, take, 5);
}

/* Whether there was a lease to renew. */
static void lease_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (failed(redis, reply))
        return;
    redis->lease.gone = reply->type == REDIS_REPLY_NIL;
    if (!redis->lease.gone)
        return;
    take_lease(redis);
    lease_lost(redis);
}

static void time_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    uint64_t seconds, micros;

    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        record_parse_offset(reply_slice(reply->element[0]), &seconds) != 0 ||
        record_parse_offset(reply_slice(reply->element[1]), &micros) != 0) {
        redis_link_fail(redis->commands, "it does not tell the time");
        return;
    }
    redis->lease.clock_ahead_ms = (int64_t)(seconds * 1000 + micros / 1000) - (int64_t)redis_now_ms();
}

static void store_secret(struct redis *redis, bool replace)
{
    struct key_name key;

    key_name_make_shared(&key, prefix_of(redis), "secret");
    const struct redis_arg args[] = {redis_arg_text("SET"),
                                     key_name_arg(&key),
                                     {(const char *)redis->lease.secret, SECRET_LEN},
                                     redis_arg_text("NX")};
    lease_tell(redis, args, replace ? 3 : 4);
}

static void secret_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;
    struct lease *lease = &redis->lease;
    bool same;

    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_STRING || reply->len != SECRET_LEN) {
        redis_trouble(redis, "what Redis keeps as the secret is none; it is replaced");
        store_secret(redis, true);
        same = true;
    } else {
        same = memcmp(lease->secret, reply->str, SECRET_LEN) == 0;
        memcpy(lease->secret, reply->str, SECRET_LEN);
    }
    if (!same || !lease->knows_secret)
        broker_tell(redis->backend.setup.broker, message_secret(lease->secret));
    lease->knows_secret = true;
}

static void sweeper_answered(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (!reply) {
        redis->lease.beating = false;
        return;
    }
    struct json_slice sweeper = reply_slice(reply);
    redis->lease.sweeper =
        sweeper.len == strlen(redis->node) && memcmp(sweeper.at, redis->node, sweeper.len) == 0;
    beat_done(redis);
}

/* Renewing makes no lease: if that were done and its answer lost, the loss of the lease would go unnoticed.
 */
static void renew_lease(struct redis *redis)
{
    struct key_name nodes, key;
    char lease_ms[24];

    print_lease_ms(redis, lease_ms);
    key_name_make_shared(&nodes, prefix_of(redis), "nodes");
    const struct redis_arg join[] = {redis_arg_text("SADD"), key_name_arg(&nodes),
                                     redis_arg_text(redis->node)};
    lease_tell(redis, join, 3);
    key_name_make_node(&key, prefix_of(redis), redis->node, "");
    const struct redis_arg renew[] = {redis_arg_text("SET"), key_name_arg(&key),       about(redis),
                                      redis_arg_text("PX"),  redis_arg_text(lease_ms), redis_arg_text("XX")};
    redis_link_send(redis->commands, lease_answered, redis, renew, 6);
}

static void agree_on_secret(struct redis *redis)
{
    struct key_name key;

    key_name_make_shared(&key, prefix_of(redis), "secret");
    const struct redis_arg get[] = {redis_arg_text("GET"), key_name_arg(&key)};
    store_secret(redis, false);
    redis_link_send(redis->commands, secret_answered, redis, get, 2);
}

/* Two sweepers at once, where one takes over just as the other renews, only do the same work twice. */
static void compete_for_sweeper(struct redis *redis)
{
    struct key_name key;
    char lease_ms[24];

    print_lease_ms(redis, lease_ms);
    key_name_make_shared(&key, prefix_of(redis), "sweeper");
    const struct redis_arg renew[] = {redis_arg_text("PEXPIRE"), key_name_arg(&key),
                                      redis_arg_text(lease_ms)};
    const struct redis_arg take[] = {
        redis_arg_text("SET"), key_name_arg(&key),       redis_arg_text(redis->node),
        redis_arg_text("PX"),  redis_arg_text(lease_ms), redis_arg_text("NX"),
    };
    const struct redis_arg get[] = {redis_arg_text("GET"), key_name_arg(&key)};
    if (redis->lease.sweeper)
        lease_tell(redis, renew, 3);
    lease_tell(redis, take, 6);
    redis_link_send(redis->commands, sweeper_answered, redis, get, 2);
}

static void beat(struct redis *redis)
{
    static const struct redis_arg time = {"TIME", 4};
    struct lease *lease = &redis->lease;

    if (lease->beating)
        return;
    lease->beating = true;
    lease->beat_ms = redis_now_ms();
    lease->gone = false;
    renew_lease(redis);
    redis_link_send(redis->commands, time_answered, redis, &time, 1);
    agree_on_secret(redis);
    compete_for_sweeper(redis);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    beat(arg);
}

/* --- life --- */

void lease_init(struct redis *redis)
{
    struct lease *lease = &redis->lease;

    assert(redis->backend.setup.node_lease_ms > 0);
    lease->period_ms = redis->backend.setup.node_lease_ms / 3;
    if (lease->period_ms > PERIOD_MAX_MS)
        lease->period_ms = PERIOD_MAX_MS;
    if (lease->period_ms == 0)
        lease->period_ms = 1;
    secret_make(lease->secret);
    lease->timer = event_new(redis->backend.setup.base, -1, EV_PERSIST, on_timer, redis);
    if (!lease->timer)
        alloc_failed();
}

void lease_deinit(struct redis *redis)
{
    if (redis->lease.timer)
        event_free(redis->lease.timer);
    blob_unref(redis->lease.about);
}

void lease_about(struct redis *redis, struct blob *json)
{
    blob_unref(redis->lease.about);
    redis->lease.about = blob_ref(json);
}

void lease_begin(struct redis *redis)
{
    struct lease *lease = &redis->lease;
    const struct timeval period = {.tv_sec = (time_t)(lease->period_ms / 1000),
                                   .tv_usec = (suseconds_t)(lease->period_ms % 1000) * 1000};

    if (lease->leaving)
        return;
    lease->ready = false;
    lease->beating = false;
    lease->sweeper = false;
    lease->steady_ms = redis_now_ms();
    redis->disown.due = true;
    lease_forget_notes(redis);
    beat(redis);
    event_add(lease->timer, &period);
}

void lease_end(struct redis *redis)
{
    event_del(redis->lease.timer);
}

static void given_back(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    (void)reply; /* if it did not get there, the lease ends by itself */
    redis->lease.left = true;
    broker_progress(redis->backend.setup.broker);
}

static void send_goodbye(struct redis *redis)
{
    struct key_name key;

    key_name_make_shared(&key, prefix_of(redis), "sweeper");
    const struct redis_arg resign[] = {redis_arg_text("DEL"), key_name_arg(&key)};
    if (redis->lease.sweeper)
        lease_tell(redis, resign, 2);
    key_name_make_node(&key, prefix_of(redis), redis->node, "");
    const struct redis_arg leave[] = {redis_arg_text("DEL"), key_name_arg(&key)};
    if (redis_link_send(redis->commands, given_back, redis, leave, 2) != 0)
        redis->lease.left = true;
}

bool lease_give_back(struct redis *redis)
{
    struct lease *lease = &redis->lease;

    if (!redis->up || lease->left)
        return true;
    if (!lease->leaving) {
        lease->leaving = true;
        lease_end(redis);
        send_goodbye(redis);
    }
    return lease->left;
}
