/*
 * The budget: that what is told adds up, that what is shared counts once, and when it is tight and over.
 */
#include "common/budget.h"

#include "common/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_held_adds_up(void **state)
{
    struct budget budget = {.limit = 1000};

    (void)state;
    budget_move(&budget, BUDGET_QUEUES, 0, 100);
    budget_move(&budget, BUDGET_INPUT, 0, 50);
    budget_move(&budget, BUDGET_QUEUES, 100, 300);
    assert_int_equal(budget.total, 350);
    assert_int_equal(budget.used[BUDGET_QUEUES], 300);
    budget_move(&budget, BUDGET_QUEUES, 300, 0);
    budget_move(&budget, BUDGET_INPUT, 50, 10);
    assert_int_equal(budget.total, 10);
    assert_int_equal(budget.used[BUDGET_INPUT], 10);
}

static void what_is_shared_counts_once_while_anybody_holds_it(void **state)
{
    struct budget budget = {.limit = 1000};
    struct blob *one = blob_new("0123456789", 10), *other = blob_new("0123456789", 10);

    (void)state;
    budget_share(&budget, one);
    budget_share(&budget, one);
    assert_int_equal(budget.used[BUDGET_SNAPSHOTS], 10);
    assert_int_equal(budget_part(&budget, one), 5);
    assert_int_equal(budget_part(&budget, other), 0);
    budget_share(&budget, other);
    assert_int_equal(budget.total, 20);
    budget_unshare(&budget, one);
    assert_int_equal(budget.total, 20);
    assert_int_equal(budget_part(&budget, one), 10);
    budget_unshare(&budget, one);
    budget_unshare(&budget, other);
    assert_int_equal(budget.total, 0);
    assert_null(budget.shares);
    blob_unref(one);
    blob_unref(other);
}

static void it_is_tight_before_it_is_over(void **state)
{
    struct budget budget = {.limit = 800};

    (void)state;
    budget_move(&budget, BUDGET_EVENTS, 0, 700);
    assert_false(budget_is_tight(&budget));
    assert_int_equal(budget_excess(&budget), 100); /* a quarter is to be free */
    budget_move(&budget, BUDGET_EVENTS, 700, 800);
    assert_true(budget_is_tight(&budget));
    assert_false(budget_is_over(&budget));
    budget_move(&budget, BUDGET_EVENTS, 800, 801);
    assert_true(budget_is_over(&budget));
    assert_int_equal(budget_excess(&budget), 201);
    assert_int_equal(budget_share_of_one(&budget), 100);
}

static void clients_give_back_nothing_for_what_the_broker_has_sent(void **state)
{
    struct budget budget = {.limit = 800};

    (void)state;
    budget_move(&budget, BUDGET_BROKER, 0, 900);
    assert_true(budget_is_tight(&budget));
    assert_int_equal(budget_excess(&budget), 0);
    budget_move(&budget, BUDGET_INPUT, 0, 601);
    assert_int_equal(budget_excess(&budget), 1);
    budget_move(&budget, BUDGET_BROKER, 900, 0);
    assert_false(budget_is_tight(&budget));
    budget_move(&budget, BUDGET_INPUT, 601, 600);
    assert_int_equal(budget_excess(&budget), 0);
}

static void without_a_limit_it_only_counts(void **state)
{
    struct budget budget = {.limit = 0};

    (void)state;
    budget_move(&budget, BUDGET_EVENTS, 0, 1000000);
    assert_int_equal(budget.total, 1000000);
    assert_false(budget_is_tight(&budget));
    assert_false(budget_is_over(&budget));
    budget_move(NULL, BUDGET_EVENTS, 0, 1);
    budget_share(NULL, NULL);
    budget_unshare(NULL, NULL);
    assert_false(budget_is_tight(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_adds_up),
        cmocka_unit_test(what_is_shared_counts_once_while_anybody_holds_it),
        cmocka_unit_test(it_is_tight_before_it_is_over),
        cmocka_unit_test(clients_give_back_nothing_for_what_the_broker_has_sent),
        cmocka_unit_test(without_a_limit_it_only_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
