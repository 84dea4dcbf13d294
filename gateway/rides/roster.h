/*
 * A roster: who is aboard a ride, by the ids in their records (common/user.h), in the order they boarded: the
 * fold of the ride's events. Who is aboard through several connections is there once. Pure.
 */
#ifndef RIDECAST_GATEWAY_RIDES_ROSTER_H
#define RIDECAST_GATEWAY_RIDES_ROSTER_H

#include "common/blob.h"
#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roster;
struct broker_rider;

/* Aborts when out of memory. */
struct roster *roster_new(void);
void roster_free(struct roster *roster);

size_t roster_count(const struct roster *roster);

/* Of all records; and what all riders cost (broker_rider_bytes()). */
size_t roster_bytes(const struct roster *roster);
size_t roster_cost(const struct roster *roster);

/* Whether `sum` has been set to that of all records' user_mark() (common/user.h). A call looks at so many of
 * them that it is short. Aborts when out of memory. */
bool roster_marks(struct roster *roster, uint32_t *sum);

/* The record last set of whoever has that id, borrowed; NULL when nobody of that id is aboard. */
struct blob *roster_get(const struct roster *roster, const char *id);

/* Puts a rider aboard or replaces its record; a reference to `user` is taken. Aborts when out of memory. */
void roster_set(struct roster *roster, struct blob *user);

/* Harmless when nobody of that id is aboard. */
void roster_remove(struct roster *roster, const char *id);

/* What makes one roster into another: called for each rider, borrowed during the call, once the roster is so.
 */
struct roster_difference {
    void (*gone)(void *arg, struct blob *user);    /* was aboard, is no more */
    void (*boarded)(void *arg, struct blob *user); /* is aboard now, or with another record */
};

/*
 * From now on it is doubtful of everybody here whether they are aboard still: until they are set again, found
 * by roster_replace(), or dropped as nobody has spoken for them.
 */
void roster_doubt(struct roster *roster);
void roster_drop_doubted(struct roster *roster, void (*gone)(void *arg, struct blob *user), void *arg);
/* Whether anybody is doubted. */
bool roster_in_doubt(const struct roster *roster);

/*
 * Makes the roster equal to the set given, but for doubted riders, who stay. Tells what changed: first who is
 * gone, then who boarded. Linear in both sizes.
 */
void roster_replace(struct roster *roster, const struct broker_rider *riders, size_t count,
                    const struct roster_difference *difference, void *arg);

/* Appends the records as a JSON array. 0, or -1 when `out` is full. */
int roster_print(const struct roster *roster, struct buf *out);

#endif
