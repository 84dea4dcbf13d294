/*
 * The channel `<prefix>node:<node>`, with `tenure socketId ride` for each socket.
 */
#include "broker/redis/takeover.h"

#include "broker/redis/log_entry.h"
#include "broker/redis/redis.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <string.h>

static void make_channel(const struct redis *redis, struct key_name *channel)
{
    key_name_make_node(channel, redis->backend.setup.prefix, redis->node, "");
}

void takeover_listen(struct redis *redis)
{
    struct key_name channel;

    make_channel(redis, &channel);
    const struct redis_arg args[] = {redis_arg_text("SUBSCRIBE"), key_name_arg(&channel)};
    redis_link_send(redis->events, NULL, NULL, args, 2);
}

bool takeover_heard(struct redis *redis, const struct redisReply *channel, const struct redisReply *text)
{
    struct json_slice name = reply_slice(channel);
    struct record_takeover takeover;
    struct key_name ours;

    make_channel(redis, &ours);
    if (name.len != ours.len || memcmp(name.at, ours.text, ours.len) != 0)
        return false;
    if (text->type != REDIS_REPLY_STRING)
        return true; /* the subscription is confirmed */
    if (record_parse_takeover(text->str, text->len, &takeover) != 0) {
        metric_add(redis->backend.setup.metrics->bad_messages, 1);
        redis_trouble(redis, "a malformed message on the channel of this node");
        return true;
    }
    struct redis_ride *ride = redis_ride_find(redis, takeover.ride);
    if (ride)
        held_taken_over(ride, takeover.socket_id, takeover.tenure);
    return true;
}
