/*
 * /api/cluster: the sum over all gateways, and who is answered when. The broker, the links and the clock are
 * here.
 */
#include "gateway/pages/cluster.h"

#include "broker/broker.h"
#include "common/clock.h"
#include "gateway/net/link.h"
#include "gateway/net/net.h"
#include "gateway/pages/agreement.h"
#include "gateway/pages/respond.h"
#include "tests/lib/virtual_clock.h"

#include <json-c/json_object.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct broker {
    unsigned surveys;
};

struct link {
    const struct link_user *user;
    void *data;
    unsigned answers;
    int status; /* of the latest answer */
    char body[512];
};

struct world {
    struct broker broker;
    struct timers *timers;
    struct config config;
    struct agreement agreement;
    struct cluster cluster;
    struct link links[3];
};

void broker_survey(struct broker *broker)
{
    broker->surveys++;
}

void link_use(struct link *link, const struct link_user *user, void *data)
{
    link->user = user;
    link->data = data;
}

void respond_json(struct link *link, int status, const char *json, size_t len)
{
    link->user = NULL;
    link->answers++;
    link->status = status;
    snprintf(link->body, sizeof link->body, "%.*s", (int)len, json);
}

static void load(struct config *config)
{
    char *argv[] = {(char *)"ridecast-gateway", NULL}, *no_environment[] = {NULL};
    struct buf error;

    buf_init(&error, 1000);
    assert_int_equal(option_load(&config_program, config, sizeof *config, 1, argv, no_environment, &error),
                     OPTION_OK);
    buf_deinit(&error);
}

static int start(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    virtual_us = 1000000;
    w->timers = timers_new();
    load(&w->config);
    agreement_init(&w->agreement, &w->config);
    cluster_init(&w->cluster, &w->agreement, &w->broker, w->timers);
    *state = w;
    return 0;
}

static int stop(void **state)
{
    struct world *w = *state;

    cluster_deinit(&w->cluster);
    agreement_deinit(&w->agreement);
    option_free(&config_program, &w->config);
    timers_free(w->timers);
    free(w);
    return 0;
}

static void surveyed(struct world *w, const char *json)
{
    struct blob *blob = blob_new(json, strlen(json));

    assert_non_null(blob);
    cluster_surveyed(&w->cluster, blob);
    blob_unref(blob);
}

static void pass(struct world *w, uint64_t ms)
{
    virtual_pass_ms(ms);
    timers_run(w->timers, clock_ms());
}

static void expect(const struct link *link, unsigned answers, int status, const char *part)
{
    assert_int_equal(link->answers, answers);
    assert_int_equal(link->status, status);
    if (!strstr(link->body, part))
        fail_msg("%s is not in %s", part, link->body);
}

/* --- the sum --- */

static void expect_sum(const char *gateways, const char *totals)
{
    char wanted[1024];
    struct blob *json = blob_new(gateways, strlen(gateways));
    struct agreement agreement = {.own = json_object_new_object()};
    struct buf out;

    assert_non_null(json);
    buf_init(&out, sizeof wanted);
    snprintf(wanted, sizeof wanted, "{\"gateways\":%s,\"totals\":{%s},\"differing\":{}}", gateways, totals);
    assert_true(cluster_sum_up(json, &agreement, &out) >= 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(out.data, wanted);
    buf_deinit(&out);
    agreement_deinit(&agreement);
    blob_unref(json);
}

static void gateways_are_passed_on_and_added_up(void **state)
{
    (void)state;
    expect_sum("[]",
               "\"gateways\":0,\"connections\":0,\"clients\":0,\"riders\":0,\"events\":0,\"deliveries\":0");
    expect_sum("[{\"node\":\"a\",\"connections\":1,\"clients\":2,\"riders\":3,\"events\":4,\"deliveries\":5},"
               "{\"deliveries\":999999999999999,\"node\":\"b\",\"clients\":20,\"unknown\":[{\"riders\":7}]}]",
               "\"gateways\":2,\"connections\":1,\"clients\":22,\"riders\":3,\"events\":4,"
               "\"deliveries\":1000000000000004");
}

static void what_is_no_whole_number_counts_nothing(void **state)
{
    static const char *const values[] = {"-1",   "1.5", "1e3", "\"7\"",           "null",
                                         "true", "[1]", "{}",  "1000000000000000"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char gateways[64];

        snprintf(gateways, sizeof gateways, "[{\"clients\":%s},{\"clients\":2}]", values[i]);
        expect_sum(
            gateways,
            "\"gateways\":2,\"connections\":0,\"clients\":2,\"riders\":0,\"events\":0,\"deliveries\":0");
    }
}

static void a_sum_that_does_not_fit_is_none(void **state)
{
    struct blob *json = blob_new("[{\"node\":\"a\"}]", 14);
    struct agreement agreement = {.own = json_object_new_object()};
    struct buf out;

    (void)state;
    assert_non_null(json);
    for (size_t room = 0; room < 100; room++) {
        buf_init(&out, room);
        assert_int_equal(cluster_sum_up(json, &agreement, &out), -1);
        buf_deinit(&out);
    }
    agreement_deinit(&agreement);
    blob_unref(json);
}

/* --- who is answered when --- */

static void many_who_ask_at_once_cost_one_survey(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++)
        cluster_ask(&w->cluster, &w->links[i]);
    assert_int_equal(w->broker.surveys, 1);
    assert_int_equal(w->links[0].answers, 0);
    surveyed(w, "[{\"clients\":7}]");
    for (int i = 0; i < 3; i++)
        expect(&w->links[i], 1, 200, "\"clients\":7,");
}

static void who_asks_in_a_loop_costs_a_survey_a_second(void **state)
{
    struct world *w = *state;

    cluster_ask(&w->cluster, &w->links[0]);
    surveyed(w, "[{\"clients\":1}]");
    for (unsigned i = 0; i < CLUSTER_FRESH_MS; i++, virtual_pass_ms(1)) {
        cluster_ask(&w->cluster, &w->links[1]);
        expect(&w->links[1], i + 1, 200, "\"clients\":1,");
    }
    assert_int_equal(w->broker.surveys, 1);
    cluster_ask(&w->cluster, &w->links[2]);
    assert_int_equal(w->broker.surveys, 2);
    assert_int_equal(w->links[2].answers, 0);
    surveyed(w, "[{\"clients\":2}]");
    expect(&w->links[2], 1, 200, "\"clients\":2,");
    cluster_ask(&w->cluster, &w->links[2]);
    expect(&w->links[2], 2, 200, "\"clients\":2,");
}

static void a_refusal_is_not_kept_nor_what_came_before_it(void **state)
{
    struct world *w = *state;

    cluster_ask(&w->cluster, &w->links[0]);
    surveyed(w, "[]");
    pass(w, CLUSTER_FRESH_MS);
    cluster_ask(&w->cluster, &w->links[0]);
    cluster_surveyed(&w->cluster, NULL);
    expect(&w->links[0], 2, 503, "cannot be reached");
    cluster_ask(&w->cluster, &w->links[1]);
    assert_int_equal(w->broker.surveys, 3);
    surveyed(w, "[]");
    expect(&w->links[1], 1, 200, "\"gateways\":0");
}

static void a_survey_that_takes_too_long_is_given_up_and_used_when_it_comes(void **state)
{
    struct world *w = *state;

    cluster_ask(&w->cluster, &w->links[0]);
    pass(w, CLUSTER_WAIT_MS - 1);
    assert_int_equal(w->links[0].answers, 0);
    pass(w, 1);
    expect(&w->links[0], 1, 503, "cannot be reached");
    surveyed(w, "[{\"clients\":1}]");
    assert_int_equal(w->links[0].answers, 1);
    cluster_ask(&w->cluster, &w->links[1]);
    expect(&w->links[1], 1, 200, "\"clients\":1,");
    pass(w, CLUSTER_WAIT_MS);
    assert_int_equal(w->links[1].answers, 1);
}

static void who_is_gone_is_not_answered(void **state)
{
    struct world *w = *state;

    cluster_ask(&w->cluster, &w->links[0]);
    cluster_ask(&w->cluster, &w->links[1]);
    w->links[0].user->lost(w->links[0].data, &w->links[0]);
    surveyed(w, "[]");
    assert_int_equal(w->links[0].answers, 0);
    assert_int_equal(w->links[1].answers, 1);
}

/* --- and it looks by itself --- */

static void it_looks_when_nobody_asks(void **state)
{
    struct world *w = *state;

    cluster_watch(&w->cluster);
    pass(w, CLUSTER_FRESH_MS);
    assert_int_equal(w->broker.surveys, 1);
    surveyed(w, "[{\"node\":\"b\",\"options\":{\"node-lease\":1}},{\"node\":\"a\",\"options\":{\"node-"
                "lease\":3000}}]");
    assert_int_equal(w->agreement.differing, 1);
    cluster_ask(&w->cluster, &w->links[0]);
    expect(&w->links[0], 1, 200, ",\"differing\":{\"node-lease\":{\"1\":[\"b\"],\"3000\":[\"a\"]}}}");
    pass(w, CLUSTER_LOOK_MS - 1);
    assert_int_equal(w->broker.surveys, 1);
    pass(w, 1);
    assert_int_equal(w->broker.surveys, 2);
}

static void the_more_gateways_the_less_often_it_looks(void **state)
{
    struct world *w = *state;

    cluster_watch(&w->cluster);
    pass(w, CLUSTER_FRESH_MS);
    surveyed(w, "[{},{},{},{},{},{},{},{},{},{}]");
    pass(w, 10 * CLUSTER_FRESH_MS - 1);
    assert_int_equal(w->broker.surveys, 1);
    pass(w, 1);
    assert_int_equal(w->broker.surveys, 2);
}

static void it_looks_again_where_there_was_no_answer_and_need_not_where_somebody_asked(void **state)
{
    struct world *w = *state;

    cluster_watch(&w->cluster);
    pass(w, CLUSTER_FRESH_MS);
    cluster_surveyed(&w->cluster, NULL);
    pass(w, CLUSTER_LOOK_MS);
    assert_int_equal(w->broker.surveys, 2);
    pass(w, CLUSTER_WAIT_MS); /* in vain */
    pass(w, CLUSTER_LOOK_MS);
    assert_int_equal(w->broker.surveys, 3);
    surveyed(w, "[]");
    pass(w, CLUSTER_LOOK_MS - 1);
    cluster_ask(&w->cluster, &w->links[0]);
    assert_int_equal(w->broker.surveys, 4);
    surveyed(w, "[]");
    pass(w, CLUSTER_LOOK_MS - 1);
    assert_int_equal(w->broker.surveys, 4);
}

#define with_cluster(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateways_are_passed_on_and_added_up),
        cmocka_unit_test(what_is_no_whole_number_counts_nothing),
        cmocka_unit_test(a_sum_that_does_not_fit_is_none),
        with_cluster(many_who_ask_at_once_cost_one_survey),
        with_cluster(who_asks_in_a_loop_costs_a_survey_a_second),
        with_cluster(a_refusal_is_not_kept_nor_what_came_before_it),
        with_cluster(a_survey_that_takes_too_long_is_given_up_and_used_when_it_comes),
        with_cluster(who_is_gone_is_not_answered),
        with_cluster(it_looks_when_nobody_asks),
        with_cluster(the_more_gateways_the_less_often_it_looks),
        with_cluster(it_looks_again_where_there_was_no_answer_and_need_not_where_somebody_asked),
    };

    return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
