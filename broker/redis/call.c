/*
 * Arguments of commands and scripts.
 */
#include "broker/redis/call.h"

#include "broker/redis/log_entry.h"
#include "common/id.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void call_command(struct call *call, struct store *store, const char *name)
{
    call->store = store;
    call->count = 0;
    call->name_count = 0;
    call->number_count = 0;
    call_text(call, name);
}

void call_bytes(struct call *call, const void *at, size_t len)
{
    assert(call->count < REDIS_ARGS_MAX);
    call->args[call->count++] = (struct redis_arg){at, len};
}

void call_text(struct call *call, const char *text)
{
    call_bytes(call, text, strlen(text));
}

void call_number(struct call *call, uint64_t number)
{
    assert(call->number_count < CALL_NUMBERS_MAX);
    char *text = call->numbers[call->number_count++];
    call_bytes(call, text, (size_t)snprintf(text, sizeof *call->numbers, "%" PRIu64, number));
}

static struct key_name *new_name(struct call *call)
{
    assert(call->name_count < CALL_KEYS_MAX);
    return &call->names[call->name_count++];
}

static void add_name(struct call *call, const struct key_name *name)
{
    call_bytes(call, name->text, name->len);
}

void call_shared_key(struct call *call, const char *what)
{
    struct key_name *key = new_name(call);

    key_name_make_shared(key, call->store->setup->prefix, what);
    add_name(call, key);
}

void call_node_key(struct call *call, const char *node, const char *detail)
{
    struct key_name *key = new_name(call);

    key_name_make_node(key, call->store->setup->prefix, node, detail);
    add_name(call, key);
}

void call_channel(struct call *call, const char *ride)
{
    struct key_name *channel = new_name(call);

    store_channel(call->store, ride, channel);
    add_name(call, channel);
}

/* EVALSHA digest key-count key… */
void call_script_with(struct call *call, struct store *store, enum script script, const char *ride,
                      const char *const *keys)
{
    call_command(call, store, "EVALSHA");
    call_text(call, scripts_digest(&store->scripts, script));
    struct redis_arg *key_count = &call->args[call->count++];
    for (; *keys; keys++) {
        struct key_name *key = new_name(call);

        key_name_make(key, store->setup->prefix, ride, *keys);
        add_name(call, key);
    }
    int len = snprintf(call->key_count, sizeof call->key_count, "%zu", call->name_count);
    *key_count = (struct redis_arg){call->key_count, (size_t)len};
}

void call_position(struct call *call, const struct broker_position *known)
{
    id_make(call->candidate, EPOCH_LEN);
    call_text(call, call->candidate);
    call_text(call, known ? known->epoch : "");
    call_number(call, known ? known->offset : 0);
}

int call_send(struct call *call, redis_answer *answer, void *arg)
{
    return redis_link_send(call->store->commands, answer, arg, call->args, call->count);
}

static void told(const struct redisReply *reply, void *arg)
{
    store_failed(arg, reply);
}

void call_tell(struct call *call)
{
    redis_link_send(call->store->commands, told, call->store, call->args, call->count);
}

int call_send_event(struct call *call)
{
    return redis_link_send(call->store->events, NULL, NULL, call->args, call->count);
}

enum call_verdict call_judge(struct store *store, enum script script, const struct redisReply *reply)
{
    if (!reply || store_is_away(store, reply))
        return CALL_LOST;
    return scripts_missing(&store->scripts, script, reply) ? CALL_AGAIN : CALL_ANSWERED;
}

bool call_read_position(const struct redisReply *epoch, const struct redisReply *offset,
                        struct broker_position *position)
{
    return record_parse_epoch(reply_slice(epoch), position->epoch) == 0 &&
           record_parse_offset(reply_slice(offset), &position->offset) == 0;
}
