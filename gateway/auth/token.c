/* Bearer tokens: see token.h. */
#include "gateway/auth/token.h"

#include "gateway/net/http.h"
#include "gateway/net/ws.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *code, *text;
} FAULTS[TOKEN_FAULTS] = {
    [TOKEN_GOOD] = {"good", "the token is good"},
    [TOKEN_MISSING] = {"missing", "a token is needed"},
    [TOKEN_MALFORMED] = {"malformed", "the token is no JWT"},
    [TOKEN_ALGORITHM] = {"algorithm", "the token's algorithm is not accepted"},
    [TOKEN_CRITICAL] = {"critical", "the token needs an extension that is not known"},
    [TOKEN_KEY] = {"key", "the token's key is not known"},
    [TOKEN_SIGNATURE] = {"signature", "the token's signature is wrong"},
    [TOKEN_CLAIMS] = {"claims", "a claim of the token is missing or not of its type"},
    [TOKEN_EXPIRED] = {"expired", "the token has expired"},
    [TOKEN_EARLY] = {"early", "the token is not valid yet"},
    [TOKEN_ISSUER] = {"issuer", "the token is of another issuer"},
    [TOKEN_AUDIENCE] = {"audience", "the token is for another audience"},
    [TOKEN_RIDE] = {"ride", "the token does not allow this ride"},
    [TOKEN_UNREAD] = {"unread", "too many tokens were refused to your address; try again in a while"},
};

const char *token_fault_code(enum token_fault fault)
{
    return FAULTS[fault].code;
}

const char *token_fault_text(enum token_fault fault)
{
    return FAULTS[fault].text;
}

int token_fault_status(enum token_fault fault)
{
    return fault == TOKEN_UNREAD ? 429 : fault == TOKEN_RIDE ? 403 : 401;
}

const char *token_fault_headers(enum token_fault fault)
{
    if (fault == TOKEN_UNREAD)
        return "Retry-After: 5\r\n";
    if (fault == TOKEN_RIDE)
        return "WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n";
    return fault == TOKEN_MISSING ? "WWW-Authenticate: Bearer\r\n"
                                  : "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n";
}

static void take(struct token *token, const char *text, size_t len)
{
    token->len = len < sizeof token->text ? len : sizeof token->text - 1;
    memcpy(token->text, text, token->len);
    token->text[token->len] = '\0';
}

void token_from_authorization(const char *value, struct token *token)
{
    static const char scheme[] = "Bearer ";

    token->len = 0;
    if (!value || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return;
    value += sizeof scheme - 1;
    value += strspn(value, " ");
    take(token, value, strlen(value));
}

static void from_protocols(const char *protocols, struct token *token)
{
    static const char separators[] = ", \t";
    size_t len;

    for (const char *at = protocols; *at; at += len) {
        at += strspn(at, separators);
        len = strcspn(at, separators);
        if (strncmp(at, WS_PROTOCOL_BEARER, strlen(WS_PROTOCOL_BEARER)) == 0) {
            take(token, at + strlen(WS_PROTOCOL_BEARER), len - strlen(WS_PROTOCOL_BEARER));
            return;
        }
    }
}

static void from_query(const char *query, struct token *token)
{
    static const char unreadable[] = "?";
    int len = http_query_get(query, "token", token->text, sizeof token->text);

    if (len == -2)
        take(token, unreadable, sizeof unreadable - 1); /* there is one, and it is no JWT */
    else
        token->len = len > 0 ? (size_t)len : 0;
}

void token_from_request(const struct http_request *request, struct token *token)
{
    token_from_authorization(request->field[HTTP_AUTHORIZATION], token);
    if (!token->len && request->upgrade && request->field[HTTP_SEC_WEBSOCKET_PROTOCOL])
        from_protocols(request->field[HTTP_SEC_WEBSOCKET_PROTOCOL], token);
    if (!token->len)
        from_query(request->query, token);
}
