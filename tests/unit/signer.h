/*
 * Who issues tokens in the tests: keys made anew, and real signatures, all by OpenSSL. Keys are for
 * EVP_PKEY_free(), texts for free(). What cannot be done fails the test.
 */
#ifndef RIDECAST_TESTS_UNIT_SIGNER_H
#define RIDECAST_TESTS_UNIT_SIGNER_H

#include "common/buf.h"

#include <openssl/evp.h>

/* What signs where the key is NULL (HS256). */
#define SECRET "0123456789abcdef0123456789abcdef"

enum { SIGNATURE_MAX = 1024 };

EVP_PKEY *make_rsa(unsigned bits);
EVP_PKEY *make_ec(const char *curve);

/* One half of the key as PEM. */
char *pem_of(EVP_PKEY *key);
char *private_pem_of(EVP_PKEY *key);

/* The public half as a JWK; `more` are members behind its type, each with a comma before it. */
char *jwk_of(EVP_PKEY *key, const char *more);

/* Signs as RS256, ES256 or HS256: how long the signature is. */
size_t sign(EVP_PKEY *key, const char *text, size_t len, unsigned char out[SIGNATURE_MAX]);

/* Appends it. */
void add_base64url(struct buf *out, const void *bytes, size_t len);

/* A token of that header and those claims, signed. */
char *make_token(EVP_PKEY *key, const char *header, const char *claims);

#endif
