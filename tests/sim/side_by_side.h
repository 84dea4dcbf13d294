/*
 * A simulated Redis and a real one side by side: whatever is asked is asked of both, and what they answer
 * must be the same, to the byte. The real one's clock stands where the test says (cluster/shifted_clock.c).
 */
#ifndef RIDECAST_TESTS_SIM_SIDE_BY_SIDE_H
#define RIDECAST_TESTS_SIM_SIDE_BY_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct side_by_side;

enum { ASKED_MAX = 256 };

struct asked {
    const char *words[ASKED_MAX];
    size_t count;
    bool unordered; /* in whatever order the elements of the answer's lists come */
};

/* `listed_max`: how many bytes the values of a hash may have that is kept in the order of insertion. */
struct side_by_side *side_by_side_new(uint64_t seed, size_t listed_max);
void side_by_side_free(struct side_by_side *both);

/* Such as "7.0.15". */
const char *side_by_side_version(const struct side_by_side *both);

/* What both have answered, as a text that shows it, until the next call. */
const char *ask_both(struct side_by_side *both, const struct asked *asked);

/* The same with words that spaces part. */
const char *ask_both_line(struct side_by_side *both, const char *line);

/* On a second connection, which subscribes; it is not waited for what that answers. */
void tell_both_listeners(struct side_by_side *both, const struct asked *asked);

/* All that the second connections have heard must be the same. */
void compare_heard(struct side_by_side *both);

/* All keys and what they hold must be the same. */
void compare_keys(struct side_by_side *both);

/* Moves the clocks of both. */
void move_clocks(struct side_by_side *both, int64_t by_us);
int64_t clock_of_both_us(const struct side_by_side *both);

/* Memory is full for both, or is not any more. */
void fill_both(struct side_by_side *both, bool full);

#endif
