/*
 * Tokens and keys as their issuer makes them.
 */
#include "tests/unit/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

EVP_PKEY *make_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);

    assert_non_null(key);
    return key;
}

EVP_PKEY *make_ec(const char *curve)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);

    assert_non_null(key);
    return key;
}

void add_base64url(struct buf *out, const void *bytes, size_t len)
{
    char text[16384];

    assert_in_range(len, 0, sizeof text / 2);
    int n = EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    while (n && text[n - 1] == '=')
        n--;
    for (int i = 0; i < n; i++)
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    assert_int_equal(buf_append(out, text, (size_t)n), 0);
}

char *pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

char *private_pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

/* Appends `"name":"base64url"` of a number of the key. */
static void add_number(struct buf *out, EVP_PKEY *key, const char *name, const char *param, int size)
{
    BIGNUM *number = NULL;
    unsigned char bytes[1024];

    assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
    int len = size ? BN_bn2binpad(number, bytes, size) : BN_bn2bin(number, bytes);
    BN_free(number);
    buf_appendf(out, ",\"%s\":\"", name);
    add_base64url(out, bytes, (size_t)len);
    buf_append_str(out, "\"");
}

char *jwk_of(EVP_PKEY *key, const char *more)
{
    struct buf out;

    buf_init(&out, 65536);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        buf_appendf(&out, "{\"kty\":\"RSA\"%s", more);
        add_number(&out, key, "n", OSSL_PKEY_PARAM_RSA_N, 0);
        add_number(&out, key, "e", OSSL_PKEY_PARAM_RSA_E, 0);
    } else {
        buf_appendf(&out, "{\"kty\":\"EC\",\"crv\":\"P-256\"%s", more);
        add_number(&out, key, "x", OSSL_PKEY_PARAM_EC_PUB_X, 32);
        add_number(&out, key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    }
    buf_append(&out, "}", 2);
    return out.data;
}

size_t sign(EVP_PKEY *key, const char *text, size_t len, unsigned char out[SIGNATURE_MAX])
{
    unsigned mac_len;
    size_t n = SIGNATURE_MAX;

    if (!key) {
        HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const unsigned char *)text, len, out, &mac_len);
        return mac_len;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, out, &n, (const unsigned char *)text, len), 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        const unsigned char *der = out;
        ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);

        BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
        ECDSA_SIG_free(pair);
        n = 64;
    }
    return n;
}

char *make_token(EVP_PKEY *key, const char *header, const char *claims)
{
    struct buf out;
    unsigned char signature[SIGNATURE_MAX];

    buf_init(&out, 65536);
    add_base64url(&out, header, strlen(header));
    buf_append_str(&out, ".");
    add_base64url(&out, claims, strlen(claims));
    size_t len = sign(key, out.data, out.len, signature);
    buf_append_str(&out, ".");
    add_base64url(&out, signature, len);
    buf_append(&out, "", 1);
    return out.data;
}
