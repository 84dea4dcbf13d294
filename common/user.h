/*
 * The user record: what a rider's app sends as `{"id","name","status",…}`.
 *
 * Strict JSON in, the same JSON out: the text is checked and then kept byte for byte, extra fields included.
 * It is what every client can read, in whatever language: of I-JSON (RFC 7493) what it demands and what
 * parsers fail on. No member comes twice in an object, no surrogate without its other half, no number beyond
 * a double's range; numbers of more digits than a double keeps are taken (docs/decisions.md has the reasons).
 * Limits: the record at most `max_bytes`, id 1-128 bytes and name 1-256 bytes of UTF-8 after unescaping, 16
 * levels deep, the escape \u0000 nowhere. Time is linear. Pure; any thread.
 */
#ifndef RIDECAST_COMMON_USER_H
#define RIDECAST_COMMON_USER_H

#include "common/blob.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum user_status { USER_BOARDING, USER_EXITING };

enum { USER_ID_MAX = 128, USER_NAME_MAX = 256, USER_DEPTH_MAX = 16 };

struct user {
    enum user_status status;
    char id[USER_ID_MAX + 1]; /* unescaped */
    struct blob *json;        /* the record as it came, without white space around it */
};

/*
 * Reads a record. 0: `*user` is filled and `user->json` owned by the caller. -1: `*error` says what is wrong,
 * in words fit for the sender (a static string), and `*user` is untouched.
 */
int user_parse(const char *text, size_t len, size_t max_bytes, struct user *user, const char **error);

/*
 * The id of a record that has been taken once, here or by another gateway, unescaped: what tells one person
 * from another. Empty for a text that is no record.
 */
void user_id(const struct blob *json, char id[USER_ID_MAX + 1]);

/*
 * The first 32 bits of the record's SHA-1: by these, or by their sum, sets of records are compared. Aborts
 * when out of memory.
 */
uint32_t user_mark(const struct blob *json);

/* Whether that is the user's id. */
bool user_is(const struct user *user, const char *id);

#endif
