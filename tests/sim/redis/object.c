#include "tests/sim/redis/object.h"

#include "common/alloc.h"

#include <stdlib.h>

struct sim_object *sim_object_new(enum sim_type type, uint64_t seed)
{
    struct sim_object *object = alloc_zeroed(sizeof *object);

    object->type = type;
    object->expires_ms = SIM_FOR_EVER;
    object->listed = true;
    if (type == SIM_HASH || type == SIM_SET)
        sim_dict_init(&object->dict, seed);
    else if (type == SIM_ZSET)
        sim_zset_init(&object->zset, seed);
    return object;
}

void sim_object_free(struct sim_object *object)
{
    switch (object->type) {
    case SIM_STRING:
        free(object->string.at);
        break;
    case SIM_HASH:
    case SIM_SET:
        sim_dict_deinit(&object->dict, object->type == SIM_HASH ? sim_entry_drop_value : NULL);
        break;
    case SIM_ZSET:
        sim_zset_deinit(&object->zset);
        break;
    case SIM_STREAM:
        sim_stream_deinit(&object->stream);
    }
    free(object);
}

static void copy_dict(struct sim_object *copy, const struct sim_dict *from)
{
    for (const struct sim_entry *entry = from->first; entry; entry = entry->next_added) {
        struct sim_entry *added = sim_dict_add(&copy->dict, sim_entry_name(entry));

        if (copy->type == SIM_HASH)
            sim_entry_set(added, sim_entry_value(entry));
    }
}

struct sim_object *sim_object_copy(const struct sim_object *object, uint64_t seed)
{
    struct sim_object *copy = sim_object_new(object->type, seed);

    copy->expires_ms = object->expires_ms;
    copy->listed = object->listed;
    switch (object->type) {
    case SIM_STRING:
        copy->string.at = alloc_text(object->string.at, object->string.len);
        copy->string.len = object->string.len;
        break;
    case SIM_HASH:
    case SIM_SET:
        copy_dict(copy, &object->dict);
        break;
    case SIM_ZSET:
        for (const struct sim_entry *entry = object->zset.members.first; entry; entry = entry->next_added)
            sim_zset_put(&copy->zset, sim_entry_name(entry), entry->score);
        break;
    case SIM_STREAM:
        sim_stream_copy(&copy->stream, &object->stream);
    }
    return copy;
}

size_t sim_object_size(const struct sim_object *object)
{
    switch (object->type) {
    case SIM_HASH:
    case SIM_SET:
        return object->dict.count;
    case SIM_ZSET:
        return object->zset.members.count;
    case SIM_STREAM:
        return sim_stream_length(&object->stream);
    default:
        return 1;
    }
}
