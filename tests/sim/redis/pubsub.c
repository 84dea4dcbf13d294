/*
 * Channels, of all clients and of a slot. Those who listen hear in the order in which they came.
 */
#include "common/alloc.h"
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

#include <stdlib.h>
#include <utlist.h>

struct listener {
    struct sim_redis_connection *connection;
    struct listener *prev, *next;
};

static const struct words {
    const char *message, *subscribed, *unsubscribed;
} words[] = {
    [SIM_CHANNEL] = {"message", "subscribe", "unsubscribe"},
    [SIM_SHARD_CHANNEL] = {"smessage", "ssubscribe", "sunsubscribe"},
};

size_t sim_publish(struct sim_redis *redis, enum sim_channel_kind kind, struct bytes channel,
                   struct bytes message)
{
    const struct sim_entry *entry = sim_dict_find(&redis->channels[kind], channel);
    struct listener *listener;
    size_t count = 0;

    DL_FOREACH(entry ? (struct listener *)entry->object : NULL, listener)
    {
        struct buf *out = &listener->connection->out;

        sim_reply_list(out, 3);
        sim_reply_text(out, words[kind].message);
        sim_reply_bytes(out, channel);
        sim_reply_bytes(out, message);
        count++;
    }
    return count;
}

static struct listener *find(const struct sim_entry *entry, const struct sim_redis_connection *connection)
{
    struct listener *listener = entry ? entry->object : NULL;

    while (listener && listener->connection != connection)
        listener = listener->next;
    return listener;
}

static void add(struct sim_redis_connection *connection, enum sim_channel_kind kind, struct bytes channel)
{
    struct sim_dict *channels = &connection->redis->channels[kind];
    struct sim_entry *entry = sim_dict_find(channels, channel);
    struct listener *listener, *listeners;

    if (find(entry, connection))
        return;
    if (!entry)
        entry = sim_dict_add(channels, channel);
    listener = alloc_zeroed(sizeof *listener);
    listener->connection = connection;
    listeners = entry->object;
    DL_APPEND(listeners, listener);
    entry->object = listeners;
    connection->subscriptions[kind]++;
}

static void take_away(struct sim_redis_connection *connection, enum sim_channel_kind kind,
                      struct sim_entry *entry)
{
    struct listener *listener = find(entry, connection), *listeners;

    if (!listener)
        return;
    listeners = entry->object;
    DL_DELETE(listeners, listener);
    free(listener);
    entry->object = listeners;
    if (!listeners)
        sim_dict_remove(&connection->redis->channels[kind], entry);
    connection->subscriptions[kind]--;
}

void sim_unsubscribe_all(struct sim_redis_connection *connection)
{
    for (int kind = 0; kind < SIM_CHANNEL_KINDS; kind++) {
        struct sim_entry *entry = connection->redis->channels[kind].first, *next;

        for (; entry; entry = next) {
            next = entry->next_added;
            take_away(connection, (enum sim_channel_kind)kind, entry);
        }
    }
}

static void confirm(struct sim_call *call, const char *word, enum sim_channel_kind kind, struct bytes channel)
{
    sim_reply_list(call->out, 3);
    sim_reply_text(call->out, word);
    sim_reply_bytes(call->out, channel);
    sim_reply_number(call->out, (long long)call->connection->subscriptions[kind]);
}

static void subscribe(struct sim_call *call, enum sim_channel_kind kind)
{
    for (size_t i = 1; i < call->count; i++) {
        add(call->connection, kind, call->args[i]);
        confirm(call, words[kind].subscribed, kind, call->args[i]);
    }
}

static void unsubscribe(struct sim_call *call, enum sim_channel_kind kind)
{
    if (call->count == 1)
        sim_unsupported(call);
    for (size_t i = 1; i < call->count; i++) {
        take_away(call->connection, kind, sim_dict_find(&call->redis->channels[kind], call->args[i]));
        confirm(call, words[kind].unsubscribed, kind, call->args[i]);
    }
}

void sim_subscribe(struct sim_call *call)
{
    subscribe(call, SIM_CHANNEL);
}

void sim_ssubscribe(struct sim_call *call)
{
    subscribe(call, SIM_SHARD_CHANNEL);
}

void sim_unsubscribe(struct sim_call *call)
{
    unsubscribe(call, SIM_CHANNEL);
}

void sim_sunsubscribe(struct sim_call *call)
{
    unsubscribe(call, SIM_SHARD_CHANNEL);
}

void sim_publish_command(struct sim_call *call)
{
    sim_reply_number(call->out,
                     (long long)sim_publish(call->redis, SIM_CHANNEL, call->args[1], call->args[2]));
}

void sim_spublish(struct sim_call *call)
{
    sim_reply_number(call->out,
                     (long long)sim_publish(call->redis, SIM_SHARD_CHANNEL, call->args[1], call->args[2]));
}
