/*
 * The order in which sentinels are asked, and what is learned and forgotten.
 */
#include "broker/redis/sentinel_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* One address per letter: its host is the letter. */
static size_t addresses_of(const char *letters, struct redis_address *addresses)
{
    size_t count = strlen(letters);

    for (size_t i = 0; i < count; i++)
        assert_int_equal(redis_address_set(&addresses[i], letters + i, 1, 26379), 0);
    return count;
}

static void init(struct sentinel_list *list, const char *letters)
{
    struct redis_address addresses[SENTINELS_MAX];
    size_t count = addresses_of(letters, addresses);

    sentinel_list_init(list, addresses, count);
}

static void learn(struct sentinel_list *list, size_t index, const char *letters)
{
    struct redis_address addresses[2 * SENTINELS_MAX];
    size_t count = addresses_of(letters, addresses);

    sentinel_list_learn(list, index, addresses, count);
}

static void expect_order(const struct sentinel_list *list, const char *letters)
{
    char order[SENTINELS_MAX + 1] = "";

    for (size_t i = 0; i < list->count; i++)
        order[i] = list->entries[i].address.host[0];
    assert_string_equal(order, letters);
}

static void the_urls_order_comes_first_and_nobody_twice(void **state)
{
    struct sentinel_list list;

    (void)state;
    init(&list, "bacab");
    expect_order(&list, "bac");
}

static void whoever_was_right_is_asked_first_and_the_others_keep_their_order(void **state)
{
    struct sentinel_list list;

    (void)state;
    init(&list, "abcd");
    sentinel_list_promote(&list, 2);
    expect_order(&list, "cabd");
    sentinel_list_promote(&list, 0);
    expect_order(&list, "cabd");
    sentinel_list_promote(&list, 3);
    expect_order(&list, "dcab");
}

static void others_are_learned_behind_those_known(void **state)
{
    struct sentinel_list list;

    (void)state;
    init(&list, "ab");
    learn(&list, 0, "bxy");
    expect_order(&list, "abxy");
    learn(&list, 0, "bxy");
    expect_order(&list, "abxy");
}

static void only_learned_ones_are_forgotten(void **state)
{
    struct sentinel_list list;

    (void)state;
    init(&list, "abc");
    learn(&list, 0, "xyz");
    learn(&list, 0, "y");
    expect_order(&list, "abcy");
    learn(&list, 0, "");
    expect_order(&list, "abc");
}

/* It does not list itself among the others, and those before it have had their turn in this round. */
static void the_one_who_tells_and_those_before_it_stay(void **state)
{
    struct sentinel_list list;

    (void)state;
    init(&list, "a");
    learn(&list, 0, "xyz");
    learn(&list, 2, "a");
    expect_order(&list, "axy");
}

static void the_same_host_on_another_port_is_another_sentinel(void **state)
{
    struct sentinel_list list;
    struct redis_address other;

    (void)state;
    init(&list, "a");
    assert_int_equal(redis_address_set(&other, "a", 1, 1), 0);
    sentinel_list_learn(&list, 0, &other, 1);
    expect_order(&list, "aa");
}

static void more_than_there_is_room_for_are_left_out(void **state)
{
    struct sentinel_list list;
    char many[2 * SENTINELS_MAX];

    (void)state;
    init(&list, "a");
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = (char)('0' + i);
    many[sizeof many - 1] = '\0';
    learn(&list, 0, many);
    assert_int_equal(list.count, SENTINELS_MAX);
    learn(&list, 0, "z");
    expect_order(&list, "az");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_urls_order_comes_first_and_nobody_twice),
        cmocka_unit_test(whoever_was_right_is_asked_first_and_the_others_keep_their_order),
        cmocka_unit_test(others_are_learned_behind_those_known),
        cmocka_unit_test(only_learned_ones_are_forgotten),
        cmocka_unit_test(the_one_who_tells_and_those_before_it_stay),
        cmocka_unit_test(the_same_host_on_another_port_is_another_sentinel),
        cmocka_unit_test(more_than_there_is_room_for_are_left_out),
    };

    return cmocka_run_group_tests_name("sentinel_list", tests, NULL, NULL);
}
