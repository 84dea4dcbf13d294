/*
 * A roster: riders in and out, references to their records, and the difference between two sets.
 */
#include "gateway/rides/roster.h"

#include "broker/broker.h"
#include "common/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = roster_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    roster_free(*state);
    return 0;
}

/* The record of somebody, in short `1`. */
static struct blob *record(const char *id, const char *is)
{
    char text[64];
    int len = snprintf(text, sizeof text, "{\"is\":%s,\"id\":\"%s\"}", is, id);

    struct blob *blob = blob_new(text, (size_t)len);
    assert_non_null(blob);
    return blob;
}

static const char *is_of(const struct blob *user)
{
    static char is[2];

    is[0] = user->data[strlen("{\"is\":")];
    return is;
}

static void set(struct roster *roster, const char *id, const char *is)
{
    struct blob *blob = record(id, is);

    roster_set(roster, blob);
    blob_unref(blob);
}

/* Without what all records have. */
static size_t shorten(char *text, size_t len)
{
    char *to = text;

    for (const char *from = text; from < text + len;) {
        if (!strncmp(from, "{\"is\":", 6)) {
            *to++ = from[6];
            while (*from++ != '}')
                ;
        } else {
            *to++ = *from++;
        }
    }
    return (size_t)(to - text);
}

static void assert_prints(const struct roster *roster, const char *json)
{
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(roster_print(roster, &out), 0);
    out.len = shorten(out.data, out.len);
    assert_int_equal(out.len, strlen(json));
    assert_memory_equal(out.data, json, out.len);
    buf_deinit(&out);
}

static void nobody_is_on_a_new_roster(void **state)
{
    assert_int_equal(roster_count(*state), 0);
    assert_null(roster_get(*state, "A"));
    assert_prints(*state, "[]");
}

static void riders_are_printed_in_the_order_they_boarded(void **state)
{
    set(*state, "C", "3");
    set(*state, "A", "1");
    set(*state, "B", "2");
    assert_int_equal(roster_count(*state), 3);
    assert_prints(*state, "[3,1,2]");
}

static void boarding_again_replaces_the_record_and_keeps_the_place(void **state)
{
    set(*state, "A", "1");
    set(*state, "B", "2");
    set(*state, "A", "9");
    assert_int_equal(roster_count(*state), 2);
    assert_string_equal(is_of(roster_get(*state, "A")), "9");
    assert_prints(*state, "[9,2]");
}

static void an_id_is_the_same_however_it_is_written(void **state)
{
    set(*state, "AB", "1");
    set(*state, "A\\u0042", "2");
    assert_prints(*state, "[2]");
    set(*state, "ab", "3");
    assert_int_equal(roster_count(*state), 2);
    roster_remove(*state, "AB");
    assert_prints(*state, "[3]");
}

static void texts_that_are_no_records_are_nobody_in_particular(void **state)
{
    static const char *const texts[] = {"", "1", "{\"id\":1}", "{}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct blob *blob = blob_new(texts[i], strlen(texts[i]));

        roster_set(*state, blob);
        blob_unref(blob);
    }
    assert_int_equal(roster_count(*state), 1);
    roster_remove(*state, "");
    assert_int_equal(roster_count(*state), 0);
}

static void removing_who_is_not_aboard_changes_nothing(void **state)
{
    set(*state, "A", "1");
    roster_remove(*state, "B");
    roster_remove(*state, "");
    assert_prints(*state, "[1]");
}

static void freeing_no_roster_is_harmless(void **state)
{
    (void)state;
    roster_free(NULL);
}

static void records_are_held_as_long_as_they_are_on_the_roster(void **state)
{
    struct roster *roster = roster_new();
    struct blob *user = record("A", "1");

    roster_set(roster, user);
    roster_set(roster, user);
    assert_int_equal(atomic_load(&user->refs), 2);
    set(roster, "A", "2");
    assert_int_equal(atomic_load(&user->refs), 1);
    roster_set(roster, user);
    roster_remove(roster, "A");
    assert_int_equal(atomic_load(&user->refs), 1);
    roster_set(roster, user);
    roster_free(roster);
    assert_int_equal(atomic_load(&user->refs), 1);
    blob_unref(user);
    (void)state;
}

static void printing_fails_whenever_the_buffer_is_too_small(void **state)
{
    static const char json[] = "[{\"is\":1,\"id\":\"A\"},{\"is\":2,\"id\":\"B\"}]";

    set(*state, "A", "1");
    set(*state, "B", "2");
    for (size_t max = 0; max < sizeof json - 1; max++) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(roster_print(*state, &out), -1);
        buf_deinit(&out);
    }
    assert_prints(*state, "[1,2]");
}

/* --- the difference --- */

/* The new set as text, `A1 B2`: A with record 1, B with record 2. */
static size_t riders_from(const char *text, struct broker_rider *riders)
{
    size_t count = 0;

    for (; *text; text += text[2] ? 3 : 2) {
        riders[count++].user = record((char[]){text[0], '\0'}, (char[]){text[1], '\0'});
    }
    return count;
}

struct telling {
    struct roster *roster;
    struct buf journal;
};

/* What is told is so already: whoever is asked meanwhile says the same. */
static void note(struct telling *telling, char sign, struct blob *user)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    assert_ptr_equal(roster_get(telling->roster, id), sign == '+' ? user : NULL);
    assert_int_equal(buf_appendf(&telling->journal, "%c%s%s ", sign, id, is_of(user)), 0);
}

static void gone(void *arg, struct blob *user)
{
    note(arg, '-', user);
}

static void boarded(void *arg, struct blob *user)
{
    note(arg, '+', user);
}

static void assert_told(struct telling *telling, const char *told)
{
    assert_int_equal(buf_append(&telling->journal, "", 1), 0);
    assert_string_equal(telling->journal.data, told);
    buf_deinit(&telling->journal);
}

/* Replaces what is on the roster and checks what was told: `-A1 +B2 `. */
static void assert_replaced(struct roster *roster, const char *riders_text, const char *told)
{
    static const struct roster_difference difference = {.gone = gone, .boarded = boarded};
    struct broker_rider riders[16];
    struct telling telling = {.roster = roster};
    size_t count = riders_from(riders_text, riders);

    buf_init(&telling.journal, 4096);
    roster_replace(roster, riders, count, &difference, &telling);
    for (size_t i = 0; i < count; i++)
        blob_unref(riders[i].user);
    assert_told(&telling, told);
}

static void the_first_set_boards_everybody(void **state)
{
    assert_replaced(*state, "A1 B2", "+A1 +B2 ");
    assert_prints(*state, "[1,2]");
}

static void an_equal_set_tells_nothing(void **state)
{
    assert_replaced(*state, "A1 B2", "+A1 +B2 ");
    assert_replaced(*state, "B2 A1", "");
    assert_prints(*state, "[1,2]");
}

static void an_empty_set_takes_everybody_off(void **state)
{
    assert_replaced(*state, "A1 B2", "+A1 +B2 ");
    assert_replaced(*state, "", "-A1 -B2 ");
    assert_int_equal(roster_count(*state), 0);
    assert_replaced(*state, "", "");
}

static void who_is_gone_is_told_before_who_boarded(void **state)
{
    assert_replaced(*state, "A1 B2 C3", "+A1 +B2 +C3 ");
    assert_replaced(*state, "D4 B2", "-A1 -C3 +D4 ");
    assert_prints(*state, "[2,4]");
}

static void another_record_is_told_as_a_boarding(void **state)
{
    assert_replaced(*state, "A1 B2", "+A1 +B2 ");
    assert_replaced(*state, "A1 B7", "+B7 ");
    assert_prints(*state, "[1,7]");
}

static void who_occurs_twice_in_the_set_is_aboard_once(void **state)
{
    assert_replaced(*state, "A1 A1", "+A1 ");
    assert_int_equal(roster_count(*state), 1);
    assert_replaced(*state, "A1 A2", "+A2 ");
    assert_prints(*state, "[2]");
}

static void replacing_again_remembers_nothing_of_the_last_time(void **state)
{
    assert_replaced(*state, "A1", "+A1 ");
    assert_replaced(*state, "A1", "");
    assert_replaced(*state, "", "-A1 ");
    assert_replaced(*state, "A1", "+A1 ");
}

/* --- doubt --- */

static void assert_dropped(struct roster *roster, const char *told)
{
    struct telling telling = {.roster = roster};

    buf_init(&telling.journal, 4096);
    roster_drop_doubted(roster, gone, &telling);
    assert_told(&telling, told);
}

static void nobody_is_dropped_who_was_not_doubted(void **state)
{
    assert_replaced(*state, "A1", "+A1 ");
    assert_dropped(*state, "");
    roster_doubt(*state);
    set(*state, "B", "2");
    assert_dropped(*state, "-A1 ");
    assert_prints(*state, "[2]");
    assert_dropped(*state, "");
}

static void the_doubted_stay_until_they_are_dropped(void **state)
{
    assert_replaced(*state, "A1 B2 C3", "+A1 +B2 +C3 ");
    roster_doubt(*state);
    assert_replaced(*state, "B2", "");
    assert_int_equal(roster_count(*state), 3);
    assert_non_null(roster_get(*state, "A"));
    assert_prints(*state, "[1,2,3]");
    assert_replaced(*state, "", "-B2 ");
    assert_dropped(*state, "-A1 -C3 ");
    assert_int_equal(roster_count(*state), 0);
}

static void who_is_set_or_found_again_is_doubted_no_more(void **state)
{
    assert_replaced(*state, "A1 B2 C3 D4", "+A1 +B2 +C3 +D4 ");
    roster_doubt(*state);
    set(*state, "A", "1");
    set(*state, "B", "7");
    assert_replaced(*state, "A1 B7 C3", "");
    assert_dropped(*state, "-D4 ");
    assert_prints(*state, "[1,7,3]");
}

static void who_is_found_with_another_record_is_told_and_doubted_no_more(void **state)
{
    assert_replaced(*state, "A1", "+A1 ");
    roster_doubt(*state);
    assert_replaced(*state, "A7 B2", "+A7 +B2 ");
    assert_dropped(*state, "");
    assert_prints(*state, "[7,2]");
}

static void the_doubted_can_be_removed(void **state)
{
    assert_replaced(*state, "A1 B2", "+A1 +B2 ");
    roster_doubt(*state);
    roster_remove(*state, "A");
    assert_dropped(*state, "-B2 ");
}

static void doubting_twice_is_doubting_once(void **state)
{
    roster_doubt(*state);
    assert_dropped(*state, "");
    assert_replaced(*state, "A1", "+A1 ");
    roster_doubt(*state);
    roster_doubt(*state);
    assert_dropped(*state, "-A1 ");
    assert_replaced(*state, "A1", "+A1 ");
    assert_dropped(*state, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_is_on_a_new_roster, setup, teardown),
        cmocka_unit_test_setup_teardown(riders_are_printed_in_the_order_they_boarded, setup, teardown),
        cmocka_unit_test_setup_teardown(boarding_again_replaces_the_record_and_keeps_the_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_id_is_the_same_however_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_that_are_no_records_are_nobody_in_particular, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_who_is_not_aboard_changes_nothing, setup, teardown),
        cmocka_unit_test(freeing_no_roster_is_harmless),
        cmocka_unit_test(records_are_held_as_long_as_they_are_on_the_roster),
        cmocka_unit_test_setup_teardown(printing_fails_whenever_the_buffer_is_too_small, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_set_boards_everybody, setup, teardown),
        cmocka_unit_test_setup_teardown(an_equal_set_tells_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_set_takes_everybody_off, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_gone_is_told_before_who_boarded, setup, teardown),
        cmocka_unit_test_setup_teardown(another_record_is_told_as_a_boarding, setup, teardown),
        cmocka_unit_test_setup_teardown(who_occurs_twice_in_the_set_is_aboard_once, setup, teardown),
        cmocka_unit_test_setup_teardown(replacing_again_remembers_nothing_of_the_last_time, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_dropped_who_was_not_doubted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_doubted_stay_until_they_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_set_or_found_again_is_doubted_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_found_with_another_record_is_told_and_doubted_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_doubted_can_be_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(doubting_twice_is_doubting_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
