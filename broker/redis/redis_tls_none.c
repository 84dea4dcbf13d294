/*
 * TLS for a build whose hiredis has none: there is no way past redis_tls_new().
 */
#include "broker/redis/redis_tls.h"

#include <assert.h>
#include <stdio.h>

struct redis_tls *redis_tls_new(const struct redis_tls_choice *choice, char *error, size_t error_size)
{
    (void)choice;
    snprintf(error, error_size, "this build's hiredis has no TLS: rediss:// needs a build with hiredis_ssl");
    return NULL;
}

void redis_tls_free(struct redis_tls *tls)
{
    assert(!tls);
    (void)tls;
}

struct ssl_st *redis_tls_begin(const struct redis_tls *tls, struct redisContext *context, const char *host,
                               char *reason, size_t reason_size)
{
    (void)tls, (void)context, (void)host;
    snprintf(reason, reason_size, "no TLS");
    return NULL;
}

enum redis_tls_step redis_tls_handshake(struct ssl_st *session, char *reason, size_t reason_size)
{
    (void)session;
    snprintf(reason, reason_size, "no TLS");
    return REDIS_TLS_FAILED;
}

bool redis_tls_complains(char *reason, size_t reason_size)
{
    (void)reason, (void)reason_size;
    return false;
}
