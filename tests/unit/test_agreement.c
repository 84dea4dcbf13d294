/*
 * Whether gateways agree on their options: what is told, what differs, and what the log says of it, once.
 * Stderr is a file meanwhile.
 */
#include "gateway/pages/agreement.h"

#include "common/json_tree.h"
#include "common/log.h"

#include <json-c/json_object.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEPTH = 8 };

struct world {
    struct agreement agreement; /* of a gateway with a window of 15000 */
    FILE *file;
    off_t read; /* of the log */
    int real_stderr;
    char text[65536];
};

static void load(struct config *config, const char *name, const char *value)
{
    char *argv[] = {(char *)"ridecast-gateway", (char *)name, (char *)value, NULL};
    char *no_environment[] = {NULL};
    struct buf error;

    buf_init(&error, 1000);
    assert_int_equal(option_load(&config_program, config, sizeof *config, 3, argv, no_environment, &error),
                     OPTION_OK);
    buf_deinit(&error);
}

/* This gateway has one option other than the default. */
static void restart(struct world *w, const char *name, const char *value)
{
    struct config config;

    agreement_deinit(&w->agreement);
    load(&config, name, value);
    agreement_init(&w->agreement, &config);
    option_free(&config_program, &config);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->file = tmpfile();
    w->real_stderr = dup(STDERR_FILENO);
    if (!w->file || dup2(fileno(w->file), STDERR_FILENO) < 0)
        return -1;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    restart(w, "--recovery-window", "15000");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    dup2(w->real_stderr, STDERR_FILENO);
    close(w->real_stderr);
    fclose(w->file);
    agreement_deinit(&w->agreement);
    free(w);
    return 0;
}

static const char *printed(struct world *w, struct json_object *json)
{
    struct buf out;

    buf_init(&out, sizeof w->text - 1);
    assert_int_equal(json_tree_print(json, &out), 0);
    snprintf(w->text, sizeof w->text, "%.*s", (int)out.len, out.data);
    buf_deinit(&out);
    return w->text;
}

/* A survey with these, ended by NULL, comes to `differing`. */
static void survey(struct world *w, const char *differing, ...)
{
    const char *about;
    va_list args;

    agreement_begin(&w->agreement);
    va_start(args, differing);
    while ((about = va_arg(args, const char *))) {
        struct json_object *json = json_tree_read(about, strlen(about), DEPTH, 100);

        agreement_hear(&w->agreement, json);
        json_object_put(json);
    }
    va_end(args);
    assert_string_equal(printed(w, agreement_end(&w->agreement)), differing);
}

/* What the log has since it was last asked: lines without time. */
static void expect_log(struct world *w, const char *expected)
{
    char lines[sizeof w->text] = "";
    ssize_t n = pread(fileno(w->file), w->text, sizeof w->text - 1, w->read);

    assert_true(n >= 0);
    w->read += n;
    w->text[n] = '\0';
    char *save = NULL;

    for (char *line = strtok_r(w->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        strcat(lines, strchr(line, ' ') + 1);
        strcat(lines, "\n");
    }
    assert_string_equal(lines, expected);
}

#define A       "{\"node\":\"a\",\"options\":{\"recovery-window\":15000}}"
#define B(ms)   "{\"node\":\"b\",\"options\":{\"recovery-window\":" ms "}}"
#define DIFFERS "{\"recovery-window\":{\"15000\":[\"a\"],\"5000\":[\"b\"]}}"
#define WARNING                                                                                              \
    "warn  cluster: gateway b has --recovery-window 5000, this one 15000; give all of them the same\n"

static void what_is_told_of_this_gateway(void **state)
{
    struct world *w = *state;

    restart(w, "--auth", "jwt");
    assert_string_equal(printed(w, json_object_get(w->agreement.own)),
                        "{\"rides\":\"#af63a74c8601927d\",\"max-user-bytes\":4096,\"recovery-window\":15000,"
                        "\"node-lease\":3000,\"rides-per-connection\":64,\"connections-per-user\":16,"
                        "\"riders-per-ride\":100000,\"roster-bytes\":67108864,"
                        "\"cors-origin\":\"#af63a74c8601927d\",\"cors-credentials\":\"no\",\"auth\":\"jwt\","
                        "\"auth-issuer\":\"#cbf29ce484222325\","
                        "\"auth-audience\":\"#cbf29ce484222325\"}");
}

static void a_difference_is_said_once_and_once_more_when_it_ends(void **state)
{
    struct world *w = *state;

    survey(w, "{}", A, B("15000"), (char *)NULL);
    expect_log(w, "");
    assert_int_equal(w->agreement.differing, 0);
    survey(w, DIFFERS, A, B("5000"), (char *)NULL);
    expect_log(w, WARNING);
    assert_int_equal(w->agreement.differing, 1);
    survey(w, DIFFERS, A, B("5000"), (char *)NULL);
    expect_log(w, "");
    survey(w, "{}", A, B("15000"), (char *)NULL);
    expect_log(w, "info  cluster: gateway b agrees again on --recovery-window\n");
    assert_int_equal(w->agreement.differing, 0);
    survey(w, "{}", A, B("15000"), (char *)NULL);
    expect_log(w, "");
}

static void another_value_is_said_again(void **state)
{
    struct world *w = *state;

    survey(w, DIFFERS, A, B("5000"), (char *)NULL);
    expect_log(w, WARNING);
    survey(w, "{\"recovery-window\":{\"15000\":[\"a\"],\"0\":[\"b\"]}}", A, B("0"), (char *)NULL);
    expect_log(
        w, "warn  cluster: gateway b has --recovery-window 0, this one 15000; give all of them the same\n");
}

static void a_gateway_that_is_gone_is_forgotten(void **state)
{
    struct world *w = *state;

    survey(w, DIFFERS, A, B("5000"), (char *)NULL);
    expect_log(w, WARNING);
    survey(w, "{}", A, (char *)NULL);
    expect_log(w, "");
    survey(w, "{}", A, B("15000"), (char *)NULL);
    expect_log(w, "");
    survey(w, DIFFERS, A, B("5000"), (char *)NULL);
    expect_log(w, WARNING);
}

static void who_is_alone_says_it_of_each_other_and_of_each_option(void **state)
{
    struct world *w = *state;
    const char *b = "{\"node\":\"b\",\"options\":{\"recovery-window\":5000,\"auth\":\"jwt\"}}";
    const char *c = "{\"node\":\"c\",\"options\":{\"recovery-window\":5000,\"auth\":\"none\"}}";

    survey(w,
           "{\"recovery-window\":{\"15000\":[\"a\"],\"5000\":[\"b\",\"c\"]},\"auth\":{\"jwt\":[\"b\"],"
           "\"none\":[\"c\"]}}",
           A, b, c, (char *)NULL);
    expect_log(
        w, WARNING
        "warn  cluster: gateway c has --recovery-window 5000, this one 15000; give all of them the same\n"
        "warn  cluster: gateway b has --auth jwt, this one none; give all of them the same\n");
    assert_int_equal(w->agreement.differing, 2);
}

static void a_text_is_compared_by_its_fingerprint(void **state)
{
    struct world *w = *state;
    char about[256];

    restart(w, "--rides", "/line-*");
    snprintf(about, sizeof about, "{\"node\":\"a\",\"options\":{\"rides\":\"%s\"}}",
             json_object_get_string(json_object_object_get(w->agreement.own, "rides")));
    survey(w, "{}", about, (char *)NULL);
    expect_log(w, "");
    restart(w, "--rides", "/line-1");
    survey(w, "{}", about, (char *)NULL);
    expect_log(w, "warn  cluster: gateway a has --rides #67ece50f2c15b683, this one #67ecde0f2c15aa9e; "
                  "give all of them the same\n");
}

static void what_is_no_options_value_is_passed_over(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{\"node\":7,\"options\":{\"recovery-window\":5000}}",
        "{\"node\":\"b\"}",
        "{\"node\":\"b\",\"options\":[5000]}",
        "{\"node\":\"b\",\"options\":{\"unknown\":5000,\"prefix\":\"x\"}}",
        B("null"),
        B("[5000]"),
        B("{\"a\":1}"),
        B("5000.5"),
        B("true"),
        B("\"123456789012345678901234567890123\""),
        B("\"1\\u0000\""),
        ("{\"node\":\"12345678901234567890123456789012345678901234567890123456789012345\","
         "\"options\":{\"recovery-window\":5000}}"),
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        survey(w, "{}", A, odd[i], (char *)NULL);
        expect_log(w, "");
    }
    agreement_begin(&w->agreement);
    agreement_hear(&w->agreement, NULL);
    assert_string_equal(printed(w, agreement_end(&w->agreement)), "{}");
}

static void two_of_one_name_do_not_fill_the_log(void **state)
{
    struct world *w = *state;

    survey(w, "{\"recovery-window\":{\"5000\":[\"b\"],\"15000\":[\"b\"],\"7000\":[\"b\"]}}", B("5000"),
           B("15000"), B("7000"), (char *)NULL);
    expect_log(w, WARNING);
    survey(w, "{\"recovery-window\":{\"15000\":[\"b\"],\"5000\":[\"b\"]}}", B("15000"), B("5000"),
           (char *)NULL);
    expect_log(w, "");
}

static void a_crowd_that_differs_is_said_in_few_lines(void **state)
{
    struct world *w = *state;
    char about[128];
    size_t lines = 0;

    agreement_begin(&w->agreement);
    for (int i = 0; i < 1000; i++) {
        snprintf(about, sizeof about, "{\"node\":\"n%d\",\"options\":{\"recovery-window\":5000}}", i);
        struct json_object *json = json_tree_read(about, strlen(about), DEPTH, 100);

        agreement_hear(&w->agreement, json);
        json_object_put(json);
    }
    json_object_put(agreement_end(&w->agreement));
    ssize_t n = pread(fileno(w->file), w->text, sizeof w->text - 1, 0);

    assert_true(n >= 0);
    w->text[n] = '\0';
    for (const char *at = w->text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, AGREEMENT_LINES_MAX + 1);
    assert_non_null(strstr(w->text, "warn  cluster: 968 more options differ or agree again; "));
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(what_is_told_of_this_gateway),
        in_world(a_difference_is_said_once_and_once_more_when_it_ends),
        in_world(another_value_is_said_again),
        in_world(a_gateway_that_is_gone_is_forgotten),
        in_world(who_is_alone_says_it_of_each_other_and_of_each_option),
        in_world(a_text_is_compared_by_its_fingerprint),
        in_world(what_is_no_options_value_is_passed_over),
        in_world(two_of_one_name_do_not_fill_the_log),
        in_world(a_crowd_that_differs_is_said_in_few_lines),
    };

    return cmocka_run_group_tests_name("agreement", tests, NULL, NULL);
}
