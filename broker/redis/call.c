/*
 * Arguments of commands and scripts.
 */
#include "broker/redis/call.h"

#include "broker/redis/log_entry.h"
#include "common/decimal.h"
#include "common/id.h"

#include <assert.h>
#include <hiredis/hiredis.h>
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

void call_number_and(struct call *call, uint64_t number, const char *behind)
{
    assert(call->number_count < CALL_NUMBERS_MAX);
    char *text = call->numbers[call->number_count++];
    size_t len = decimal_write(text, number), behind_len = strlen(behind);
    assert(len + behind_len <= CALL_NUMBER_SIZE);
    memcpy(text + len, behind, behind_len);
    call_bytes(call, text, len + behind_len);
}

void call_number(struct call *call, uint64_t number)
{
    call_number_and(call, number, "");
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

    store_shared_key(call->store, what, key);
    add_name(call, key);
}

void call_node_key(struct call *call, const char *node, const char *detail)
{
    struct key_name *key = new_name(call);

    store_node_key(call->store, node, detail, key);
    add_name(call, key);
}

void call_common_key(struct call *call, const char *what)
{
    struct key_name *key = new_name(call);

    key_name_make_shared(key, call->store->setup->prefix, what);
    add_name(call, key);
}

void call_node_channel(struct call *call)
{
    struct key_name *channel = new_name(call);

    key_name_make_node(channel, call->store->setup->prefix, call->store->node, "");
    add_name(call, channel);
}

void call_channel(struct call *call, const char *ride)
{
    struct key_name *channel = new_name(call);

    store_channel(call->store, ride, channel);
    add_name(call, channel);
}

static void add_known(struct call *call, const struct ride_known *known, bool compared)
{
    static const struct ride_known nothing;

    if (!known)
        known = &nothing;
    call_text(call, known->at.epoch);
    call_number(call, known->at.offset);
    call_text(call, compared ? known->at.chain : "");
    call_text(call, known->left);
}

static const char *const ride_keys[CALL_RIDE_KEYS] = {"users", "connections", "away", "meta", "log"};

/* EVALSHA digest key-count key… argument… */
void call_rides(struct call *call, struct store *store, enum script script, size_t rides)
{
    call_command(call, store, "EVALSHA");
    call_text(call, scripts_digest(&store->scripts, script));
    call_number(call, rides * CALL_RIDE_KEYS);
}

void call_keys(struct call *call, const char *ride)
{
    for (size_t i = 0; i < CALL_RIDE_KEYS; i++) {
        struct key_name *key = new_name(call);

        key_name_make(key, call->store->setup->prefix, ride, ride_keys[i]);
        add_name(call, key);
    }
}

void call_first(struct call *call, const char *ride, const struct ride_known *known, bool compared)
{
    call_channel(call, ride);
    call_number(call, call->store->setup->recovery_window_ms);
    call_number(call, LOG_CAP);
    id_make(call->candidate, EPOCH_LEN);
    call_text(call, call->candidate);
    add_known(call, known, compared);
}

void call_another(struct call *call, const char *ride, const struct ride_known *known, bool compared)
{
    call_channel(call, ride);
    add_known(call, known, compared);
}

void call_ride(struct call *call, struct store *store, enum script script, const char *ride,
               const struct ride_known *known)
{
    call_rides(call, store, script, 1);
    call_keys(call, ride);
    call_first(call, ride, known, true);
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
    if (store_defers(store, reply))
        return CALL_LATER;
    return scripts_missing(&store->scripts, script, reply) ? CALL_AGAIN : CALL_ANSWERED;
}

bool call_lives_too_long(const struct redisReply *reply, uint64_t given_ms)
{
    enum { FOR_EVER = -1 };

    return reply->type == REDIS_REPLY_INTEGER &&
           (reply->integer == FOR_EVER || reply->integer > (long long)given_ms);
}

const char *call_read_word(const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 1 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return NULL;
    return reply->element[0]->str;
}

bool call_read_position(const struct redisReply *reply, struct broker_position *position)
{
    return call_read_word(reply) && reply->elements >= 4 &&
           record_parse_epoch(reply_slice(reply->element[1]), position->epoch) == 0 &&
           record_parse_offset(reply_slice(reply->element[2]), &position->offset) == 0 &&
           record_parse_chain(reply_slice(reply->element[3]), position->chain) == 0;
}
