#include "tests/sim/redis/dict.h"

#include "common/alloc.h"

#include <stdlib.h>

enum { SIZE_MIN = 4 };

/* FNV-1a, its bits mixed again since only the lower ones choose the bucket. */
static uint64_t hash_of(const struct sim_dict *dict, struct bytes name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ dict->seed;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.at[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

static struct sim_entry **bucket_of(const struct sim_dict *dict, uint64_t hash)
{
    return &dict->buckets[hash & (dict->size - 1)];
}

static void put(struct sim_dict *dict, struct sim_entry *entry)
{
    struct sim_entry **bucket = bucket_of(dict, entry->hash);

    entry->next = *bucket;
    *bucket = entry;
}

static void resize(struct sim_dict *dict, size_t size)
{
    free(dict->buckets);
    dict->buckets = alloc_zeroed(size * sizeof(void *));
    dict->size = size;
    for (struct sim_entry *entry = dict->first; entry; entry = entry->next_added)
        put(dict, entry);
}

/* A table is doubled when it is full, and made as small as may be when a tenth of it is in use. */
static void resize_if_needed(struct sim_dict *dict)
{
    size_t size = SIZE_MIN;

    if (dict->size > SIZE_MIN && dict->count * 10 < dict->size) {
        while (size < dict->count)
            size *= 2;
        resize(dict, size);
    }
}

void sim_dict_init(struct sim_dict *dict, uint64_t seed)
{
    *dict = (struct sim_dict){.seed = seed};
}

void sim_dict_deinit(struct sim_dict *dict, void (*drop)(struct sim_entry *entry))
{
    struct sim_entry *entry = dict->first;

    while (entry) {
        struct sim_entry *next = entry->next_added;

        if (drop)
            drop(entry);
        free(entry);
        entry = next;
    }
    free(dict->buckets);
    sim_dict_init(dict, dict->seed);
}

struct sim_entry *sim_dict_find(const struct sim_dict *dict, struct bytes name)
{
    uint64_t hash = hash_of(dict, name);
    struct sim_entry *entry = dict->size > 0 ? *bucket_of(dict, hash) : NULL;

    while (entry && (entry->hash != hash || !bytes_equal(sim_entry_name(entry), name)))
        entry = entry->next;
    return entry;
}

struct sim_entry *sim_dict_add(struct sim_dict *dict, struct bytes name)
{
    struct sim_entry *entry = alloc_zeroed(sizeof *entry + name.len + 1);

    if (dict->count >= dict->size)
        resize(dict, dict->size ? dict->size * 2 : SIZE_MIN);
    entry->hash = hash_of(dict, name);
    entry->len = name.len;
    memcpy(entry->name, name.at, name.len);
    put(dict, entry);
    if (dict->first) {
        entry->prev_added = dict->first->prev_added;
        entry->prev_added->next_added = entry;
    } else {
        dict->first = entry;
    }
    dict->first->prev_added = entry;
    dict->count++;
    return entry;
}

void sim_dict_remove(struct sim_dict *dict, struct sim_entry *entry)
{
    struct sim_entry **at = bucket_of(dict, entry->hash);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    if (entry->next_added)
        entry->next_added->prev_added = entry->prev_added;
    else
        dict->first->prev_added = entry->prev_added;
    if (entry == dict->first)
        dict->first = entry->next_added;
    else
        entry->prev_added->next_added = entry->next_added;
    free(entry);
    dict->count--;
    resize_if_needed(dict);
}

static uint64_t reversed(uint64_t bits)
{
    uint64_t result = 0;

    for (int i = 0; i < 64; i++, bits >>= 1)
        result = result << 1 | (bits & 1);
    return result;
}

/* The buckets in the order of their number's bits, read backwards: so a table that has grown or shrunk in
 * between is gone on with where it has been. */
uint64_t sim_dict_scan(const struct sim_dict *dict, uint64_t cursor,
                       void (*found)(struct sim_entry *entry, void *arg), void *arg)
{
    struct sim_entry *entry, *next;

    if (dict->size == 0)
        return 0;
    for (entry = *bucket_of(dict, cursor); entry; entry = next) {
        next = entry->next;
        found(entry, arg);
    }
    cursor |= ~(uint64_t)(dict->size - 1);
    return reversed(reversed(cursor) + 1);
}

struct bytes sim_entry_name(const struct sim_entry *entry)
{
    return (struct bytes){entry->name, entry->len};
}

void sim_entry_set(struct sim_entry *entry, struct bytes value)
{
    char *copy = alloc_text(value.at, value.len);

    free(entry->value.at);
    entry->value.at = copy;
    entry->value.len = value.len;
}

struct bytes sim_entry_value(const struct sim_entry *entry)
{
    return (struct bytes){entry->value.at ? entry->value.at : "", entry->value.len};
}

void sim_entry_drop_value(struct sim_entry *entry)
{
    free(entry->value.at);
}
