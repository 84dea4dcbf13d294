/*
 * Addresses, networks, and who is behind trusted proxies.
 */
#include "common/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ip address(const char *text)
{
    struct ip ip;

    if (ip_parse(&ip, text, strlen(text)))
        fail_msg("%s is an address", text);
    return ip;
}

static void addresses_are_read_and_printed(void **state)
{
    static const char *const both_ways[] = {"203.0.113.9", "0.0.0.0", "255.255.255.255",
                                            "::",          "::1",     "2001:db8::1"};
    char text[IP_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof both_ways / sizeof *both_ways; i++) {
        struct ip ip = address(both_ways[i]);

        ip_print(&ip, text);
        assert_string_equal(text, both_ways[i]);
    }
    struct ip mapped = address("::ffff:203.0.113.9");
    ip_print(&mapped, text);
    assert_string_equal(text, "203.0.113.9");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",          "1.2.3",
        "1.2.3.4.5", "256.1.1.1",
        " 1.2.3.4",  "1.2.3.4 ",
        "1.2.3.4:5", ":::",
        "[::1]",     "unknown",
        "0x7f.1",    "fe80::1%lo",
        "1.2.3.4/8", "g::1",
        "::1::",     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    struct ip ip;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!ip_parse(&ip, wrong[i], strlen(wrong[i])))
            fail_msg("\"%s\" is no address", wrong[i]);
}

static void lists_are_checked(void **state)
{
    static const char *const right[] = {"",
                                        " ",
                                        ",",
                                        "10.0.0.0/8",
                                        "0.0.0.0/0",
                                        "::/0",
                                        "127.0.0.1",
                                        "::1/128",
                                        "fd00::/8",
                                        "10.0.0.0/8,172.16.0.0/12 192.168.0.0/16",
                                        ",10.0.0.1/32, ::1 ,",
                                        "10.1.0.0/16\t10.2.0.0/16"};
    static const char *const wrong[] = {
        "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/-1", "10.0.0.0/08",  "10.0.0.0/8x",      "/8",
        "10.0.0/8",    "10.0.0.1/8", "::1/129",     "fd00::1/8",    "localhost",        "10.0.0.0/8;",
        "any",         "*",          "10.0.0.0//8", "10.0.0.0/1 x", "::ffff:10.0.0.0/8"};

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (!ip_list_valid(right[i]))
            fail_msg("\"%s\" is a list", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (ip_list_valid(wrong[i]))
            fail_msg("\"%s\" is no list", wrong[i]);
}

static void assert_has(const char *list, const char *text, bool expected)
{
    struct ip ip = address(text);

    if (ip_list_has(list, &ip) != expected)
        fail_msg("%s in \"%s\": %d", text, list, !expected);
}

static void a_network_holds_what_shares_its_prefix(void **state)
{
    (void)state;
    assert_has("", "127.0.0.1", false);
    assert_has("127.0.0.1", "127.0.0.1", true);
    assert_has("127.0.0.1", "127.0.0.2", false);
    assert_has("10.0.0.0/8", "10.255.255.255", true);
    assert_has("10.0.0.0/8", "11.0.0.0", false);
    assert_has("192.168.4.0/22", "192.168.7.255", true);
    assert_has("192.168.4.0/22", "192.168.8.0", false);
    assert_has("192.168.4.2/31", "192.168.4.3", true);
    assert_has("192.168.4.2/31", "192.168.4.4", false);
    assert_has("0.0.0.0/0", "203.0.113.9", true);
    assert_has("0.0.0.0/0", "2001:db8::1", false);
    assert_has("::/0", "2001:db8::1", true);
    assert_has("2001:db8::/33", "2001:db8:7fff::1", true);
    assert_has("2001:db8::/33", "2001:db8:8000::1", false);
    assert_has("10.0.0.0/8, ::1", "::1", true);
    assert_has("10.0.0.0/8", "::ffff:10.1.2.3", true);
}

static void assert_behind(const char *trusted, const char *peer, const char *forwarded, const char *expected)
{
    struct ip ip = address(peer);
    struct ip client = ip_behind_proxies(trusted, &ip, forwarded);
    char text[IP_TEXT_SIZE];

    ip_print(&client, text);
    assert_string_equal(text, expected);
}

static void the_client_is_the_right_most_address_that_is_not_trusted(void **state)
{
    static const char lan[] = "10.0.0.0/8";

    (void)state;
    assert_behind("", "10.0.0.1", "203.0.113.9", "10.0.0.1");
    assert_behind(lan, "198.51.100.7", "203.0.113.9", "198.51.100.7");
    assert_behind(lan, "10.0.0.1", NULL, "10.0.0.1");
    assert_behind(lan, "10.0.0.1", "", "10.0.0.1");
    assert_behind(lan, "10.0.0.1", "203.0.113.9", "203.0.113.9");
    assert_behind(lan, "10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9");
    assert_behind(lan, "10.0.0.1", "1.1.1.1, 203.0.113.9 ,10.0.0.2", "203.0.113.9");
    assert_behind(lan, "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3");
    assert_behind(lan, "10.0.0.1", "203.0.113.9:4711", "203.0.113.9");
    assert_behind(lan, "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1");
    assert_behind(lan, "10.0.0.1", "2001:db8::1", "2001:db8::1");
    assert_behind(lan, "10.0.0.1", "203.0.113.9, unknown", "10.0.0.1");
    assert_behind(lan, "10.0.0.1", "unknown, 10.0.0.2", "10.0.0.2");
    assert_behind(lan, "10.0.0.1", "[", "10.0.0.1");
    assert_behind(lan, "10.0.0.1", ",,,", "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_printed),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(lists_are_checked),
        cmocka_unit_test(a_network_holds_what_shares_its_prefix),
        cmocka_unit_test(the_client_is_the_right_most_address_that_is_not_trusted),
    };

    return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
