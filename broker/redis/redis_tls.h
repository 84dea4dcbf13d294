/*
 * TLS on a connection to Redis. The certificate of the server is always checked, and its name with it.
 *
 * hiredis has TLS from 1.0 on, in a library of its own. redis_tls.c is for builds that have found it,
 * redis_tls_none.c refuses in all others.
 */
#ifndef RIDECAST_BROKER_REDIS_REDIS_TLS_H
#define RIDECAST_BROKER_REDIS_REDIS_TLS_H

#include "broker/redis/redis_url.h"

struct redisContext;
struct redis_tls;
struct ssl_st;

/* Reads the files. NULL: one line in `error` says which cannot be used and why, or that this build has no
 * TLS. */
struct redis_tls *redis_tls_new(const struct redis_tls_choice *choice, char *error, size_t error_size);

/* NULL is harmless. Connections made with it may live on. */
void redis_tls_free(struct redis_tls *tls);

/*
 * Puts TLS on a connected non-blocking context, which owns the session returned from then on. `host` is whom
 * the certificate must name unless the URL says otherwise. NULL: `reason` says why not.
 */
struct ssl_st *redis_tls_begin(const struct redis_tls *tls, struct redisContext *context, const char *host,
                               char *reason, size_t reason_size);

enum redis_tls_step { REDIS_TLS_DONE, REDIS_TLS_READ, REDIS_TLS_WRITE, REDIS_TLS_FAILED };

/* Goes on with the handshake; call it again when the socket can be read or written as it says. */
enum redis_tls_step redis_tls_handshake(struct ssl_st *session, char *reason, size_t reason_size);

/*
 * After a failed read or write: what TLS knows of the reason, most often what the server has sent as an
 * alert. To be called in any case, or OpenSSL takes the same reason for that of another session's failure.
 */
bool redis_tls_complains(char *reason, size_t reason_size);

#endif
