/*
 * Query strings, paths, and the three places of a request that may hold a token. The input is lines: the
 * query, the Authorization header, the Sec-WebSocket-Protocol header. What is found fits, says the same in a
 * larger buffer, and is found again when it is percent-encoded.
 */
#include "tests/fuzz/fuzz.h"

#include "gateway/auth/token.h"
#include "gateway/net/http.h"

enum { SMALL = 5, LARGE = 300 };

static void find_again(const char *name, const char *value, size_t len)
{
    char found[LARGE];
    struct buf query;

    buf_init(&query, SIZE_MAX / 2);
    CHECK(!buf_appendf(&query, "first=1&%s=", name));
    for (size_t i = 0; i < len; i++)
        CHECK(!buf_appendf(&query, "%%%02x", (unsigned char)value[i]));
    CHECK(!buf_append(&query, "&last", 6));
    CHECK(http_query_get(query.data, name, found, sizeof found) == (int)len);
    CHECK(!memcmp(found, value, len + 1));
    buf_deinit(&query);
}

static void look_for(const char *query, const char *name)
{
    char small[SMALL], large[LARGE];
    int in_small = http_query_get(query, name, small, sizeof small);
    int in_large = http_query_get(query, name, large, sizeof large);

    CHECK(in_small >= -2 && in_small < SMALL && in_large >= -2 && in_large < LARGE);
    CHECK(in_small == in_large || (in_small == -2 && in_large >= SMALL));
    if (in_large < 0)
        return;
    CHECK(strlen(large) == (size_t)in_large);
    CHECK(in_small < 0 || !strcmp(small, large));
    find_again(name, large, (size_t)in_large);
}

static void look_for_token(const char *query, const char *authorization, const char *protocol, bool upgrade)
{
    struct http_request request = {.path = "/ws", .query = query, .upgrade = upgrade};
    struct token token;

    request.field[HTTP_AUTHORIZATION] = authorization;
    request.field[HTTP_SEC_WEBSOCKET_PROTOCOL] = protocol;
    token_from_request(&request, &token);
    CHECK(token.len <= TOKEN_MAX + 1);
    CHECK(!token.len || (token.text[token.len] == '\0' && strlen(token.text) == token.len));
}

/* As a path it is what it is as a parameter's value, but for '+'. */
static void decode(const char *text)
{
    char path[LARGE], value[LARGE];
    struct buf query;
    int len = http_path_decode(text, path, sizeof path);

    CHECK(len == -2 || (len >= 0 && len < LARGE && strlen(path) == (size_t)len));
    if (strchr(text, '&'))
        return;
    buf_init(&query, SIZE_MAX / 2);
    CHECK(!buf_appendf(&query, "x=%s", text));
    CHECK(http_query_get(query.data, "x", value, sizeof value) == len);
    for (int i = 0; i < len; i++)
        CHECK(value[i] == path[i] || (value[i] == ' ' && path[i] == '+'));
    buf_deinit(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"transport", "EIO", "sid", "ride", "token", "t"};
    char *text = fuzz_text(data, size);
    struct fuzz_input input = fuzz_input((const uint8_t *)text, strlen(text));
    size_t len;
    char *query = fuzz_line(&input, &len);
    char *authorization = fuzz_line(&input, &len);
    char *protocol = fuzz_line(&input, &len);

    for (size_t i = 0; query && i < sizeof names / sizeof *names; i++)
        look_for(query, names[i]);
    decode(query ? query : "");
    look_for_token(query ? query : "", authorization, protocol, false);
    look_for_token(query ? query : "", authorization, protocol, true);
    free(query);
    free(authorization);
    free(protocol);
    free(text);
    return 0;
}
