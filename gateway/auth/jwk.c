/*
 * Keys from JSON: see jwk.h. Trees are read from a copy of the text in which secrets are blanked out, as
 * json-c frees what it has read without wiping it; a secret itself is read from the text.
 */
#include "gateway/auth/jwk.h"

#include "common/alloc.h"
#include "common/base64.h"
#include "common/json_text.h"
#include "common/json_tree.h"
#include "gateway/auth/keys.h"

#include <json-c/json_object.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, MEMBERS_MAX = 64, NUMBER_LETTERS = 2728, COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

/* What a member holds in base64url. */
struct number {
    unsigned char bytes[BASE64_BYTES(NUMBER_LETTERS)];
    size_t len;
};

static const char NOT_A_KEY[] = "has a JWK that is not as RFC 7517 wants it";

static int decode_number(const char *letters, size_t len, struct number *number)
{
    if (len == 0 || len > NUMBER_LETTERS)
        return -1;
    return base64_decode(BASE64_URL, letters, len, (char *)number->bytes, &number->len);
}

static int read_number(struct json_object *jwk, const char *name, struct number *number)
{
    const char *value = json_tree_string(json_object_object_get(jwk, name), NUMBER_LETTERS);

    return value ? decode_number(value, strlen(value), number) : -1;
}

/* Whether a member of that name is to be known to nobody (RFC 7518 section 6). */
static bool is_secret(struct json_slice name)
{
    static const char *const names[] = {"k", "d", "p", "q", "dp", "dq", "qi"};
    size_t i = 0;

    while (i < sizeof names / sizeof *names && !json_text_equals(name, names[i]))
        i++;
    return i < sizeof names / sizeof *names;
}

/* Blanks out the secrets within a value of `text` in `copy`, which is a copy of that text. */
static void blank_secrets(struct json_slice value, const char *text, char *copy)
{
    struct json_slice name, part;
    size_t cursor = 0;

    if (json_text_type(value) == '[')
        while (json_text_next(value, &cursor, &part))
            blank_secrets(part, text, copy);
    if (json_text_type(value) != '{')
        return;
    while (json_text_next_member(value, &cursor, &name, &part))
        if (json_text_type(part) == '"' && is_secret(name))
            memset(copy + (part.at - text) + 1, ' ', part.len - 2);
        else
            blank_secrets(part, text, copy);
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

static EVP_PKEY *rsa_key(struct json_object *jwk)
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
        alloc_failed();
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);

    if (!params)
        alloc_failed();
    EVP_PKEY *key = key_from("RSA", params);

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *ec_key(struct json_object *jwk)
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

/* NULL: it has none. -1: it is not what an id can be. */
static int read_id(struct json_object *jwk, const char **id, const char **error)
{
    struct json_object *value;

    *id = NULL;
    if (!json_object_object_get_ex(jwk, "kid", &value))
        return 0;
    *id = json_tree_string(value, KEY_ID_MAX);
    *error = "has a key whose \"kid\" is no string of 1 to 128 bytes";
    return *id && **id ? 0 : -1;
}

static int add_public(struct keys *keys, struct json_object *jwk, EVP_PKEY *(*read)(struct json_object *jwk),
                      const char **error)
{
    const char *id;

    if (json_object_object_get_ex(jwk, "d", NULL)) {
        *error = "has a private key; give the public one that belongs to it";
        return -1;
    }
    EVP_PKEY *key = read(jwk);

    *error = NOT_A_KEY;
    if (!key)
        return -1;
    if (read_id(jwk, &id, error) != 0) {
        EVP_PKEY_free(key);
        return -1;
    }
    return keys_add_public(keys, key, id, error);
}

static int add_secret(struct keys *keys, struct json_object *jwk, struct json_slice text, const char **error)
{
    struct json_slice value = json_text_member(text, "k");
    struct number secret;
    const char *id;

    *error = NOT_A_KEY;
    if (json_text_type(value) != '"')
        return -1;
    int failed = decode_number(value.at + 1, value.len - 2, &secret);

    if (!failed)
        failed = read_id(jwk, &id, error);
    if (!failed)
        failed = keys_add_secret(keys, (char *)secret.bytes, secret.len, id, error);
    OPENSSL_cleanse(&secret, sizeof secret);
    return failed;
}

/* Whether the key says that it verifies signatures of this algorithm, or says nothing else. */
static bool is_for(struct json_object *jwk, const char *algorithm)
{
    struct json_object *name, *use, *operations;

    if ((json_object_object_get_ex(jwk, "alg", &name) && !json_tree_is(name, algorithm)) ||
        (json_object_object_get_ex(jwk, "use", &use) && !json_tree_is(use, "sig")))
        return false;
    if (!json_object_object_get_ex(jwk, "key_ops", &operations))
        return true;
    if (!json_object_is_type(operations, json_type_array))
        return false;
    for (size_t i = 0; i < json_object_array_length(operations); i++)
        if (json_tree_is(json_object_array_get_idx(operations, i), "verify"))
            return true;
    return false;
}

/* `text` is what `jwk` was read from, with its secrets. */
static int add_key(struct keys *keys, struct json_object *jwk, struct json_slice text, const char **error)
{
    struct json_object *type = json_object_object_get(jwk, "kty");

    *error = NOT_A_KEY;
    if (!json_object_is_type(type, json_type_string))
        return -1;
    if (json_tree_is(type, "RSA") && is_for(jwk, "RS256"))
        return add_public(keys, jwk, rsa_key, error);
    if (json_tree_is(type, "EC") && json_tree_is(json_object_object_get(jwk, "crv"), "P-256") &&
        is_for(jwk, "ES256"))
        return add_public(keys, jwk, ec_key, error);
    if (json_tree_is(type, "oct") && is_for(jwk, "HS256"))
        return add_secret(keys, jwk, text, error);
    return 0;
}

/* Each key is read by itself, so that none has two members of one name. */
static int add_set(struct keys *keys, struct json_slice top, const char *blanked, const char **error)
{
    struct json_slice list = json_text_member(top, "keys"), text;
    size_t cursor = 0;
    int failed = 0;

    *error = "is no JWKS: its \"keys\" are no list";
    if (json_text_type(list) != '[')
        return -1;
    while (!failed && json_text_next(list, &cursor, &text)) {
        struct json_object *jwk =
            json_tree_read(blanked + (text.at - top.at), text.len, DEPTH_MAX, MEMBERS_MAX);

        failed = add_key(keys, jwk, text, error);
        json_object_put(jwk);
    }
    return failed;
}

int jwk_add(struct keys *keys, const char *text, size_t len, const char **error)
{
    struct json_slice top = json_text_trim(text, len);
    size_t before = keys_count(keys);
    int failed = -1;

    *error = "is not strict JSON: one object, no name twice";
    if (!json_text_valid(top.at, top.len, DEPTH_MAX))
        return -1;
    char *blanked = alloc_text(top.at, top.len);

    blank_secrets(top, top.at, blanked);
    struct json_object *tree = json_tree_read(blanked, top.len, DEPTH_MAX, MEMBERS_MAX);

    if (tree)
        failed = json_object_object_get_ex(tree, "keys", NULL) ? add_set(keys, top, blanked, error)
                                                               : add_key(keys, tree, top, error);
    json_object_put(tree);
    free(blanked);
    if (!failed && keys_count(keys) == before) {
        *error = "has no key for HS256, RS256 or ES256 signatures";
        failed = -1;
    }
    return failed;
}
