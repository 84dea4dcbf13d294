#include "tests/sim/redis/zset.h"

#include "common/alloc.h"

#include <stdlib.h>

void sim_zset_init(struct sim_zset *zset, uint64_t seed)
{
    *zset = (struct sim_zset){.sorted = NULL};
    sim_dict_init(&zset->members, seed);
}

void sim_zset_deinit(struct sim_zset *zset)
{
    sim_dict_deinit(&zset->members, NULL);
    free(zset->sorted);
    *zset = (struct sim_zset){.sorted = NULL};
}

static bool is_before(const struct sim_entry *entry, double score, struct bytes member)
{
    if (entry->score != score)
        return entry->score < score;
    return bytes_compare(sim_entry_name(entry), member) < 0;
}

/* Where a member with this score is, or would be, among the first `count`. */
static size_t place_of(const struct sim_zset *zset, size_t count, double score, struct bytes member)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(zset->sorted[middle], score, member))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct sim_zset *zset, const struct sim_entry *entry)
{
    size_t count = zset->members.count;
    size_t at = place_of(zset, count, entry->score, sim_entry_name(entry));

    memmove(zset->sorted + at, zset->sorted + at + 1, (count - at - 1) * sizeof(void *));
}

/* `count`: how many others are in their places. */
static void put_in(struct sim_zset *zset, struct sim_entry *entry, size_t count)
{
    size_t at = place_of(zset, count, entry->score, sim_entry_name(entry));

    memmove(zset->sorted + at + 1, zset->sorted + at, (count - at) * sizeof(void *));
    zset->sorted[at] = entry;
}

void sim_zset_put(struct sim_zset *zset, struct bytes member, double score)
{
    struct sim_entry *entry = sim_dict_find(&zset->members, member);

    if (entry) {
        take_out(zset, entry);
    } else {
        entry = sim_dict_add(&zset->members, member);
        if (zset->members.count > zset->room) {
            zset->room = zset->room ? zset->room * 2 : 8;
            zset->sorted = realloc(zset->sorted, zset->room * sizeof(void *));
            if (!zset->sorted)
                alloc_failed();
        }
    }
    entry->score = score;
    put_in(zset, entry, zset->members.count - 1);
}

bool sim_zset_remove(struct sim_zset *zset, struct bytes member)
{
    struct sim_entry *entry = sim_dict_find(&zset->members, member);

    if (!entry)
        return false;
    take_out(zset, entry);
    sim_dict_remove(&zset->members, entry);
    return true;
}

size_t sim_zset_from(const struct sim_zset *zset, struct sim_bound min)
{
    size_t at = place_of(zset, zset->members.count, min.score, (struct bytes){"", 0});

    while (min.open && at < zset->members.count && zset->sorted[at]->score == min.score)
        at++;
    return at;
}

bool sim_bound_allows(struct sim_bound max, double score)
{
    return max.open ? score < max.score : score <= max.score;
}
