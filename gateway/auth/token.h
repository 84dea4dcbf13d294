/*
 * Bearer tokens: where a client carries one, and what can be wrong with it. Pure.
 *
 * A request carries its token in one of three places; the first that has one counts:
 *
 *   Authorization: Bearer <token>                       (RFC 6750)
 *   Sec-WebSocket-Protocol: ridecast, bearer.<token>    (for browsers, whose WebSockets send no headers)
 *   ?token=<token>
 *
 * Tokens are never logged nor sent back.
 */
#ifndef RIDECAST_GATEWAY_AUTH_TOKEN_H
#define RIDECAST_GATEWAY_AUTH_TOKEN_H

#include <stddef.h>

struct http_request;

enum { TOKEN_MAX = 4096 }; /* bytes; a longer one is malformed */

enum token_fault {
    TOKEN_GOOD,
    TOKEN_MISSING,
    TOKEN_MALFORMED, /* no JWT of at most TOKEN_MAX bytes */
    TOKEN_ALGORITHM, /* none that is taken, or that no key is for */
    TOKEN_CRITICAL,  /* it wants an extension understood */
    TOKEN_KEY,       /* it names a key that is not there, or none where one must be named */
    TOKEN_SIGNATURE,
    TOKEN_CLAIMS, /* a claim is missing, or not what it should be */
    TOKEN_EXPIRED,
    TOKEN_EARLY,
    TOKEN_ISSUER,
    TOKEN_AUDIENCE,
    TOKEN_RIDE,   /* good, but not for this ride */
    TOKEN_UNREAD, /* too many were refused to its address: it has not been looked at */
    TOKEN_FAULTS,
};

/* One word for programs ("expired"), and words for people ("the token has expired"). */
const char *token_fault_code(enum token_fault fault);
const char *token_fault_text(enum token_fault fault);
/* How HTTP answers: 401, or 403 for a ride that is not allowed; and a line ended by CRLF (RFC 6750). */
int token_fault_status(enum token_fault fault);
const char *token_fault_headers(enum token_fault fault);

/* A token as text, with room for one that is too long by a byte, so that it is found malformed. */
struct token {
    size_t len; /* 0: there is none */
    char text[TOKEN_MAX + 2];
};

/* The token in an Authorization header's value (NULL: there is no such header). */
void token_from_authorization(const char *value, struct token *token);
/* The token in any of the three places. */
void token_from_request(const struct http_request *request, struct token *token);

#endif
