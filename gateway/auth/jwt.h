/*
 * JSON Web Tokens in their compact signed form (RFC 7515, 7519), as strictly as RFC 8725 asks for: three
 * parts of canonical base64url, each of header and claims one strict JSON object without two members of one
 * name. Of the header `alg`, `kid` and `crit` count; keys that a token brings itself (`jwk`, `jku`, `x5c`)
 * are never looked at. Nothing of the claims is read before the signature is found good. Pure but for
 * OpenSSL; any thread.
 */
#ifndef RIDECAST_GATEWAY_AUTH_JWT_H
#define RIDECAST_GATEWAY_AUTH_JWT_H

#include "gateway/auth/token.h"

struct json_object;
struct keys;

enum { JWT_DEPTH_MAX = 8, JWT_HEADER_MEMBERS = 16, JWT_CLAIMS_MAX = 64 };

/*
 * TOKEN_GOOD: one of the keys has signed it; `*claims` is to be freed with json_object_put(). Else why not,
 * one of MALFORMED, ALGORITHM, CRITICAL, KEY, SIGNATURE, and there is nothing to free.
 */
enum token_fault jwt_open(const struct keys *keys, const char *token, size_t len,
                          struct json_object **claims);

/* The claims of a token that jwt_open() has found good, to be freed likewise; NULL: it is none. Nothing is
 * verified. */
struct json_object *jwt_claims(const char *token, size_t len);

#endif
