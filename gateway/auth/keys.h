/*
 * The keys that tokens are verified with: public keys for RS256 and ES256, shared secrets for HS256 (RFC
 * 7518). All cryptography is OpenSSL's. Pure; any thread, as long as nobody adds.
 *
 * A key is for one algorithm, which follows from what the key is, never from what a token says: so a public
 * key never verifies an HS256 token, whatever its header claims. A key may have an id (`kid`): then it is for
 * the tokens that name it. One without an id is for all of its algorithm.
 *
 * Adding: 0, or -1 with a static text in `*error` that completes "FILE ".
 */
#ifndef RIDECAST_GATEWAY_AUTH_KEYS_H
#define RIDECAST_GATEWAY_AUTH_KEYS_H

#include <stddef.h>

struct evp_pkey_st;
struct keys;

enum key_algorithm { KEY_HS256, KEY_RS256, KEY_ES256, KEY_ALGORITHMS };

enum {
    KEYS_MAX = 32,
    KEY_ID_MAX = 128,
    KEY_SECRET_MIN = 32, /* bytes: RFC 7518 section 3.2 */
    KEY_RSA_MIN = 2048,  /* bits: section 3.3 */
    KEY_RSA_MAX = 8192,  /* bits: what a stranger's token may cost */
};

struct keys *keys_new(void);
/* NULL is harmless. Secrets are wiped. */
void keys_free(struct keys *keys);

size_t keys_count(const struct keys *keys);

/* Adds every `PUBLIC KEY` of a PEM file. */
int keys_add_pem(struct keys *keys, const char *text, size_t len, const char **error);
/* Adds a secret as it is. `kid`: 1 to KEY_ID_MAX bytes, or NULL. */
int keys_add_secret(struct keys *keys, const char *secret, size_t len, const char *kid, const char **error);
/* Adds a public key, which is taken in any case. */
int keys_add_public(struct keys *keys, struct evp_pkey_st *public, const char *kid, const char **error);

/* HS256, RS256, ES256; KEY_ALGORITHMS: another. */
enum key_algorithm key_algorithm_named(const char *name);

enum keys_verdict {
    KEYS_VERIFIED,
    KEYS_NO_ALGORITHM, /* no key is for the algorithm */
    KEYS_UNKNOWN,      /* none of those has that id, or none is for tokens without an id */
    KEYS_WRONG,        /* none of those has made the signature */
};

/* What is signed, and by whom. */
struct signed_text {
    enum key_algorithm algorithm;
    const char *kid; /* NULL: none, or none that a key can have */
    const char *text;
    size_t len;
    const char *signature;
    size_t signature_len;
};

enum keys_verdict keys_verify(const struct keys *keys, const struct signed_text *text);

#endif
