/*
 * JWK and JWKS: which keys are taken, which passed over, and what is an error.
 */
#include "gateway/auth/jwk.h"
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

/* How many keys the text has; -1: it is refused, for the reason in `*error`. */
static int added(const char *text, const char **error)
{
    struct keys *keys = keys_new();

    /* From memory that ends where the text ends. */
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int failed = jwk_add(keys, copy, len, error);
    int count = (int)keys_count(keys);

    free(copy);
    keys_free(keys);
    return failed ? -1 : count;
}

static void assert_added(const char *text, int count)
{
    const char *error = "";
    int n = added(text, &error);

    if (n != count)
        fail_msg("%.200s: %d keys %s", text, n, error);
}

static void assert_refused(const char *text, const char *why)
{
    const char *error = "";

    assert_int_equal(added(text, &error), -1);
    if (!strstr(error, why))
        fail_msg("%.200s: %s", text, error);
}

#define OCT "{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\""

static void one_key_is_taken(void **state)
{
    EVP_PKEY *rsa = make_rsa(2048), *ec = make_ec("P-256");
    char *one = jwk_of(rsa, ""),
         *two = jwk_of(ec, ",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"]");

    (void)state;
    assert_added(one, 1);
    assert_added(two, 1);
    assert_added(OCT ",\"alg\":\"HS256\",\"kid\":\"one\"}", 1);
    free(one);
    free(two);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void the_keys_verify_what_their_private_halves_sign(void **state)
{
    EVP_PKEY *signers[] = {make_rsa(2048), make_ec("P-256")};
    enum key_algorithm algorithms[] = {KEY_RS256, KEY_ES256};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct keys *keys = keys_new();
        char *jwk = jwk_of(signers[i], "");
        const char *error;
        unsigned char signature[1024];
        struct signed_text text = {
            .algorithm = algorithms[i], .text = "text", .len = 4, .signature = (char *)signature};

        assert_int_equal(jwk_add(keys, jwk, strlen(jwk), &error), 0);
        text.signature_len = sign(signers[i], "text", 4, signature);
        assert_int_equal(keys_verify(keys, &text), KEYS_VERIFIED);
        text.len = 3;
        assert_int_equal(keys_verify(keys, &text), KEYS_WRONG);
        free(jwk);
        keys_free(keys);
        EVP_PKEY_free(signers[i]);
    }
}

static void a_set_is_taken_and_what_is_for_something_else_passed_over(void **state)
{
    EVP_PKEY *rsa = make_rsa(2048);
    char *good = jwk_of(rsa, ",\"kid\":\"a\"");
    char *other = jwk_of(rsa, ",\"use\":\"enc\"");
    struct buf set;

    (void)state;
    buf_init(&set, 65536);
    buf_appendf(&set,
                " {\"keys\":[%s,%s,{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},{\"kty\":\"EC\","
                "\"crv\":\"P-384\"}," OCT ",\"alg\":\"HS512\"}," OCT ",\"key_ops\":[\"sign\"]}," OCT
                "}],\"more\":1}\n",
                good, other);
    buf_append(&set, "", 1);
    assert_added(set.data, 2);
    buf_deinit(&set);
    free(good);
    free(other);
    EVP_PKEY_free(rsa);
}

static void where_none_is_left_it_is_an_error(void **state)
{
    (void)state;
    assert_refused("{\"keys\":[]}", "has no key");
    assert_refused("{\"kty\":\"OKP\"}", "has no key");
    assert_refused("{\"keys\":[" OCT ",\"use\":\"enc\"}]}", "has no key");
}

static void private_keys_are_refused(void **state)
{
    EVP_PKEY *ec = make_ec("P-256");
    char *jwk = jwk_of(ec, ",\"d\":\"AA\"");

    (void)state;
    assert_refused(jwk, "private key");
    free(jwk);
    EVP_PKEY_free(ec);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    assert_refused("", "strict JSON");
    assert_refused("[]", "strict JSON");
    assert_refused("{\"kty\":\"oct\",\"kty\":\"oct\"}", "strict JSON");
    assert_refused("{\"keys\":{}}", "no list");
    assert_refused("{\"keys\":[7]}", "RFC 7517");
    assert_refused("{\"keys\":[" OCT ",\"k\":\"AA\"}]}", "RFC 7517");
    assert_refused("{}", "RFC 7517");
    assert_refused("{\"kty\":7}", "RFC 7517");
    assert_refused("{\"kty\":\"oct\"}", "RFC 7517");
    assert_refused("{\"kty\":\"oct\",\"k\":\"AA==\"}", "RFC 7517");
    assert_refused("{\"kty\":\"oct\",\"k\":\"AA\"}", "32 bytes");
    assert_refused("{\"kty\":\"RSA\"}", "RFC 7517");
    assert_refused("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048");
    assert_refused("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", "RFC 7517");
}

static void an_id_is_a_string_of_1_to_128_bytes(void **state)
{
    static const char *const bad[] = {"\"\"", "7", "null", "\"a\\u0000\""};
    char text[400];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "%s,\"kid\":%s}", OCT, bad[i]);
        assert_refused(text, "kid");
    }
    snprintf(text, sizeof text, "%s,\"kid\":\"%0129d\"}", OCT, 0);
    assert_refused(text, "kid");
    snprintf(text, sizeof text, "%s,\"kid\":\"%0128d\"}", OCT, 0);
    assert_added(text, 1);
    assert_added(OCT ",\"kid\":\"tw\\u006f\"}", 1);
}

static void a_point_off_the_curve_is_refused(void **state)
{
#define ONES "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
    (void)state;
    assert_refused("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" ONES "\",\"y\":\"" ONES "\"}", "has a");
}

#ifdef __SANITIZE_ADDRESS__

/* AddressSanitizer's, whose header not every compiler's package has. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *memory);

static bool looking;
static size_t found; /* pieces of freed memory that hold the secret */

static bool holds(const void *memory, const char *text)
{
    return memmem(memory, __sanitizer_get_allocated_size(memory), text, strlen(text)) != NULL;
}

static void pass_over(const volatile void *memory, size_t size)
{
    (void)memory, (void)size;
}

static void look_at(const volatile void *memory)
{
    const void *bytes = (const void *)memory;

    found += looking && (holds(bytes, "MDEyMzQ1Njc4OWFiY2RlZ") || holds(bytes, "0123456789abcdef"));
}

static void a_secret_stays_in_no_memory_that_is_freed(void **state)
{
    static const char *const texts[] = {
        OCT "}",
        OCT ",\"kid\":\"a kid that is longer than what its buffer had room for before\"}",
        "{\"keys\":[" OCT "},{\"kty\":\"of another kind, with a name that is as long as a modulus is\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}," OCT "}]}",
    };
    const char *error;

    (void)state;
    if (!__sanitizer_install_malloc_and_free_hooks(pass_over, look_at))
        skip();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct keys *keys = keys_new();

        looking = true;
        (void)jwk_add(keys, texts[i], strlen(texts[i]), &error);
        keys_free(keys);
        looking = false;
    }
    assert_int_equal(found, 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __SANITIZE_ADDRESS__
        cmocka_unit_test(a_secret_stays_in_no_memory_that_is_freed),
#endif
        cmocka_unit_test(one_key_is_taken),
        cmocka_unit_test(the_keys_verify_what_their_private_halves_sign),
        cmocka_unit_test(a_set_is_taken_and_what_is_for_something_else_passed_over),
        cmocka_unit_test(where_none_is_left_it_is_an_error),
        cmocka_unit_test(private_keys_are_refused),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(an_id_is_a_string_of_1_to_128_bytes),
        cmocka_unit_test(a_point_off_the_curve_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
