/*
 * The Redis URL: what is accepted, what is refused, and that errors tell no secrets.
 */
#include "broker/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *user, const char *password, const char *host, int port,
                   unsigned db)
{
    struct redis_url url;
    char error[200] = "";

    if (redis_url_parse(text, &url, error, sizeof error) != 0)
        fail_msg("%s: %s", text, error);
    if (user)
        assert_string_equal(url.user, user);
    else
        assert_null(url.user);
    if (password)
        assert_string_equal(url.password, password);
    else
        assert_null(url.password);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_int_equal(url.db, db);
    redis_url_deinit(&url);
}

static void expect_refused(const char *text, const char *word)
{
    struct redis_url url;
    char error[200] = "";

    if (redis_url_parse(text, &url, error, sizeof error) == 0)
        fail_msg("%s was accepted", text);
    if (!strstr(error, word))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error, word);
    assert_null(strstr(error, "hunter2"));
    assert_null(url.host);
}

static void a_host_alone_gets_the_usual_port_and_database(void **state)
{
    (void)state;
    expect("redis://example.org", NULL, NULL, "example.org", 6379, 0);
    expect("redis://example.org/", NULL, NULL, "example.org", 6379, 0);
}

static void every_part_is_read(void **state)
{
    (void)state;
    expect("redis://ann:hunter2@10.0.0.1:7000/3", "ann", "hunter2", "10.0.0.1", 7000, 3);
}

static void a_password_alone_means_the_default_user(void **state)
{
    (void)state;
    expect("redis://:hunter2@h", NULL, "hunter2", "h", 6379, 0);
}

static void user_and_password_are_percent_decoded(void **state)
{
    (void)state;
    expect("redis://a%40b:p%2f%3A%25@h", "a@b", "p/:%", "h", 6379, 0);
}

static void a_colon_or_at_sign_in_the_password_does_no_harm(void **state)
{
    (void)state;
    expect("redis://u:a:b@c@h", "u", "a:b@c", "h", 6379, 0);
}

static void empty_credentials_are_none(void **state)
{
    (void)state;
    expect("redis://@h", NULL, NULL, "h", 6379, 0);
    expect("redis://:@h", NULL, NULL, "h", 6379, 0);
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    expect("redis://[::1]:7000/1", NULL, NULL, "::1", 7000, 1);
    expect("redis://[fe80::1]", NULL, NULL, "fe80::1", 6379, 0);
    expect_refused("redis://[::1", "bracket");
    expect_refused("redis://[]", "host");
    expect_refused("redis://[::1]7000", "port");
}

static void other_schemes_are_refused_by_name(void **state)
{
    (void)state;
    expect_refused("rediss://h", "TLS");
    expect_refused("redis+sentinel://h", "sentinel");
    expect_refused("http://h", "redis://");
    expect_refused("", "redis://");
    expect_refused("redis:/h", "redis://");
}

static void bad_parts_are_refused_without_telling_secrets(void **state)
{
    (void)state;
    expect_refused("redis://", "host");
    expect_refused("redis://:hunter2@", "host");
    expect_refused("redis://ann@h", "password");
    expect_refused("redis://ann:@h", "password");
    expect_refused("redis://u:hunter2%zz@h", "percent");
    expect_refused("redis://u:hunter2%2@h", "percent");
    expect_refused("redis://u:hunter2%@h", "percent");
    expect_refused("redis://u:hunter2%00@h", "percent");
    expect_refused("redis://%4:hunter2@h", "percent");
    expect_refused("redis://:hunter2@h:0", "port");
    expect_refused("redis://h:65536", "port");
    expect_refused("redis://h:99999999999999999999", "port");
    expect_refused("redis://h:", "port");
    expect_refused("redis://h:6379x", "port");
    expect_refused("redis://h/one", "database");
    expect_refused("redis://h/-1", "database");
    expect_refused("redis://h/1/2", "database");
    expect_refused("redis://h/1?x", "database");
    expect_refused("redis://h/99999999", "database");
    expect_refused("redis://h?db=1", "database");
    expect_refused("redis://a b", "host");
}

static void a_failed_or_empty_url_can_be_freed_again(void **state)
{
    struct redis_url url;
    char error[8];

    (void)state;
    assert_int_equal(redis_url_parse("redis://u:hunter2@", &url, error, sizeof error), -1);
    assert_int_equal(strlen(error), sizeof error - 1);
    redis_url_deinit(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_alone_gets_the_usual_port_and_database),
        cmocka_unit_test(every_part_is_read),
        cmocka_unit_test(a_password_alone_means_the_default_user),
        cmocka_unit_test(user_and_password_are_percent_decoded),
        cmocka_unit_test(a_colon_or_at_sign_in_the_password_does_no_harm),
        cmocka_unit_test(empty_credentials_are_none),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(other_schemes_are_refused_by_name),
        cmocka_unit_test(bad_parts_are_refused_without_telling_secrets),
        cmocka_unit_test(a_failed_or_empty_url_can_be_freed_again),
    };

    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
