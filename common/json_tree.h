/*
 * JSON as a tree, which is json-c's: for what is small and not on the way of every message. Foreign text
 * comes in through json_text, which is stricter than json-c. Any thread.
 */
#ifndef RIDECAST_COMMON_JSON_TREE_H
#define RIDECAST_COMMON_JSON_TREE_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/*
 * Reads an object that is strict JSON (json_text_valid()) with at most `depth` levels and `members` members,
 * no two of one name; free it with json_object_put(). Numbers beyond 64 bits come out as the largest.
 *
 * NULL: it is something else, or something that json-c's tree would hold as another text: a member's name
 * with a NUL, a lone surrogate anywhere. In objects further in the last member of a name counts, and such a
 * name ends before its NUL.
 */
struct json_object *json_tree_read(const char *text, size_t len, unsigned depth, size_t members);

/* The characters of a string of at most `max` bytes without a NUL, lent by the tree; NULL: anything else. */
const char *json_tree_string(struct json_object *value, size_t max);

/* Whether the value is that string. */
bool json_tree_is(struct json_object *value, const char *text);

/* Appends the tree as text and frees it. 0, or -1 with `out` unchanged when it is full. */
int json_tree_print(struct json_object *tree, struct buf *out);

#endif
