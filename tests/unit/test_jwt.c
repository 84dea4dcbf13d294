/*
 * JSON Web Tokens: signatures of all algorithms, the vectors of the RFC, and everything that is no token.
 */
#include "gateway/auth/jwk.h"
#include "gateway/auth/jwt.h"
#include "gateway/auth/keys.h"
#include "tests/unit/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json_object.h>
#include <openssl/hmac.h>

#define CLAIMS "{\"sub\":\"ann\"}"

struct issuer {
    EVP_PKEY *rsa, *ec;
    struct keys *keys; /* of all three algorithms */
};

static int setup(void **state)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    const char *error;

    issuer->rsa = make_rsa(2048);
    issuer->ec = make_ec("P-256");
    issuer->keys = keys_new();
    EVP_PKEY_up_ref(issuer->rsa);
    EVP_PKEY_up_ref(issuer->ec);
    keys_add_public(issuer->keys, issuer->rsa, NULL, &error);
    keys_add_public(issuer->keys, issuer->ec, NULL, &error);
    keys_add_secret(issuer->keys, SECRET, 32, NULL, &error);
    *state = issuer;
    return keys_count(issuer->keys) == 3 ? 0 : -1;
}

static int teardown(void **state)
{
    struct issuer *issuer = *state;

    keys_free(issuer->keys);
    EVP_PKEY_free(issuer->rsa);
    EVP_PKEY_free(issuer->ec);
    free(issuer);
    return 0;
}

/* From memory that ends where the token ends. */
static enum token_fault opened(const struct keys *keys, const char *token, size_t len)
{
    struct json_object *claims;
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, token, len);
    enum token_fault fault = jwt_open(keys, copy, len, &claims);

    if (fault == TOKEN_GOOD) {
        assert_true(json_object_is_type(claims, json_type_object));
        json_object_put(claims);
    }
    free(copy);
    return fault;
}

static void assert_opened(const struct issuer *issuer, EVP_PKEY *signer, const char *header,
                          const char *claims, enum token_fault expected)
{
    char *token = make_token(signer, header, claims);
    enum token_fault fault = opened(issuer->keys, token, strlen(token));

    free(token);
    if (fault != expected)
        fail_msg("%s %s: %s, not %s", header, claims, token_fault_code(fault), token_fault_code(expected));
}

static void every_algorithm_is_verified(void **state)
{
    const struct issuer *issuer = *state;

    assert_opened(issuer, NULL, "{\"alg\":\"HS256\"}", CLAIMS, TOKEN_GOOD);
    assert_opened(issuer, issuer->rsa, "{\"alg\":\"RS256\"}", CLAIMS, TOKEN_GOOD);
    assert_opened(issuer, issuer->ec, "{\"alg\":\"ES256\"}", CLAIMS, TOKEN_GOOD);
    assert_opened(issuer, issuer->ec, " {\"typ\":\"JWT\",\"\\u0061lg\":\"ES\\u003256\"} ", " {} ",
                  TOKEN_GOOD);
}

/* RFC 7515 appendices A.1 and A.3; what they sign. */
static void the_rfcs_tokens_are_verified(void **state)
{
    static const char secret[] = "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
                                 "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
                                 "\"}";
    static const char hs256[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
        "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU"
        "1p1r_wW1gFWFOEjXk";
    static const char point[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    static const char es256[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDx"
        "w5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    struct keys *keys = keys_new();
    const char *error;

    (void)state;
    assert_int_equal(jwk_add(keys, secret, strlen(secret), &error), 0);
    assert_int_equal(jwk_add(keys, point, strlen(point), &error), 0);
    assert_int_equal(opened(keys, hs256, strlen(hs256)), TOKEN_GOOD);
    assert_int_equal(opened(keys, es256, strlen(es256)), TOKEN_GOOD);
    keys_free(keys);
}

static void the_algorithm_is_the_keys(void **state)
{
    const struct issuer *issuer = *state;

    assert_opened(issuer, issuer->rsa, "{\"alg\":\"ES256\"}", CLAIMS, TOKEN_SIGNATURE);
    assert_opened(issuer, issuer->ec, "{\"alg\":\"RS256\"}", CLAIMS, TOKEN_SIGNATURE);
    assert_opened(issuer, NULL, "{\"alg\":\"RS256\"}", CLAIMS, TOKEN_SIGNATURE);
    assert_opened(issuer, issuer->ec, "{\"alg\":\"HS256\"}", CLAIMS, TOKEN_SIGNATURE);
    assert_opened(issuer, NULL, "{\"alg\":\"none\"}", CLAIMS, TOKEN_ALGORITHM);
    assert_opened(issuer, NULL, "{\"alg\":\"hs256\"}", CLAIMS, TOKEN_ALGORITHM);
    assert_opened(issuer, NULL, "{\"alg\":\"\"}", CLAIMS, TOKEN_ALGORITHM);
    assert_opened(issuer, NULL, "{\"alg\":\"HS256\\u0000\"}", CLAIMS, TOKEN_ALGORITHM);
}

/* The classic: HMAC with the public key's text, against a gateway that knows public keys alone. */
static void a_public_key_is_no_secret(void **state)
{
    const struct issuer *issuer = *state;
    struct keys *keys = keys_new();
    char *pem = pem_of(issuer->rsa);
    const char *error;
    struct buf text;
    unsigned char mac[32];

    assert_int_equal(keys_add_pem(keys, pem, strlen(pem), &error), 0);
    buf_init(&text, 4096);
    add_base64url(&text, "{\"alg\":\"HS256\"}", 15);
    buf_append_str(&text, ".");
    add_base64url(&text, CLAIMS, strlen(CLAIMS));
    HMAC(EVP_sha256(), pem, (int)strlen(pem), (unsigned char *)text.data, text.len, mac, NULL);
    buf_append_str(&text, ".");
    add_base64url(&text, mac, sizeof mac);
    assert_int_equal(opened(keys, text.data, text.len), TOKEN_ALGORITHM);
    buf_deinit(&text);
    free(pem);
    keys_free(keys);
}

static void headers_are_strict_json(void **state)
{
    static const char many_members[] =
        "{\"alg\":\"HS256\",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
        "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1}";
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"alg\":256}",
        "{\"alg\":null}",
        "{\"alg\":[\"HS256\"]}",
        "{\"alg\":\"HS256\"",
        "{\"alg\":\"HS256\"}{}",
        "{\"alg\":\"HS256\"}\f",
        "{'alg':'HS256'}",
        "{\"alg\":\"HS256\",}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":1}",
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
        "{\"alg\":\"HS256\",\"x\":[[[[[[[[1]]]]]]]]}",
        many_members,
    };
    const struct issuer *issuer = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_opened(issuer, NULL, bad[i], CLAIMS, TOKEN_MALFORMED);
}

static void claims_are_strict_json(void **state)
{
    static const char *const bad[] = {"",     "[]",         "\"\"",       "{\"a\":1,\"a\":1}",
                                      "{}{}", "{\"a\":01}", "{\"a\":NaN}"};
    const struct issuer *issuer = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_opened(issuer, NULL, "{\"alg\":\"HS256\"}", bad[i], TOKEN_MALFORMED);
}

static void extensions_are_refused(void **state)
{
    const struct issuer *issuer = *state;

    assert_opened(issuer, NULL, "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS,
                  TOKEN_CRITICAL);
    assert_opened(issuer, NULL, "{\"alg\":\"HS256\",\"crit\":[]}", CLAIMS, TOKEN_CRITICAL);
    assert_opened(issuer, NULL, "{\"alg\":\"HS256\",\"crit\":null}", CLAIMS, TOKEN_CRITICAL);
}

static void what_is_not_signed_is_not_read(void **state)
{
    const struct issuer *issuer = *state;

    /* Were the claims read first, they would be malformed. */
    assert_opened(issuer, issuer->ec, "{\"alg\":\"HS256\"}", "no JSON", TOKEN_SIGNATURE);
}

static void every_changed_letter_is_noticed(void **state)
{
    const struct issuer *issuer = *state;
    char *token = make_token(issuer->ec, "{\"alg\":\"ES256\"}", CLAIMS);
    size_t len = strlen(token);

    for (size_t i = 0; i < len; i++) {
        char letter = token[i];

        token[i] = letter == 'A' ? 'B' : 'A';
        assert_int_not_equal(opened(issuer->keys, token, len), TOKEN_GOOD);
        token[i] = letter;
        assert_int_not_equal(opened(issuer->keys, token, i), TOKEN_GOOD);
    }
    assert_int_equal(opened(issuer->keys, token, len), TOKEN_GOOD);
    free(token);
}

static void what_is_no_token_is_malformed(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "...",
                                      "a",
                                      "a.b",
                                      "a.b.c.d",
                                      "e30.e30.e30.e30",
                                      "e30..",
                                      " ",
                                      "eyJhbGciOiJIUzI1NiJ9\n.e30.AA"};
    const struct issuer *issuer = *state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (opened(issuer->keys, bad[i], strlen(bad[i])) != TOKEN_MALFORMED)
            fail_msg("\"%s\"", bad[i]);
}

static void the_longest_has_4096_bytes(void **state)
{
    const struct issuer *issuer = *state;
    char claims[4000];

    /* The rest: 20 letters of header, 43 of signature, two dots; 4 letters are 3 bytes. */
    memset(claims, ' ', sizeof claims);
    memcpy(claims, "{}", 2);
    claims[(TOKEN_MAX - 65) / 4 * 3] = '\0';
    char *token = make_token(NULL, "{\"alg\":\"HS256\"}", claims);
    assert_in_range(strlen(token), TOKEN_MAX - 4, TOKEN_MAX);
    assert_int_equal(opened(issuer->keys, token, strlen(token)), TOKEN_GOOD);
    free(token);
    claims[(TOKEN_MAX - 65) / 4 * 3] = ' ';
    claims[(TOKEN_MAX - 65) / 4 * 3 + 6] = '\0';
    token = make_token(NULL, "{\"alg\":\"HS256\"}", claims);
    assert_int_equal(opened(issuer->keys, token, strlen(token)), TOKEN_MALFORMED);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_is_verified),     cmocka_unit_test(the_rfcs_tokens_are_verified),
        cmocka_unit_test(the_algorithm_is_the_keys),       cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(headers_are_strict_json),         cmocka_unit_test(claims_are_strict_json),
        cmocka_unit_test(extensions_are_refused),          cmocka_unit_test(what_is_not_signed_is_not_read),
        cmocka_unit_test(every_changed_letter_is_noticed), cmocka_unit_test(what_is_no_token_is_malformed),
        cmocka_unit_test(the_longest_has_4096_bytes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
