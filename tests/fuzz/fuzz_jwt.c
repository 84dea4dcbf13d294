/*
 * Tokens from anybody: the input as a whole token, and as the claims of one that is signed. No token that was
 * not signed is good, and claims grant nothing that breaks their limits.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/auth/claims.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/keys.h"

#include <openssl/rand.h>

enum { NOW = 1700000000, DEPTH_MAX = 8 };

/* Nobody knows the secret, the fuzzer included: it is not in this file but made anew. */
static struct keys *unknown_keys(void)
{
    static struct keys *keys;
    char secret[KEY_SECRET_MIN];
    const char *error;

    if (!keys) {
        keys = keys_new();
        CHECK(RAND_bytes((unsigned char *)secret, sizeof secret) == 1);
        CHECK(keys_add_secret(keys, secret, sizeof secret, (struct json_slice){NULL, 0}, &error) == 0);
    }
    return keys;
}

static void judge(const char *text, size_t size)
{
    static const struct claims_rules rules = {.issuer = "", .audience = ""};
    struct json_slice claims = json_text_trim(text, size);
    struct grant grant;

    if (!json_text_valid(text, size, DEPTH_MAX) || !json_text_distinct(claims, JWT_CLAIMS_MAX))
        return;
    if (claims_judge(&rules, claims, "/line-7", NOW, &grant) == TOKEN_GOOD) {
        CHECK(grant.ends_s > NOW);
        CHECK(strnlen(grant.subject, sizeof grant.subject) <= USER_ID_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jwt jwt;

    CHECK(jwt_open(unknown_keys(), (const char *)data, size, &jwt) != TOKEN_GOOD);
    judge((const char *)data, size);
    return 0;
}
