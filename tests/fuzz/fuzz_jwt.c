/*
 * Tokens from anybody: the input as a whole token, and as the claims of one that is signed. No token that was
 * not signed is good, and claims grant nothing that breaks their limits.
 */
#include "tests/fuzz/fuzz.h"

#include "common/json_tree.h"
#include "gateway/auth/claims.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/keys.h"

#include <json-c/json_object.h>
#include <openssl/rand.h>

enum { NOW = 1700000000 };

/* Nobody knows the secret, the fuzzer included: it is not in this file but made anew. */
static struct keys *unknown_keys(void)
{
    static struct keys *keys;
    char secret[KEY_SECRET_MIN];
    const char *error;

    if (!keys) {
        keys = keys_new();
        CHECK(RAND_bytes((unsigned char *)secret, sizeof secret) == 1);
        CHECK(keys_add_secret(keys, secret, sizeof secret, NULL, &error) == 0);
    }
    return keys;
}

static void judge(const char *text, size_t size)
{
    static const struct claims_rules rules = {.issuer = "", .audience = ""};
    struct json_object *claims = json_tree_read(text, size, JWT_DEPTH_MAX, JWT_CLAIMS_MAX);
    struct grant grant;

    if (claims && claims_judge(&rules, claims, "/line-7", NOW, &grant) == TOKEN_GOOD) {
        CHECK(grant.ends_s > NOW);
        CHECK(strnlen(grant.subject, sizeof grant.subject) <= USER_ID_MAX);
    }
    json_object_put(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *claims;

    CHECK(jwt_open(unknown_keys(), (const char *)data, size, &claims) != TOKEN_GOOD);
    judge((const char *)data, size);
    return 0;
}
