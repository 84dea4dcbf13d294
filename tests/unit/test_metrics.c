/*
 * The metrics registry: counting from several threads, and the exact page.
 */
#include "common/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_page(const struct metrics *metrics, const char *expected)
{
    struct buf page;

    buf_init(&page, 10000);
    assert_int_equal(metrics_render(metrics, &page), 0);
    assert_int_equal(buf_append(&page, "", 1), 0);
    assert_string_equal(page.data, expected);
    buf_deinit(&page);
}

static void an_empty_registry_renders_nothing(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    assert_page(metrics, "");
    metrics_free(metrics);
    metrics_free(NULL);
}

static void a_series_is_rendered_with_help_type_and_value(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *opened =
        metrics_add(metrics, METRIC_COUNTER, "ridecast_opened_total", NULL, "Connections opened");
    struct metric *open = metrics_add(metrics, METRIC_GAUGE, "ridecast_open", NULL, "Connections open now");
    metric_add(opened, 3);
    metric_set(open, -7);
    assert_page(metrics, "# HELP ridecast_opened_total Connections opened\n"
                         "# TYPE ridecast_opened_total counter\n"
                         "ridecast_opened_total 3\n"
                         "# HELP ridecast_open Connections open now\n"
                         "# TYPE ridecast_open gauge\n"
                         "ridecast_open -7\n");
    metrics_free(metrics);
}

static void series_of_one_name_stand_together_under_the_first_help(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metric_set(metrics_add(metrics, METRIC_GAUGE, "a", "kind=\"x\"", "First"), 1);
    metric_set(metrics_add(metrics, METRIC_GAUGE, "b", NULL, "Other"), 2);
    metric_set(metrics_add(metrics, METRIC_GAUGE, "a", "kind=\"y\",n=\"1\"", "Second"), 3);
    metric_set(metrics_add(metrics, METRIC_GAUGE, "ab", NULL, "Longer"), 4);
    metric_set(metrics_add(metrics, METRIC_GAUGE, "a", NULL, "Third"), 5);
    assert_page(metrics, "# HELP a First\n# TYPE a gauge\n"
                         "a{kind=\"x\"} 1\na{kind=\"y\",n=\"1\"} 3\na 5\n"
                         "# HELP b Other\n# TYPE b gauge\nb 2\n"
                         "# HELP ab Longer\n# TYPE ab gauge\nab 4\n");
    metrics_free(metrics);
}

static void a_table_leads_its_holder_to_the_series(void **state)
{
    (void)state;
    struct holder {
        struct metric *opened, *lag;
    } holder;
    static const struct metric_bounds bounds = {1, {1000}};
    static const struct metric_row rows[] = {
        {"lag_seconds", METRIC_HISTOGRAM, NULL, "L", &bounds, offsetof(struct holder, lag)},
        {"opened_total", METRIC_COUNTER, "door=\"2\"", "Opened", NULL, offsetof(struct holder, opened)},
    };
    struct metrics *metrics = metrics_new();
    metrics_add_rows(metrics, rows, 2, &holder);
    metric_add(holder.opened, 3);
    metric_observe(holder.lag, 500);
    assert_page(metrics, "# HELP lag_seconds L\n# TYPE lag_seconds histogram\n"
                         "lag_seconds_bucket{le=\"0.001\"} 1\n"
                         "lag_seconds_bucket{le=\"+Inf\"} 1\n"
                         "lag_seconds_sum 0.0005\n"
                         "lag_seconds_count 1\n"
                         "# HELP opened_total Opened\n# TYPE opened_total counter\n"
                         "opened_total{door=\"2\"} 3\n");
    metrics_free(metrics);
}

static void times_are_rendered_in_seconds(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metric_set(metrics_add(metrics, METRIC_GAUGE, "start_time_seconds", NULL, "S"), 1700000000123456);
    metric_add(metrics_add(metrics, METRIC_COUNTER, "cpu_seconds_total", NULL, "C"), 1500000);
    assert_page(metrics, "# HELP start_time_seconds S\n# TYPE start_time_seconds gauge\n"
                         "start_time_seconds 1700000000.12346\n"
                         "# HELP cpu_seconds_total C\n# TYPE cpu_seconds_total counter\n"
                         "cpu_seconds_total 1.5\n");
    metrics_free(metrics);
}

static void a_histogram_counts_what_lies_below_each_bound(void **state)
{
    (void)state;
    static const struct metric_bounds bounds = {2, {1000, 250000}};
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_add_histogram(metrics, "lag_seconds", "L", &bounds);
    metric_observe(metric, 0);
    metric_observe(metric, 1000);
    metric_observe(metric, 1001);
    metric_observe(metric, 250001);
    assert_page(metrics, "# HELP lag_seconds L\n# TYPE lag_seconds histogram\n"
                         "lag_seconds_bucket{le=\"0.001\"} 2\n"
                         "lag_seconds_bucket{le=\"0.25\"} 3\n"
                         "lag_seconds_bucket{le=\"+Inf\"} 4\n"
                         "lag_seconds_sum 0.252002\n"
                         "lag_seconds_count 4\n");
    metrics_free(metrics);
}

static void a_quantile_is_the_bound_it_lies_below(void **state)
{
    (void)state;
    struct metric_snapshot since = {{0}};
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_add_histogram(metrics, "batch", "B", &metric_bounds_sizes);
    assert_int_equal(metric_quantile(metric, &since, 0.5), -1);
    for (int i = 0; i < 98; i++)
        metric_observe(metric, 3);
    metric_observe(metric, 100);
    metric_observe(metric, 100000);
    assert_int_equal(metric_quantile(metric, &since, 0.5), 4);
    assert_int_equal(metric_quantile(metric, &since, 0.99), 128);
    assert_int_equal(metric_quantile(metric, &since, 1), 4096);

    metric_snapshot(metric, &since);
    assert_int_equal(metric_quantile(metric, &since, 0.5), -1);
    metric_observe(metric, 1);
    assert_int_equal(metric_quantile(metric, &since, 0.99), 1);
    metrics_free(metrics);
}

static void values_of_64_bits_are_kept(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_add(metrics, METRIC_COUNTER, "a", NULL, "A");
    metric_set(metric, INT64_MAX - 1);
    metric_add(metric, 1);
    assert_true(metric_get(metric) == INT64_MAX);
    assert_page(metrics, "# HELP a A\n# TYPE a counter\na 9223372036854775807\n");
    metrics_free(metrics);
}

static void a_page_that_does_not_fit_fails(void **state)
{
    struct buf page;

    (void)state;
    struct metrics *metrics = metrics_new();
    metrics_add(metrics, METRIC_COUNTER, "a", NULL, "A");
    for (size_t max = 0; max <= strlen("# HELP a A\n# TYPE a counter\na 0\n"); max++) {
        buf_init(&page, max);
        assert_int_equal(metrics_render(metrics, &page),
                         max < strlen("# HELP a A\n# TYPE a counter\na 0\n") ? -1 : 0);
        buf_deinit(&page);
    }
    metrics_free(metrics);
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 20000; i++)
        metric_add(arg, 1);
    return NULL;
}

static void no_addition_is_lost_between_threads(void **state)
{
    pthread_t threads[4];

    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *metric = metrics_add(metrics, METRIC_COUNTER, "a", NULL, "A");
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, metric), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_get(metric), 80000);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_registry_renders_nothing),
        cmocka_unit_test(a_series_is_rendered_with_help_type_and_value),
        cmocka_unit_test(series_of_one_name_stand_together_under_the_first_help),
        cmocka_unit_test(a_table_leads_its_holder_to_the_series),
        cmocka_unit_test(times_are_rendered_in_seconds),
        cmocka_unit_test(a_histogram_counts_what_lies_below_each_bound),
        cmocka_unit_test(a_quantile_is_the_bound_it_lies_below),
        cmocka_unit_test(values_of_64_bits_are_kept),
        cmocka_unit_test(a_page_that_does_not_fit_fails),
        cmocka_unit_test(no_addition_is_lost_between_threads),
    };

    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
