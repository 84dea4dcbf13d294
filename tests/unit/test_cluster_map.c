/*
 * The map that is put together from what nodes tell: whom it believes, and when it says that it has changed.
 */
#include "broker/redis/cluster_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A node is a hexadecimal digit: its id is 40 of them, its host has that name unless told. */
#define EIGHT(digit) digit digit digit digit digit digit digit digit
#define ID(digit)    EIGHT(digit) EIGHT(digit) EIGHT(digit) EIGHT(digit) EIGHT(digit)
#define AT(digit, place, epoch, slots, flags, link)                                                          \
    ID(digit) " " place "@9 " flags " - 0 0 " epoch " " link slots "\n"
#define SELF(digit, epoch, slots) AT(digit, digit ":1", epoch, " " slots, "myself,master", "connected")
#define PEER(digit, epoch, slots) AT(digit, digit ":1", epoch, " " slots, "master", "connected")
#define BARE(digit, epoch)        AT(digit, digit ":1", epoch, "", "master", "connected")
#define REPLICA(digit)            AT(digit, digit ":1", "0", "", "slave", "connected")

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct cluster_map));
    assert_non_null(*state);
    cluster_map_init(*state);
    return 0;
}

static int teardown(void **state)
{
    cluster_map_clear(*state);
    free(*state);
    return 0;
}

static enum cluster_learnt learn(struct cluster_map *map, const char *text)
{
    static const struct redis_address asked = {.host = "asked", .port = 7};
    struct cluster_view *view = cluster_view_read(text, strlen(text), &asked, false);

    assert_non_null(view);
    enum cluster_learnt learnt = cluster_map_learn(map, view);
    cluster_view_free(view);
    return learnt;
}

#define expect_same(map, text)    assert_int_equal(learn(map, text), CLUSTER_SAME)
#define expect_changed(map, text) assert_int_equal(learn(map, text), CLUSTER_CHANGED)

/* The owner's digit; '-': nobody. */
static char owner_of(const struct cluster_map *map, unsigned slot)
{
    const struct cluster_node *owner = cluster_map_owner(map, slot);

    return owner ? owner->id[0] : '-';
}

static const struct cluster_node *node(const struct cluster_map *map, const char *id)
{
    const struct cluster_node *found = cluster_map_find(map, id);

    if (!found)
        fail_msg("%s is not known", id);
    return found;
}

/* What the nodes are said to have is what the slots say of their owners. */
static void expect_slots(const struct cluster_map *map, const char *id, unsigned first, unsigned last)
{
    const struct cluster_node *owner = node(map, id);
    struct slot_set set = {0};

    for (unsigned slot = first; slot <= last; slot++) {
        slot_set_add(&set, slot);
        assert_ptr_equal(cluster_map_owner(map, slot), owner);
    }
    assert_true(slot_set_equal(&owner->slots, &set));
    assert_int_equal(owner->slot_count, last - first + 1);
}

static void an_empty_map_knows_nobody_and_believes_anybody(void **state)
{
    struct cluster_map *map = *state;

    assert_int_equal(cluster_map_unowned(map), SLOTS);
    assert_null(cluster_map_owner(map, 7));
    assert_null(cluster_map_find(map, ID("a")));
    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-16383") REPLICA("c"));
    assert_int_equal(map->node_count, 3);
    assert_int_equal(cluster_map_unowned(map), 0);
    expect_slots(map, ID("a"), 0, 99);
    expect_slots(map, ID("b"), 100, 16383);
    assert_int_equal(node(map, ID("c"))->slot_count, 0);
    assert_string_equal(node(map, ID("b"))->address.host, "b");
}

static void what_is_told_again_changes_nothing(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    expect_same(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    expect_same(map, SELF("b", "2", "100-199") REPLICA("c") PEER("a", "1", "0-99"));
    expect_slots(map, ID("a"), 0, 99);
    expect_slots(map, ID("b"), 100, 199);
    expect_same(map, PEER("a", "5", "0-99") SELF("b", "7", "100-199"));
    expect_slots(map, ID("a"), 0, 99);
    assert_int_equal(map->node_count, 2);
}

static void the_higher_epoch_has_the_slot_whoever_is_heard_last(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    expect_changed(map, SELF("b", "3", "50 100-199") PEER("a", "1", "0-49 51-99"));
    assert_int_equal(owner_of(map, 50), 'b');
    /* a has not heard of it */
    expect_same(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    assert_int_equal(owner_of(map, 50), 'b');
    assert_int_equal(node(map, ID("a"))->slot_count, 99);
    assert_int_equal(node(map, ID("b"))->slot_count, 101);
    /* Nor when only that one is asked from now on, and it goes back to a later. */
    expect_changed(map, SELF("a", "4", "0-99") PEER("b", "3", "100-199"));
    assert_int_equal(owner_of(map, 50), 'a');
}

/* Until the nodes have agreed on another epoch for one of them. */
static void of_equal_epochs_the_one_heard_first_is_left(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "1", "100"));
    expect_same(map, SELF("b", "1", "0-100") BARE("a", "1"));
    assert_int_equal(owner_of(map, 0), 'a');
    expect_changed(map, SELF("b", "2", "0-100") BARE("a", "1"));
    assert_int_equal(owner_of(map, 0), 'b');
}

static void a_failover_gives_all_slots_to_another_and_forgets_the_former(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199") REPLICA("c"));
    expect_changed(map, SELF("b", "2", "100-199") PEER("c", "3", "0-99")
                            AT("a", "a:1", "1", "", "master,fail", "disconnected"));
    expect_slots(map, ID("c"), 0, 99);
    assert_int_equal(node(map, ID("a"))->slot_count, 0);
    assert_true(node(map, ID("a"))->failed);
    expect_same(map, SELF("b", "2", "100-199") PEER("c", "3", "0-99"));
    assert_null(cluster_map_find(map, ID("a")));
    /* It comes back, cut off, and knows nothing of that. */
    expect_same(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    expect_slots(map, ID("c"), 0, 99);
    assert_int_equal(map->node_count, 3);
}

static void an_owner_stays_whom_a_view_does_not_have(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199"));
    expect_same(map, SELF("a", "1", "0-99"));
    expect_slots(map, ID("b"), 100, 199);
    expect_same(map, SELF("a", "1", "0-99") AT("b", ":0", "2", " 100-199", "master,noaddr", "disconnected"));
    assert_string_equal(node(map, ID("b"))->address.host, "b");
}

static void slots_that_nobody_has_are_given_and_counted(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "0", "0-99"));
    assert_int_equal(cluster_map_unowned(map), SLOTS - 100);
    expect_changed(map, SELF("a", "0", "0-100"));
    expect_changed(map, SELF("a", "0", "0-100") PEER("b", "0", "101-16383"));
    assert_int_equal(cluster_map_unowned(map), 0);
}

static void doubt(struct cluster_map *map, const char *host)
{
    struct redis_address address = {.port = 1};

    strcpy(address.host, host);
    cluster_map_doubt(map, &address);
}

static void another_address_of_an_owner_is_a_change(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") PEER("b", "2", "100-199") REPLICA("c"));
    doubt(map, "b");
    expect_changed(map, SELF("a", "1", "0-99") AT("b", "b:2", "2", " 100-199", "master", "connected"));
    assert_int_equal(node(map, ID("b"))->address.port, 2);
    expect_changed(map, AT("a", "z:1", "1", " 0-99", "myself,master", "connected"));
    assert_string_equal(node(map, ID("a"))->address.host, "z");
}

static void another_address_of_a_replica_is_none(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "1", "0-99") REPLICA("c"));
    doubt(map, "c");
    expect_same(map, SELF("a", "1", "0-99") AT("c", "y:1", "1", "", "slave", "connected"));
    assert_string_equal(node(map, ID("c"))->address.host, "y");
}

/* As behind a router, or where one has only just joined and knows no names yet. */
static void others_word_on_an_address_counts_only_when_nobody_is_found_there(void **state)
{
    struct cluster_map *map = *state;
    const char *elsewhere = SELF("a", "1", "0-99") AT("b", "y:1", "2", " 100-199", "master", "connected");

    expect_changed(map, SELF("b", "2", "100-199") PEER("a", "1", "0-99"));
    expect_same(map, elsewhere);
    assert_string_equal(node(map, ID("b"))->address.host, "b");
    doubt(map, "b");
    expect_changed(map, elsewhere);
    assert_string_equal(node(map, ID("b"))->address.host, "y");
    expect_same(map, elsewhere);
    expect_changed(map, SELF("b", "2", "100-199") PEER("a", "1", "0-99"));
    expect_same(map, elsewhere);
    assert_string_equal(node(map, ID("b"))->address.host, "b");
}

static void an_address_that_is_not_certain_counts_only_where_there_is_no_other(void **state)
{
    struct cluster_map *map = *state;
    const char *uncertain = SELF("a", "1", "0-99") AT("b", "old:1", "2", " 100", "master", "disconnected");

    expect_changed(map, uncertain);
    assert_string_equal(node(map, ID("b"))->address.host, "old");
    expect_changed(map, SELF("b", "2", "100") PEER("a", "1", "0-99"));
    assert_string_equal(node(map, ID("b"))->address.host, "b");
    expect_same(map, uncertain);
    assert_string_equal(node(map, ID("b"))->address.host, "b");
    /* Nor does that where a node was asked. */
    expect_same(map, AT("a", ":1", "1", " 0-99", "myself,master", "connected") PEER("b", "2", "100"));
    assert_string_equal(node(map, ID("a"))->address.host, "a");
}

static void a_view_without_slots_teaches_nothing(void **state)
{
    struct cluster_map *map = *state;

    assert_int_equal(learn(map, SELF("a", "0", "[1->-" ID("b") "]")), CLUSTER_EMPTY);
    assert_int_equal(map->node_count, 0);
    expect_changed(map, SELF("a", "1", "0-99") REPLICA("c"));
    assert_int_equal(learn(map, AT("a", "z:1", "1", "", "myself,master", "connected")), CLUSTER_EMPTY);
    assert_int_equal(map->node_count, 2);
    assert_string_equal(node(map, ID("a"))->address.host, "a");
}

static void another_cluster_is_believed_only_after_this_one_is_forgotten(void **state)
{
    struct cluster_map *map = *state;
    const char *other = SELF("d", "0", "0-199");

    expect_changed(map, SELF("a", "8", "0-99") PEER("b", "9", "100-199"));
    assert_int_equal(learn(map, other), CLUSTER_FOREIGN);
    assert_int_equal(owner_of(map, 0), 'a');
    assert_null(cluster_map_find(map, ID("d")));
    cluster_map_clear(map);
    assert_int_equal(cluster_map_unowned(map), SLOTS);
    expect_changed(map, other);
    expect_slots(map, ID("d"), 0, 199);
}

/* As after an old copy of its nodes.conf: the epochs are lower than what was known, but they are its own. */
static void a_node_that_was_put_back_gives_up_what_it_had(void **state)
{
    struct cluster_map *map = *state;

    expect_changed(map, SELF("a", "8", "0-99") PEER("b", "9", "100-199"));
    /* Of others it does not count: */
    expect_same(map, SELF("a", "8", "0-149") PEER("b", "2", "150-199"));
    assert_int_equal(owner_of(map, 120), 'b');
    expect_changed(map, SELF("b", "2", "150-199") PEER("a", "8", "0-149"));
    assert_int_equal(owner_of(map, 120), 'a');
    assert_int_equal(owner_of(map, 199), 'b');
    expect_changed(map, SELF("b", "1", "150-198") PEER("a", "8", "0-149"));
    assert_int_equal(owner_of(map, 198), 'b');
    assert_int_equal(owner_of(map, 199), '-');
}

/* As after SETSLOT NODE, or DELSLOTS and ADDSLOTS, which raise no epoch. */
static void an_owner_that_does_not_have_a_slot_any_more_is_believed(void **state)
{
    struct cluster_map *map = *state;
    const char *before = SELF("c", "7", "200-299") PEER("a", "5", "0-99") PEER("b", "3", "100-199");

    expect_changed(map, before);
    expect_changed(map, SELF("a", "5", "0-98") PEER("b", "3", "99-199") PEER("c", "7", "200-299"));
    assert_int_equal(owner_of(map, 99), 'b');
    /* c has not heard of it, and does not for a while. */
    expect_same(map, before);
    expect_same(map, SELF("b", "3", "99-199") PEER("a", "5", "0-98") PEER("c", "7", "200-299"));
    expect_same(map, before);
    assert_int_equal(owner_of(map, 99), 'b');
    /* Nobody's, and then somebody's again. */
    expect_changed(map, SELF("b", "3", "100-199") PEER("a", "5", "0-98") PEER("c", "7", "200-299"));
    assert_int_equal(owner_of(map, 99), '-');
    expect_same(map, SELF("b", "3", "100-199") PEER("a", "5", "0-98") PEER("c", "7", "200-299"));
    expect_changed(map, SELF("a", "5", "0-99") PEER("b", "3", "100-199") PEER("c", "7", "200-299"));
    assert_int_equal(owner_of(map, 99), 'a');
    expect_changed(map, SELF("c", "8", "99 200-299") PEER("a", "5", "0-98") PEER("b", "3", "100-199"));
    assert_int_equal(owner_of(map, 99), 'c');
}

/* A view of up to 1,000 nodes, each with one slot from `first` on, in the epoch `first`. */
static enum cluster_learnt learn_many(struct cluster_map *map, unsigned first, unsigned count)
{
    enum { LINE = 100 };
    char *text = malloc((size_t)count * LINE);

    assert_non_null(text);
    size_t len = 0;
    for (unsigned i = first; i < first + count; i++)
        len += (size_t)snprintf(text + len, LINE, "%040x h:%u@9 %smaster - 0 0 %u connected %u\n", i, i + 1,
                                i == first ? "myself," : "", first, i);
    enum cluster_learnt learnt = learn(map, text);
    free(text);
    return learnt;
}

static void a_map_does_not_grow_for_ever(void **state)
{
    struct cluster_map *map = *state;

    assert_int_equal(learn_many(map, 0, CLUSTER_NODES_MAX), CLUSTER_CHANGED);
    assert_int_equal(learn_many(map, 1, CLUSTER_NODES_MAX), CLUSTER_CROWDED);
    assert_int_equal(map->node_count, CLUSTER_NODES_MAX);
    assert_null(cluster_map_owner(map, CLUSTER_NODES_MAX));
    assert_int_equal(learn_many(map, 1, CLUSTER_NODES_MAX - 1), CLUSTER_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_map_knows_nobody_and_believes_anybody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_again_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_higher_epoch_has_the_slot_whoever_is_heard_last, setup, teardown),
        cmocka_unit_test_setup_teardown(of_equal_epochs_the_one_heard_first_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failover_gives_all_slots_to_another_and_forgets_the_former, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_owner_stays_whom_a_view_does_not_have, setup, teardown),
        cmocka_unit_test_setup_teardown(slots_that_nobody_has_are_given_and_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(another_address_of_an_owner_is_a_change, setup, teardown),
        cmocka_unit_test_setup_teardown(another_address_of_a_replica_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_is_not_certain_counts_only_where_there_is_no_other,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_view_without_slots_teaches_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(another_cluster_is_believed_only_after_this_one_is_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_node_that_was_put_back_gives_up_what_it_had, setup, teardown),
        cmocka_unit_test_setup_teardown(an_owner_that_does_not_have_a_slot_any_more_is_believed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(others_word_on_an_address_counts_only_when_nobody_is_found_there,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_map_does_not_grow_for_ever, setup, teardown),
    };

    return cmocka_run_group_tests_name("cluster_map", tests, NULL, NULL);
}
