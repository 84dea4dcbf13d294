/*
 * Origins: what a list may hold, and for whom it stands.
 */
#include "common/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char LIST[] = "https://app.example.com, https://*.rides.example:8443 http://[::1]:80";

static void an_exact_entry_stands_for_itself_in_any_case(void **state)
{
    (void)state;
    assert_true(origin_list_has(LIST, "https://app.example.com"));
    assert_true(origin_list_has(LIST, "HTTPS://App.Example.com"));
    assert_true(origin_list_has(LIST, "http://[::1]:80"));
}

static void an_exact_entry_stands_for_nothing_else(void **state)
{
    static const char *const others[] = {
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.co",
        "",
        "https://app.example.com.",
        "https://x.app.example.com",
        "https://app.example.comm",
        "null",
        "https://app.example.com/",
        "https://app.example.com, x",
        "app.example.com",
        "*",
        "https://app_example.com",
        "https://evil/app.example.com",
        "http://[::1]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (origin_list_has(LIST, others[i]))
            fail_msg("%s is not on the list", others[i]);
}

static void a_wildcard_stands_for_every_host_below(void **state)
{
    (void)state;
    assert_true(origin_list_has(LIST, "https://a.rides.example:8443"));
    assert_true(origin_list_has(LIST, "https://a.b-1.c.RIDES.example:8443"));
}

static void a_wildcard_stands_for_nothing_else(void **state)
{
    static const char *const others[] = {
        "https://rides.example:8443",        "https://.rides.example:8443",
        "https://a..rides.example:8443",     "https://evilrides.example:8443",
        "https://a.rides.example",           "https://a.rides.example:844",
        "http://a.rides.example:8443",       "https://evil/.rides.example:8443",
        "https://evil:1.rides.example:8443", "https://u@a.rides.example:8443",
        "https://.a.rides.example:8443",     "https://a.rides.example:8443.evil",
        "https://*.rides.example:8443",      "https://evil?.rides.example:8443",
        "https://evil#.rides.example:8443",  "https://a b.rides.example:8443",
    };

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (origin_list_has(LIST, others[i]))
            fail_msg("%s is not on the list", others[i]);
}

static void a_list_holds_origins_and_wildcards_alone(void **state)
{
    static const char *const good[] = {"https://a", LIST, "https://*.example", "http://*.a.b:1"};
    static const char *const bad[] = {"",
                                      ", ",
                                      "*",
                                      "https://*",
                                      "https://*.",
                                      "https://*.*.a",
                                      "https://a.*.b",
                                      "https://a*.b",
                                      "https://*a.b",
                                      "https://*..b",
                                      "https://*.[::1]",
                                      "*://a.b",
                                      "https://*.b/",
                                      "https://a, *",
                                      "https://*.b:*",
                                      "https://.b",
                                      "null"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!origin_list_valid(good[i]))
            fail_msg("\"%s\" is a list", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (origin_list_valid(bad[i]))
            fail_msg("\"%s\" is no list", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_entry_stands_for_itself_in_any_case),
        cmocka_unit_test(an_exact_entry_stands_for_nothing_else),
        cmocka_unit_test(a_wildcard_stands_for_every_host_below),
        cmocka_unit_test(a_wildcard_stands_for_nothing_else),
        cmocka_unit_test(a_list_holds_origins_and_wildcards_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
