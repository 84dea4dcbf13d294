/* The keys that tokens are verified with: see keys.h. */
#include "gateway/auth/keys.h"

#include "common/alloc.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAC_BYTES = 32, ES256_HALF = 32, ES256_BYTES = 2 * ES256_HALF };

struct key {
    enum key_algorithm algorithm;
    char id[KEY_ID_MAX + 1]; /* "": none */
    EVP_PKEY *public;        /* RS256, ES256 */
    char *secret;            /* HS256 */
    size_t secret_len;
};

struct keys {
    size_t count;
    struct key key[KEYS_MAX];
};

struct keys *keys_new(void)
{
    return alloc_zeroed(sizeof(struct keys));
}

void keys_free(struct keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->key[i].public);
        OPENSSL_clear_free(keys->key[i].secret, keys->key[i].secret_len);
    }
    free(keys);
}

size_t keys_count(const struct keys *keys)
{
    return keys->count;
}

enum key_algorithm key_algorithm_named(const char *name)
{
    static const char *const names[] = {"HS256", "RS256", "ES256"};
    enum key_algorithm algorithm = 0;

    while (algorithm < KEY_ALGORITHMS && strcmp(name, names[algorithm]) != 0)
        algorithm++;
    return algorithm;
}

/* --- adding --- */

/* Room for one more key, which has its id; it counts when keys->count is raised. NULL: there is none. */
static struct key *next_key(struct keys *keys, const char *kid, const char **error)
{
    if (keys->count == KEYS_MAX) {
        *error = "has more than 32 keys";
        return NULL;
    }
    struct key *key = &keys->key[keys->count];

    *key = (struct key){.id = ""};
    snprintf(key->id, sizeof key->id, "%s", kid ? kid : "");
    return key;
}

int keys_add_secret(struct keys *keys, const char *secret, size_t len, const char *kid, const char **error)
{
    if (len < KEY_SECRET_MIN) {
        *error = "has a secret of less than 32 bytes; make one with: openssl rand -hex 32";
        return -1;
    }
    struct key *key = next_key(keys, kid, error);

    if (!key)
        return -1;
    key->secret = OPENSSL_memdup(secret, len);
    if (!key->secret)
        alloc_failed();
    key->algorithm = KEY_HS256;
    key->secret_len = len;
    keys->count++;
    return 0;
}

/* The algorithm the key is for; KEY_ALGORITHMS: none. */
static enum key_algorithm algorithm_of(const EVP_PKEY *key, const char **error)
{
    char curve[64] = "";
    int bits = EVP_PKEY_get_bits(key);

    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        *error = "has an RSA key of less than 2048 or more than 8192 bits";
        return bits >= KEY_RSA_MIN && bits <= KEY_RSA_MAX ? KEY_RS256 : KEY_ALGORITHMS;
    case EVP_PKEY_EC:
        *error = "has an EC key that is not on the curve P-256";
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, NULL);
        return strcmp(curve, "prime256v1") == 0 ? KEY_ES256 : KEY_ALGORITHMS;
    default:
        *error = "has a key that is neither RSA nor EC";
        return KEY_ALGORITHMS;
    }
}

static bool is_sound(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool sound = context && EVP_PKEY_public_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    return sound;
}

int keys_add_public(struct keys *keys, EVP_PKEY *public, const char *kid, const char **error)
{
    enum key_algorithm algorithm = algorithm_of(public, error);
    struct key *key = NULL;

    if (algorithm == KEY_ALGORITHMS)
        goto out;
    *error = "has a key that OpenSSL does not find sound";
    if (is_sound(public))
        key = next_key(keys, kid, error);
    if (!key)
        goto out;
    key->algorithm = algorithm;
    key->public = public;
    keys->count++;
out:
    if (!key)
        EVP_PKEY_free(public);
    ERR_clear_error();
    return key ? 0 : -1;
}

static int add_block(struct keys *keys, const char *name, const unsigned char *der, long len,
                     const char **error)
{
    const unsigned char *end = der + len;

    if (strstr(name, "PRIVATE KEY")) {
        *error = "has a private key; give the public one that belongs to it (openssl pkey -pubout)";
        return -1;
    }
    *error = "has something else than PEM blocks of the kind PUBLIC KEY";
    EVP_PKEY *public = strcmp(name, PEM_STRING_PUBLIC) == 0 ? d2i_PUBKEY(NULL, &der, len) : NULL;

    if (public && der != end) {
        EVP_PKEY_free(public);
        public = NULL;
    }
    return public ? keys_add_public(keys, public, NULL, error) : -1;
}

int keys_add_pem(struct keys *keys, const char *text, size_t len, const char **error)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    char *name, *header;
    unsigned char *der;
    long der_len;
    size_t before = keys->count;
    int failed = 0;

    if (!bio)
        alloc_failed();
    while (!failed && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1) {
        failed = add_block(keys, name, der, der_len, error);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)der_len);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (!failed && keys->count == before) {
        *error = "has no key; give PEM public keys, a JWK or a JWKS";
        failed = -1;
    }
    return failed;
}

/* --- verifying --- */

static bool verify_secret(const struct key *key, const struct signed_text *text)
{
    unsigned char mac[MAC_BYTES];

    if (!HMAC(EVP_sha256(), key->secret, (int)key->secret_len, (const unsigned char *)text->text, text->len,
              mac, NULL))
        abort();
    return text->signature_len == sizeof mac && CRYPTO_memcmp(mac, text->signature, sizeof mac) == 0;
}

static bool verify_public(const struct key *key, const struct signed_text *text,
                          const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->public) == 1 &&
                EVP_DigestVerify(context, signature, len, (const unsigned char *)text->text, text->len) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

/* JOSE writes the two numbers of an ECDSA signature side by side, OpenSSL reads them in DER. */
static bool verify_es256(const struct key *key, const struct signed_text *text)
{
    const unsigned char *halves = (const unsigned char *)text->signature;
    unsigned char *der = NULL;

    if (text->signature_len != ES256_BYTES)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(halves, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(halves + ES256_HALF, ES256_HALF, NULL);

    if (!pair || !r || !s || !ECDSA_SIG_set0(pair, r, s))
        alloc_failed();
    int len = i2d_ECDSA_SIG(pair, &der);
    bool good = len > 0 && verify_public(key, text, der, (size_t)len);

    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return good;
}

static bool verify(const struct key *key, const struct signed_text *text)
{
    switch (key->algorithm) {
    case KEY_HS256:
        return verify_secret(key, text);
    case KEY_RS256:
        return verify_public(key, text, (const unsigned char *)text->signature, text->signature_len);
    case KEY_ES256:
        return verify_es256(key, text);
    default:
        return false;
    }
}

static bool is_meant(const struct key *key, const char *kid)
{
    return !key->id[0] || (kid && strcmp(kid, key->id) == 0);
}

enum keys_verdict keys_verify(const struct keys *keys, const struct signed_text *text)
{
    enum keys_verdict verdict = KEYS_NO_ALGORITHM;

    for (size_t i = 0; i < keys->count && verdict != KEYS_VERIFIED; i++) {
        const struct key *key = &keys->key[i];

        if (key->algorithm != text->algorithm)
            continue;
        if (is_meant(key, text->kid))
            verdict = verify(key, text) ? KEYS_VERIFIED : KEYS_WRONG;
        else if (verdict == KEYS_NO_ALGORITHM)
            verdict = KEYS_UNKNOWN;
    }
    ERR_clear_error();
    return verdict;
}
