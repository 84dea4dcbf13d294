/*
 * The channel `<prefix>node:<node>`, with `tenure socketId ride` for each socket.
 */
#include "broker/redis/takeover.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/held.h"
#include "broker/redis/log_entry.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <string.h>

void takeover_listen(struct store *store)
{
    struct call call;

    call_command(&call, store, "SUBSCRIBE");
    call_node_key(&call, store->node, "");
    call_send_event(&call);
}

static void take(struct store *store, struct redis_rides *rides, const struct redisReply *text)
{
    struct record_takeover takeover;

    if (record_parse_takeover(text->str, text->len, &takeover) != 0) {
        metric_add(store_metrics(store)->bad_messages, 1);
        store_trouble(store, "a malformed message on the channel of this node");
        return;
    }
    struct redis_ride *ride = redis_rides_find(rides, takeover.ride, strlen(takeover.ride));
    if (ride && held_taken_over(ride, takeover.socket_id, takeover.tenure))
        store_tell_gateway(store, message_evicted(takeover.ride, takeover.socket_id));
}

bool takeover_heard(struct store *store, struct redis_rides *rides, const struct redisReply *channel,
                    const struct redisReply *text)
{
    struct json_slice name = reply_slice(channel);
    struct key_name ours;

    key_name_make_node(&ours, store->setup->prefix, store->node, "");
    if (name.len != ours.len || memcmp(name.at, ours.text, ours.len) != 0)
        return false;
    if (text->type == REDIS_REPLY_STRING) /* otherwise the subscription is confirmed */
        take(store, rides, text);
    return true;
}
