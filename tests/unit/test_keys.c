/*
 * Keys: which are taken, and what they verify.
 */
#include "gateway/auth/keys.h"
#include "tests/unit/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *pem_error(const char *text)
{
    struct keys *keys = keys_new();
    const char *error = "";
    int failed = keys_add_pem(keys, text, strlen(text), &error);

    assert_int_equal(failed, -1);
    keys_free(keys);
    return error;
}

static enum keys_verdict verdict(const struct keys *keys, enum key_algorithm algorithm, const char *kid,
                                 EVP_PKEY *signer)
{
    unsigned char signature[1024];
    const struct signed_text text = {
        .algorithm = algorithm,
        .kid = kid,
        .text = "text",
        .len = 4,
        .signature = (char *)signature,
        .signature_len = sign(signer, "text", 4, signature),
    };

    return keys_verify(keys, &text);
}

static void pem_holds_rsa_and_ec_keys(void **state)
{
    EVP_PKEY *rsa = make_rsa(2048), *ec = make_ec("P-256");
    char *one = pem_of(rsa), *two = pem_of(ec);
    struct keys *keys = keys_new();
    struct buf both;
    const char *error;

    (void)state;
    buf_init(&both, 65536);
    buf_appendf(&both, "a comment\n%s\n%s", one, two);
    assert_int_equal(keys_add_pem(keys, both.data, both.len, &error), 0);
    assert_int_equal(keys_count(keys), 2);
    assert_int_equal(verdict(keys, KEY_RS256, NULL, rsa), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_ES256, NULL, ec), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_RS256, NULL, ec), KEYS_WRONG);
    assert_int_equal(verdict(keys, KEY_ES256, NULL, rsa), KEYS_WRONG);
    assert_int_equal(verdict(keys, KEY_HS256, NULL, NULL), KEYS_NO_ALGORITHM);
    buf_deinit(&both);
    keys_free(keys);
    free(one);
    free(two);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void assert_pem_refused(EVP_PKEY *key, bool private, const char *why)
{
    char *text = private ? private_pem_of(key) : pem_of(key);

    assert_non_null(strstr(pem_error(text), why));
    free(text);
    EVP_PKEY_free(key);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    (void)state;
    assert_pem_refused(make_rsa(1024), false, "less than 2048");
    assert_pem_refused(make_ec("P-384"), false, "P-256");
    assert_pem_refused(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false, "neither RSA nor EC");
    assert_pem_refused(make_ec("P-256"), true, "private key");
    assert_pem_refused(make_rsa(2048), true, "private key");
}

static void what_is_no_pem_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(pem_error(""), "has no key"));
    assert_non_null(strstr(pem_error("-----BEGIN PUBLIC KEY-----\nAAAA\n"), "has no key"));
    assert_non_null(
        strstr(pem_error("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "something else"));
    assert_non_null(strstr(pem_error("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                           "something else"));
}

static void a_secret_has_32_bytes_at_least(void **state)
{
    struct keys *keys = keys_new();
    const char *error;

    (void)state;
    assert_int_equal(keys_add_secret(keys, SECRET, 31, NULL, &error), -1);
    assert_int_equal(keys_add_secret(keys, SECRET, 32, NULL, &error), 0);
    assert_int_equal(verdict(keys, KEY_HS256, NULL, NULL), KEYS_VERIFIED);
    assert_int_equal(keys_count(keys), 1);
    keys_free(keys);
}

static void a_named_key_is_for_who_names_it(void **state)
{
    EVP_PKEY *one = make_ec("P-256"), *two = make_ec("P-256");
    struct keys *keys = keys_new();
    const char *error;

    (void)state;
    EVP_PKEY_up_ref(one);
    EVP_PKEY_up_ref(two);
    assert_int_equal(keys_add_public(keys, one, "one", &error), 0);
    assert_int_equal(keys_add_public(keys, two, "two", &error), 0);
    assert_int_equal(verdict(keys, KEY_ES256, "one", one), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_ES256, "two", two), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_ES256, "two", one), KEYS_WRONG);
    assert_int_equal(verdict(keys, KEY_ES256, "three", one), KEYS_UNKNOWN);
    assert_int_equal(verdict(keys, KEY_ES256, NULL, one), KEYS_UNKNOWN);
    assert_int_equal(verdict(keys, KEY_RS256, "one", one), KEYS_NO_ALGORITHM);
    /* One without a name is for all. */
    assert_int_equal(keys_add_public(keys, one, NULL, &error), 0);
    assert_int_equal(verdict(keys, KEY_ES256, "three", one), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_ES256, NULL, one), KEYS_VERIFIED);
    assert_int_equal(verdict(keys, KEY_ES256, NULL, two), KEYS_WRONG);
    keys_free(keys);
    EVP_PKEY_free(two);
}

static void there_are_so_many_at_most(void **state)
{
    struct keys *keys = keys_new();
    const char *error;

    (void)state;
    for (int i = 0; i < KEYS_MAX; i++)
        assert_int_equal(keys_add_secret(keys, SECRET, 32, NULL, &error), 0);
    assert_int_equal(keys_add_secret(keys, SECRET, 32, NULL, &error), -1);
    keys_free(keys);
}

static void signatures_of_other_lengths_are_wrong(void **state)
{
    EVP_PKEY *ec = make_ec("P-256");
    struct keys *keys = keys_new();
    unsigned char signature[1024] = {0};
    const char *error;

    (void)state;
    EVP_PKEY_up_ref(ec);
    assert_int_equal(keys_add_public(keys, ec, NULL, &error), 0);
    assert_int_equal(keys_add_secret(keys, SECRET, 32, NULL, &error), 0);
    for (size_t len = 0; len < 130; len++) {
        struct signed_text text = {.algorithm = KEY_ES256,
                                   .text = "text",
                                   .len = 4,
                                   .signature = (char *)signature,
                                   .signature_len = len};

        assert_int_equal(keys_verify(keys, &text), KEYS_WRONG);
        text.algorithm = KEY_HS256;
        assert_int_equal(keys_verify(keys, &text), KEYS_WRONG);
    }
    size_t len = sign(NULL, "text", 4, signature);
    struct signed_text text = {.algorithm = KEY_HS256,
                               .text = "text",
                               .len = 4,
                               .signature = (char *)signature,
                               .signature_len = len - 1};
    assert_int_equal(keys_verify(keys, &text), KEYS_WRONG);
    keys_free(keys);
    EVP_PKEY_free(ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_holds_rsa_and_ec_keys),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(what_is_no_pem_is_refused),
        cmocka_unit_test(a_secret_has_32_bytes_at_least),
        cmocka_unit_test(a_named_key_is_for_who_names_it),
        cmocka_unit_test(there_are_so_many_at_most),
        cmocka_unit_test(signatures_of_other_lengths_are_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
