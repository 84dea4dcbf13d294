/*
 * The gateway's table: its defaults, its bounds, and the forms its texts must have.
 */
#include "common/config.h"

#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *no_environment[] = {NULL};

/* Loads with one option given, or none when `name` is NULL. */
static enum option_outcome load(const char *name, const char *value, struct config *config, struct buf *error)
{
    char *argv[] = {(char *)"ridecast-gateway", (char *)name, (char *)value, NULL};

    return option_load(&config_program, config, sizeof *config, name ? 3 : 1, argv, no_environment, error);
}

static void check(const char *name, const char *value, enum option_outcome expected)
{
    struct config config;
    struct buf error;

    buf_init(&error, 1000);
    if (load(name, value, &config, &error) != expected)
        fail_msg("%s \"%s\": %.*s", name, value, (int)error.len, error.data ? error.data : "taken");
    option_free(&config_program, &config);
    buf_deinit(&error);
}

static void assert_all(const char *name, const char *const *values, enum option_outcome expected)
{
    for (; *values; values++)
        check(name, *values, expected);
}

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void the_defaults_are_those_documented(void **state)
{
    struct config config;
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    assert_int_equal(load(NULL, NULL, &config, &error), OPTION_OK);
    assert_string_equal(config.listen, "0.0.0.0:3000");
    assert_string_equal(config.broker, "memory");
    assert_string_equal(config.prefix, "ridecast:");
    assert_string_equal(config.node_id, "");
    assert_string_equal(config.rides, "*");
    assert_int_equal(config.max_user_bytes, 4096);
    assert_int_equal(config.ping_interval_ms, 25000);
    assert_int_equal(config.ping_timeout_ms, 20000);
    assert_int_equal(config.max_payload_bytes, 1000000);
    assert_int_equal(config.connect_timeout_ms, 45000);
    assert_int_equal(config.upgrade_timeout_ms, 10000);
    assert_int_equal(config.backlog_bytes, 1048576);
    assert_string_equal(config.memory_budget, "auto");
    assert_int_equal(config.asks_per_second, 20);
    assert_int_equal(config.transitions_per_second, 5);
    assert_int_equal(config.events_per_second, 1000);
    assert_int_equal(config.rides_per_address, 4096);
    assert_int_equal(config.new_rides_per_second, 200);
    assert_int_equal(config.bad_tokens_per_address, 20);
    assert_int_equal(config.resumes_per_address, 200);
    assert_int_equal(config.replay_bytes_per_address, 10000000);
    assert_int_equal(config.roster_bytes, 67108864);
    assert_int_equal(config.queue_bytes, 16777216);
    assert_int_equal(config.max_connections, 16384);
    assert_int_equal(config.drain_timeout_ms, 5000);
    assert_int_equal(config.send_buffer_bytes, 65536);
    assert_string_equal(config.trusted_proxy, "");
    assert_string_equal(config.cors_origin, "*");
    assert_int_equal(config.cors_credentials, 0);
    assert_string_equal(config.static_folder, "");
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config.log_format, LOG_FORMAT_TEXT);
    option_free(&config_program, &config);
    buf_deinit(&error);
}

/* Two rows with one offset would overwrite each other without any other sign. */
static void every_row_has_its_own_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_program.row_count; i++) {
        for (size_t j = i + 1; j < config_program.row_count; j++) {
            assert_int_not_equal(config_program.rows[i].offset, config_program.rows[j].offset);
            assert_string_not_equal(config_program.rows[i].name, config_program.rows[j].name);
        }
    }
}

static void both_bounds_of_every_number_are_taken_and_what_is_beyond_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_program.row_count; i++) {
        const struct option_row *row = &config_program.rows[i];
        char name[64], value[32];

        if (row->type != OPTION_UINT)
            continue;
        snprintf(name, sizeof name, "--%s", row->name);
        snprintf(value, sizeof value, "%llu", (unsigned long long)row->min);
        check(name, value, OPTION_OK);
        snprintf(value, sizeof value, "%llu", (unsigned long long)row->max);
        check(name, value, OPTION_OK);
        snprintf(value, sizeof value, "%llu", (unsigned long long)row->min - 1);
        check(name, value, OPTION_BAD);
        snprintf(value, sizeof value, "%llu", (unsigned long long)row->max + 1);
        check(name, value, OPTION_BAD);
    }
}

static void log_choices_follow_the_enums(void **state)
{
    const char *const levels[] = {"error", "warn", "info", "debug"};
    struct config config;
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        assert_int_equal(load("--log-level", levels[level], &config, &error), OPTION_OK);
        assert_int_equal(config.log_level, level);
        option_free(&config_program, &config);
    }
    assert_int_equal(load("--log-format", "json", &config, &error), OPTION_OK);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    option_free(&config_program, &config);
    buf_deinit(&error);
}

static void an_error_says_what_was_given_and_what_is_allowed(void **state)
{
    const char expected[] =
        "ridecast-gateway: --ping-interval: \"abc\" is not a whole number; give 10 to 3600000 (ms)";
    struct config config;
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    assert_int_equal(load("--ping-interval", "abc", &config, &error), OPTION_BAD);
    assert_int_equal(error.len, strlen(expected));
    assert_memory_equal(error.data, expected, error.len);
    buf_deinit(&error);
}

static void the_address_to_listen_on_has_a_host_and_a_port(void **state)
{
    (void)state;
    assert_all("--listen",
               VALUES("0.0.0.0:3000", "localhost:0", "[::]:3000", "[fe80::1]:65535", "my-host.example:80"),
               OPTION_OK);
    assert_all("--listen",
               VALUES("", "3000", ":3000", "localhost", "localhost:", "localhost:65536", "localhost:-1",
                      "localhost:+1", "localhost:80x", "localhost:000080", "::1:3000", "[::1]", "[::1]3000",
                      "[]:3000", "[::1:3000", "http://localhost:80", "a b:80", "[x]:80"),
               OPTION_BAD);
}

static void an_address_is_split_into_host_and_port(void **state)
{
    char host[16];
    int port;

    (void)state;
    assert_int_equal(config_split_address("[::1]:3000", host, sizeof host, &port), 0);
    assert_string_equal(host, "::1");
    assert_int_equal(port, 3000);
    assert_int_equal(config_split_address("fifteen-letters:0", host, sizeof host, &port), 0);
    assert_string_equal(host, "fifteen-letters");
    assert_int_equal(port, 0);
    assert_int_equal(config_split_address("sixteen--letters:0", host, sizeof host, &port), -1);
    assert_string_equal(host, "fifteen-letters");
}

static void the_broker_is_memory_or_redis(void **state)
{
    (void)state;
    assert_all("--broker", VALUES("memory", "redis://localhost", "redis://u:p@h:1/0"), OPTION_OK);
    assert_all("--broker",
               VALUES("rediss://h", "redis+unix:///run/redis.sock", "redis+sentinel://a,b:1/main",
                      "rediss+sentinel://a/main", "redis+cluster://a,b:1", "rediss+cluster://a"),
               OPTION_OK);
    assert_all("--broker",
               VALUES("", "Memory", "memory2", "localhost:6379", "http://x", "redis:/x", "redis",
                      "redis+tls://x", "rediss+unix:///x", " redis://x"),
               OPTION_BAD);
}

static void the_brokers_password_is_masked_when_printed(void **state)
{
    struct config config;
    struct buf text;

    (void)state;
    buf_init(&text, 10000);
    assert_int_equal(load("--broker", "redis://user:hunter2@host:6379/0", &config, &text), OPTION_OK);
    assert_int_equal(option_print(&config_program, &config, &text), 0);
    assert_int_equal(buf_append(&text, "", 1), 0);
    assert_non_null(strstr(text.data, "--broker redis://user:***@host:6379/0\n"));
    assert_null(strstr(text.data, "hunter2"));
    option_free(&config_program, &config);
    buf_deinit(&text);
}

/* 65 letters, of which a test takes as many as it needs. */
static const char letters_65[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm";

static void the_prefix_is_short_and_printable(void **state)
{
    (void)state;
    assert_int_equal(strlen(letters_65), 65);
    assert_all("--prefix", VALUES("r", "ridecast:", "~!@#$%", letters_65 + 1), OPTION_OK);
    assert_all("--prefix", VALUES("", "a b", "a{b", "a}b", "caf\xc3\xa9", "a\tb", "a\x7f", letters_65),
               OPTION_BAD);
}

static void the_node_id_is_empty_or_plain(void **state)
{
    (void)state;
    assert_all("--node-id", VALUES("", "gw-1.eu_West", letters_65 + 1), OPTION_OK);
    assert_all("--node-id", VALUES("a b", "a:b", "a/b", "caf\xc3\xa9", letters_65), OPTION_BAD);
}

static void origins_are_any_or_a_list_without_paths(void **state)
{
    char longest[400] = "https://";

    (void)state;
    memset(longest + 8, 'a', sizeof longest - 9);
    assert_all("--cors-origin",
               VALUES("*", "https://a.example", "http://localhost:5173", "https://a.example, http://[::1]:80",
                      "https://a https://b:65535", " https://a,", "capacitor://localhost",
                      "https://*.example.com", "https://a:443 http://b:80", "HTTPS://A.example"),
               OPTION_OK);
    assert_all("--cors-origin",
               VALUES("", " , ", "a.example", "https://", "https://a/", "https://a/path", "https://a:0",
                      "https://a:x", "https://a?b", "https://u@a", "://a", "1://a", "h_t://a", "https://a, *",
                      "*,https://a", "https://a;https://b", "https://[::1", longest, "https://a.example:443/",
                      "wss://a.example", "http://127.1"),
               OPTION_BAD);
}

static void rides_are_names_and_patterns_that_can_match(void **state)
{
    (void)state;
    assert_all("--rides",
               VALUES("*", "/", "/line-7", "/line-*, /bus/*/north *-express", " ,/a,", "/a/b/A-z_0.9~"),
               OPTION_OK);
    assert_all("--rides",
               VALUES("", " , ", "line-7", "/line-7/", "//line-7", "/a//b", "/line-?", "/[ab]",
                      "/ok /line-7/", "/ok,*/", "/caf\xc3\xa9"),
               OPTION_BAD);
}

static void the_memory_budget_is_a_number_of_bytes_or_a_part_of_what_there_is(void **state)
{
    (void)state;
    assert_all("--memory-budget", VALUES("auto", "0", "1048576", "999999999999999"), OPTION_OK);
    assert_all("--memory-budget",
               VALUES("", "1", "1048575", "-1", "64M", "automatic", "0x100000", "1000000000000000"),
               OPTION_BAD);
    assert_int_equal(config_memory_budget("auto", 4000), 1000);
    assert_int_equal(config_memory_budget("auto", 0), 0);
    assert_int_equal(config_memory_budget("0", 4000), 0);
    assert_int_equal(config_memory_budget("1048576", 4000), 1048576);
}

static void trusted_proxies_are_networks(void **state)
{
    (void)state;
    assert_all("--trusted-proxy", VALUES("", "127.0.0.1", "10.0.0.0/8, fd00::/8 ::1"), OPTION_OK);
    assert_all("--trusted-proxy", VALUES("*", "nginx", "10.0.0.1/8", "10.0.0.0/33"), OPTION_BAD);
}

/* As in every pod next to a service of that name. */
static void services_named_like_the_program_stop_no_start(void **state)
{
    char *argv[] = {(char *)"ridecast-gateway", NULL};
    char *environment[] = {(char *)"RIDECAST_SERVICE_HOST=10.96.0.7",
                           (char *)"RIDECAST_PORT=tcp://10.96.0.7:3000",
                           (char *)"RIDECAST_GATEWAY_SERVICE_PORT=3000",
                           (char *)"RIDECAST_GATEWAY_PORT_3000_TCP_ADDR=10.96.0.8", NULL};
    struct config config;
    struct buf error;

    (void)state;
    buf_init(&error, 1000);
    assert_int_equal(option_load(&config_program, &config, sizeof config, 1, argv, environment, &error),
                     OPTION_OK);
    option_free(&config_program, &config);
    buf_deinit(&error);
}

static void the_help_page_fits_100_columns_and_names_every_row(void **state)
{
    struct buf page;

    (void)state;
    buf_init(&page, 65536);
    assert_int_equal(option_help(&config_program, &page), 0);
    assert_int_equal(buf_append(&page, "", 1), 0);
    for (const char *line = page.data; *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 100);
    for (size_t i = 0; i < config_program.row_count; i++) {
        char heading[80];

        snprintf(heading, sizeof heading, "\n  --%s ", config_program.rows[i].name);
        assert_non_null(strstr(page.data, heading));
    }
    buf_deinit(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_documented),
        cmocka_unit_test(every_row_has_its_own_field),
        cmocka_unit_test(both_bounds_of_every_number_are_taken_and_what_is_beyond_refused),
        cmocka_unit_test(log_choices_follow_the_enums),
        cmocka_unit_test(an_error_says_what_was_given_and_what_is_allowed),
        cmocka_unit_test(the_address_to_listen_on_has_a_host_and_a_port),
        cmocka_unit_test(an_address_is_split_into_host_and_port),
        cmocka_unit_test(the_broker_is_memory_or_redis),
        cmocka_unit_test(the_brokers_password_is_masked_when_printed),
        cmocka_unit_test(the_prefix_is_short_and_printable),
        cmocka_unit_test(the_node_id_is_empty_or_plain),
        cmocka_unit_test(origins_are_any_or_a_list_without_paths),
        cmocka_unit_test(rides_are_names_and_patterns_that_can_match),
        cmocka_unit_test(the_memory_budget_is_a_number_of_bytes_or_a_part_of_what_there_is),
        cmocka_unit_test(trusted_proxies_are_networks),
        cmocka_unit_test(services_named_like_the_program_stop_no_start),
        cmocka_unit_test(the_help_page_fits_100_columns_and_names_every_row),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
