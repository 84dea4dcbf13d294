/*
 * The slots of keys, as Redis' own documents have them, sets of slots, and homes.
 */
#include "broker/redis/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static unsigned slot_of(const char *key)
{
    return slot_of_key(key, strlen(key));
}

/* From the cluster specification, and of the commands CLUSTER KEYSLOT and CLUSTER GETKEYSINSLOT. */
static void keys_lie_where_redis_says(void **state)
{
    (void)state;
    assert_int_equal(slot_of("123456789"), 0x31c3);
    assert_int_equal(slot_of("somekey"), 11058);
    assert_int_equal(slot_of("foo"), 12182);
    assert_int_equal(slot_of("bar"), 5061);
    assert_int_equal(slot_of("hello"), 866);
    assert_int_equal(slot_of(""), 0);
    assert_int_equal(slot_of_key(NULL, 0), 0);
    assert_int_equal(slot_of_key("a\0b", 3), slot_of_key("x{a\0b}y", 7));
}

static void the_first_braces_count_if_there_is_something_in_them(void **state)
{
    (void)state;
    assert_int_equal(slot_of("{user1000}.following"), slot_of("user1000"));
    assert_int_equal(slot_of("{user1000}.followers"), slot_of("user1000"));
    assert_int_equal(slot_of("foo{hash_tag}"), 2515);
    assert_int_equal(slot_of("foo{bar}{zap}"), slot_of("bar"));
    assert_int_equal(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    assert_int_equal(slot_of("foo{}{bar}"), 8363);
    assert_int_not_equal(slot_of("foo{}{bar}"), slot_of("bar"));
    assert_int_not_equal(slot_of("foo{bar"), slot_of("bar"));
    assert_int_not_equal(slot_of("foo}bar{"), slot_of("bar"));
    assert_int_equal(slot_of("}{a}"), slot_of("a"));
    assert_int_not_equal(slot_of("{"), slot_of(""));
}

static void all_keys_of_a_ride_lie_in_one_slot(void **state)
{
    static const char *const rides[] = {"/", "/r", "/line-7", "/a}b", "/{a}", "/}"};
    char key[200];

    (void)state;
    for (size_t i = 0; i < sizeof rides / sizeof *rides; i++) {
        snprintf(key, sizeof key, "ridecast:{%s}:users", rides[i]);
        assert_int_equal(slot_of_ride("ridecast:", rides[i]), slot_of(key));
        snprintf(key, sizeof key, "p{%s}:events:7", rides[i]);
        assert_int_equal(slot_of_ride("p", rides[i]), slot_of(key));
    }
}

static void a_set_has_what_was_added(void **state)
{
    static const unsigned some[] = {0, 1, 63, 64, 8191, 16383};
    struct slot_set set = {0}, other = {0}, full = {0};

    (void)state;
    assert_int_equal(slot_set_count(&set), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_false(slot_set_has(&set, some[i]));
        slot_set_add(&set, some[i]);
        slot_set_add(&set, some[i]);
        assert_true(slot_set_has(&set, some[i]));
        assert_int_equal(slot_set_count(&set), i + 1);
    }
    assert_false(slot_set_has(&set, 2));
    assert_false(slot_set_has(&set, SLOTS));
    assert_false(slot_set_equal(&set, &other));
    for (size_t i = 6; i-- > 0;)
        slot_set_add(&other, some[i]);
    assert_true(slot_set_equal(&set, &other));
    slot_set_fill(&full);
    assert_int_equal(slot_set_count(&full), SLOTS);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&set, slot);
    assert_true(slot_set_equal(&set, &full));
}

static void add_range(struct slot_set *set, unsigned first, unsigned last)
{
    for (unsigned slot = first; slot <= last; slot++)
        slot_set_add(set, slot);
}

static void expect_home(unsigned first, unsigned last, const char *home)
{
    struct slot_set set = {0};
    char tag[SLOT_TAG_SIZE];

    add_range(&set, first, last);
    assert_int_equal(slot_home(&set, tag), home != NULL);
    if (!home)
        return;
    assert_string_equal(tag, home);
    assert_true(slot_set_has(&set, slot_of(tag)));
}

/* The numbers were computed by another program. */
static void a_home_is_the_first_candidate_in_the_set(void **state)
{
    struct slot_set none = {0};
    char tag[SLOT_TAG_SIZE];

    (void)state;
    assert_false(slot_home(&none, tag));
    expect_home(0, SLOTS - 1, "430"); /* slots 16320 to 16383: number 430 lies in 16368 */
    expect_home(0, 16319, "46");      /* 8128 to 8191 */
    expect_home(0, 8127, "47");       /* 4032 to 4095 */
    expect_home(8192, 16319, "431");  /* 12224 to 12287 */
    expect_home(0, 63, "460");
    expect_home(0, 5460, "47"); /* the three servers that redis-cli makes */
    expect_home(5461, 10922, "46");
    expect_home(10923, SLOTS - 1, "430");
    expect_home(5, 5, "460");
    expect_home(0, 4, "2977"); /* no candidate: the smallest number, in 3 */
    expect_home(6, 63, "491");
    expect_home(1, 1, "22179");
}

/* A server loses up to half of its slots from one end, a hundred times over. */
static void a_home_seldom_changes_when_slots_move(void **state)
{
    unsigned kept = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        struct slot_set before = {0}, after = {0};
        char home[SLOT_TAG_SIZE], now[SLOT_TAG_SIZE];
        unsigned start = i * (SLOTS / 200), end = start + SLOTS / 4;

        add_range(&before, start, end);
        add_range(&after, start + i * 37 % 100 * (SLOTS / 800), end);
        assert_true(slot_home(&before, home) && slot_home(&after, now));
        assert_true(slot_set_has(&after, slot_of(now)));
        bool keeps = slot_set_has(&after, slot_of(home));
        assert_int_equal(strcmp(home, now) == 0, keeps);
        kept += keeps;
    }
    assert_true(kept >= 50);
}

/* What `redis-cli --cluster reshard` takes are the lowest. */
static void servers_of_three_keep_their_homes_while_half_of_their_slots_leave(void **state)
{
    static const unsigned borders[] = {0, 5461, 10923, SLOTS};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (unsigned left = 0; left < 5461 / 2 - 64; left += 64) {
            struct slot_set whole = {0}, rest = {0};
            char home[SLOT_TAG_SIZE], now[SLOT_TAG_SIZE];

            add_range(&whole, borders[i], borders[i + 1] - 1);
            add_range(&rest, borders[i] + left, borders[i + 1] - 1);
            assert_true(slot_home(&whole, home) && slot_home(&rest, now));
            assert_string_equal(now, home);
        }
    }
}

static void candidates_lie_in_64_slots_each(void **state)
{
    char tags[SLOT_CANDIDATES][SLOT_TAG_SIZE];
    bool seen[SLOTS / 64] = {false};

    (void)state;
    slot_candidates(tags);
    for (unsigned i = 0; i < SLOT_CANDIDATES; i++) {
        unsigned block = slot_of(tags[i]) / 64;

        assert_false(seen[block]);
        seen[block] = true;
    }
    assert_string_equal(tags[0], "430");
    assert_string_equal(tags[SLOT_CANDIDATES - 1], "460");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_lie_where_redis_says),
        cmocka_unit_test(the_first_braces_count_if_there_is_something_in_them),
        cmocka_unit_test(all_keys_of_a_ride_lie_in_one_slot),
        cmocka_unit_test(a_set_has_what_was_added),
        cmocka_unit_test(a_home_is_the_first_candidate_in_the_set),
        cmocka_unit_test(a_home_seldom_changes_when_slots_move),
        cmocka_unit_test(servers_of_three_keep_their_homes_while_half_of_their_slots_leave),
        cmocka_unit_test(candidates_lie_in_64_slots_each),
    };

    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
