/* Base64url: see base64url.h. */
#include "gateway/auth/base64url.h"

#include <stdint.h>

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(const char *text, size_t len, struct buf *out)
{
    char *bytes = buf_reserve(out, len / 4 * 3 + 2);
    uint32_t bits = 0;
    size_t n = 0;

    if (!bytes || len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int value = letter_value(text[i]);

        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            bytes[n++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    /* The bits of the last letter that belong to no byte. */
    uint32_t spare = len % 4 == 2 ? 0xf : len % 4 == 3 ? 0x3 : 0;

    if (bits & spare)
        return -1;
    buf_added(out, n);
    return 0;
}
