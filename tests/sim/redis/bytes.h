/*
 * A run of bytes that somebody else owns: an argument, a key, a value.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_BYTES_H
#define RIDECAST_TESTS_SIM_REDIS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct bytes {
    const char *at;
    size_t len;
};

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Whether it is that word, in any case. */
static inline bool bytes_say(struct bytes bytes, const char *word)
{
    return bytes.len == strlen(word) && strncasecmp(bytes.at, word, bytes.len) == 0;
}

/* As memcmp() orders them, the shorter one of two that begin alike first. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.at, b.at, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
