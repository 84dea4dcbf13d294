/* Keys from JSON: see jwk.h. */
#include "gateway/auth/jwk.h"
#include "common/base64.h"
#include "gateway/auth/keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, MEMBERS_MAX = 64, NUMBER_MAX = 2048, COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

/* What a member holds in base64url. */
struct number {
    unsigned char bytes[NUMBER_MAX];
    size_t len;
};

static const char NOT_A_KEY[] = "has a JWK that is not as RFC 7517 wants it";

static int read_number(struct json_slice jwk, const char *name, struct number *number)
{
    struct json_slice value = json_text_member(jwk, name);

    if (json_text_type(value) != '"' || value.len < 3 || BASE64_BYTES(value.len - 2) > NUMBER_MAX)
        return -1;
    return base64_decode(BASE64_URL, value.at + 1, value.len - 2, (char *)number->bytes, &number->len);
}

/* NULL: those parameters make no key. */
static EVP_PKEY *key_from(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (!context || EVP_PKEY_fromdata_init(context) != 1)
        abort();
    if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *rsa_key(struct json_slice jwk)
{
    struct number n, e;

    if (read_number(jwk, "n", &n) != 0 || read_number(jwk, "e", &e) != 0)
        return NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n.bytes, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.bytes, (int)e.len, NULL);

    if (!builder || !modulus || !exponent ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
        !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        abort();
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);

    if (!params)
        abort();
    EVP_PKEY *key = key_from("RSA", params);

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *ec_key(struct json_slice jwk)
{
    struct number x, y;
    char group[] = "prime256v1";
    unsigned char point[POINT] = {POINT_CONVERSION_UNCOMPRESSED};

    if (read_number(jwk, "x", &x) != 0 || read_number(jwk, "y", &y) != 0 || x.len != COORDINATE ||
        y.len != COORDINATE)
        return NULL;
    memcpy(point + 1, x.bytes, COORDINATE);
    memcpy(point + 1 + COORDINATE, y.bytes, COORDINATE);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    return key_from("EC", params);
}

static int add_public(struct keys *keys, struct json_slice jwk, EVP_PKEY *(*read)(struct json_slice jwk),
                      const char **error)
{
    if (json_text_member(jwk, "d").at) {
        *error = "has a private key; give the public one that belongs to it";
        return -1;
    }
    EVP_PKEY *key = read(jwk);

    *error = NOT_A_KEY;
    return key ? keys_add_public(keys, key, json_text_member(jwk, "kid"), error) : -1;
}

static int add_secret(struct keys *keys, struct json_slice jwk, const char **error)
{
    struct number secret;
    int failed = read_number(jwk, "k", &secret);

    *error = NOT_A_KEY;
    if (!failed)
        failed = keys_add_secret(keys, (char *)secret.bytes, secret.len, json_text_member(jwk, "kid"), error);
    OPENSSL_cleanse(&secret, sizeof secret);
    return failed;
}

/* Whether the key says that it verifies signatures of this algorithm, or says nothing else. */
static bool is_for(struct json_slice jwk, enum key_algorithm algorithm)
{
    struct json_slice name = json_text_member(jwk, "alg");
    struct json_slice use = json_text_member(jwk, "use");
    struct json_slice operations = json_text_member(jwk, "key_ops");
    struct json_slice operation;
    size_t cursor = 0;

    if ((name.at && key_algorithm_named(name) != algorithm) || (use.at && !json_text_equals(use, "sig")))
        return false;
    if (!operations.at)
        return true;
    while (json_text_next(operations, &cursor, &operation))
        if (json_text_equals(operation, "verify"))
            return true;
    return false;
}

static int add_key(struct keys *keys, struct json_slice jwk, const char **error)
{
    struct json_slice type = json_text_member(jwk, "kty");

    *error = NOT_A_KEY;
    if (!json_text_distinct(jwk, MEMBERS_MAX) || json_text_type(type) != '"')
        return -1;
    if (json_text_equals(type, "RSA") && is_for(jwk, KEY_RS256))
        return add_public(keys, jwk, rsa_key, error);
    if (json_text_equals(type, "EC") && json_text_equals(json_text_member(jwk, "crv"), "P-256") &&
        is_for(jwk, KEY_ES256))
        return add_public(keys, jwk, ec_key, error);
    if (json_text_equals(type, "oct") && is_for(jwk, KEY_HS256))
        return add_secret(keys, jwk, error);
    return 0;
}

static int add_set(struct keys *keys, struct json_slice list, const char **error)
{
    struct json_slice jwk;
    size_t cursor = 0;

    *error = "is no JWKS: its \"keys\" are no list";
    if (json_text_type(list) != '[')
        return -1;
    while (json_text_next(list, &cursor, &jwk))
        if (add_key(keys, jwk, error) != 0)
            return -1;
    return 0;
}

int jwk_add(struct keys *keys, const char *text, size_t len, const char **error)
{
    struct json_slice top = json_text_trim(text, len);
    size_t before = keys_count(keys);

    *error = "is not strict JSON: one object, no name twice";
    if (!json_text_valid(top.at, top.len, DEPTH_MAX) || !json_text_distinct(top, MEMBERS_MAX))
        return -1;
    struct json_slice list = json_text_member(top, "keys");

    if ((list.at ? add_set(keys, list, error) : add_key(keys, top, error)) != 0)
        return -1;
    if (keys_count(keys) > before)
        return 0;
    *error = "has no key for HS256, RS256 or ES256 signatures";
    return -1;
}
