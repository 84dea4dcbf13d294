/*
 * The Redis backend: two connections, and what holds as long as both are ready.
 *
 *   commands: connect, load scripts ─▶ events: connect ─▶ up: subscribe to watched rides, send what waits
 *   either lost ─▶ down, both closed ─▶ from the start
 */
#include "broker/redis.h"

#include "broker/message.h"
#include "common/id.h"
#include "common/log.h"
#include "common/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct redis *redis_of(struct backend *backend)
{
    return (struct redis *)backend;
}

struct redis_ride *redis_ride_get(struct redis *redis, const char *name)
{
    struct redis_ride *ride;

    HASH_FIND_STR(redis->rides, name, ride);
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
    free(ride);
}

void redis_ride_drop_if_unused(struct redis_ride *ride)
{
    if (!ride->watched && !ride->transitions && ride->confirmations_due == 0)
        ride_free(ride);
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
    log_info("broker", "connected to Redis at %s:%d", redis->url.host, redis->url.port);
    if (redis->was_up)
        metric_add(redis->backend.setup.metrics->reconnects, 1);
    redis->up = true;
    redis->was_up = true;
    broker_tell(redis->backend.setup.broker, message_state(true));
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

static void commands_ready(void *arg)
{
    struct redis *redis = arg;

    scripts_load(&redis->scripts);
}

static void scripts_ready(void *arg)
{
    struct redis *redis = arg;

    redis_link_open(redis->events);
}

static void commands_lost(void *arg)
{
    struct redis *redis = arg;

    go_down(redis);
    redis_link_close(redis->events);
}

static void events_ready(void *arg)
{
    go_up(arg);
}

static void events_lost(void *arg)
{
    struct redis *redis = arg;

    go_down(redis);
    redis_link_fail(redis->commands, "the connection for events was lost");
}

static void events_heard(const struct redisReply *reply, void *arg)
{
    watch_heard(arg, reply);
}

static void make_links(struct redis *redis)
{
    const struct redis_link_setup commands = {
        .base = redis->backend.setup.base,
        .url = &redis->url,
        .purpose = "commands",
        .ready = commands_ready,
        .lost = commands_lost,
        .arg = redis,
    };
    const struct redis_link_setup events = {
        .base = redis->backend.setup.base,
        .url = &redis->url,
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

    if (redis_url_parse(setup->url, &url, error, error_size) != 0)
        return NULL;
    struct redis *redis = alloc_zeroed(sizeof *redis);
    redis->backend.row = &backend_redis;
    redis->backend.setup = *setup;
    redis->url = url;
    id_make(redis->run, EPOCH_LEN);
    make_links(redis);
    return &redis->backend;
}

static void redis_start(struct backend *backend)
{
    redis_link_open(redis_of(backend)->commands);
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

static bool redis_busy(const struct backend *backend)
{
    const struct redis *redis = (const struct redis *)backend;

    return redis->transitions.all || redis->results_held > 0;
}

/* The links go first: that cuts off every command, so nothing refers to rides and transitions any more. */
static void redis_stop(struct backend *backend, const char *error)
{
    struct redis *redis = redis_of(backend);

    redis_link_close(redis->events);
    redis_link_close(redis->commands);
    watch_release_all(redis);
    transitions_refuse_all(redis, error);
    go_down(redis);
}

static void redis_free(struct backend *backend)
{
    struct redis *redis = redis_of(backend);
    struct redis_ride *ride, *next;

    redis_link_free(redis->events);
    redis_link_free(redis->commands);
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
    .busy = redis_busy,
    .stop = redis_stop,
    .free = redis_free,
};
