/*
 * The channel `<prefix>node:<node>`: `taken ride tenure socketId` and `held ride socketId…`.
 */
#include "broker/redis/node_channel.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <string.h>

void node_channel_listen(struct store *store)
{
    struct call call;

    call_command(&call, store, "SUBSCRIBE");
    call_node_channel(&call);
    call_send_event(&call);
}

static void taken(struct transitions *transitions, struct record_word *word)
{
    struct redis_ride *ride = redis_rides_find(transitions->rides, word->ride, strlen(word->ride));
    char socket_id[SOCKET_ID_LEN + 1];

    if (!record_next_socket(&word->sockets, socket_id))
        return;
    if (ride && held_taken_over(ride, socket_id, word->tenure))
        outbox_tell(transitions->setup->outbox, message_evicted(word->ride, socket_id));
}

static void held(struct transitions *transitions, struct record_word *word)
{
    char socket_id[SOCKET_ID_LEN + 1];

    while (record_next_socket(&word->sockets, socket_id))
        transitions_disown(transitions, word->ride, socket_id);
}

/* A word counts where it is said by the server that has the ride. */
static void take(struct store *store, struct transitions *transitions, const struct redisReply *text)
{
    struct record_word word;

    if (record_parse_word(text->str, text->len, &word) != 0) {
        metric_add(store_metrics(store)->bad_messages, 1);
        store_trouble(store, "a malformed message on the channel of this node");
    } else if (redis_rides_store(transitions->rides, word.ride) == store) {
        if (word.taken)
            taken(transitions, &word);
        else
            held(transitions, &word);
    }
}

bool node_channel_heard(struct store *store, struct transitions *transitions,
                        const struct redisReply *channel, const struct redisReply *text)
{
    struct json_slice name = reply_slice(channel);
    struct key_name ours;

    key_name_make_node(&ours, store->setup->prefix, store->node, "");
    if (name.len != ours.len || memcmp(name.at, ours.text, ours.len) != 0)
        return false;
    if (text->type == REDIS_REPLY_STRING) /* otherwise the subscription is confirmed */
        take(store, transitions, text);
    return true;
}
