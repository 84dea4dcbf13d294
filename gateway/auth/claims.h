/*
 * What a token that is genuine entitles to (RFC 7519 section 4.1). Pure; any thread.
 *
 *   exp      needed; the token ends CLAIMS_LEEWAY_S after it
 *   nbf      it begins CLAIMS_LEEWAY_S before it; absent: it has begun
 *   iss      must be the issuer that is configured, if one is
 *   aud      must be, or hold, the audience that is configured; where none is, a token for some audience is
 *            refused
 *   sub      the one user id its bearer may board and exit with; absent: its bearer may listen only
 *   rides    patterns of the rides its bearer may join (ride_list.h), a string or a list of strings; absent:
 *            none
 */
#ifndef RIDECAST_GATEWAY_AUTH_CLAIMS_H
#define RIDECAST_GATEWAY_AUTH_CLAIMS_H

#include "common/user.h"
#include "gateway/auth/token.h"

#include <stdint.h>

struct json_object;

enum { CLAIMS_LEEWAY_S = 30 };

struct claims_rules {
    const char *issuer;   /* "": any */
    const char *audience; /* "": the gateway has no name */
};

struct grant {
    int64_t ends_s;                /* Unix time from which on it is worth nothing, the leeway included */
    char subject[USER_ID_MAX + 1]; /* "": nobody */
};

/*
 * TOKEN_GOOD: `*grant` is filled. Else one of CLAIMS, EXPIRED, EARLY, ISSUER, AUDIENCE, RIDE. `claims` is an
 * object (json_tree.h), `ride` the name of a ride.
 */
enum token_fault claims_judge(const struct claims_rules *rules, struct json_object *claims, const char *ride,
                              int64_t now_s, struct grant *grant);

#endif
