/*
 * JSON (RFC 8259) as text: checks it strictly and finds the pieces, without building a tree.
 *
 * ridecast forwards riders' JSON unchanged to every client, so what passes here must be JSON to every parser
 * in the world (what some of them cannot take although it is JSON, user.h refuses). json-c, even with
 * JSON_TOKENER_STRICT, lets through raw control characters in strings, NaN, Infinity, single quotes, `1.`,
 * leading zeros after a minus and surrogates encoded as UTF-8; this module does not. It also keeps the exact
 * bytes, where a tree would round numbers beyond 64 bits and replace lone surrogates.
 *
 * Input is a pointer and a length, need not be NUL-terminated and may hold any bytes. Time is linear, memory
 * constant (recursion is bounded by the depth given). Pure; any thread.
 */
#ifndef RIDECAST_COMMON_JSON_TEXT_H
#define RIDECAST_COMMON_JSON_TEXT_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A stretch of somebody else's text. */
struct json_slice {
    const char *at; /* NULL: absent */
    size_t len;
};

/*
 * Whether the text is exactly one JSON value (white space around it is allowed) in valid UTF-8 (no
 * surrogates, no overlong forms, no byte-order mark), with at most `depth` nested arrays and objects. Numbers
 * may have any size.
 */
bool json_text_valid(const char *text, size_t len, unsigned depth);

/* The length of the valid UTF-8 sequence (1 to 4 bytes) the text starts with; 0 when there is none. */
size_t json_text_utf8(const char *text, size_t len);

/* The text without the white space around it. Takes any text. */
struct json_slice json_text_trim(const char *text, size_t len);

/*
 * The rest takes text that json_text_valid() has accepted, without white space around it: a trimmed slice, or
 * one that came from here. Anything else gives meaningless answers, but nothing is read outside the slice and
 * every loop ends.
 */

/* The first character of a value tells its type: one of { [ " t f n - 0-9; '\0' for an empty slice. */
char json_text_type(struct json_slice value);

/*
 * Steps through an array's elements: set `*cursor` to 0 before the first call. False after the last, and at
 * once when `array` is no array. The slice excludes white space around the element.
 */
bool json_text_next(struct json_slice array, size_t *cursor, struct json_slice *element);

/* The same for an object: its members' names (strings, quoted and escaped as they came) and values. */
bool json_text_next_member(struct json_slice object, size_t *cursor, struct json_slice *name,
                           struct json_slice *value);

/*
 * The value of an object's member, the last one where the name occurs twice (as in JavaScript), names
 * compared after unescaping. `at` is NULL when the member is absent or `object` is no object.
 */
struct json_slice json_text_member(struct json_slice object, const char *name);

/* Whether a string within the value, or a member's name, has a NUL, or a surrogate without its other half. */
bool json_text_has_nul(struct json_slice value);
bool json_text_has_lone_surrogate(struct json_slice value);

/*
 * Whether a number within the value, with or without its exponent, is beyond the range of a double (IEEE 754
 * binary64): above 1.7976931348623157e308, or nearer to 0 than 4.9e-324 without being 0. Parsers refuse such
 * a number, or read infinity or 0. How many digits it has does not matter.
 */
bool json_text_has_number_beyond_double(struct json_slice value);

/* How many members all objects within the value have together. */
size_t json_text_count_members(struct json_slice value);

/*
 * Appends a string's characters, unescaped, as UTF-8. A lone surrogate (which UTF-8 cannot hold) is kept as
 * its six-character escape: where the characters are themselves JSON, that is the same text to every parser.
 *
 * 0, or -1 with `out` unchanged: it is full, or a lone surrogate follows an odd run of backslashes
 * (`"\\\ud800"`), whose last one would swallow the escape's own (`\\ud800` is a backslash and five letters).
 * No JSON text has that within it (a backslash there is followed by one of its letters), so what is refused
 * was not JSON.
 */
int json_text_unescape(struct json_slice string, struct buf *out);

/*
 * Writes a string's characters and a NUL. 0, or -1: it is no string, has more than `size` - 1 bytes, a NUL,
 * or a lone surrogate.
 */
int json_text_copy(struct json_slice string, char *out, size_t size);

/*
 * Whether a string equals `text` after unescaping. False for a lone surrogate, and for a value that is not a
 * string.
 */
bool json_text_equals(struct json_slice string, const char *text);

/*
 * Appends `text` as a JSON string, quotes included. The text must be valid UTF-8 (NUL bytes are fine). 0, or
 * -1 with `out` unchanged when it is full.
 */
int json_text_quote(const char *text, size_t len, struct buf *out);

#endif
