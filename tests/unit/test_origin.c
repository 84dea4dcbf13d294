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

/* An entry, whom it stands for, and whom it does not. */
struct row {
    const char *entry, *for_this, *not_for_this;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!origin_list_valid(rows[i].entry))
            fail_msg("\"%s\" is a list", rows[i].entry);
        if (!origin_list_has(rows[i].entry, rows[i].for_this))
            fail_msg("%s stands for %s", rows[i].entry, rows[i].for_this);
        if (origin_list_has(rows[i].entry, rows[i].not_for_this))
            fail_msg("%s does not stand for %s", rows[i].entry, rows[i].not_for_this);
    }
}

static void the_schemes_own_port_may_be_written_or_not(void **state)
{
    static const struct row rows[] = {
        {"https://a.com:443", "https://a.com", "https://a.com:80"},
        {"https://a.com", "https://a.com:443", "https://a.com:444"},
        {"http://b.com:80", "http://b.com", "http://b.com:443"},
        {"HTTP://B.com:00080", "http://b.com", "https://b.com"},
        {"http://b.com:443", "http://b.com:443", "http://b.com"},
        {"https://*.a.com:443", "https://x.y.a.com", "https://a.com"},
        {"https://*.a.com", "https://x.a.com:443", "https://x.a.com:8443"},
        {"capacitor://localhost:80", "capacitor://localhost:80", "capacitor://localhost"},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void an_ip_address_is_compared_as_one(void **state)
{
    static const struct row rows[] = {
        {"http://[0:0:0::0:1]:5173", "http://[::1]:5173", "http://[::2]:5173"},
        {"http://[2001:DB8::0]", "http://[2001:db8::]", "http://[2001:db8::]:81"},
        {"http://[::ffff:10.0.0.1]", "http://[::ffff:a00:1]", "http://10.0.0.1"},
        {"http://10.0.0.1:80", "http://10.0.0.1", "http://[::ffff:a00:1]"},
        {"http://0xhost.0xyz", "http://0xhost.0xyz", "http://0xhost"},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void pages_without_a_host_are_of_their_own_kind(void **state)
{
    static const struct row rows[] = {
        {"null", "null", "null://[::]"},
        {"null", "NULL", "file://"},
        {"file://", "file://", "null"},
        {"https://a.com file://", "file://", "file:///"},
        {"file://,null", "null", "null "},
        {"capacitor://localhost", "capacitor://localhost", "ionic://localhost"},
        {"ionic://localhost", "ionic://localhost", "ionic://localhost:8100"},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
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
        "http://[::1]:8080",
        "http://[::1",
        "http://[::1]x",
        "http://[::1]:",
        "https://app.example.com:",
        "https://app.example.com:0",
        "https://app.example.com:4430",
        "https://app.example.com:443 ",
        "https://*.rides.example:8443",
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
    static const char *const good[] = {"https://a",        LIST,   "https://*.example",     "http://*.a.b:1",
                                       "https://a.b.:443", "null", "https://a null,file://"};
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
                                      "https://a.com:443/",
                                      "https://a.com:443/path",
                                      "https://a.com:65536",
                                      "https://a.com:99999999999999999999",
                                      "https://a.com:+443",
                                      "ws://a.com",
                                      "WSS://a.com:443",
                                      "file://a",
                                      "file:///",
                                      "file:",
                                      "nul",
                                      "null/",
                                      "https://a, nulls",
                                      "http://127.1",
                                      "http://2130706433",
                                      "http://0x7f.0.0.0x1",
                                      "http://127.0.0.01",
                                      "http://127.0.0.1.",
                                      "http://*.127.0.0.1",
                                      "http://1.2.3.256",
                                      "http://[1:2]",
                                      "http://[1.2.3.4]",
                                      "http://[::1",
                                      "http://[::1]]",
                                      "http://[fe80::1%eth0]"};

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
        cmocka_unit_test(the_schemes_own_port_may_be_written_or_not),
        cmocka_unit_test(an_ip_address_is_compared_as_one),
        cmocka_unit_test(pages_without_a_host_are_of_their_own_kind),
        cmocka_unit_test(an_exact_entry_stands_for_nothing_else),
        cmocka_unit_test(a_wildcard_stands_for_every_host_below),
        cmocka_unit_test(a_wildcard_stands_for_nothing_else),
        cmocka_unit_test(a_list_holds_origins_and_wildcards_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
