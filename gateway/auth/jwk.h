/*
 * Keys from JSON (RFC 7517): one JWK, or a JWKS, `{"keys":[…]}`. Pure; any thread.
 *
 * Taken are RSA keys, EC keys on P-256 and secrets (`oct`). A key of a set that is for something else
 * (another type, curve or `alg`, a `use` that is not `sig`, `key_ops` without `verify`) is passed over, as
 * the RFC wants it. The text must be strict JSON without members of one name; a private key is an error,
 * since what only verifies has no use for it.
 */
#ifndef RIDECAST_GATEWAY_AUTH_JWK_H
#define RIDECAST_GATEWAY_AUTH_JWK_H

#include <stddef.h>

struct keys;

/* Adds the key or keys; of secrets nothing is left behind elsewhere. 0, or -1 with a static text in `*error`
 * that completes "FILE ". */
int jwk_add(struct keys *keys, const char *text, size_t len, const char **error);

#endif
