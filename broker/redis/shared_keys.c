/*
 * One TYPE for each.
 */
#include "broker/redis/shared_keys.h"

#include "broker/redis/call.h"
#include "common/alloc.h"
#include "common/log.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static const struct shared_key {
    const char *name; /* NULL: the rides of this node */
    const char *type;
} shared_keys[] = {
    {"nodes", "set"},     {"away", "zset"},     {"sweeper", "string"},
    {"secret", "string"}, {"layout", "string"}, {NULL, "set"},
};

struct looked_at {
    struct store *store;
    const struct shared_key *key;
};

static void add_key(struct call *call, const struct store *store, const struct shared_key *key)
{
    if (key->name)
        call_shared_key(call, key->name);
    else
        call_node_key(call, store->node, ":rides");
}

static void type_came(const struct redisReply *reply, void *arg)
{
    struct looked_at *at = arg;
    struct call call;

    if (reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, at->key->type) != 0 &&
        strcmp(reply->str, "none") != 0) {
        log_warn("broker", "Redis has something else under %s; it is deleted",
                 at->key->name ? at->key->name : "the rides of this node");
        call_command(&call, at->store, "DEL");
        add_key(&call, at->store, at->key);
        call_tell(&call);
    }
    free(at);
}

void shared_keys_check(struct store *store)
{
    for (size_t i = 0; i < sizeof shared_keys / sizeof *shared_keys; i++) {
        struct looked_at *at = alloc_zeroed(sizeof *at);
        struct call call;

        *at = (struct looked_at){store, &shared_keys[i]};
        call_command(&call, store, "TYPE");
        add_key(&call, store, at->key);
        if (call_send(&call, type_came, at) != 0)
            free(at);
    }
}
