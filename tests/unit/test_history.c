/*
 * The latest events of a ride: what is kept, what breaks the run, and when it is complete.
 */
#include "gateway/rides/history.h"

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
    *state = calloc(1, sizeof(struct history));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    history_deinit(*state);
    free(*state);
    return 0;
}

static struct broker_position at(const char *epoch, uint64_t offset)
{
    struct broker_position position = {.offset = offset};

    strcpy(position.epoch, epoch);
    snprintf(position.chain, sizeof position.chain, "%08x", (unsigned)offset);
    return position;
}

static struct broker_position in_another_history(const char *epoch, uint64_t offset)
{
    struct broker_position position = at(epoch, offset);

    position.chain[0] = 'f';
    return position;
}

static void add_event(struct history *history, struct broker_position position, enum broker_event_kind kind,
                      struct blob *user)
{
    struct broker_position before = at(position.epoch, position.offset - 1);
    struct history_event event = {.position = position, .kind = kind, .socket_id = "S", .user = user};

    history_add(history, &before, &event);
}

/* An event with a record of `size` bytes. */
static void add_sized(struct history *history, const char *epoch, uint64_t offset, size_t size)
{
    char *record = calloc(1, size);

    assert_non_null(record);
    struct blob *user = blob_new(record, size);
    free(record);
    add_event(history, at(epoch, offset), BROKER_BOARDED, user);
    blob_unref(user);
}

static void add(struct history *history, const char *epoch, uint64_t first, uint64_t last)
{
    for (uint64_t offset = first; offset <= last; offset++)
        add_sized(history, epoch, offset, 1);
}

static bool reaches(const struct history *history, const char *epoch, uint64_t from, uint64_t to)
{
    struct broker_position position = at(epoch, from);
    struct broker_position now = at("e", to);

    return history_reaches(history, &position, &now);
}

/* Reads on from `from` and checks that `first` to `last` come, each once and in order; 0: nothing does. */
static void assert_after(const struct history *history, uint64_t from, uint64_t first, uint64_t last)
{
    struct broker_position position = at("e", from);
    const struct history_event *event;
    uint64_t next = first;

    while ((event = history_after(history, &position))) {
        assert_int_equal(event->position.offset, next++);
        position = event->position;
    }
    assert_int_equal(next, first ? last + 1 : 0);
}

/* --- what is kept --- */

static void an_empty_history_reaches_now_and_nothing_else(void **state)
{
    assert_true(reaches(*state, "e", 0, 0));
    assert_true(reaches(*state, "e", 7, 7));
    assert_false(reaches(*state, "e", 6, 7));
    assert_after(*state, 6, 0, 0);
}

static void events_come_back_in_order(void **state)
{
    add(*state, "e", 5, 9);
    assert_after(*state, 4, 5, 9);
    assert_after(*state, 6, 7, 9);
    assert_after(*state, 9, 0, 0);
    assert_after(*state, 99, 0, 0);
    assert_after(*state, UINT64_MAX, 0, 0);
}

static void an_event_comes_back_as_it_was(void **state)
{
    struct history *history = *state;
    struct broker_position before = at("e", 2);
    struct blob *user = blob_new("x", 1);

    add_event(history, at("e", 3), BROKER_RESTORED, user);
    assert_int_equal(atomic_load(&user->refs), 2);
    const struct history_event *event = history_after(history, &before);
    assert_non_null(event);
    assert_int_equal(event->kind, BROKER_RESTORED);
    assert_ptr_equal(event->user, user);
    assert_string_equal(event->position.epoch, "e");
    history_deinit(history);
    assert_int_equal(atomic_load(&user->refs), 1);
    blob_unref(user);
}

static void it_says_whether_it_has_what_came_just_before(void **state)
{
    assert_true(history_has_before(*state, 7, 0));
    assert_false(history_has_before(*state, 7, 1));
    add(*state, "e", 5, 9);
    assert_true(history_has_before(*state, 4, 0));
    assert_false(history_has_before(*state, 4, 1));
    assert_true(history_has_before(*state, 5, 1));
    assert_false(history_has_before(*state, 8, 5));
    assert_true(history_has_before(*state, 9, 5));
}

/* --- when it is complete --- */

static void it_reaches_back_to_just_before_the_oldest(void **state)
{
    add(*state, "e", 5, 9);
    assert_true(reaches(*state, "e", 9, 9));
    assert_true(reaches(*state, "e", 8, 9));
    assert_true(reaches(*state, "e", 4, 9));
    assert_false(reaches(*state, "e", 3, 9));
    assert_false(reaches(*state, "e", 0, 9));
}

static void it_reaches_nothing_from_the_future(void **state)
{
    add(*state, "e", 5, 9);
    assert_false(reaches(*state, "e", 10, 9));
    assert_false(reaches(*state, "e", UINT64_MAX, 9));
}

static void it_reaches_nothing_from_another_epoch(void **state)
{
    add(*state, "e", 5, 9);
    assert_false(reaches(*state, "f", 9, 9));
    assert_false(reaches(*state, "f", 8, 9));
    assert_false(reaches(*state, "", 8, 9));
}

static bool leads(const struct history *history, struct broker_position from, struct broker_position to)
{
    return history_reaches(history, &from, &to);
}

static void it_reaches_nothing_from_another_history(void **state)
{
    struct history *history = *state;

    assert_false(leads(history, in_another_history("e", 9), at("e", 9)));
    add(history, "e", 5, 9);
    assert_false(leads(history, in_another_history("e", 9), at("e", 9)));
    assert_false(leads(history, in_another_history("e", 5), at("e", 9)));
    assert_false(leads(history, in_another_history("e", 4), at("e", 9)));
    assert_false(leads(history, at("e", 7), in_another_history("e", 9)));
    assert_true(leads(history, at("e", 4), at("e", 9)));
}

/* The place just before the oldest is known too when others have gone before it. */
static void the_place_before_the_oldest_is_compared_whatever_went(void **state)
{
    struct history *history = *state;
    uint64_t last = HISTORY_EVENTS_MAX + 3;

    add(history, "e", 1, last);
    assert_true(leads(history, at("e", 3), at("e", last)));
    assert_false(leads(history, in_another_history("e", 3), at("e", last)));
    assert_false(leads(history, in_another_history("e", 4), at("e", last)));
}

/* What did not lead to the first event tells nothing of the place before it. */
static void nothing_leads_on_from_a_fingerprint_that_is_not_known(void **state)
{
    struct history *history = *state;
    struct blob *user = blob_new("1", 1);
    struct broker_position elsewhere = at("e", 3);
    struct history_event event = {.position = at("e", 5), .kind = BROKER_BOARDED, .user = user};
    struct broker_position none = at("e", 5);

    history_add(history, &elsewhere, &event);
    assert_false(leads(history, at("e", 4), at("e", 5)));
    assert_true(leads(history, at("e", 5), at("e", 5)));
    none.chain[0] = '\0';
    assert_false(leads(history, none, at("e", 5)));
    blob_unref(user);
}

/* As after a roster that jumped over some. */
static void a_run_that_ends_before_now_is_incomplete(void **state)
{
    add(*state, "e", 5, 9);
    assert_false(reaches(*state, "e", 8, 12));
    assert_true(reaches(*state, "e", 12, 12));
    assert_after(*state, 12, 0, 0);
}

static void a_run_of_the_epoch_before_is_never_handed_out(void **state)
{
    add(*state, "d", 1, 9);
    assert_true(reaches(*state, "e", 3, 3));
    assert_false(reaches(*state, "e", 8, 9));
    assert_after(*state, 3, 0, 0);
}

/* --- what breaks the run --- */

static void a_gap_empties_it(void **state)
{
    add(*state, "e", 1, 5);
    add(*state, "e", 7, 8);
    assert_true(reaches(*state, "e", 6, 8));
    assert_false(reaches(*state, "e", 5, 8));
    assert_after(*state, 1, 7, 8);
}

static void an_offset_that_is_repeated_or_goes_back_empties_it(void **state)
{
    add(*state, "e", 1, 5);
    add(*state, "e", 5, 6);
    assert_after(*state, 0, 5, 6);
    add(*state, "e", 2, 2);
    assert_after(*state, 0, 2, 2);
}

static void another_epoch_empties_it(void **state)
{
    add(*state, "d", 1, 5);
    add(*state, "e", 6, 7);
    assert_false(reaches(*state, "e", 4, 7));
    assert_after(*state, 0, 6, 7);
}

/* --- its bounds --- */

static void the_oldest_go_when_there_are_too_many(void **state)
{
    struct history *history = *state;

    add(history, "e", 1, HISTORY_EVENTS_MAX);
    assert_true(reaches(history, "e", 0, HISTORY_EVENTS_MAX));
    add(history, "e", HISTORY_EVENTS_MAX + 1, HISTORY_EVENTS_MAX + 3);
    assert_int_equal(history->count, HISTORY_EVENTS_MAX);
    assert_int_equal(history->size, HISTORY_EVENTS_MAX);
    assert_false(reaches(history, "e", 2, HISTORY_EVENTS_MAX + 3));
    assert_true(reaches(history, "e", 3, HISTORY_EVENTS_MAX + 3));
    assert_after(history, 0, 4, HISTORY_EVENTS_MAX + 3);
}

static void the_oldest_go_when_they_are_too_large(void **state)
{
    struct history *history = *state;

    for (uint64_t offset = 1; offset <= 4; offset++)
        add_sized(history, "e", offset, HISTORY_BYTES_MAX / 4);
    assert_after(history, 0, 1, 4);
    assert_int_equal(history->bytes, HISTORY_BYTES_MAX);
    add_sized(history, "e", 5, 1);
    assert_after(history, 0, 2, 5);
    add_sized(history, "e", 6, HISTORY_BYTES_MAX);
    assert_after(history, 0, 6, 6);
    assert_int_equal(history->bytes, HISTORY_BYTES_MAX);
    add_sized(history, "e", 7, 1);
    assert_after(history, 0, 7, 7);
    assert_int_equal(history->bytes, 1);
}

/* The oldest stands in the middle of the ring, and the youngest before it. */
static void growing_keeps_the_order(void **state)
{
    struct history *history = *state;

    add(history, "e", 1, 11);
    add_sized(history, "e", 12, HISTORY_BYTES_MAX - 3); /* leaves the last three before it */
    assert_after(history, 0, 9, 12);
    assert_int_equal(history->first, 8);
    size_t size = history->size;
    add_sized(history, "e", 13, HISTORY_BYTES_MAX - 1); /* leaves nothing */
    add_sized(history, "e", 14, 1);
    add_sized(history, "e", 15, 1); /* ends that of 13 */
    add(history, "e", 16, 14 + size);
    assert_after(history, 0, 14, 14 + size);
    assert_int_equal(history->size, 2 * size);
}

static void it_can_be_used_again_after_it_was_emptied(void **state)
{
    struct history *history = *state;

    add(history, "e", 1, 100);
    history_deinit(history);
    assert_int_equal(history->count, 0);
    assert_int_equal(history->bytes, 0);
    assert_null(history->ring);
    add(history, "e", 1, 2);
    assert_after(history, 0, 1, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_socket_has_ended_when_the_last_that_is_known_of_it_is_its_leaving(void **state)
{
    static const enum broker_event_kind kinds[] = {BROKER_BOARDED,      BROKER_EXITED,   BROKER_BOARDED,
                                                   BROKER_DISCONNECTED, BROKER_RESTORED, BROKER_ENDED};
    static const bool ended[] = {false, true, false, true, false, true};
    struct history history = {0};
    struct blob *user = blob_new("1", 1);

    (void)state;
    for (uint64_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        add_event(&history, at("e", i + 1), kinds[i], user);
        assert_true(history_knows(&history, "S"));
        assert_false(history_knows(&history, "T"));
        assert_int_equal(history_ended(&history, "S"), ended[i]);
        assert_false(history_ended(&history, "T"));
    }
    blob_unref(user);
    history_deinit(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_socket_has_ended_when_the_last_that_is_known_of_it_is_its_leaving),
        TEST(an_empty_history_reaches_now_and_nothing_else),
        TEST(events_come_back_in_order),
        TEST(an_event_comes_back_as_it_was),
        TEST(it_says_whether_it_has_what_came_just_before),
        TEST(it_reaches_back_to_just_before_the_oldest),
        TEST(it_reaches_nothing_from_the_future),
        TEST(it_reaches_nothing_from_another_epoch),
        TEST(it_reaches_nothing_from_another_history),
        TEST(the_place_before_the_oldest_is_compared_whatever_went),
        TEST(nothing_leads_on_from_a_fingerprint_that_is_not_known),
        TEST(a_run_that_ends_before_now_is_incomplete),
        TEST(a_run_of_the_epoch_before_is_never_handed_out),
        TEST(a_gap_empties_it),
        TEST(an_offset_that_is_repeated_or_goes_back_empties_it),
        TEST(another_epoch_empties_it),
        TEST(the_oldest_go_when_there_are_too_many),
        TEST(the_oldest_go_when_they_are_too_large),
        TEST(growing_keeps_the_order),
        TEST(it_can_be_used_again_after_it_was_emptied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
