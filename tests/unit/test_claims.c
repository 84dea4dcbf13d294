/*
 * Claims: what a token entitles to, and when.
 */
#include "gateway/auth/claims.h"

#include "common/json_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json_object.h>

enum { NOW = 1700000000 };

static const struct claims_rules ANY = {.issuer = "", .audience = ""};
static const struct claims_rules OURS = {.issuer = "https://issuer", .audience = "ridecast"};

static enum token_fault judged(const struct claims_rules *rules, const char *claims, struct grant *grant)
{
    struct json_object *tree = json_tree_read(claims, strlen(claims), 8, 8);

    assert_non_null(tree);
    enum token_fault fault = claims_judge(rules, tree, "/line-7", NOW, grant);

    json_object_put(tree);
    return fault;
}

/* `more`: members before those that every good token has. */
static void assert_judged(const struct claims_rules *rules, const char *more, enum token_fault expected)
{
    char claims[4096];
    struct grant grant;

    snprintf(claims, sizeof claims, "{%s%s\"rides\":[\"*\"],\"exp\":%d}", more, *more ? "," : "", NOW + 60);
    enum token_fault fault = judged(rules, claims, &grant);

    if (fault != expected)
        fail_msg("%s: %s, not %s", claims, token_fault_code(fault), token_fault_code(expected));
}

static void assert_times(const char *times, enum token_fault expected)
{
    char claims[256];
    struct grant grant;

    snprintf(claims, sizeof claims, "{\"rides\":\"*\"%s%s}", *times ? "," : "", times);
    enum token_fault fault = judged(&ANY, claims, &grant);

    if (fault != expected)
        fail_msg("%s: %s, not %s", claims, token_fault_code(fault), token_fault_code(expected));
}

static void a_good_token_grants(void **state)
{
    struct grant grant;

    (void)state;
    assert_int_equal(judged(&OURS,
                            "{\"iss\":\"https:\\/\\/issuer\",\"aud\":\"ridecast\",\"sub\":\"\\u00e9\","
                            "\"exp\":1700000060,\"rides\":[\"/a\",\"/line-*\"]}",
                            &grant),
                     TOKEN_GOOD);
    assert_string_equal(grant.subject, "\xc3\xa9");
    assert_int_equal(grant.ends_s, NOW + 60 + CLAIMS_LEEWAY_S);
}

static void it_ends_a_leeway_after_exp(void **state)
{
    (void)state;
    assert_times("\"exp\":1699999971", TOKEN_GOOD); /* 29 s ago */
    assert_times("\"exp\":1699999970", TOKEN_EXPIRED);
    assert_times("\"exp\":1699999970.9", TOKEN_EXPIRED);
    assert_times("\"exp\":0", TOKEN_EXPIRED);
}

static void it_begins_a_leeway_before_nbf(void **state)
{
    (void)state;
    assert_times("\"exp\":1700000060,\"nbf\":1700000030", TOKEN_GOOD);
    assert_times("\"exp\":1700000060,\"nbf\":1700000031", TOKEN_EARLY);
    assert_times("\"exp\":1700000060,\"nbf\":0", TOKEN_GOOD);
}

static void times_are_numbers_of_seconds(void **state)
{
    static const char *const good[] = {"1.7e9", "1700000000.999", "9007199254740992", "17E8"};
    static const char *const bad[] = {"\"1700000060\"",
                                      "null",
                                      "true",
                                      "[1700000060]",
                                      "{}",
                                      "-1",
                                      "1e999",
                                      "-1e999",
                                      "9007199254740994",
                                      "1700000060.00000000000000000000000000000000000000"};
    char times[128];

    (void)state;
    assert_times("", TOKEN_CLAIMS);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(times, sizeof times, "\"exp\":%s", good[i]);
        assert_times(times, TOKEN_GOOD);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(times, sizeof times, "\"exp\":%s", bad[i]);
        assert_times(times, TOKEN_CLAIMS);
        snprintf(times, sizeof times, "\"exp\":1700000060,\"nbf\":%s", bad[i]);
        assert_times(times, TOKEN_CLAIMS);
    }
}

static void issuer_and_audience_must_be_those_configured(void **state)
{
    (void)state;
    assert_judged(&OURS, "\"iss\":\"https://issuer\",\"aud\":\"ridecast\"", TOKEN_GOOD);
    assert_judged(&OURS, "\"iss\":\"https://issuer\",\"aud\":[1,\"x\",\"ridecast\"]", TOKEN_GOOD);
    assert_judged(&OURS, "\"aud\":\"ridecast\"", TOKEN_ISSUER);
    assert_judged(&OURS, "\"iss\":\"https://issuer/\",\"aud\":\"ridecast\"", TOKEN_ISSUER);
    assert_judged(&OURS, "\"iss\":[\"https://issuer\"],\"aud\":\"ridecast\"", TOKEN_ISSUER);
    assert_judged(&OURS, "\"iss\":\"https://issuer\"", TOKEN_AUDIENCE);
    assert_judged(&OURS, "\"iss\":\"https://issuer\",\"aud\":[]", TOKEN_AUDIENCE);
    assert_judged(&OURS, "\"iss\":\"https://issuer\",\"aud\":[[\"ridecast\"]]", TOKEN_AUDIENCE);
    assert_judged(&OURS, "\"iss\":\"https://issuer\",\"aud\":{\"ridecast\":\"ridecast\"}", TOKEN_AUDIENCE);
}

static void a_token_for_an_audience_is_for_no_gateway_without_a_name(void **state)
{
    (void)state;
    assert_judged(&ANY, "", TOKEN_GOOD);
    assert_judged(&ANY, "\"iss\":\"whoever\"", TOKEN_GOOD);
    assert_judged(&ANY, "\"aud\":\"ridecast\"", TOKEN_AUDIENCE);
    assert_judged(&ANY, "\"aud\":null", TOKEN_AUDIENCE);
}

static void a_subject_is_what_a_user_id_may_be(void **state)
{
    char longest[160];

    (void)state;
    snprintf(longest, sizeof longest, "\"sub\":\"%0128d\"", 0);
    assert_judged(&ANY, longest, TOKEN_GOOD);
    snprintf(longest, sizeof longest, "\"sub\":\"%0129d\"", 0);
    assert_judged(&ANY, longest, TOKEN_CLAIMS);
    assert_judged(&ANY, "\"sub\":\"\"", TOKEN_CLAIMS);
    assert_judged(&ANY, "\"sub\":null", TOKEN_CLAIMS);
    assert_judged(&ANY, "\"sub\":7", TOKEN_CLAIMS);
    assert_judged(&ANY, "\"sub\":\"a\\u0000\"", TOKEN_CLAIMS);
}

static void without_a_subject_nobody_is_meant(void **state)
{
    struct grant grant = {.subject = "x"};

    (void)state;
    assert_int_equal(judged(&ANY, "{\"exp\":1700000060,\"rides\":\"*\"}", &grant), TOKEN_GOOD);
    assert_string_equal(grant.subject, "");
}

static void rides_are_those_that_are_listed(void **state)
{
    static const struct {
        const char *rides;
        enum token_fault fault;
    } cases[] = {
        {"\"/line-7\"", TOKEN_GOOD},
        {"[\"/line-7\"]", TOKEN_GOOD},
        {"\"/a /line-*\"", TOKEN_GOOD},
        {"[\"/a\",\"*-7\"]", TOKEN_GOOD},
        {"[]", TOKEN_RIDE},
        {"\"\"", TOKEN_RIDE},
        {"[\"/line-70\",\"/lin\",\"\"]", TOKEN_RIDE},
        {"null", TOKEN_CLAIMS},
        {"7", TOKEN_CLAIMS},
        {"{\"/line-7\":\"/line-7\"}", TOKEN_CLAIMS},
        {"[null,\"/line-7\"]", TOKEN_CLAIMS},
        {"[[\"/line-7\"]]", TOKEN_CLAIMS},
        {"\"/line-7\\u0000\"", TOKEN_CLAIMS},
    };
    char claims[256];
    struct grant grant;

    (void)state;
    assert_int_equal(judged(&ANY, "{\"exp\":1700000060}", &grant), TOKEN_RIDE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(claims, sizeof claims, "{\"exp\":1700000060,\"rides\":%s}", cases[i].rides);
        enum token_fault fault = judged(&ANY, claims, &grant);

        if (fault != cases[i].fault)
            fail_msg("%s: %s", claims, token_fault_code(fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_grants),
        cmocka_unit_test(it_ends_a_leeway_after_exp),
        cmocka_unit_test(it_begins_a_leeway_before_nbf),
        cmocka_unit_test(times_are_numbers_of_seconds),
        cmocka_unit_test(issuer_and_audience_must_be_those_configured),
        cmocka_unit_test(a_token_for_an_audience_is_for_no_gateway_without_a_name),
        cmocka_unit_test(a_subject_is_what_a_user_id_may_be),
        cmocka_unit_test(without_a_subject_nobody_is_meant),
        cmocka_unit_test(rides_are_those_that_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
