/*
 * Who may connect: keys from files, tokens judged, bearers whose time runs out.
 */
#include "common/clock.h"
#include "common/log.h"
#include "gateway/auth/auth.h"
#include "gateway/net/peers.h"
#include "tests/lib/virtual_clock.h"
#include "tests/unit/signer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/x509.h>

enum { NOW_S = 1700000000 };

#define DAY_US (UINT64_C(24) * 3600 * 1000000)

struct door {
    struct timers *timers;
    char path[64]; /* of a file with keys */
    struct auth_options options;
    struct auth *auth;
    struct bearer *bearer;
    unsigned expired;
};

static void write_file(const struct door *door, const char *text, size_t len)
{
    FILE *file = fopen(door->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
}

static int setup(void **state)
{
    struct door *door = calloc(1, sizeof *door);

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    virtual_us = 1000000;
    virtual_wall_us = (uint64_t)NOW_S * 1000000;
    door->timers = timers_new();
    strcpy(door->path, "/tmp/ridecast-auth-XXXXXX");
    int fd = mkstemp(door->path);
    assert_true(fd >= 0);
    close(fd);
    door->options = (struct auth_options){
        .keys_file = "", .secret_file = door->path, .issuer = "", .audience = "", .timers = door->timers};
    *state = door;
    return 0;
}

static int teardown(void **state)
{
    struct door *door = *state;

    bearer_free(door->bearer);
    auth_free(door->auth);
    timers_free(door->timers);
    unlink(door->path);
    free(door);
    return 0;
}

static void open_door(struct door *door)
{
    char error[512] = "";

    write_file(door, SECRET, sizeof SECRET - 1);
    door->auth = auth_new(&door->options, error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(door->auth);
}

static enum token_fault judged(struct door *door, EVP_PKEY *signer, const char *algorithm,
                               struct grant *grant)
{
    char header[64];

    snprintf(header, sizeof header, "{\"alg\":\"%s\"}", algorithm);
    char *token = make_token(signer, header, "{\"sub\":\"ann\",\"rides\":\"/line-*\",\"exp\":1700000060}");
    const struct auth_request request = {.token = token, .len = strlen(token), .ride = "/line-7"};
    enum token_fault fault = auth_judge(door->auth, &request, grant);

    free(token);
    return fault;
}

/* One of that name, which is not looked at if it is UNREAD, from the address that ends in `last`. */
static enum token_fault judged_named(struct door *door, uint8_t last, EVP_PKEY *signer, const char *name)
{
    char claims[96];

    snprintf(claims, sizeof claims, "{\"sub\":\"%s\",\"rides\":\"/*\",\"exp\":1700000060}", name);
    char *token = make_token(signer, "{\"alg\":\"HS256\"}", claims);
    const struct auth_request request = {
        .token = token, .len = strlen(token), .ride = "/", .client = {.bytes = {[15] = last}}};
    struct grant grant;
    enum token_fault fault = auth_judge(door->auth, &request, &grant);

    free(token);
    return fault;
}

/* One that has not been shown before. */
static enum token_fault judged_at(struct door *door, uint8_t last, EVP_PKEY *signer)
{
    static unsigned count;
    char name[16];

    snprintf(name, sizeof name, "u%u", ++count);
    return judged_named(door, last, signer, name);
}

static void what_is_refused_to_an_address_is_bounded_and_good_ones_give_nothing_back(void **state)
{
    struct door *door = *state;
    const struct peers_options options = {.rates = {[PEER_TOKENS] = {.per_second = 1, .burst = 3}}};
    EVP_PKEY *other = make_ec("P-256");

    door->options.peers = peers_new(&options);
    open_door(door);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(judged_at(door, 1, other), TOKEN_SIGNATURE);
        if (i < 2)
            assert_int_equal(judged_at(door, 1, NULL), TOKEN_GOOD);
        assert_int_equal(auth_judge(door->auth, &(struct auth_request){.ride = "/"}, &(struct grant){0}),
                         TOKEN_MISSING);
    }
    assert_int_equal(judged_at(door, 1, NULL), TOKEN_UNREAD);
    assert_int_equal(judged_at(door, 1, other), TOKEN_UNREAD);
    virtual_us += 999000;
    assert_int_equal(judged_at(door, 1, NULL), TOKEN_UNREAD);
    virtual_us += 1000;
    assert_int_equal(judged_at(door, 1, NULL), TOKEN_GOOD);
    assert_int_equal(judged_at(door, 1, other), TOKEN_SIGNATURE);
    assert_int_equal(judged_at(door, 1, NULL), TOKEN_UNREAD);
    assert_int_equal(auth_refused(door->auth, TOKEN_UNREAD), 4);
    EVP_PKEY_free(other);
    auth_free(door->auth);
    door->auth = NULL;
    peers_free(door->options.peers);
}

static void one_that_was_good_need_not_wait_for_the_bad_ones_of_its_address(void **state)
{
    struct door *door = *state;
    const struct peers_options options = {.rates = {[PEER_TOKENS] = {.per_second = 1, .burst = 3}}};
    EVP_PKEY *other = make_ec("P-256");

    door->options.peers = peers_new(&options);
    open_door(door);
    assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_GOOD);
    for (int i = 0; i < 3; i++)
        assert_int_equal(judged_named(door, 1, other, "ann"), TOKEN_SIGNATURE);
    assert_int_equal(judged_named(door, 1, NULL, "bob"), TOKEN_UNREAD);
    assert_int_equal(judged_named(door, 1, other, "ann"), TOKEN_UNREAD);
    assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_GOOD);
    virtual_pass_ms(91000);
    assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_EXPIRED);
    EVP_PKEY_free(other);
    auth_free(door->auth);
    door->auth = NULL;
    peers_free(door->options.peers);
}

static void tokens_that_end_together_do_not_count_for_their_address(void **state)
{
    struct door *door = *state;
    const struct peers_options options = {.rates = {[PEER_TOKENS] = {.per_second = 1, .burst = 3}}};
    EVP_PKEY *other = make_ec("P-256");
    char name[16];

    door->options.peers = peers_new(&options);
    open_door(door);
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < 20; i++) {
            snprintf(name, sizeof name, "phone%d", i);
            assert_int_equal(judged_named(door, 1, NULL, name), again ? TOKEN_EXPIRED : TOKEN_GOOD);
        }
        virtual_pass_ms(again ? 0 : 91000);
    }
    assert_int_equal(judged_named(door, 1, other, "ann"), TOKEN_SIGNATURE);
    EVP_PKEY_free(other);
    auth_free(door->auth);
    door->auth = NULL;
    peers_free(door->options.peers);
}

static void a_signature_is_checked_once_whatever_the_token_says(void **state)
{
    struct door *door = *state;
    const struct peers_options options = {.rates = {[PEER_TOKENS] = {.per_second = 1, .burst = 1}}};

    door->options.peers = peers_new(&options);
    open_door(door);
    virtual_pass_ms(91000);
    for (int i = 0; i < 3; i++)
        assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_EXPIRED);
    assert_int_equal(judged_named(door, 1, NULL, "bob"), TOKEN_UNREAD); /* ann's first was checked in vain */
    auth_free(door->auth);
    door->auth = NULL;
    peers_free(door->options.peers);
}

static void one_that_was_good_is_not_with_other_keys(void **state)
{
    static const char another[] = "another secret, which has 32 bytes";
    struct door *door = *state;

    open_door(door);
    assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_GOOD);
    write_file(door, another, sizeof another - 1);
    auth_reload(door->auth);
    assert_int_equal(judged_named(door, 1, NULL, "ann"), TOKEN_SIGNATURE);
}

static void a_good_token_is_granted_and_others_are_counted(void **state)
{
    struct door *door = *state;
    EVP_PKEY *ec = make_ec("P-256");
    struct grant grant;

    open_door(door);
    assert_int_equal(judged(door, NULL, "HS256", &grant), TOKEN_GOOD);
    assert_string_equal(grant.subject, "ann");
    assert_int_equal(judged(door, ec, "HS256", &grant), TOKEN_SIGNATURE);
    assert_int_equal(judged(door, ec, "HS256", &grant), TOKEN_SIGNATURE);
    assert_int_equal(judged(door, ec, "ES256", &grant), TOKEN_ALGORITHM);
    assert_int_equal(auth_judge(door->auth, &(struct auth_request){.ride = "/"}, &grant), TOKEN_MISSING);
    assert_int_equal(auth_judge(door->auth, &(struct auth_request){.token = "", .ride = "/"}, &grant),
                     TOKEN_MISSING);
    assert_int_equal(auth_refused(door->auth, TOKEN_SIGNATURE), 2);
    assert_int_equal(auth_refused(door->auth, TOKEN_ALGORITHM), 1);
    assert_int_equal(auth_refused(door->auth, TOKEN_MISSING), 2);
    assert_int_equal(auth_refused(door->auth, TOKEN_GOOD), 0);
    EVP_PKEY_free(ec);
}

static void assert_start_fails(struct door *door, const char *text, size_t len, const char *why)
{
    char error[512] = "";

    write_file(door, text, len);
    assert_null(auth_new(&door->options, error, sizeof error));
    if (!strstr(error, why) || strchr(error, '\n'))
        fail_msg("%s", error);
}

static void a_bad_secret_stops_the_start(void **state)
{
    struct door *door = *state;
    EVP_PKEY *rsa = make_rsa(2048);
    char *pem = pem_of(rsa);
    unsigned char *der = NULL;
    int der_len = i2d_PUBKEY(rsa, &der);

    assert_start_fails(door, "", 0, "less than 32 bytes");
    assert_start_fails(door, "0123456789abcdef0123456789abcde\n", 32, "less than 32 bytes");
    assert_start_fails(door, pem, strlen(pem), "--auth-keys-file");
    assert_start_fails(door, (char *)der, (size_t)der_len, "--auth-keys-file");
    assert_start_fails(door, "{\"kty\":\"oct\",\"k\":\"0123456789abcdef0123456789abcdef\"}", 51,
                       "--auth-keys-file");
    OPENSSL_free(der);
    free(pem);
    EVP_PKEY_free(rsa);
}

static void a_bad_file_of_keys_stops_the_start(void **state)
{
    struct door *door = *state;
    char *large = calloc(1, AUTH_FILE_MAX + 1);
    char error[512] = "";

    door->options.keys_file = door->path;
    door->options.secret_file = "";
    assert_start_fails(door, "", 0, "has no key");
    assert_start_fails(door, SECRET, 32, "has no key");
    assert_start_fails(door, "{\"keys\":[]}", 11, "has no key");
    assert_start_fails(door, "{", 1, "strict JSON");
    assert_start_fails(door, large, AUTH_FILE_MAX + 1, "larger than");
    free(large);
    door->options.keys_file = "/nowhere/at/all";
    assert_null(auth_new(&door->options, error, sizeof error));
    assert_non_null(strstr(error, "/nowhere/at/all: No such file"));
    door->options.keys_file = "/";
    assert_null(auth_new(&door->options, error, sizeof error));
    assert_non_null(strstr(error, "cannot read /: "));
    door->options.keys_file = "";
    assert_null(auth_new(&door->options, error, sizeof error));
    assert_non_null(strstr(error, "--auth-keys-file"));
}

static void a_line_end_does_not_belong_to_a_secret(void **state)
{
    struct door *door = *state;
    char error[512];
    struct grant grant;

    write_file(door, "0123456789abcdef0123456789abcdef\r\n", 34);
    door->auth = auth_new(&door->options, error, sizeof error);
    assert_int_equal(judged(door, NULL, "HS256", &grant), TOKEN_GOOD);
}

static void keys_are_read_anew(void **state)
{
    struct door *door = *state;
    EVP_PKEY *ec = make_ec("P-256");
    char *pem = pem_of(ec), *jwk = jwk_of(ec, "");
    char error[512];
    struct grant grant;

    door->options.keys_file = door->path;
    door->options.secret_file = "";
    write_file(door, pem, strlen(pem));
    door->auth = auth_new(&door->options, error, sizeof error);
    assert_int_equal(judged(door, ec, "ES256", &grant), TOKEN_GOOD);

    EVP_PKEY *next = make_ec("P-256");
    free(jwk);
    jwk = jwk_of(next, "");
    write_file(door, jwk, strlen(jwk));
    auth_reload(door->auth);
    assert_int_equal(judged(door, ec, "ES256", &grant), TOKEN_SIGNATURE);
    assert_int_equal(judged(door, next, "ES256", &grant), TOKEN_GOOD);
    free(pem);
    free(jwk);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(next);
}

static void a_bad_file_leaves_the_keys_as_they_were(void **state)
{
    struct door *door = *state;
    struct grant grant;

    open_door(door);
    write_file(door, "short", 5);
    auth_reload(door->auth);
    assert_int_equal(judged(door, NULL, "HS256", &grant), TOKEN_GOOD);
    unlink(door->path);
    auth_reload(door->auth);
    assert_int_equal(judged(door, NULL, "HS256", &grant), TOKEN_GOOD);
}

static void on_expired(void *owner)
{
    struct door *door = owner;

    door->expired++;
    bearer_free(door->bearer);
    door->bearer = NULL;
}

static void pass(struct door *door, int64_t seconds)
{
    virtual_pass_ms((uint64_t)seconds * 1000);
    timers_run(door->timers, clock_ms());
}

static void a_bearer_ends_with_its_grant(void **state)
{
    struct door *door = *state;
    struct grant grant;

    open_door(door);
    assert_int_equal(judged(door, NULL, "HS256", &grant), TOKEN_GOOD);
    door->bearer = bearer_new(door->auth, &grant, on_expired, door);
    assert_string_equal(bearer_subject(door->bearer), "ann");
    pass(door, 60 + CLAIMS_LEEWAY_S - 1);
    assert_int_equal(door->expired, 0);
    pass(door, 1);
    assert_int_equal(door->expired, 1);
}

static void a_bearer_follows_the_systems_clock(void **state)
{
    struct door *door = *state;
    const struct grant grant = {.ends_s = NOW_S + 7 * 24 * 3600};

    open_door(door);
    door->bearer = bearer_new(door->auth, &grant, on_expired, door);
    virtual_wall_us += 7 * DAY_US; /* set forward */
    pass(door, AUTH_RECHECK_MS / 1000);
    assert_int_equal(door->expired, 1);

    const struct grant soon = {.ends_s = (int64_t)(clock_wall_ms() / 1000) + 60};
    door->bearer = bearer_new(door->auth, &soon, on_expired, door);
    virtual_wall_us -= 30000000; /* set back */
    pass(door, 60);
    assert_int_equal(door->expired, 1);
    pass(door, 30);
    assert_int_equal(door->expired, 2);
}

static void a_grant_may_last_for_ages(void **state)
{
    struct door *door = *state;

    open_door(door);
    door->bearer =
        bearer_new(door->auth, &(struct grant){.ends_s = INT64_C(9007199254740992) + 30}, on_expired, door);
    pass(door, INT64_C(100) * 365 * 24 * 3600);
    assert_int_equal(door->expired, 0);
}

static void without_a_bearer_everybody_is_meant(void **state)
{
    (void)state;
    assert_null(bearer_subject(NULL));
    bearer_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_token_is_granted_and_others_are_counted),
        TEST(what_is_refused_to_an_address_is_bounded_and_good_ones_give_nothing_back),
        TEST(one_that_was_good_need_not_wait_for_the_bad_ones_of_its_address),
        TEST(tokens_that_end_together_do_not_count_for_their_address),
        TEST(a_signature_is_checked_once_whatever_the_token_says),
        TEST(one_that_was_good_is_not_with_other_keys),
        TEST(a_bad_secret_stops_the_start),
        TEST(a_bad_file_of_keys_stops_the_start),
        TEST(a_line_end_does_not_belong_to_a_secret),
        TEST(keys_are_read_anew),
        TEST(a_bad_file_leaves_the_keys_as_they_were),
        TEST(a_bearer_ends_with_its_grant),
        TEST(a_bearer_follows_the_systems_clock),
        TEST(a_grant_may_last_for_ages),
        TEST(without_a_bearer_everybody_is_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
