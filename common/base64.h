/*
 * Base64 into bytes (RFC 4648). Pure; any thread. Encoding is one call of OpenSSL's, EVP_EncodeBlock(); its
 * decoder is of no use here, since it takes white space, wants padding and knows one alphabet only.
 */
#ifndef RIDECAST_COMMON_BASE64_H
#define RIDECAST_COMMON_BASE64_H

#include <stddef.h>

enum base64_form {
    BASE64,     /* section 4, padded or not; bits of the last letter that belong to no byte may be anything */
    BASE64_URL, /* section 5 as JOSE wants it: no padding, and one text only for any bytes */
};

/* The most bytes that so many letters can hold. */
#define BASE64_BYTES(letters) ((letters) / 4 * 3 + 2)

/*
 * Writes the bytes, BASE64_BYTES(len) at most, to `out`, which may be `text` itself, and their number to
 * `*n`. 0, or -1: the text is not of that form; `out` then holds anything.
 */
int base64_decode(enum base64_form form, const char *text, size_t len, char *out, size_t *n);

#endif
