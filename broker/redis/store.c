/*
 * The common ground.
 */
#include "broker/redis/store.h"

#include "broker/redis/server_error.h"
#include "common/clock.h"
#include "common/log.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void store_tell_gateway(const struct store *store, struct broker_message *message)
{
    outbox_tell(store->setup->outbox, message);
}

const struct broker_metrics *store_metrics(const struct store *store)
{
    return store->setup->metrics;
}

uint64_t store_clock_ms(const struct store *store)
{
    return (uint64_t)((int64_t)clock_ms() + store->clock_ahead_ms);
}

/* The prefix, and in a cluster the home. */
static const char *front(const struct store *store, struct key_name *key)
{
    if (!store->home[0])
        return store->setup->prefix;
    key_name_make(key, store->setup->prefix, store->home, "");
    return key->text;
}

void store_shared_key(const struct store *store, const char *what, struct key_name *key)
{
    struct key_name home;

    key_name_make_shared(key, front(store, &home), what);
}

void store_node_key(const struct store *store, const char *node, const char *detail, struct key_name *key)
{
    struct key_name home;

    key_name_make_node(key, front(store, &home), node, detail);
}

void store_channel(const struct store *store, const char *ride, struct key_name *channel)
{
    char what[32] = "events";

    if (store->db > 0)
        snprintf(what, sizeof what, "events:%u", store->db);
    key_name_make(channel, store->setup->prefix, ride, what);
}

void store_trouble(struct store *store, const char *format, ...)
{
    uint64_t now_s = clock_ms() / 1000;
    char text[512];
    va_list args;

    if (now_s == store->trouble_s)
        return;
    store->trouble_s = now_s;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_warn("broker", "%s", text);
}

const char *store_complaint(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer";
}

/* Where the whole cluster is down, its servers are away. */
bool store_defers(const struct store *store, const struct redisReply *reply)
{
    static const char down[] = "CLUSTERDOWN The cluster is down";
    static const struct redis_address nowhere;
    struct redis_address owner;

    return store->cluster && slot_error(reply, &nowhere, &owner) != SLOT_ERROR_NONE &&
           strncmp(reply->str, down, sizeof down - 1) != 0;
}

bool store_is_away(struct store *store, const struct redisReply *reply)
{
    const char *error = store_defers(store, reply) ? NULL : server_error(reply);

    if (error)
        redis_link_fail(store->commands, error);
    return error;
}

bool store_failed(struct store *store, const struct redisReply *reply)
{
    if (!reply)
        return true;
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (!store_is_away(store, reply) && !store_defers(store, reply))
        store_trouble(store, "Redis refuses what this node has to keep there: %s", reply->str);
    return true;
}
