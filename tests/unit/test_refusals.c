/*
 * Refusals: every one is counted, and however many there are, the log has a few lines. Stderr is a file
 * meanwhile.
 */
#include "gateway/net/refusals.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct metrics *metrics;
    struct timers *timers;
    struct refusals refusals;
    FILE *file;
    int real_stderr;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->metrics = metrics_new();
    w->timers = timers_new();
    w->file = tmpfile();
    w->real_stderr = dup(STDERR_FILENO);
    if (!w->file || dup2(fileno(w->file), STDERR_FILENO) < 0)
        return -1;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    virtual_us = 1000000;
    refusals_init(&w->refusals, w->metrics, w->timers);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    dup2(w->real_stderr, STDERR_FILENO);
    close(w->real_stderr);
    fclose(w->file);
    timers_free(w->timers);
    metrics_free(w->metrics);
    free(w);
    return 0;
}

/* The lines, without time and level. */
static void assert_log(struct world *w, const char *expected)
{
    char text[4096], lines[4096] = "";
    ssize_t n = pread(fileno(w->file), text, sizeof text - 1, 0);

    assert_true(n >= 0);
    text[n] = '\0';
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        strcat(lines, strstr(line, "refused"));
        strcat(lines, "\n");
    }
    assert_string_equal(lines, expected);
}

/* Two lines, and what is in each. */
static void assert_said(struct world *w, const char *first, const char *second)
{
    char text[4096];
    ssize_t n = pread(fileno(w->file), text, sizeof text - 1, 0);

    assert_true(n > 0);
    text[n] = '\0';
    char *save = NULL;
    assert_non_null(strstr(strtok_r(text, "\n", &save), first));
    char *line = strtok_r(NULL, "\n", &save);
    assert_non_null(line);
    assert_non_null(strstr(line, second));
    assert_null(strtok_r(NULL, "\n", &save));
}

static void each_is_counted_and_the_first_is_logged(void **state)
{
    struct world *w = *state;
    struct ip ip;

    assert_int_equal(ip_parse(&ip, "203.0.113.9", 11), 0);
    for (int i = 0; i < 100000; i++)
        refuse(&w->refusals, REFUSED_HANDSHAKES, &ip);
    refuse(&w->refusals, REFUSED_ACCEPT, NULL);
    assert_int_equal(metric_get(w->refusals.counts[REFUSED_HANDSHAKES]), 100000);
    assert_int_equal(metric_get(w->refusals.counts[REFUSED_ACCEPT]), 1);
    assert_log(w, "refused 203.0.113.9 a handshake: its address passes --handshakes-per-address\n"
                  "refused somebody connections: descriptors or memory are used up\n");
}

static void quiet_passes(struct world *w)
{
    virtual_pass_ms(REFUSALS_QUIET_MS);
    timers_run(w->timers, clock_ms());
}

static void the_others_follow_as_a_number(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++)
        refuse(&w->refusals, REFUSED_RIDERS, NULL);
    quiet_passes(w);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    refuse(&w->refusals, REFUSED_RIDERS, NULL);
    quiet_passes(w);
    refuse(&w->refusals, REFUSED_RIDERS, NULL);
    assert_log(w, "refused somebody a boarding: the ride has --riders-per-ride\n"
                  "refused a boarding: the ride has --riders-per-ride: 2 more in the last 10 s\n"
                  "refused somebody a boarding: the ride has --riders-per-ride\n"
                  "refused somebody a boarding: the ride has --riders-per-ride\n");
}

static void what_there_is_more_to_say_of_is_as_rare(void **state)
{
    struct world *w = *state;
    struct ip ip;

    assert_int_equal(ip_parse(&ip, "203.0.113.9", 11), 0);
    for (int i = 0; i < 1000; i++) {
        refuse_on(&w->refusals, REFUSED_MESSAGE, &ip, "/line-7", "the ride is full");
        refuse_on(&w->refusals, REFUSED_END, NULL, "/line-7", "the gateway is stopping");
    }
    quiet_passes(w);
    refuse_on(&w->refusals, REFUSED_MESSAGE, &ip, "/line-8", "the user has too many connections");
    assert_log(w, "refused 203.0.113.9 a message on /line-7: the ride is full\n"
                  "refused somebody the end of a connection on /line-7: the gateway is stopping\n"
                  "refused a message: 999 more in the last 10 s\n"
                  "refused the end of a connection: 999 more in the last 10 s\n"
                  "refused 203.0.113.9 a message on /line-8: the user has too many connections\n");
}

/* A stranger who was first does not keep the proxy's name out of the log. */
static void an_address_that_sends_for_others_is_named_as_often(void **state)
{
    struct world *w = *state;
    struct ip stranger, proxy;

    assert_int_equal(ip_parse(&stranger, "203.0.113.9", 11), 0);
    assert_int_equal(ip_parse(&proxy, "10.0.0.5", 8), 0);
    for (int i = 0; i < 2; i++) {
        refusals_warn_of_proxy(&w->refusals, &stranger);
        refusals_warn_of_proxy(&w->refusals, &proxy);
        virtual_pass_ms(REFUSALS_QUIET_MS - 1);
        refusals_warn_of_proxy(&w->refusals, &proxy);
        virtual_pass_ms(1);
        struct ip swap = stranger;

        stranger = proxy;
        proxy = swap;
    }
    refusals_warn_of_proxy(NULL, &proxy);
    assert_said(w, "203.0.113.9 sends X-Forwarded-For, and is not in --trusted-proxy",
                "10.0.0.5 sends X-Forwarded-For, and is not in --trusted-proxy");
}

static void without_a_place_to_count_nothing_happens(void **state)
{
    struct world *w = *state;

    refuse(NULL, REFUSED_BYTES, NULL);
    refuse_on(NULL, REFUSED_MESSAGE, NULL, "/", "");
    assert_log(w, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_counted_and_the_first_is_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_others_follow_as_a_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_there_is_more_to_say_of_is_as_rare, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_that_sends_for_others_is_named_as_often, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_place_to_count_nothing_happens, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
