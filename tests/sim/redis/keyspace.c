#include "tests/sim/redis/reply.h"

int64_t sim_now_ms(const struct sim_redis *redis)
{
    return redis->now_us / 1000;
}

static struct sim_dict *database(const struct sim_call *call)
{
    return &call->redis->databases[call->connection->db];
}

static void drop(struct sim_dict *db, struct sim_entry *entry)
{
    sim_object_free(entry->object);
    sim_dict_remove(db, entry);
}

static bool is_over(const struct sim_redis *redis, const struct sim_entry *entry)
{
    const struct sim_object *object = entry->object;

    return object->expires_ms != SIM_FOR_EVER && object->expires_ms < sim_now_ms(redis);
}

static struct sim_entry *entry_of(const struct sim_call *call, struct bytes key)
{
    struct sim_dict *db = database(call);
    struct sim_entry *entry = sim_dict_find(db, key);

    if (!entry || !is_over(call->redis, entry))
        return entry;
    drop(db, entry);
    return NULL;
}

struct sim_object *sim_key_find(const struct sim_call *call, struct bytes key)
{
    const struct sim_entry *entry = entry_of(call, key);

    return entry ? entry->object : NULL;
}

bool sim_key_of_type(struct sim_call *call, struct bytes key, enum sim_type type, struct sim_object **object)
{
    *object = sim_key_find(call, key);
    if (!*object || (*object)->type == type)
        return true;
    sim_reply_error(call->out, SIM_WRONG_TYPE);
    return false;
}

struct sim_object *sim_key_make(const struct sim_call *call, struct bytes key, enum sim_type type)
{
    struct sim_entry *entry = entry_of(call, key);

    if (entry)
        sim_object_free(entry->object);
    else
        entry = sim_dict_add(database(call), key);
    entry->object = sim_object_new(type, call->redis->setup.seed);
    return entry->object;
}

bool sim_key_delete(const struct sim_call *call, struct bytes key)
{
    struct sim_entry *entry = entry_of(call, key);

    if (entry)
        drop(database(call), entry);
    return entry;
}

void sim_key_settle(const struct sim_call *call, struct bytes key)
{
    const struct sim_object *object = sim_key_find(call, key);

    if (object && sim_object_size(object) == 0)
        sim_key_delete(call, key);
}

void sim_keyspace_expire(struct sim_redis *redis)
{
    for (size_t i = 0; i < SIM_DATABASES; i++) {
        struct sim_entry *entry = redis->databases[i].first, *next;

        for (; entry; entry = next) {
            next = entry->next_added;
            if (is_over(redis, entry))
                drop(&redis->databases[i], entry);
        }
    }
}

static void drop_object(struct sim_entry *entry)
{
    sim_object_free(entry->object);
}

void sim_keyspace_clear(struct sim_redis *redis)
{
    for (size_t i = 0; i < SIM_DATABASES; i++)
        sim_dict_deinit(&redis->databases[i], drop_object);
}
