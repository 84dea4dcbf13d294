/* Base64: see base64.h. */
#include "common/base64.h"

#include <stdint.h>

static int letter_value(enum base64_form form, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (form == BASE64 ? '+' : '-'))
        return 62;
    return c == (form == BASE64 ? '/' : '_') ? 63 : -1;
}

int base64_decode(enum base64_form form, const char *text, size_t len, char *out, size_t *n)
{
    uint32_t bits = 0;

    *n = 0;
    if (form == BASE64 && len % 4 == 0)
        for (int padding = 0; padding < 2 && len && text[len - 1] == '='; padding++)
            len--;
    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int value = letter_value(form, text[i]);

        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            out[(*n)++] = (char)(bits >> (6 - 2 * (i % 4)));
    }
    /* The bits of the last letter that belong to no byte. */
    uint32_t spare = len % 4 == 2 ? 0xf : len % 4 == 3 ? 0x3 : 0;

    return form == BASE64_URL && (bits & spare) ? -1 : 0;
}
