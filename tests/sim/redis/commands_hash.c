#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

enum { LISTED_ENTRIES_MAX = 512 };

/* NULL: there is no such hash. Answers an error and is false where the key is of another type. */
static bool find_hash(struct sim_call *call, struct sim_dict **hash)
{
    struct sim_object *object;

    *hash = NULL;
    if (!sim_key_of_type(call, call->args[1], SIM_HASH, &object))
        return false;
    if (object)
        *hash = &object->dict;
    return true;
}

static void say_field(struct sim_call *call, const struct sim_dict *hash, struct bytes field)
{
    const struct sim_entry *entry = hash ? sim_dict_find(hash, field) : NULL;

    if (entry)
        sim_reply_bytes(call->out, sim_entry_value(entry));
    else
        sim_reply_nil(call->out);
}

void sim_hget(struct sim_call *call)
{
    struct sim_dict *hash;

    if (find_hash(call, &hash))
        say_field(call, hash, call->args[2]);
}

void sim_hmget(struct sim_call *call)
{
    struct sim_dict *hash;

    if (!find_hash(call, &hash))
        return;
    sim_reply_list(call->out, call->count - 2);
    for (size_t i = 2; i < call->count; i++)
        say_field(call, hash, call->args[i]);
}

void sim_hlen(struct sim_call *call)
{
    struct sim_dict *hash;

    if (find_hash(call, &hash))
        sim_reply_number(call->out, hash ? (long long)hash->count : 0);
}

void sim_hexists(struct sim_call *call)
{
    struct sim_dict *hash;

    if (find_hash(call, &hash))
        sim_reply_number(call->out, hash && sim_dict_find(hash, call->args[2]) ? 1 : 0);
}

static void say_entry(struct sim_call *call, const struct sim_entry *entry)
{
    sim_reply_bytes(call->out, sim_entry_name(entry));
    sim_reply_bytes(call->out, sim_entry_value(entry));
}

void sim_hgetall(struct sim_call *call)
{
    struct sim_object *object;

    if (!sim_key_of_type(call, call->args[1], SIM_HASH, &object))
        return;
    sim_reply_list(call->out, object ? 2 * object->dict.count : 0);
    if (!object)
        return;
    for (const struct sim_entry *entry = object->dict.first; object->listed && entry;
         entry = entry->next_added)
        say_entry(call, entry);
    for (size_t i = 0; !object->listed && i < object->dict.size; i++)
        for (const struct sim_entry *entry = object->dict.buckets[i]; entry; entry = entry->next)
            say_entry(call, entry);
}

void sim_hset(struct sim_call *call)
{
    size_t listed_max = call->redis->setup.listed_max;
    struct sim_object *object;
    long long added = 0;

    if (call->count % 2 != 0) {
        sim_reply_error(call->out, "ERR wrong number of arguments for 'hset' command");
        return;
    }
    if (!sim_key_of_type(call, call->args[1], SIM_HASH, &object))
        return;
    if (!object)
        object = sim_key_make(call, call->args[1], SIM_HASH);
    for (size_t i = 2; i < call->count; i += 2) {
        struct sim_entry *entry = sim_dict_find(&object->dict, call->args[i]);

        if (!entry) {
            entry = sim_dict_add(&object->dict, call->args[i]);
            added++;
        }
        sim_entry_set(entry, call->args[i + 1]);
        if (call->args[i].len > listed_max || call->args[i + 1].len > listed_max ||
            object->dict.count > LISTED_ENTRIES_MAX)
            object->listed = false;
    }
    sim_reply_number(call->out, added);
}

void sim_hdel(struct sim_call *call)
{
    struct sim_dict *hash;
    long long deleted = 0;

    if (!find_hash(call, &hash))
        return;
    for (size_t i = 2; hash && i < call->count; i++) {
        struct sim_entry *entry = sim_dict_find(hash, call->args[i]);

        if (!entry)
            continue;
        sim_entry_drop_value(entry);
        sim_dict_remove(hash, entry);
        deleted++;
    }
    sim_key_settle(call, call->args[1]);
    sim_reply_number(call->out, deleted);
}
