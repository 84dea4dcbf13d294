/*
 * Files of keys, JWK, JWKS or PEM, from whoever rotates them: read without a fault, to the same end each
 * time.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/auth/jwk.h"
#include "gateway/auth/keys.h"

static size_t count(int (*add)(struct keys *keys, const char *text, size_t len, const char **error),
                    const uint8_t *data, size_t size)
{
    struct keys *keys = keys_new();
    const char *error = NULL;

    int failed = add(keys, (const char *)data, size, &error);
    size_t n = keys_count(keys);
    CHECK(n <= KEYS_MAX && (failed ? error != NULL : n > 0));
    keys_free(keys);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CHECK(count(jwk_add, data, size) == count(jwk_add, data, size));
    count(keys_add_pem, data, size);
    return 0;
}
