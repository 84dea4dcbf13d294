/*
 * The sentinels that are known, in the order in which they are asked: whoever was right last comes first.
 * Those of the URL are never forgotten; those learned from a sentinel make way for what the next one tells.
 * Pure.
 */
#ifndef RIDECAST_BROKER_REDIS_SENTINEL_LIST_H
#define RIDECAST_BROKER_REDIS_SENTINEL_LIST_H

#include "broker/redis/redis_address.h"

enum { SENTINELS_MAX = 32 };

struct sentinel_list {
    struct sentinel_entry {
        struct redis_address address;
        bool learned; /* false: from the URL */
    } entries[SENTINELS_MAX];
    size_t count;
};

/* The sentinels of the URL, at most SENTINELS_MAX. */
void sentinel_list_init(struct sentinel_list *list, const struct redis_address *addresses, size_t count);

/* The one at `index` is the first to be asked from now on. */
void sentinel_list_promote(struct sentinel_list *list, size_t index);

/*
 * The one at `index` has told of these others. Learned ones behind it that are not among them are forgotten;
 * those beyond SENTINELS_MAX are left out. Nothing changes up to `index`.
 */
void sentinel_list_learn(struct sentinel_list *list, size_t index, const struct redis_address *others,
                         size_t count);

#endif
