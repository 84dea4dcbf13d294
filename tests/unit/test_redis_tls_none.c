/*
 * A build without TLS says so before anything starts.
 */
#include "broker/broker.h"
#include "common/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void wake(void *arg)
{
    (void)arg;
}

static void expect_refused(const char *url)
{
    struct metrics *metrics = metrics_new();
    char error[256] = "";
    const struct broker_options options = {.url = url,
                                           .prefix = "ridecast:",
                                           .node_id = "n",
                                           .queue_bytes = 1000,
                                           .metrics = metrics,
                                           .wake = wake};

    assert_null(broker_new(&options, error, sizeof error));
    assert_string_equal(error, "this build's hiredis has no TLS: rediss:// needs a build with hiredis_ssl");
    metrics_free(metrics);
}

static void tls_is_refused_where_hiredis_has_none(void **state)
{
    (void)state;
    expect_refused("rediss://localhost");
    expect_refused("rediss+sentinel://localhost/main?ca=/no/such/file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_is_refused_where_hiredis_has_none),
    };

    return cmocka_run_group_tests_name("redis_tls_none", tests, NULL, NULL);
}
