/* Tokens that were good lately: see seen.h. */
#include "gateway/auth/seen.h"

#include "common/alloc.h"
#include "common/id.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32 };

struct seen {
    uint8_t key[KEY_BYTES];
    struct seen_mark marks[SEEN_MAX]; /* zeros where there is none */
};

struct seen *seen_new(void)
{
    struct seen *seen = alloc_zeroed(sizeof *seen);

    id_fill(seen->key, sizeof seen->key);
    return seen;
}

void seen_free(struct seen *seen)
{
    free(seen);
}

struct seen_mark seen_mark(const struct seen *seen, const char *token, size_t len)
{
    struct seen_mark mark;

    if (!HMAC(EVP_sha256(), seen->key, KEY_BYTES, (const unsigned char *)token, len, mark.bytes, NULL))
        alloc_failed();
    return mark;
}

static size_t place_of(const struct seen_mark *mark)
{
    return (mark->bytes[0] | (size_t)mark->bytes[1] << 8) % SEEN_MAX;
}

bool seen_has(const struct seen *seen, const struct seen_mark *mark)
{
    return CRYPTO_memcmp(&seen->marks[place_of(mark)], mark, sizeof *mark) == 0;
}

void seen_add(struct seen *seen, const struct seen_mark *mark)
{
    seen->marks[place_of(mark)] = *mark;
}

void seen_forget(struct seen *seen)
{
    memset(seen->marks, 0, sizeof seen->marks);
}
