/*
 * The user record: what a rider's app sends as `{"id","name","status",…}`.
 *
 * Strict JSON in, the same JSON out: the text is checked and then kept byte for byte, extra fields included.
 * Limits: the record at most `max_bytes`, id 1-128 bytes and name 1-256 bytes of UTF-8 after unescaping (a
 * lone surrogate counts as three), 16 levels deep, the escape \u0000 nowhere. Pure; any thread.
 */
#ifndef RIDECAST_COMMON_USER_H
#define RIDECAST_COMMON_USER_H

#include "common/blob.h"

#include <stdbool.h>
#include <stddef.h>

enum user_status { USER_BOARDING, USER_EXITING };

struct user {
    enum user_status status;
    struct blob *json; /* the record as it came, without white space around it */
};

enum { USER_ID_MAX = 128, USER_NAME_MAX = 256, USER_DEPTH_MAX = 16 };

/*
 * Reads a record. 0: `*user` is filled and `user->json` owned by the caller. -1: `*error` says what is wrong,
 * in words fit for the sender (a static string), and `*user` is untouched.
 */
int user_parse(const char *text, size_t len, size_t max_bytes, struct user *user, const char **error);

/* Whether that is the user's id. Where the record has several, readers may differ in which they take: each
 * must be this one. */
bool user_is(const struct user *user, const char *id);

#endif
