#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

void sim_del(struct sim_call *call)
{
    long long deleted = 0;

    for (size_t i = 1; i < call->count; i++)
        deleted += sim_key_delete(call, call->args[i]);
    sim_reply_number(call->out, deleted);
}

void sim_exists(struct sim_call *call)
{
    long long there = 0;

    for (size_t i = 1; i < call->count; i++)
        there += sim_key_find(call, call->args[i]) != NULL;
    sim_reply_number(call->out, there);
}

/* For tests that look at everything. */
void sim_keys(struct sim_call *call)
{
    const struct sim_dict *db = &call->redis->databases[call->connection->db];

    if (!bytes_say(call->args[1], "*"))
        sim_unsupported(call);
    sim_keyspace_expire(call->redis);
    sim_reply_list(call->out, db->count);
    for (const struct sim_entry *entry = db->first; entry; entry = entry->next_added)
        sim_reply_bytes(call->out, sim_entry_name(entry));
}

void sim_persist(struct sim_call *call)
{
    struct sim_object *object = sim_key_find(call, call->args[1]);
    bool expires = object && object->expires_ms != SIM_FOR_EVER;

    if (expires)
        object->expires_ms = SIM_FOR_EVER;
    sim_reply_number(call->out, expires);
}

void sim_pexpire(struct sim_call *call)
{
    int64_t now = sim_now_ms(call->redis);
    long long life;

    if (call->count > 3)
        sim_unsupported(call);
    if (!sim_arg_number(call, 2, &life))
        return;
    if (life > INT64_MAX - now) {
        sim_reply_error(call->out, call->redis->is_7 ? "ERR invalid expire time in 'pexpire' command"
                                                     : "ERR invalid expire time in pexpire");
        return;
    }
    struct sim_object *object = sim_key_find(call, call->args[1]);
    if (object && life <= 0)
        sim_key_delete(call, call->args[1]);
    else if (object)
        object->expires_ms = now + life;
    sim_reply_number(call->out, object != NULL);
}

void sim_pttl(struct sim_call *call)
{
    enum { NO_SUCH_KEY = -2 };
    const struct sim_object *object = sim_key_find(call, call->args[1]);

    if (!object)
        sim_reply_number(call->out, NO_SUCH_KEY);
    else if (object->expires_ms == SIM_FOR_EVER)
        sim_reply_number(call->out, SIM_FOR_EVER);
    else
        sim_reply_number(call->out, object->expires_ms - sim_now_ms(call->redis));
}

void sim_type(struct sim_call *call)
{
    static const char *const names[] = {
        [SIM_STRING] = "string", [SIM_HASH] = "hash",     [SIM_SET] = "set",
        [SIM_ZSET] = "zset",     [SIM_STREAM] = "stream",
    };
    const struct sim_object *object = sim_key_find(call, call->args[1]);

    sim_reply_status(call->out, object ? names[object->type] : "none");
}
