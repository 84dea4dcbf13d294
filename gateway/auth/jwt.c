/* JSON Web Tokens: see jwt.h. */
#include "gateway/auth/jwt.h"
#include "common/base64.h"
#include "gateway/auth/keys.h"

#include <string.h>

enum { HEADER, CLAIMS, SIGNATURE, PARTS };

/* Cuts at the dots, of which there must be two. */
static bool split(const char *token, size_t len, struct json_slice part[PARTS])
{
    const char *end = token + len;

    for (int i = 0; i < PARTS; i++) {
        const char *dot = memchr(token, '.', (size_t)(end - token));

        if ((i < SIGNATURE) != (dot != NULL))
            return false;
        part[i] = (struct json_slice){token, (size_t)((dot ? dot : end) - token)};
        token = dot ? dot + 1 : end;
    }
    return true;
}

/* A part that is an object; `bytes` hold it, for the caller to free in any case. */
static bool read_object(struct json_slice part, size_t members, struct buf *bytes, struct json_slice *object)
{
    size_t n;

    buf_init(bytes, BASE64_BYTES(TOKEN_MAX));
    char *room = buf_reserve(bytes, BASE64_BYTES(part.len));

    if (!room || base64_decode(BASE64_URL, part.at, part.len, room, &n) != 0 ||
        !json_text_valid(room, n, JWT_DEPTH_MAX))
        return false;
    buf_added(bytes, n);
    *object = json_text_trim(bytes->data, bytes->len);
    return json_text_distinct(*object, members);
}

static enum token_fault judge_header(struct json_slice header, struct signed_text *text)
{
    struct json_slice algorithm = json_text_member(header, "alg");

    text->algorithm = key_algorithm_named(algorithm);
    text->kid = json_text_member(header, "kid");
    if (json_text_type(algorithm) != '"' || (text->kid.at && json_text_type(text->kid) != '"'))
        return TOKEN_MALFORMED;
    if (json_text_member(header, "crit").at)
        return TOKEN_CRITICAL;
    return text->algorithm == KEY_ALGORITHMS ? TOKEN_ALGORITHM : TOKEN_GOOD;
}

static enum token_fault verify(const struct keys *keys, const struct signed_text *text)
{
    switch (keys_verify(keys, text)) {
    case KEYS_VERIFIED:
        return TOKEN_GOOD;
    case KEYS_NO_ALGORITHM:
        return TOKEN_ALGORITHM;
    case KEYS_UNKNOWN:
        return TOKEN_KEY;
    case KEYS_WRONG:
        break;
    }
    return TOKEN_SIGNATURE;
}

enum token_fault jwt_open(const struct keys *keys, const char *token, size_t len, struct jwt *jwt)
{
    struct json_slice part[PARTS], header;
    struct buf header_bytes;
    char signature[BASE64_BYTES(TOKEN_MAX)];
    size_t signature_len;
    enum token_fault fault = TOKEN_MALFORMED;

    if (len > TOKEN_MAX || !split(token, len, part))
        return TOKEN_MALFORMED;
    if (!read_object(part[HEADER], JWT_HEADER_MEMBERS, &header_bytes, &header) ||
        base64_decode(BASE64_URL, part[SIGNATURE].at, part[SIGNATURE].len, signature, &signature_len) != 0)
        goto out;

    struct signed_text text = {
        .text = token,
        .len = part[HEADER].len + 1 + part[CLAIMS].len,
        .signature = signature,
        .signature_len = signature_len,
    };
    fault = judge_header(header, &text);
    if (fault == TOKEN_GOOD)
        fault = verify(keys, &text);
    if (fault != TOKEN_GOOD)
        goto out;
    if (!read_object(part[CLAIMS], JWT_CLAIMS_MAX, &jwt->bytes, &jwt->claims)) {
        buf_deinit(&jwt->bytes);
        fault = TOKEN_MALFORMED;
    }
out:
    buf_deinit(&header_bytes);
    return fault;
}

void jwt_close(struct jwt *jwt)
{
    buf_deinit(&jwt->bytes);
}
