/*
 * The option machinery, with a small table of its own: precedence, bounds, misspellings, secrets, pages.
 */
#include "common/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    uint64_t wait_ms;
    uint64_t parts;
    char *title;
    char *store;
    int shape;
};

enum { ARGS_MAX = 8 };

static const char *check_title(const char *value)
{
    return *value == '!' ? "is too loud" : NULL;
}

static const char *check_store(const char *value)
{
    return strncmp(value, "db://", 5) == 0 ? NULL : "is no store";
}

static const char *const shapes[] = {"round", "square", NULL};

#define ROW(option, kind, field, default_)                                                                   \
    .name = (option), .type = (kind), .offset = offsetof(struct settings, field), .initial = (default_)

/* clang-format off */
static const struct option_row rows[] = {
    {ROW("wait-time", OPTION_UINT, wait_ms, "250"), .min = 10, .max = 5000, .unit = "ms",
     .help = "How long to wait between one thing and the next, explained at such a length that the line must be wrapped"},
    {ROW("parts", OPTION_UINT, parts, "1"), .max = UINT64_MAX, .help = "How many"},
    {ROW("title", OPTION_STRING, title, ""), .help = "What to call it", .check = check_title},
    {ROW("store", OPTION_STRING, store, "db://here"), .flags = OPTION_SECRET, .help = "Where to keep it",
     .check = check_store},
    {ROW("shape", OPTION_CHOICE, shape, "square"), .choices = shapes, .help = "Which form"},
};
/* clang-format on */

static const struct option_program program = {"demo", "Does a thing.", "DEMO", rows,
                                              sizeof rows / sizeof rows[0]};

static struct settings settings;
static char *no_environment[] = {NULL};

/* Loads from the arguments (after the program's name, ended by NULL); the error, if any, goes to `error`. */
static enum option_outcome load(char *const *environ_list, const char *const *args, struct buf *error)
{
    char *argv[ARGS_MAX + 2] = {(char *)"demo"};
    int argc = 1;

    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)args[argc - 1];
    memset(&settings, 0xff, sizeof settings);
    return option_load(&program, &settings, sizeof settings, argc, argv, environ_list, error);
}

static void assert_loads_from(char *const *environ_list, const char *const *args)
{
    struct buf error;

    buf_init(&error, 1000);
    enum option_outcome outcome = load(environ_list, args, &error);
    if (outcome != OPTION_OK)
        fail_msg("%.*s", (int)error.len, error.data);
    assert_int_equal(error.len, 0);
    buf_deinit(&error);
}

static void assert_fails_from(char *const *environ_list, const char *const *args, const char *expected)
{
    const struct settings zero = {0};
    struct buf error;

    buf_init(&error, 1000);
    assert_int_equal(load(environ_list, args, &error), OPTION_BAD);
    assert_int_equal(buf_append(&error, "", 1), 0);
    assert_string_equal(error.data, expected);
    assert_memory_equal(&settings, &zero, sizeof settings);
    buf_deinit(&error);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define ENV(...)  ((char *const[]){__VA_ARGS__, NULL})

#define assert_loads(...)           assert_loads_from(no_environment, ARGS(__VA_ARGS__))
#define assert_fails(expected, ...) assert_fails_from(no_environment, ARGS(__VA_ARGS__), expected)

static void without_anything_given_every_row_has_its_default(void **state)
{
    (void)state;
    assert_loads();
    assert_int_equal(settings.wait_ms, 250);
    assert_int_equal(settings.parts, 1);
    assert_string_equal(settings.title, "");
    assert_string_equal(settings.store, "db://here");
    assert_int_equal(settings.shape, 1);
    option_free(&program, &settings);
    assert_null(settings.title);
}

static void a_value_may_follow_or_be_joined(void **state)
{
    (void)state;
    assert_loads("--wait-time", "300", "--title=a=b", "--shape", "round");
    assert_int_equal(settings.wait_ms, 300);
    assert_string_equal(settings.title, "a=b");
    assert_int_equal(settings.shape, 0);
    option_free(&program, &settings);
    assert_loads("--title=--parts", "--title", "");
    assert_string_equal(settings.title, "");
    option_free(&program, &settings);
}

static void of_an_option_given_twice_the_last_counts(void **state)
{
    (void)state;
    assert_loads("--parts", "2", "--parts=3");
    assert_int_equal(settings.parts, 3);
    option_free(&program, &settings);
}

static void the_command_line_wins_over_the_environment_and_that_over_the_default(void **state)
{
    char *environment[] = {"PATH=/bin", "DEMO_WAIT_TIME=400", "DEMO_PARTS=5", "DEMOS=x", NULL};

    (void)state;
    assert_loads_from(environment, ARGS("--parts", "6"));
    assert_int_equal(settings.wait_ms, 400);
    assert_int_equal(settings.parts, 6);
    assert_int_equal(settings.shape, 1);
    option_free(&program, &settings);
}

static void the_bounds_themselves_are_allowed(void **state)
{
    (void)state;
    assert_loads("--wait-time", "10", "--parts", "0");
    assert_int_equal(settings.wait_ms, 10);
    option_free(&program, &settings);
    assert_loads("--wait-time", "5000", "--parts", "18446744073709551615");
    assert_int_equal(settings.wait_ms, 5000);
    assert_true(settings.parts == UINT64_MAX);
    option_free(&program, &settings);
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    assert_fails("demo: --wait-time: \"9\" is out of range; give 10 to 5000 (ms)", "--wait-time", "9");
    assert_fails("demo: --wait-time: \"5001\" is out of range; give 10 to 5000 (ms)", "--wait-time", "5001");
    assert_fails("demo: --parts: \"18446744073709551616\" is out of range; give 0 to 18446744073709551615",
                 "--parts", "18446744073709551616");
}

static void what_is_no_whole_number_is_refused(void **state)
{
    const char *const texts[] = {"abc", "", "-20", "+20", " 20", "20 ", "2e3", "0x20", "20.0", "20s"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char expected[200];

        snprintf(expected, sizeof expected,
                 "demo: --wait-time: \"%s\" is not a whole number; give 10 to 5000 (ms)", texts[i]);
        assert_fails(expected, "--wait-time", texts[i]);
    }
}

static void a_bad_value_from_the_environment_names_the_variable(void **state)
{
    (void)state;
    assert_fails_from(ENV("DEMO_WAIT_TIME=soon"), ARGS(),
                      "demo: DEMO_WAIT_TIME: \"soon\" is not a whole number; give 10 to 5000 (ms)");
}

static void a_bad_variable_that_is_overridden_does_not_matter(void **state)
{
    (void)state;
    assert_loads_from(ENV("DEMO_WAIT_TIME=soon"), ARGS("--wait-time", "20"));
    assert_int_equal(settings.wait_ms, 20);
    option_free(&program, &settings);
}

static void a_choice_must_be_listed(void **state)
{
    (void)state;
    assert_fails("demo: --shape: \"Round\" is not one of round, square", "--shape", "Round");
    assert_fails("demo: --shape: \"\" is not one of round, square", "--shape", "");
}

static void a_row_can_check_its_text(void **state)
{
    (void)state;
    assert_fails("demo: --title: \"!x\" is too loud", "--title", "!x");
}

static void a_refused_value_is_shown_on_one_line_and_not_endlessly(void **state)
{
    char longest[400], expected[400];

    (void)state;
    assert_fails("demo: --title: \"!a?b?c\xc3\xa9\" is too loud", "--title",
                 "!a\nb\xff"
                 "c\xc3\xa9");
    memset(longest, '!', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    snprintf(expected, sizeof expected, "demo: --title: \"%.124s…\" is too loud", longest);
    assert_fails(expected, "--title", longest);
}

static void a_misspelt_option_is_told_what_was_probably_meant(void **state)
{
    (void)state;
    assert_fails("demo: unknown option --wait-tim; did you mean --wait-time? See --help", "--wait-tim", "20");
    assert_fails("demo: unknown option --prats; did you mean --parts? See --help", "--prats=2");
    assert_fails("demo: unknown option --colour; see --help", "--colour", "red");
    assert_fails("demo: unknown option --Title; did you mean --title? See --help", "--Title", "x");
}

static void a_misspelt_variable_is_told_what_was_probably_meant(void **state)
{
    (void)state;
    assert_fails_from(
        ENV("DEMO_WAIT_TIMES=20"), ARGS(),
        "demo: unknown environment variable DEMO_WAIT_TIMES; did you mean DEMO_WAIT_TIME? See --help");
    assert_fails_from(ENV("DEMO_COLOUR=red"), ARGS(),
                      "demo: unknown environment variable DEMO_COLOUR; see --help");
    assert_fails_from(ENV("DEMO_="), ARGS(), "demo: unknown environment variable DEMO_; see --help");
    assert_fails_from(ENV("DEMO_parts=2"), ARGS(),
                      "demo: unknown environment variable DEMO_parts; did you mean DEMO_PARTS? See --help");
}

static void variables_that_kubernetes_makes_of_services_are_ignored(void **state)
{
    char *environment[] = {
        "DEMO_SERVICE_HOST=10.96.0.7",
        "DEMO_SERVICE_PORT=3000",
        "DEMO_SERVICE_PORT_HTTP_ADMIN=3001",
        "DEMO_PORT=tcp://10.96.0.7:3000",
        "DEMO_PORT_3000_TCP=tcp://10.96.0.7:3000",
        "DEMO_PORT_3000_TCP_PROTO=tcp",
        "DEMO_PORT_3000_TCP_PORT=3000",
        "DEMO_PORT_3000_TCP_ADDR=10.96.0.7",
        "DEMO_GATEWAY_2_SERVICE_HOST=fd00::7",
        "DEMO_GATEWAY_2_PORT=udp://[fd00::7]:53",
        "DEMO_GATEWAY_2_PORT_53_UDP=udp://[fd00::7]:53",
        "DEMO_GATEWAY_2_PORT_53_UDP_PROTO=udp",
        "DEMO_GATEWAY_2_PORT_53_UDP_ADDR=fd00::7",
        "DEMO_PARTS=5",
        NULL,
    };

    (void)state;
    assert_loads_from(environment, ARGS());
    assert_int_equal(settings.parts, 5);
    option_free(&program, &settings);
}

static void what_only_looks_like_them_is_refused(void **state)
{
    static const char *const entries[] = {
        "DEMO_PORT=3000",
        "DEMO_PORT=",
        "DEMO_GATEWAY_PORT=3000",
        "DEMO_PORT=tcp://10.96.0.7:3000\n",
        "DEMO_PORT=http://10.96.0.7:3000",
        "DEMO_SERVICE_HOST=rides.example",
        "DEMO_SERVICE_PORT=http",
        "DEMO_SERVICE_PORT_http=3000",
        "DEMO_SERVICE_PORTS=3000",
        "DEMO_PORT_3000_TCP_PORT=tcp",
        "DEMO_PORT_3000_TCP_NAME=10.96.0.7",
        "DEMO_gateway_SERVICE_HOST=10.96.0.7",
    };

    (void)state;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        static const char expected[] = "demo: unknown environment variable DEMO_";
        struct buf error;

        buf_init(&error, 1000);
        if (load(ENV((char *)entries[i]), ARGS(), &error) != OPTION_BAD)
            fail_msg("%s was taken", entries[i]);
        assert_memory_equal(error.data, expected, strlen(expected));
        assert_null(memchr(error.data, '\n', error.len));
        buf_deinit(&error);
    }
}

static void what_is_no_option_is_refused(void **state)
{
    (void)state;
    assert_fails("demo: unexpected argument \"x\"; see --help", "x");
    assert_fails("demo: unexpected argument \"-h\"; see --help", "-h");
    assert_fails("demo: unexpected argument \"--\"; see --help", "--");
    assert_fails("demo: unexpected argument \"\"; see --help", "");
    assert_fails("demo: unexpected argument \"y\"; see --help", "--title", "x", "y");
}

static void an_option_without_a_value_is_refused(void **state)
{
    (void)state;
    assert_fails("demo: --title needs a value; see --help", "--title");
    assert_fails("demo: --title needs a value; see --help", "--title", "--parts", "2");
}

static void a_secret_is_never_shown_in_an_error(void **state)
{
    (void)state;
    assert_fails("demo: --store: the value is no store", "--store", "x://user:hunter2@host");
    assert_fails("demo: unknown option --stor; did you mean --store? See --help",
                 "--stor=db://:hunter2@host");
    assert_fails_from(ENV("DEMO_STORES=db://:hunter2@host"), ARGS(),
                      "demo: unknown environment variable DEMO_STORES; did you mean DEMO_STORE? See --help");
}

static void assert_prints(const char *expected)
{
    struct buf out;

    buf_init(&out, 1000);
    assert_int_equal(option_print(&program, &settings, &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
    option_free(&program, &settings);
}

static void the_configuration_is_printed_as_it_could_be_given(void **state)
{
    (void)state;
    assert_loads("--wait-time", "20", "--shape", "round");
    assert_prints("--wait-time 20\n--parts 1\n--title \"\"\n--store db://here\n--shape round\n");
}

static void passwords_are_masked_when_printed(void **state)
{
    const char *const pairs[][2] = {
        {"db://host:1234/0", "db://host:1234/0"},
        {"db://user@host", "db://user@host"},
        {"db://user:secret@host:1234/0", "db://user:***@host:1234/0"},
        {"db://:secret@host", "db://:***@host"},
        {"db://user:se:cr@et/s@host", "db://user:***@host"},
        {"db://host?a_password=secret", "db://host?a_password=***"},
        {"db://user:secret@host?a=1&password=se@cr&et", "db://user:***@host?a=1&password=***"},
        {"db://user:password=secret@host", "db://user:password=***"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char expected[200];

        assert_loads("--store", pairs[i][0]);
        snprintf(expected, sizeof expected,
                 "--wait-time 250\n--parts 1\n--title \"\"\n--store %s\n--shape square\n", pairs[i][1]);
        assert_prints(expected);
    }
}

static void printing_into_a_full_buffer_fails(void **state)
{
    struct buf out;

    (void)state;
    assert_loads();
    buf_init(&out, 40);
    assert_int_equal(option_print(&program, &settings, &out), -1);
    assert_int_equal(option_help(&program, &out), -1);
    buf_deinit(&out);
    option_free(&program, &settings);
}

static void the_help_page_tells_all_a_row_knows(void **state)
{
    struct buf page;

    (void)state;
    buf_init(&page, 10000);
    assert_int_equal(option_help(&program, &page), 0);
    assert_int_equal(buf_append(&page, "", 1), 0);
    assert_string_equal(
        page.data,
        "Usage: demo [--name value | --name=value]...\n"
        "\n"
        "Does a thing.\n"
        "\n"
        "An option on the command line wins over its environment variable, which wins over the default.\n"
        "\n"
        "  --wait-time NUMBER\n"
        "      How long to wait between one thing and the next, explained at such a length that the line "
        "must\n"
        "      be wrapped. Default: 250. Give 10 to 5000 (ms). Environment: DEMO_WAIT_TIME\n"
        "\n"
        "  --parts NUMBER\n"
        "      How many. Default: 1. Give 0 to 18446744073709551615. Environment: DEMO_PARTS\n"
        "\n"
        "  --title TEXT\n"
        "      What to call it. Default: \"\". Environment: DEMO_TITLE\n"
        "\n"
        "  --store TEXT\n"
        "      Where to keep it. Default: \"db://here\". Environment: DEMO_STORE\n"
        "\n"
        "  --shape round|square\n"
        "      Which form. Default: square. Environment: DEMO_SHAPE\n"
        "\n"
        "  --help, --version, --environment\n"
        "      Print this page, the version, or a file of all variables for systemd, and exit\n");
    buf_clear(&page);
    assert_int_equal(option_environment(&program, &page), 0);
    assert_int_equal(buf_append(&page, "", 1), 0);
    assert_string_equal(
        page.data,
        "# What demo can be told, each at its default. The command line wins over this.\n"
        "\n"
        "# How long to wait between one thing and the next, explained at such a length that the line "
        "must be wrapped. Give 10 to 5000 (ms).\n"
        "#DEMO_WAIT_TIME=250\n"
        "\n"
        "# How many. Give 0 to 18446744073709551615.\n"
        "#DEMO_PARTS=1\n"
        "\n"
        "# What to call it.\n"
        "#DEMO_TITLE=\n"
        "\n"
        "# Where to keep it.\n"
        "#DEMO_STORE=db://here\n"
        "\n"
        "# Which form. Give round or square.\n"
        "#DEMO_SHAPE=square\n");
    buf_deinit(&page);
}

/* Runs option_load() with stdout sent to a file, and returns what it printed. */
static const char *printed_by(const char *argument)
{
    static char text[8192];
    FILE *file = tmpfile();
    int real_stdout = dup(STDOUT_FILENO);
    struct buf error;

    assert_non_null(file);
    assert_true(real_stdout >= 0);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    buf_init(&error, 1000);
    enum option_outcome outcome =
        load(ENV("DEMO_TYPO=1"), ARGS("--parts", "1", argument, "--parts", "x"), &error);
    fflush(stdout);
    dup2(real_stdout, STDOUT_FILENO);
    close(real_stdout);

    assert_int_equal(outcome, OPTION_EXIT);
    assert_int_equal(error.len, 0);
    ssize_t n = pread(fileno(file), text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    fclose(file);
    buf_deinit(&error);
    return text;
}

static void help_and_version_are_printed_whatever_else_is_wrong(void **state)
{
    (void)state;
    assert_string_equal(printed_by("--version"), "demo " RIDECAST_VERSION "\n");
    assert_memory_equal(printed_by("--help"), "Usage: demo ", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_given_every_row_has_its_default),
        cmocka_unit_test(a_value_may_follow_or_be_joined),
        cmocka_unit_test(of_an_option_given_twice_the_last_counts),
        cmocka_unit_test(the_command_line_wins_over_the_environment_and_that_over_the_default),
        cmocka_unit_test(the_bounds_themselves_are_allowed),
        cmocka_unit_test(numbers_out_of_bounds_are_refused),
        cmocka_unit_test(what_is_no_whole_number_is_refused),
        cmocka_unit_test(a_bad_value_from_the_environment_names_the_variable),
        cmocka_unit_test(a_bad_variable_that_is_overridden_does_not_matter),
        cmocka_unit_test(a_choice_must_be_listed),
        cmocka_unit_test(a_row_can_check_its_text),
        cmocka_unit_test(a_refused_value_is_shown_on_one_line_and_not_endlessly),
        cmocka_unit_test(a_misspelt_option_is_told_what_was_probably_meant),
        cmocka_unit_test(a_misspelt_variable_is_told_what_was_probably_meant),
        cmocka_unit_test(variables_that_kubernetes_makes_of_services_are_ignored),
        cmocka_unit_test(what_only_looks_like_them_is_refused),
        cmocka_unit_test(what_is_no_option_is_refused),
        cmocka_unit_test(an_option_without_a_value_is_refused),
        cmocka_unit_test(a_secret_is_never_shown_in_an_error),
        cmocka_unit_test(the_configuration_is_printed_as_it_could_be_given),
        cmocka_unit_test(passwords_are_masked_when_printed),
        cmocka_unit_test(printing_into_a_full_buffer_fails),
        cmocka_unit_test(the_help_page_tells_all_a_row_knows),
        cmocka_unit_test(help_and_version_are_printed_whatever_else_is_wrong),
    };

    return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
