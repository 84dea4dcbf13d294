/*
 * The list of sentinels, short enough to be searched from end to end.
 */
#include "broker/redis/sentinel_list.h"

#include <assert.h>
#include <string.h>

static bool among(const struct redis_address *address, const struct redis_address *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (redis_address_equal(address, &others[i]))
            return true;
    return false;
}

static void add(struct sentinel_list *list, const struct redis_address *address, bool learned)
{
    for (size_t i = 0; i < list->count; i++)
        if (redis_address_equal(address, &list->entries[i].address))
            return;
    if (list->count < SENTINELS_MAX)
        list->entries[list->count++] = (struct sentinel_entry){*address, learned};
}

void sentinel_list_init(struct sentinel_list *list, const struct redis_address *addresses, size_t count)
{
    list->count = 0;
    for (size_t i = 0; i < count; i++)
        add(list, &addresses[i], false);
}

void sentinel_list_promote(struct sentinel_list *list, size_t index)
{
    struct sentinel_entry entry = list->entries[index];

    assert(index < list->count);
    memmove(list->entries + 1, list->entries, index * sizeof entry);
    list->entries[0] = entry;
}

void sentinel_list_learn(struct sentinel_list *list, size_t index, const struct redis_address *others,
                         size_t count)
{
    size_t kept = index + 1;

    for (size_t i = index + 1; i < list->count; i++)
        if (!list->entries[i].learned || among(&list->entries[i].address, others, count))
            list->entries[kept++] = list->entries[i];
    list->count = kept;
    for (size_t i = 0; i < count; i++)
        add(list, &others[i], true);
}
