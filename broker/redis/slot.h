/*
 * The slots of a Redis Cluster: which one a key lies in, sets of slots, and names that lie in a given set.
 * Owned by value; pure.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ ("Key distribution model")
 */
#ifndef RIDECAST_BROKER_REDIS_SLOT_H
#define RIDECAST_BROKER_REDIS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLOTS = 16384, SLOT_TAG_SIZE = 8, SLOT_CANDIDATES = 256 };

struct slot_set {
    uint64_t bits[SLOTS / 64];
};

/* Of what is in the first braces if there is something in them, else of the whole key. */
unsigned slot_of_key(const char *key, size_t len);

/* Of all keys of a ride, and of its channel. */
unsigned slot_of_ride(const char *prefix, const char *ride);

void slot_set_add(struct slot_set *set, unsigned slot);
bool slot_set_has(const struct slot_set *set, unsigned slot);
size_t slot_set_count(const struct slot_set *set);
bool slot_set_equal(const struct slot_set *a, const struct slot_set *b);

/* Every slot: those of a server that stands alone. */
void slot_set_fill(struct slot_set *set);

/*
 * The hash tag by which a server with these slots has the keys that belong to no ride. All gateways come to
 * the same one, and seldom to another when slots move.
 *
 * Of the candidates that lie in the set the first counts. Where none does, as of a server that has been given
 * its first slots, it is the smallest number whose slot lies in the set. False: the set is empty.
 */
bool slot_home(const struct slot_set *set, char tag[SLOT_TAG_SIZE]);

/*
 * The 256 candidates for that, in order: one in each 64 slots, the smallest number, in decimal from 0 on,
 * whose slot lies there. The 64 slots at the top come first, and the others in the order of their places from
 * there with the bits reversed: 0, 128, 64, 192, 32 ... So it lies in the middle of a server's slots or
 * further up, as redis-cli takes the lowest from those that are to have fewer, and the next one is far
 * from it.
 */
void slot_candidates(char tags[SLOT_CANDIDATES][SLOT_TAG_SIZE]);

#endif
