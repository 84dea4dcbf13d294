/* JSON Web Tokens: see jwt.h. */
#include "gateway/auth/jwt.h"

#include "common/base64.h"
#include "common/json_text.h"
#include "common/json_tree.h"
#include "gateway/auth/keys.h"

#include <json-c/json_object.h>
#include <stdbool.h>
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

/* The object that a part is; NULL: it is none. */
static struct json_object *read_object(struct json_slice part, size_t members)
{
    char text[BASE64_BYTES(TOKEN_MAX)];
    size_t len;

    if (base64_decode(BASE64_URL, part.at, part.len, text, &len) != 0)
        return NULL;
    return json_tree_read(text, len, JWT_DEPTH_MAX, members);
}

static enum token_fault judge_header(struct json_object *header, struct signed_text *text)
{
    struct json_object *algorithm = json_object_object_get(header, "alg"), *kid = NULL;
    const char *name = json_tree_string(algorithm, TOKEN_MAX);

    if (!json_object_is_type(algorithm, json_type_string) ||
        (json_object_object_get_ex(header, "kid", &kid) && !json_object_is_type(kid, json_type_string)))
        return TOKEN_MALFORMED;
    text->algorithm = key_algorithm_named(name ? name : "");
    text->kid = json_tree_string(kid, KEY_ID_MAX);
    if (json_object_object_get_ex(header, "crit", NULL))
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

enum token_fault jwt_open(const struct keys *keys, const char *token, size_t len, struct json_object **claims)
{
    struct json_slice part[PARTS];
    char signature[BASE64_BYTES(TOKEN_MAX)];
    struct signed_text text = {.text = token, .signature = signature};

    if (len > TOKEN_MAX || !split(token, len, part) ||
        base64_decode(BASE64_URL, part[SIGNATURE].at, part[SIGNATURE].len, signature, &text.signature_len) !=
            0)
        return TOKEN_MALFORMED;
    text.len = part[HEADER].len + 1 + part[CLAIMS].len;
    struct json_object *header = read_object(part[HEADER], JWT_HEADER_MEMBERS);

    if (!header)
        return TOKEN_MALFORMED;
    enum token_fault fault = judge_header(header, &text);

    if (fault == TOKEN_GOOD)
        fault = verify(keys, &text);
    json_object_put(header);
    if (fault != TOKEN_GOOD)
        return fault;
    *claims = read_object(part[CLAIMS], JWT_CLAIMS_MAX);
    return *claims ? TOKEN_GOOD : TOKEN_MALFORMED;
}

struct json_object *jwt_claims(const char *token, size_t len)
{
    struct json_slice part[PARTS];

    return len <= TOKEN_MAX && split(token, len, part) ? read_object(part[CLAIMS], JWT_CLAIMS_MAX) : NULL;
}
