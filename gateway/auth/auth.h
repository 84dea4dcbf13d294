/*
 * Who may connect: keys and rules from the configuration, tokens judged by them, and bearers whose time runs
 * out.
 *
 * A client that joins a ride, or asks who is aboard one, shows a token (token.h). auth_judge() says what is
 * wrong with it; a client that stays gets a bearer, which tells its owner when the token has expired. Where
 * there is no `struct auth` (--auth none) everybody may do everything.
 *
 * Refused tokens are counted by fault, and logged by refuse_on(), without the token. Gateway thread only.
 */
#ifndef RIDECAST_GATEWAY_AUTH_AUTH_H
#define RIDECAST_GATEWAY_AUTH_AUTH_H

#include "common/ip.h"
#include "gateway/auth/claims.h"
#include "gateway/net/refusals.h"
#include "gateway/net/timers.h"

struct auth;

enum {
    AUTH_FILE_MAX = 262144,    /* bytes of a file with keys */
    AUTH_RECHECK_MS = 3600000, /* the system's clock may be set: bearers look at it this often */
};

struct auth_options {
    const char *keys_file;   /* PEM, JWK or JWKS; "": none */
    const char *secret_file; /* an HS256 secret, a line end behind it not included; "": none */
    const char *issuer;      /* "": any */
    const char *audience;    /* "": none */
    struct timers *timers;
    struct refusals *refusals; /* may be NULL */
    struct peers *peers;       /* how many tokens may be refused to each address; NULL: any number */
};

/* Reads the files. Options and strings are borrowed. NULL: `error` holds one line. */
struct auth *auth_new(const struct auth_options *options, char *error, size_t error_size);
/* All bearers must be gone. NULL is harmless. */
void auth_free(struct auth *auth);

/* Reads the files anew. Where one is bad the keys stay as they were; either way the log has one line. */
void auth_reload(struct auth *auth);

/* What a client asks for. */
struct auth_request {
    const char *token; /* NULL or empty: it has shown none */
    size_t len;
    const char *ride; /* a valid name */
    struct ip client;
};

/* TOKEN_GOOD: `*grant` is filled. Else why not; then it is counted and logged, and if its signature had to be
 * checked, against the address' budget; once that is used up, no more of its tokens are looked at for a
 * while, but those whose signatures were found good lately. */
enum token_fault auth_judge(struct auth *auth, const struct auth_request *request, struct grant *grant);

uint64_t auth_refused(const struct auth *auth, enum token_fault fault);

/* A client whose token was good. */
struct bearer {
    struct auth *auth;
    struct grant grant;
    struct timer timer;
    void (*expired)(void *owner);
    void *owner;
};

/*
 * From now on `expired` is called once the grant has ended, from the timers; it may free the bearer. Aborts
 * when out of memory.
 */
struct bearer *bearer_new(struct auth *auth, const struct grant *grant, void (*expired)(void *owner),
                          void *owner);
/* NULL is harmless. */
void bearer_free(struct bearer *bearer);

/* The one user id the client may board and exit with: NULL (no bearer): any; "": none. */
const char *bearer_subject(const struct bearer *bearer);

#endif
