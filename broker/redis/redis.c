/*
 * The Redis backend: two connections to one server, and what holds as long as both are ready.
 *
 *   commands: connect, load scripts, register ─▶ events: connect ─▶ up: subscribe, send what waits
 *   either lost ─▶ down, both closed ─▶ from the start
 */
#include "broker/redis/redis.h"

#include "broker/message.h"
#include "broker/redis/redis_tls.h"
#include "broker/redis/sentinel.h"
#include "common/id.h"
#include "common/log.h"
#include "common/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_LIMIT_MS = 3000 };

static struct redis *redis_of(struct backend *backend)
{
    return (struct redis *)backend;
}

uint64_t redis_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t redis_now_ms(void)
{
    return redis_now_us() / 1000;
}

bool redis_server_is_away(const struct redisReply *reply)
{
    static const char *const codes[] = {"READONLY",    "LOADING",    "BUSY",    "MASTERDOWN",
                                        "CLUSTERDOWN", "NOAUTH",     "NOPERM",  "OOM",
                                        "MISCONF",     "NOREPLICAS", "TRYAGAIN"};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (redis_reply_is_error(reply, codes[i]))
            return true;
    return false;
}

/* --- rides --- */

struct redis_ride *redis_ride_find(struct redis *redis, const char *name)
{
    struct redis_ride *ride;

    HASH_FIND_STR(redis->rides, name, ride);
    return ride;
}

struct redis_ride *redis_ride_get(struct redis *redis, const char *name)
{
    struct redis_ride *ride = redis_ride_find(redis, name);

    if (ride)
        return ride;
    ride = alloc_zeroed(sizeof *ride);
    memcpy(ride->name, name, strlen(name));
    ride->redis = redis;
    stream_init(&ride->stream);
    HASH_ADD_STR(redis->rides, name, ride);
    return ride;
}

static void ride_free(struct redis_ride *ride)
{
    HASH_DEL(ride->redis->rides, ride);
    watch_deinit(ride);
    held_deinit(ride);
    free(ride);
}

void redis_ride_drop_if_unused(struct redis_ride *ride)
{
    if (ride->watched || ride->transitions || ride->held || ride->confirmations_due > 0)
        return;
    lease_strike_ride(ride);
    ride_free(ride);
}

void redis_ride_reached(struct redis_ride *ride, const struct broker_position *position)
{
    bool renumbered = ride->at.epoch[0] != '\0' && strcmp(ride->at.epoch, position->epoch) != 0;

    if (strcmp(ride->at.epoch, position->epoch) != 0 || position->offset > ride->at.offset)
        ride->at = *position;
    if (!renumbered)
        return;
    ride->notes = (struct lease_notes){.ride = false};
    ride->redis->disown.due = true;
    held_restore_ride(ride);
}

void redis_channel_name(const struct redis *redis, const char *ride, struct key_name *channel)
{
    char what[32] = "events";

    if (redis->url.db > 0)
        snprintf(what, sizeof what, "events:%u", redis->url.db);
    key_name_make(channel, redis->backend.setup.prefix, ride, what);
}

void redis_trouble(struct redis *redis, const char *format, ...)
{
    struct timespec now;
    char text[512];
    va_list args;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == redis->last_trouble_s)
        return;
    redis->last_trouble_s = now.tv_sec;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_warn("broker", "%s", text);
}

static void go_up(struct redis *redis)
{
    char address[REDIS_ADDRESS_TEXT_SIZE];

    log_info("broker", "connected to Redis at %s", redis_address_text(&redis->server, address));
    if (redis->was_up)
        metric_add(redis->backend.setup.metrics->reconnects, 1);
    redis->up = true;
    redis->was_up = true;
    broker_tell(redis->backend.setup.broker, message_state(true));
    takeover_listen(redis);
    watch_resume_all(redis);
    transitions_resume(redis);
}

static void go_down(struct redis *redis)
{
    if (!redis->up)
        return;
    redis->up = false;
    broker_tell(redis->backend.setup.broker, message_state(false));
    watch_suspend_all(redis);
}

/* --- connections --- */

static void commands_ready(void *arg)
{
    struct redis *redis = arg;

    scripts_load(&redis->scripts);
}

static void scripts_ready(void *arg)
{
    lease_begin(arg);
}

void redis_registered(struct redis *redis)
{
    /* A name that sentinels tell is one server's, and with TLS the one that its certificate has. */
    if (redis->sentinel)
        redis->peer = redis->server;
    else
        redis_link_peer(redis->commands, &redis->peer);
    redis_link_open(redis->events);
}

static void commands_lost(const char *reason, void *arg)
{
    struct redis *redis = arg;

    (void)reason;
    lease_end(redis);
    go_down(redis);
    redis_link_close(redis->events);
    if (redis->sentinel) {
        redis_link_close(redis->commands);
        sentinel_seek(redis->sentinel);
    }
}

static void events_ready(void *arg)
{
    go_up(arg);
}

static void events_lost(const char *reason, void *arg)
{
    struct redis *redis = arg;

    (void)reason;
    go_down(redis);
    redis_link_fail(redis->commands, "the connection for events was lost");
}

static void events_heard(const struct redisReply *reply, void *arg)
{
    watch_heard(arg, reply);
}

static void primary_found(const struct redis_address *primary, void *arg)
{
    struct redis *redis = arg;

    lease_end(redis);
    go_down(redis);
    redis_link_close(redis->events);
    redis_link_close(redis->commands);
    redis->server = *primary;
    redis_link_open(redis->commands);
}

static void make_sentinel(struct redis *redis)
{
    const struct sentinel_setup setup = {
        .base = redis->backend.setup.base,
        .url = &redis->url,
        .tls = redis->tls,
        .found = primary_found,
        .arg = redis,
    };

    redis->sentinel = sentinel_new(&setup);
}

static void make_links(struct redis *redis)
{
    const struct redis_link_setup commands = {
        .base = redis->backend.setup.base,
        .address = &redis->server,
        .login = &redis->url.login,
        .tls = redis->tls,
        .db = redis->url.db,
        .limit_ms = CONNECT_LIMIT_MS,
        .purpose = "commands",
        .ready = commands_ready,
        .lost = commands_lost,
        .arg = redis,
    };
    const struct redis_link_setup events = {
        .base = redis->backend.setup.base,
        .address = &redis->peer,
        .login = &redis->url.login,
        .tls = redis->tls,
        .db = redis->url.db,
        .limit_ms = CONNECT_LIMIT_MS,
        .purpose = "events",
        .ready = events_ready,
        .lost = events_lost,
        .pushed = events_heard,
        .arg = redis,
    };

    redis->commands = redis_link_new(&commands);
    redis->events = redis_link_new(&events);
    scripts_init(&redis->scripts, redis->commands, scripts_ready, redis);
}

static struct backend *redis_open(const struct backend_setup *setup, char *error, size_t error_size)
{
    struct redis_url url;
    struct redis_tls *tls = NULL;

    if (redis_url_parse(setup->url, &url, error, error_size) != 0)
        return NULL;
    if (url.tls.on) {
        tls = redis_tls_new(&url.tls, error, error_size);
        if (!tls) {
            redis_url_deinit(&url);
            return NULL;
        }
    }
    struct redis *redis = alloc_zeroed(sizeof *redis);
    redis->backend.row = &backend_redis;
    redis->backend.setup = *setup;
    redis->url = url;
    redis->tls = tls;
    id_make(redis->run, EPOCH_LEN);
    snprintf(redis->node, sizeof redis->node, "%s.%s", setup->node_id, redis->run);
    if (url.primary)
        make_sentinel(redis);
    else
        redis->server = url.addresses[0];
    make_links(redis);
    lease_init(redis);
    return &redis->backend;
}

static void redis_start(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->sentinel)
        sentinel_seek(redis->sentinel);
    else
        redis_link_open(redis->commands);
}

static void redis_watch(struct backend *backend, const char *ride)
{
    watch_begin(redis_of(backend), ride);
}

static void redis_unwatch(struct backend *backend, const char *ride)
{
    watch_end(redis_of(backend), ride);
}

static void redis_submit(struct backend *backend, struct order *order)
{
    transitions_submit(redis_of(backend), order);
}

static void redis_replay(struct backend *backend, struct order *order)
{
    replay_start(redis_of(backend), order);
}

static void redis_about(struct backend *backend, struct blob *json)
{
    lease_about(redis_of(backend), json);
}

static void redis_survey(struct backend *backend)
{
    survey_run(redis_of(backend));
}

static bool redis_finish(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->transitions.all || redis->results_held > 0 || redis->replays.under_way > 0)
        return false;
    return lease_give_back(redis);
}

/* The links go first: that cuts off every command, so nothing refers to rides and transitions any more. */
static void redis_stop(struct backend *backend, const char *error)
{
    struct redis *redis = redis_of(backend);

    sentinel_close(redis->sentinel);
    lease_end(redis);
    redis_link_close(redis->events);
    redis_link_close(redis->commands);
    go_down(redis);
    watch_release_all(redis);
    transitions_refuse_all(redis, error);
}

static void redis_free(struct backend *backend)
{
    struct redis *redis = redis_of(backend);
    struct redis_ride *ride, *next;

    redis_link_free(redis->events);
    redis_link_free(redis->commands);
    sentinel_free(redis->sentinel);
    redis_tls_free(redis->tls);
    lease_deinit(redis);
    disown_deinit(redis);
    reap_deinit(redis);
    sweep_deinit(redis);
    HASH_ITER(hh, redis->rides, ride, next)
    {
        ride_free(ride);
    }
    redis_url_deinit(&redis->url);
    free(redis);
}

const struct backend_row backend_redis = {
    .open = redis_open,
    .start = redis_start,
    .watch = redis_watch,
    .unwatch = redis_unwatch,
    .submit = redis_submit,
    .replay = redis_replay,
    .about = redis_about,
    .survey = redis_survey,
    .finish = redis_finish,
    .stop = redis_stop,
    .free = redis_free,
};
