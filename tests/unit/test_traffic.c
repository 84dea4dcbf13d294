/*
 * What one client may say: messages and bytes, and which of the two a refusal names.
 */
#include "gateway/net/traffic.h"

#include "common/budget.h"
#include "common/ip.h"
#include "gateway/net/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_MS = 1000000 };

static const struct ip ADDRESS = {{1}}, OTHER_ADDRESS = {{2}};

static void messages_beyond_a_burst_are_refused_then_it_is_a_flood(void **state)
{
    struct traffic_limits limits = traffic_limits(2, 0, 1000, 0);
    struct traffic traffic = {0};

    (void)state;
    for (int i = 0; i < 2 * TRAFFIC_BURST_S; i++) {
        struct traffic_verdict verdict = traffic_take(&traffic, &limits, 1000000, NOW_MS);

        assert_int_equal(verdict.verdict, BUCKET_OK);
        assert_null(verdict.message);
    }
    for (int i = 0; i < 2 * TRAFFIC_BURST_S; i++) {
        struct traffic_verdict verdict = traffic_take(&traffic, &limits, 1, NOW_MS);

        assert_int_equal(verdict.verdict, BUCKET_EMPTY);
        assert_int_equal(verdict.reason, REFUSED_MESSAGES);
        assert_non_null(verdict.message);
    }
    assert_int_equal(traffic_take(&traffic, &limits, 1, NOW_MS).verdict, BUCKET_FLOODED);
}

static void bytes_are_counted_by_themselves(void **state)
{
    struct traffic_limits limits = traffic_limits(100, 10, 1000, 0);
    struct traffic traffic = {0};

    (void)state;
    /* A bucket holds the largest message, however small the rate. */
    assert_int_equal(traffic_take(&traffic, &limits, 1000, NOW_MS).verdict, BUCKET_OK);
    struct traffic_verdict verdict = traffic_take(&traffic, &limits, 1, NOW_MS);
    assert_int_equal(verdict.verdict, BUCKET_EMPTY);
    assert_int_equal(verdict.reason, REFUSED_BYTES);
    verdict = traffic_take(&traffic, &limits, 1000, NOW_MS);
    assert_int_equal(verdict.verdict, BUCKET_FLOODED);
    assert_int_equal(verdict.reason, REFUSED_BYTES);
}

static void a_long_answer_counts_for_several_asks(void **state)
{
    struct traffic_limits limits = traffic_limits(1, 1, 1000, 1);
    struct traffic traffic = {0};

    (void)state;
    assert_int_equal(traffic_asks(0), 1);
    assert_int_equal(traffic_asks(TRAFFIC_ASK_BYTES - 1), 1);
    assert_int_equal(traffic_asks(TRAFFIC_ASK_BYTES), 2);
    for (int i = 0; i < TRAFFIC_BURST_S / 2; i++)
        assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, TRAFFIC_ASK_BYTES, NOW_MS).verdict,
                         BUCKET_OK);
    assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, 0, NOW_MS).reason, REFUSED_ASKS);
    assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, 0, NOW_MS + 1000).verdict, BUCKET_OK);
    assert_int_equal(traffic_take(&traffic, &limits, 1, NOW_MS).verdict, BUCKET_OK); /* by itself */
}

static void the_clients_of_one_address_ask_for_so_much_together(void **state)
{
    const struct peers_options options = {.rates = {[PEER_ASKS] = {1, 10}}};
    struct traffic_limits limits = traffic_limits(1, 1, 1000, 1);
    struct traffic first = {0}, second = {0};

    (void)state;
    limits.peers = peers_new(&options);
    for (int i = 0; i < 10; i++)
        assert_int_equal(traffic_ask(&first, &limits, &ADDRESS, 0, NOW_MS).verdict, BUCKET_OK);
    struct traffic_verdict verdict = traffic_ask(&second, &limits, &ADDRESS, 0, NOW_MS);
    assert_int_equal(verdict.reason, REFUSED_ASKS);
    assert_string_equal(verdict.message, "too many questions from your address; ask less often");
    assert_int_equal(traffic_ask(&second, &limits, &OTHER_ADDRESS, 0, NOW_MS).verdict, BUCKET_OK);
    assert_int_equal(traffic_ask(&second, &limits, &ADDRESS, 0, NOW_MS + 1000).verdict, BUCKET_OK);
    peers_free(limits.peers);
}

static void while_memory_is_short_there_are_no_long_answers(void **state)
{
    struct budget budget = {.limit = 800};
    struct traffic_limits limits = {.budget = &budget};
    struct traffic traffic = {0};

    (void)state;
    budget_move(&budget, BUDGET_INPUT, 0, 700);
    assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, TRAFFIC_ASK_BYTES, NOW_MS).verdict, BUCKET_OK);
    budget_move(&budget, BUDGET_INPUT, 700, 701);
    assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, TRAFFIC_ASK_BYTES, NOW_MS).reason,
                     REFUSED_MEMORY);
    assert_int_equal(traffic_ask(&traffic, &limits, &ADDRESS, TRAFFIC_ASK_BYTES - 1, NOW_MS).verdict,
                     BUCKET_OK);
}

static void without_limits_everything_goes(void **state)
{
    struct traffic_limits limits = {.peers = NULL};
    struct traffic traffic = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_int_equal(traffic_take(&traffic, &limits, 1000000, NOW_MS).verdict, BUCKET_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_beyond_a_burst_are_refused_then_it_is_a_flood),
        cmocka_unit_test(bytes_are_counted_by_themselves),
        cmocka_unit_test(a_long_answer_counts_for_several_asks),
        cmocka_unit_test(the_clients_of_one_address_ask_for_so_much_together),
        cmocka_unit_test(while_memory_is_short_there_are_no_long_answers),
        cmocka_unit_test(without_limits_everything_goes),
    };

    return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
