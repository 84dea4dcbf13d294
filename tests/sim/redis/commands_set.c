#include "common/alloc.h"
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

#include <stdlib.h>

/* From Redis 7.2 on. Before that, sets other than of numbers are no lists. */
enum { LISTED_ENTRIES_MAX = 128, LISTED_BYTES_MAX = 64 };

void sim_sadd(struct sim_call *call)
{
    struct sim_object *object;
    long long added = 0;

    if (!sim_key_of_type(call, call->args[1], SIM_SET, &object))
        return;
    if (!object)
        object = sim_key_make(call, call->args[1], SIM_SET);
    for (size_t i = 2; i < call->count; i++) {
        if (sim_dict_find(&object->dict, call->args[i]))
            continue;
        sim_dict_add(&object->dict, call->args[i]);
        added++;
        if (!call->redis->is_7_2 || call->args[i].len > LISTED_BYTES_MAX ||
            object->dict.count > LISTED_ENTRIES_MAX)
            object->listed = false;
    }
    sim_reply_number(call->out, added);
}

void sim_srem(struct sim_call *call)
{
    struct sim_object *object;
    long long removed = 0;

    if (!sim_key_of_type(call, call->args[1], SIM_SET, &object))
        return;
    for (size_t i = 2; object && i < call->count; i++) {
        struct sim_entry *entry = sim_dict_find(&object->dict, call->args[i]);

        if (!entry)
            continue;
        sim_dict_remove(&object->dict, entry);
        removed++;
    }
    sim_key_settle(call, call->args[1]);
    sim_reply_number(call->out, removed);
}

/* The members in the order in which they are kept, for free(). */
static const struct sim_entry **members_of(const struct sim_object *object)
{
    const struct sim_entry **members = alloc_zeroed((object->dict.count + 1) * sizeof(void *));
    const struct sim_entry *entry;
    size_t count = 0;

    for (entry = object->dict.first; object->listed && entry; entry = entry->next_added)
        members[count++] = entry;
    for (size_t i = 0; !object->listed && i < object->dict.size; i++)
        for (entry = object->dict.buckets[i]; entry; entry = entry->next)
            members[count++] = entry;
    return members;
}

static void say_some(struct sim_call *call, const struct sim_object *object, size_t count)
{
    const struct sim_entry **members = members_of(object);
    size_t there = object->dict.count;

    sim_reply_list(call->out, count);
    for (size_t i = 0; i < count; i++) {
        size_t other = count < there ? i + sim_random(call->redis) % (there - i) : i;
        const struct sim_entry *member = members[other];

        members[other] = members[i];
        sim_reply_bytes(call->out, sim_entry_name(member));
    }
    free(members);
}

void sim_smembers(struct sim_call *call)
{
    struct sim_object *object;

    if (!sim_key_of_type(call, call->args[1], SIM_SET, &object))
        return;
    if (object)
        say_some(call, object, object->dict.count);
    else
        sim_reply_list(call->out, 0);
}

/* All of them, or some that the seed chooses. */
void sim_srandmember(struct sim_call *call)
{
    struct sim_object *object;
    long long count;

    if (call->count != 3)
        sim_unsupported(call);
    if (!sim_arg_number(call, 2, &count) || !sim_key_of_type(call, call->args[1], SIM_SET, &object))
        return;
    if (count < 0)
        sim_unsupported(call);
    if (!object)
        sim_reply_list(call->out, 0);
    else
        say_some(call, object, (size_t)count < object->dict.count ? (size_t)count : object->dict.count);
}
