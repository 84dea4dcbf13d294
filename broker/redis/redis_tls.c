/*
 * TLS with hiredis_ssl and OpenSSL. The session is made here and not by hiredis, because hiredis checks the
 * chain of a certificate but not the name in it, and hides what a handshake waits for.
 */
#include "broker/redis/redis_tls.h"

#include "common/alloc.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct redis_tls {
    SSL_CTX *context;
    char *name; /* that certificates must have; NULL: the host's */
};

/* OpenSSL's oldest reason, which is the cause of those after it; NULL: there is none. */
static const char *openssl_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return reason;
}

static void explain_file(const char *what, const char *path, char *error, size_t error_size)
{
    const char *cause = openssl_reason();

    snprintf(error, error_size, "cannot use the broker's %s %s: %s", what, path,
             cause ? cause : "it is empty");
}

/* False: `error` says which file and why. */
static bool file_is_good(const char *what, const char *path, int loaded, char *error, size_t error_size)
{
    if (access(path, R_OK) != 0)
        snprintf(error, error_size, "cannot read the broker's %s %s: %s", what, path, strerror(errno));
    else if (loaded != 1)
        explain_file(what, path, error, error_size);
    else
        return true;
    return false;
}

static bool load_files(SSL_CTX *context, const struct redis_tls_choice *choice, char *error,
                       size_t error_size)
{
    int loaded;

    ERR_clear_error();
    if (choice->ca) {
        loaded = SSL_CTX_load_verify_locations(context, choice->ca, NULL);
        if (!file_is_good("CA file", choice->ca, loaded, error, error_size))
            return false;
    } else if (SSL_CTX_set_default_verify_paths(context) != 1) {
        snprintf(error, error_size, "cannot read the system's CA certificates");
        return false;
    }
    if (!choice->cert)
        return true;
    loaded = SSL_CTX_use_certificate_chain_file(context, choice->cert);
    if (!file_is_good("certificate", choice->cert, loaded, error, error_size))
        return false;
    /* Also compares it with the certificate. */
    loaded = SSL_CTX_use_PrivateKey_file(context, choice->key, SSL_FILETYPE_PEM);
    return file_is_good("key", choice->key, loaded, error, error_size);
}

struct redis_tls *redis_tls_new(const struct redis_tls_choice *choice, char *error, size_t error_size)
{
    struct redis_tls *tls = alloc_zeroed(sizeof *tls);

    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context)
        alloc_failed();
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    /* What waits to be written may move, because hiredis lets its buffer grow meanwhile. */
    SSL_CTX_set_mode(tls->context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    if (choice->sni)
        tls->name = alloc_text(choice->sni, strlen(choice->sni));
    if (load_files(tls->context, choice, error, error_size))
        return tls;
    redis_tls_free(tls);
    return NULL;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->name);
    free(tls);
}

/* An IP address is looked for among the certificate's addresses and not sent as SNI (RFC 6066, section 3). */
static bool expect_name(SSL *session, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1)
        return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(session, name) == 1 && SSL_set1_host(session, name) == 1;
}

static void explain(const SSL *session, char *reason, size_t reason_size)
{
    long verdict = SSL_get_verify_result(session);
    const char *cause = openssl_reason();

    if (verdict != X509_V_OK)
        snprintf(reason, reason_size, "its certificate is refused: %s",
                 X509_verify_cert_error_string(verdict));
    else
        snprintf(reason, reason_size, "the TLS handshake failed: %s", cause ? cause : "it was cut off");
}

struct ssl_st *redis_tls_begin(const struct redis_tls *tls, struct redisContext *context, const char *host,
                               char *reason, size_t reason_size)
{
    SSL *session = SSL_new(tls->context);

    if (!session)
        alloc_failed();
    if (!expect_name(session, tls->name ? tls->name : host)) {
        snprintf(reason, reason_size, "no certificate can have such a name");
    } else if (redisInitiateSSL(context, session) != REDIS_OK) {
        explain(session, reason, reason_size);
    } else {
        return session;
    }
    SSL_free(session);
    return NULL;
}

enum redis_tls_step redis_tls_handshake(struct ssl_st *session, char *reason, size_t reason_size)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session);
    if (result == 1)
        return REDIS_TLS_DONE;
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ:
        return REDIS_TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return REDIS_TLS_WRITE;
    default:
        break;
    }
    explain(session, reason, reason_size);
    return REDIS_TLS_FAILED;
}

bool redis_tls_complains(char *reason, size_t reason_size)
{
    const char *cause = openssl_reason();

    if (cause)
        snprintf(reason, reason_size, "TLS: %s", cause);
    return cause;
}
