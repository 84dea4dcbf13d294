/*
 * The broker's URL: what is accepted, what is refused, and that errors tell no secrets.
 */
#include "broker/redis/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void parse(const char *text, struct redis_url *url)
{
    char error[256] = "";

    if (redis_url_parse(text, url, error, sizeof error) != 0)
        fail_msg("%s: %s", text, error);
}

static void expect_text(const char *actual, const char *expected)
{
    if (expected) {
        assert_non_null(actual);
        assert_string_equal(actual, expected);
    } else {
        assert_null(actual);
    }
}

static void expect(const char *text, const char *user, const char *password, const char *host, int port,
                   unsigned db)
{
    struct redis_url url;

    parse(text, &url);
    expect_text(url.login.user, user);
    expect_text(url.login.password, password);
    assert_int_equal(url.address_count, 1);
    assert_string_equal(url.addresses[0].host, host);
    assert_int_equal(url.addresses[0].port, port);
    assert_int_equal(url.db, db);
    assert_null(url.primary);
    redis_url_deinit(&url);
}

static void expect_refused(const char *text, const char *word)
{
    struct redis_url url;
    char error[256] = "";

    if (redis_url_parse(text, &url, error, sizeof error) == 0)
        fail_msg("%s was accepted", text);
    if (!strstr(error, word))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error, word);
    assert_null(strstr(error, "hunter2"));
    assert_null(url.login.password);
    assert_int_equal(url.address_count, 0);
}

/* --- one server --- */

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
    expect("redis://a%40b:p%2f%3A%25%3f@h", "a@b", "p/:%?", "h", 6379, 0);
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
    expect_refused("redis://h/99999999", "database");
    expect_refused("redis://a b", "host");
    expect_refused("redis://h/1?x", "name=value");
    expect_refused("redis://h?db=1", "question mark");
}

static void a_password_may_be_in_a_file(void **state)
{
    struct redis_url url;

    (void)state;
    parse("redis://ann@h/2?password_file=/run/a%26b", &url);
    assert_string_equal(url.login.user, "ann");
    assert_null(url.login.password);
    assert_string_equal(url.login.password_file, "/run/a&b");
    assert_int_equal(url.db, 2);
    redis_url_deinit(&url);
    parse("redis+unix:///run/redis.sock?db=3&password_file=/p", &url);
    assert_string_equal(url.login.password_file, "/p");
    redis_url_deinit(&url);
    parse("rediss+sentinel://h/main?password_file=/p&sentinel_user=s&sentinel_password_file=/q", &url);
    assert_string_equal(url.login.password_file, "/p");
    assert_string_equal(url.sentinel_login.password_file, "/q");
    redis_url_deinit(&url);
    expect_refused("redis://:hunter2@h?password_file=/p", "a password and a password_file");
    expect_refused("redis://h?password_file=/p&password_file=/p", "twice");
    expect_refused("redis://h?password_file=", "name=value");
    expect_refused("redis://ann@h", "password_file");
    expect_refused("redis://h?sentinel_password_file=/p", "question mark");
    expect_refused("redis+sentinel://h/main?sentinel_password=hunter2&sentinel_password_file=/q",
                   "a sentinel_password and a sentinel_password_file");
}

/* The rest of such a password looks like a port or a path: the error has to say what to do. */
static void a_password_that_ought_to_be_escaped_gets_a_hint(void **state)
{
    (void)state;
    expect_refused("redis://u:hunter2/x@h", "%2F");
    expect_refused("redis://u:hunter2?x@h", "%3F");
    expect_refused("redis://u:hunter2#x@h", "%23");
}

static void other_schemes_are_refused(void **state)
{
    (void)state;
    expect_refused("http://h", "redis://");
    expect_refused("", "redis://");
    expect_refused("redis:/h", "redis://");
    expect_refused("Redis://h", "redis://");
    expect_refused("rediss+unix:///run/redis.sock", "redis://");
}

/* --- Unix sockets --- */

static void a_socket_is_a_path_with_user_password_and_database(void **state)
{
    (void)state;
    expect("redis+unix:///run/redis.sock", NULL, NULL, "/run/redis.sock", 0, 0);
    expect("redis+unix://ann:hunter2@/run/redis.sock?db=3", "ann", "hunter2", "/run/redis.sock", 0, 3);
    expect("redis+unix://:p%40@/a%20b/c@d", NULL, "p@", "/a b/c@d", 0, 0);
}

static void a_socket_without_a_usable_path_is_refused(void **state)
{
    char path[160] = "redis+unix:///";

    (void)state;
    expect_refused("redis+unix://", "path");
    expect_refused("redis+unix:///", "path");
    expect_refused("redis+unix://host/path", "begin with /");
    expect_refused("redis+unix://:hunter2@", "begin with /");
    expect_refused("redis+unix:///a%0", "percent");
    expect_refused("redis+unix:///a?db=x", "database");
    expect_refused("redis+unix:///a?ca=/x", "question mark");
    memset(path + strlen(path), 'a', 106);
    expect(path, NULL, NULL, path + strlen("redis+unix://"), 0, 0);
    strcat(path, "a");
    expect_refused(path, "107");
}

/* --- TLS --- */

static void tls_expects_the_hosts_name_in_the_certificate(void **state)
{
    struct redis_url url;

    (void)state;
    parse("rediss://ann:hunter2@redis.example:6380/2", &url);
    assert_true(url.tls.on);
    assert_string_equal(url.tls.sni, "redis.example");
    assert_null(url.tls.ca);
    assert_null(url.tls.cert);
    assert_int_equal(url.addresses[0].port, 6380);
    assert_int_equal(url.db, 2);
    redis_url_deinit(&url);
    parse("redis://h", &url);
    assert_false(url.tls.on);
    redis_url_deinit(&url);
}

static void the_files_and_the_name_for_tls_are_read(void **state)
{
    struct redis_url url;

    (void)state;
    parse("rediss://10.0.0.1/?ca=/etc/a@b.pem&cert=/c%26d&key=/k&sni=redis.example", &url);
    assert_string_equal(url.tls.ca, "/etc/a@b.pem");
    assert_string_equal(url.tls.cert, "/c&d");
    assert_string_equal(url.tls.key, "/k");
    assert_string_equal(url.tls.sni, "redis.example");
    redis_url_deinit(&url);
}

static void incomplete_or_unknown_parameters_are_refused(void **state)
{
    (void)state;
    expect_refused("rediss://h?cert=/c", "need each other");
    expect_refused("rediss://h?key=/k", "need each other");
    expect_refused("rediss://h?ca=", "name=value");
    expect_refused("rediss://h?ca", "name=value");
    expect_refused("rediss://h?ca=/a&&sni=x", "name=value");
    expect_refused("rediss://h?ca=/a&ca=/b", "twice");
    expect_refused("rediss://h?ca=/a%0g", "percent");
    expect_refused("rediss://h?CA=/a", "question mark");
    expect_refused("rediss://h?db=1", "question mark");
    expect_refused("rediss://h?sentinel_password=hunter2", "question mark");
    expect_refused("redis://h?ca=/a", "question mark");
}

/* --- Sentinel --- */

static void sentinels_are_a_list_and_name_a_primary(void **state)
{
    struct redis_url url;

    (void)state;
    parse("redis+sentinel://ann:hunter2@a,b:7000,[::1]:7001,[::2]/my%20primary/3"
          "?sentinel_user=sen&sentinel_password=p%26w",
          &url);
    assert_int_equal(url.address_count, 4);
    assert_string_equal(url.addresses[0].host, "a");
    assert_int_equal(url.addresses[0].port, 26379);
    assert_string_equal(url.addresses[1].host, "b");
    assert_int_equal(url.addresses[1].port, 7000);
    assert_string_equal(url.addresses[2].host, "::1");
    assert_int_equal(url.addresses[2].port, 7001);
    assert_string_equal(url.addresses[3].host, "::2");
    assert_int_equal(url.addresses[3].port, 26379);
    assert_string_equal(url.primary, "my primary");
    assert_int_equal(url.db, 3);
    assert_string_equal(url.login.user, "ann");
    assert_string_equal(url.login.password, "hunter2");
    assert_string_equal(url.sentinel_login.user, "sen");
    assert_string_equal(url.sentinel_login.password, "p&w");
    assert_false(url.tls.on);
    redis_url_deinit(&url);
}

static void sentinels_need_no_password_and_take_one_without_a_user(void **state)
{
    struct redis_url url;

    (void)state;
    parse("redis+sentinel://a/main", &url);
    assert_null(url.login.password);
    assert_null(url.sentinel_login.password);
    redis_url_deinit(&url);
    parse("redis+sentinel://a/main/?sentinel_password=x", &url);
    assert_null(url.sentinel_login.user);
    assert_string_equal(url.sentinel_login.password, "x");
    redis_url_deinit(&url);
}

static void with_sentinels_and_tls_each_server_has_a_name_of_its_own(void **state)
{
    struct redis_url url;

    (void)state;
    parse("rediss+sentinel://a,b/main?ca=/ca", &url);
    assert_true(url.tls.on);
    assert_string_equal(url.tls.ca, "/ca");
    assert_null(url.tls.sni);
    assert_int_equal(url.address_count, 2);
    redis_url_deinit(&url);
}

static void bad_sentinel_urls_are_refused(void **state)
{
    (void)state;
    expect_refused("redis+sentinel://a", "name");
    expect_refused("redis+sentinel://a/", "name");
    expect_refused("redis+sentinel://a//1", "name");
    expect_refused("redis+sentinel:///main", "host");
    expect_refused("redis+sentinel://a,/main", "host");
    expect_refused("redis+sentinel://,a/main", "host");
    expect_refused("redis+sentinel://a,b:x/main", "port");
    expect_refused("redis+sentinel://a/main/one", "database");
    expect_refused("redis+sentinel://a/%0/1", "percent");
    expect_refused("redis+sentinel://a/main?sentinel_user=u", "sentinel_password");
    expect_refused("redis+sentinel://a/main?sentinel_password=hunter2%", "percent");
    expect_refused("redis+sentinel://a/main?ca=/ca", "question mark");
}

static void more_than_sixteen_sentinels_are_refused(void **state)
{
    struct redis_url url;

    (void)state;
    parse("redis+sentinel://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p/main", &url);
    assert_int_equal(url.address_count, 16);
    redis_url_deinit(&url);
    expect_refused("redis+sentinel://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/main", "16");
}

/* --- a cluster --- */

static void a_cluster_is_a_list_of_some_of_its_nodes(void **state)
{
    struct redis_url url;

    (void)state;
    parse("redis+cluster://ann:p%2Cw@a,[::1]:7001,c.example:7002", &url);
    assert_true(url.cluster);
    assert_false(url.tls.on);
    assert_null(url.primary);
    assert_string_equal(url.login.user, "ann");
    assert_string_equal(url.login.password, "p,w");
    assert_int_equal(url.db, 0);
    assert_int_equal(url.address_count, 3);
    assert_string_equal(url.addresses[0].host, "a");
    assert_int_equal(url.addresses[0].port, 6379);
    assert_string_equal(url.addresses[1].host, "::1");
    assert_int_equal(url.addresses[1].port, 7001);
    assert_string_equal(url.addresses[2].host, "c.example");
    assert_int_equal(url.addresses[2].port, 7002);
    redis_url_deinit(&url);
    parse("redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p/0?password_file=/p", &url);
    assert_int_equal(url.address_count, 16);
    assert_string_equal(url.login.password_file, "/p");
    redis_url_deinit(&url);
    parse("redis://a", &url);
    assert_false(url.cluster);
    redis_url_deinit(&url);
}

static void with_a_cluster_and_tls_each_node_has_a_name_of_its_own(void **state)
{
    struct redis_url url;

    (void)state;
    parse("rediss+cluster://a,b/?ca=/ca&cert=/c&key=/k", &url);
    assert_true(url.cluster);
    assert_true(url.tls.on);
    assert_string_equal(url.tls.key, "/k");
    assert_null(url.tls.sni);
    assert_int_equal(url.address_count, 2);
    redis_url_deinit(&url);
    parse("rediss+cluster://a,b?sni=redis.example", &url);
    assert_string_equal(url.tls.sni, "redis.example");
    redis_url_deinit(&url);
}

static void bad_cluster_urls_are_refused(void **state)
{
    (void)state;
    expect_refused("redis+cluster://", "host");
    expect_refused("redis+cluster://a,", "host");
    expect_refused("redis+cluster://,a", "host");
    expect_refused("redis+cluster://a,b:x", "port");
    expect_refused("redis+cluster://a,b/1", "no database but 0");
    expect_refused("redis+cluster://a,b/x", "database");
    expect_refused("redis+cluster://a:hunter2%@a,b", "percent");
    expect_refused("redis+cluster://ann@a,b", "password");
    expect_refused("redis+cluster://a?ca=/ca", "question mark");
    expect_refused("redis+cluster://a?sentinel_password=hunter2", "question mark");
    expect_refused("redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "16");
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
        cmocka_unit_test(bad_parts_are_refused_without_telling_secrets),
        cmocka_unit_test(a_password_may_be_in_a_file),
        cmocka_unit_test(a_password_that_ought_to_be_escaped_gets_a_hint),
        cmocka_unit_test(other_schemes_are_refused),
        cmocka_unit_test(a_socket_is_a_path_with_user_password_and_database),
        cmocka_unit_test(a_socket_without_a_usable_path_is_refused),
        cmocka_unit_test(tls_expects_the_hosts_name_in_the_certificate),
        cmocka_unit_test(the_files_and_the_name_for_tls_are_read),
        cmocka_unit_test(incomplete_or_unknown_parameters_are_refused),
        cmocka_unit_test(sentinels_are_a_list_and_name_a_primary),
        cmocka_unit_test(sentinels_need_no_password_and_take_one_without_a_user),
        cmocka_unit_test(with_sentinels_and_tls_each_server_has_a_name_of_its_own),
        cmocka_unit_test(bad_sentinel_urls_are_refused),
        cmocka_unit_test(more_than_sixteen_sentinels_are_refused),
        cmocka_unit_test(a_cluster_is_a_list_of_some_of_its_nodes),
        cmocka_unit_test(with_a_cluster_and_tls_each_node_has_a_name_of_its_own),
        cmocka_unit_test(bad_cluster_urls_are_refused),
        cmocka_unit_test(a_failed_or_empty_url_can_be_freed_again),
    };

    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
