/*
 * Redis' dictionary: names with something under each. It remembers the order of insertion, in which Redis
 * keeps what is small, and has a table, in whose order it keeps the rest. The table is one of Redis' sizes
 * and is gone through by Redis' cursors, so that a scan meets twice what Redis may tell twice: names that
 * were there before the table shrank. It does all of its rehashing at once, where Redis does it bit by bit.
 *
 * Names are put into the table by a seeded hash, so the same calls give the same order.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_DICT_H
#define RIDECAST_TESTS_SIM_REDIS_DICT_H

#include "tests/sim/redis/bytes.h"

#include <stdint.h>

struct sim_entry {
    struct sim_entry *next;       /* in its bucket */
    struct sim_entry *prev_added; /* in the order of insertion; of the first: the last */
    struct sim_entry *next_added;
    uint64_t hash;
    union { /* the owner's */
        struct {
            char *at; /* from malloc(); NULL: empty */
            size_t len;
        } value;
        double score;
        long number;
        void *object;
    };
    size_t len;
    char name[]; /* and a NUL */
};

struct sim_dict {
    struct sim_entry **buckets;
    size_t size; /* of the table: a power of two; 0 as long as nothing was added */
    size_t count;
    struct sim_entry *first; /* in the order of insertion */
    uint64_t seed;
};

void sim_dict_init(struct sim_dict *dict, uint64_t seed);

/* Frees the entries. What is under them is the owner's: `drop` gets each, unless it is NULL. */
void sim_dict_deinit(struct sim_dict *dict, void (*drop)(struct sim_entry *entry));

/* NULL: there is none. */
struct sim_entry *sim_dict_find(const struct sim_dict *dict, struct bytes name);

/* A new one, zeroed but for its name, which is not there yet. */
struct sim_entry *sim_dict_add(struct sim_dict *dict, struct bytes name);

/* Frees it. */
void sim_dict_remove(struct sim_dict *dict, struct sim_entry *entry);

/* Hands out the next bucket of the table. The cursor to go on with; 0: that was the last one. */
uint64_t sim_dict_scan(const struct sim_dict *dict, uint64_t cursor,
                       void (*found)(struct sim_entry *entry, void *arg), void *arg);

struct bytes sim_entry_name(const struct sim_entry *entry);

/* What is under it, as a text of its own. */
void sim_entry_set(struct sim_entry *entry, struct bytes value);
struct bytes sim_entry_value(const struct sim_entry *entry);
void sim_entry_drop_value(struct sim_entry *entry);

#endif
