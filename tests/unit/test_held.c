/*
 * Which held sockets are to be put back, in which turn, and up to where their record is known to be the
 * latest.
 */
#include "broker/redis/held.h"

#include "broker/message.h"
#include "common/blob.h"
#include "common/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { UNDER_WAY_MAX = HELD_UNDER_WAY_MAX, MANY = 1000 };

struct desk {
    struct metrics *metrics;
    struct redis_rides rides;
    struct holding holding;
};

static void ignore(struct redis_ride *ride, void *arg)
{
    (void)ride, (void)arg;
}

static struct store *nowhere(const char *ride, void *arg)
{
    (void)ride, (void)arg;
    return NULL;
}

static int setup(void **state)
{
    static struct desk desk;

    memset(&desk, 0, sizeof desk);
    desk.metrics = metrics_new();
    desk.rides.store_of = nowhere;
    desk.rides.begun = ignore;
    desk.rides.renumbered = ignore;
    desk.rides.ended = ignore;
    desk.holding.aboard = metrics_add(desk.metrics, METRIC_GAUGE, "held", "", "Riders held.");
    desk.holding.window_ms = 60000;
    desk.holding.most = UNDER_WAY_MAX;
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    for (struct redis_ride *ride = desk->rides.by_name; ride; ride = ride->hh.next) {
        held_clear(ride);
        redis_ride_let_go(ride);
    }
    redis_rides_settle(&desk->rides);
    held_deinit(&desk->holding);
    metrics_free(desk->metrics);
    return 0;
}

static const char *socket_of(unsigned number)
{
    static char id[SOCKET_ID_LEN + 1];

    snprintf(id, sizeof id, "%020u", number);
    return id;
}

/* Held as a person of the same number. */
static void hold(struct desk *desk, struct redis_ride *ride, unsigned number)
{
    char record[32];
    uint64_t claim = held_claim(&desk->holding, ride, socket_of(number));
    int len = snprintf(record, sizeof record, "{\"id\":\"%u\"}", number);
    struct blob *user = blob_new(record, (size_t)len);

    assert_false(held_settled(ride, socket_of(number), claim, user, 1, 1));
    blob_unref(user);
}

/* --- what is ready --- */

static const char *ready_ride;      /* NULL: all are */
static const char *away_ride;       /* how the names begin of those whose server is away; NULL: none is */
static const char *waiting_person;  /* of all rides; NULL: none */
static unsigned asked_rides, asked; /* how often */

static bool ride_is_ready(const struct redis_ride *ride)
{
    asked_rides++;
    return !ready_ride || strcmp(ride->name, ready_ride) == 0;
}

static bool server_is_away(const struct redis_ride *ride)
{
    return away_ride && strncmp(ride->name, away_ride, strlen(away_ride)) == 0;
}

static bool socket_is_ready(const struct held *held)
{
    asked++;
    return !waiting_person || strcmp(held->person->id, waiting_person) != 0;
}

/* How many are taken at one go; `last` is the last one. */
static unsigned take_all(struct desk *desk, unsigned looks, struct held **last)
{
    static const struct held_ready ready = {ride_is_ready, socket_is_ready, server_is_away};
    struct held *held;
    unsigned count = 0;

    asked_rides = asked = 0;
    while ((held = held_take_due(&desk->holding, &ready, &looks))) {
        *last = held;
        count++;
    }
    return count;
}

static void what_a_ride_lost_is_put_back_as_far_as_it_may_be_under_way(void **state)
{
    struct desk *desk = *state;
    struct redis_ride *ride = redis_rides_get(&desk->rides, "/a");
    struct held *last = NULL;

    ready_ride = waiting_person = NULL;
    for (unsigned i = 0; i < MANY; i++)
        hold(desk, ride, i);
    assert_int_equal(take_all(desk, 10, &last), 0);
    held_restore_ride(ride);
    assert_int_equal(take_all(desk, 10, &last), UNDER_WAY_MAX);
    held_restored(&desk->holding, ride, last->socket_id, last->claim, 1, 2);
    assert_int_equal(take_all(desk, 10, &last), 1);
    assert_string_equal(last->socket_id, socket_of(UNDER_WAY_MAX));
}

static void a_ride_that_is_not_caught_up_with_costs_one_look_and_nobody_else_a_turn(void **state)
{
    struct desk *desk = *state;
    struct redis_ride *waits = redis_rides_get(&desk->rides, "/waits");
    struct redis_ride *goes = redis_rides_get(&desk->rides, "/goes");
    struct held *last = NULL;

    ready_ride = "/goes";
    waiting_person = NULL;
    for (unsigned i = 0; i < MANY; i++)
        hold(desk, waits, i);
    hold(desk, goes, MANY);
    held_restore_ride(waits);
    held_restore_ride(goes);
    assert_int_equal(take_all(desk, 10, &last), 1);
    assert_ptr_equal(last->ride, goes);
    assert_int_equal(asked, 1);
    assert_in_range(asked_rides, 2, 11); /* each look, and the one that was taken */

    ready_ride = NULL;
    assert_int_equal(take_all(desk, 10, &last), UNDER_WAY_MAX - 1);
}

static void rides_of_a_server_that_is_away_cost_no_looks_until_it_is_up(void **state)
{
    struct desk *desk = *state;
    struct redis_ride *rides[100], *goes;
    struct held *last = NULL;
    char name[16];

    ready_ride = waiting_person = NULL;
    away_ride = "/away";
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/away%u", i);
        rides[i] = redis_rides_get(&desk->rides, name);
        hold(desk, rides[i], i);
        held_restore_ride(rides[i]);
    }
    goes = redis_rides_get(&desk->rides, "/goes");
    hold(desk, goes, MANY);
    held_restore_ride(goes);
    assert_int_equal(take_all(desk, 1, &last), 1);
    assert_ptr_equal(last->ride, goes);
    held_forget(rides[0], socket_of(0));
    away_ride = NULL;
    assert_int_equal(take_all(desk, 1, &last), 0);
    for (unsigned i = 1; i < 100; i++)
        held_look_again(rides[i]);
    assert_int_equal(take_all(desk, 1, &last), 99);
}

static void who_has_to_wait_is_passed_by_others_of_the_ride(void **state)
{
    struct desk *desk = *state;
    struct redis_ride *ride = redis_rides_get(&desk->rides, "/a");
    struct held *last = NULL;

    ready_ride = NULL;
    waiting_person = "0";
    for (unsigned i = 0; i < 3; i++)
        hold(desk, ride, i);
    held_restore_ride(ride);
    assert_int_equal(take_all(desk, 2, &last), 2);
    assert_string_equal(last->socket_id, socket_of(2));
    assert_int_equal(take_all(desk, 10, &last), 0);
    waiting_person = NULL;
    assert_int_equal(take_all(desk, 10, &last), 1);
    assert_string_equal(last->socket_id, socket_of(0));
}

static void many_rides_that_have_to_wait_are_looked_at_in_turn(void **state)
{
    struct desk *desk = *state;
    struct held *last = NULL;
    char name[16];
    unsigned goes = 0;

    ready_ride = "/99";
    waiting_person = NULL;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/%u", i);
        struct redis_ride *ride = redis_rides_get(&desk->rides, name);
        hold(desk, ride, i);
        held_restore_ride(ride);
    }
    while (take_all(desk, 10, &last) == 0) {
        assert_int_equal(asked_rides, 10);
        assert_in_range(++goes, 1, 9);
    }
    assert_string_equal(last->ride->name, "/99");
}

/* --- the latest record --- */

static const char ann[] = "{\"id\":\"ann\"}", newer[] = "{\"id\":\"ann\",\"t\":2}";

enum { ANN = 1, ANOTHER };

static uint64_t claim(struct desk *desk, struct redis_ride *ride)
{
    return held_claim(&desk->holding, ride, socket_of(ANN));
}

static void settle(struct redis_ride *ride, uint64_t claim, uint64_t offset)
{
    struct blob *user = blob_new(ann, strlen(ann));

    assert_false(held_settled(ride, socket_of(ANN), claim, user, 1, offset));
    blob_unref(user);
}

/* Of another socket. The chain after it is its offset, eight digits, and the one before it comes before that.
 */
static void hear(struct redis_ride *ride, enum broker_event_kind kind, uint64_t offset, const char *record)
{
    struct broker_position position = {.epoch = "epochAAA", .offset = offset};
    struct blob *user = blob_new(record, strlen(record));

    snprintf(position.chain, sizeof position.chain, "%08u", (unsigned)offset);
    struct broker_message *event = message_event(ride->name, &position, kind, socket_of(ANOTHER), user);
    snprintf(event->before, sizeof event->before, "%08u", (unsigned)offset - 1);
    held_heard(ride, event);
    broker_message_free(event);
    blob_unref(user);
}

/* The record that would be put back; NULL: none. */
static const char *record_of(struct redis_ride *ride)
{
    const struct held *held;

    if (held_next(ride, &held, 1) == 0)
        return NULL;
    return held->user->len == strlen(newer) ? newer : ann;
}

#define missed(ride)             held_missed(ride, socket_of(ANN))
#define assert_misses_none(ride) assert_true(missed(ride) == HELD_MISSED_NOTHING)

static void what_is_told_after_the_answer_is_the_latest(void **state)
{
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");

    assert_misses_none(ride);
    settle(ride, claim(*state, ride), 5);
    hear(ride, BROKER_BOARDED, 5, ann);
    assert_ptr_equal(record_of(ride), ann);
    hear(ride, BROKER_BOARDED, 6, newer);
    assert_ptr_equal(record_of(ride), newer);
    assert_misses_none(ride);
}

/* Both come on connections of their own. */
static void what_is_told_before_the_answer_but_later_is_the_latest(void **state)
{
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");
    uint64_t first = claim(*state, ride);

    hear(ride, BROKER_BOARDED, 4, newer);
    hear(ride, BROKER_BOARDED, 5, ann);
    settle(ride, first, 5);
    assert_ptr_equal(record_of(ride), ann);
    uint64_t second = claim(*state, ride);
    hear(ride, BROKER_BOARDED, 6, ann);
    hear(ride, BROKER_BOARDED, 7, newer);
    settle(ride, second, 6);
    assert_ptr_equal(record_of(ride), newer);
    assert_misses_none(ride);
    uint64_t third = claim(*state, ride);
    hear(ride, BROKER_EXITED, 9, newer);
    settle(ride, third, 8);
    assert_null(record_of(ride));
}

static void of_more_events_than_are_kept_some_may_have_been_missed(void **state)
{
    enum { EVENTS = 1000 };
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");
    uint64_t first = claim(*state, ride);

    hear(ride, BROKER_BOARDED, 6, newer);
    for (uint64_t offset = 7; offset < EVENTS; offset++)
        hear(ride, BROKER_BOARDED, offset, "{\"id\":\"bob\"}");
    settle(ride, first, 5);
    assert_ptr_equal(record_of(ride), ann);
    assert_int_equal(missed(ride), 5);
    hear(ride, BROKER_BOARDED, 5, ann);
    assert_int_equal(missed(ride), 5);
    hear(ride, BROKER_BOARDED, EVENTS, newer);
    assert_misses_none(ride);
}

static void a_roster_in_place_of_events_may_hide_a_later_boarding(void **state)
{
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");

    settle(ride, claim(*state, ride), 5);
    held_skipped(ride, 8, 8);
    held_skipped(ride, 0, 5);
    assert_misses_none(ride);
    held_skipped(ride, 8, 12);
    assert_int_equal(missed(ride), 8);
    held_skipped(ride, 14, 20);
    assert_int_equal(missed(ride), 8);
    uint64_t second = claim(*state, ride);
    held_skipped(ride, 20, 24);
    settle(ride, second, 22);
    assert_int_equal(missed(ride), 22);
}

static void what_was_missed_in_an_epoch_makes_the_record_doubtful_in_the_next(void **state)
{
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");

    settle(ride, claim(*state, ride), 5);
    held_restore_epoch(ride);
    assert_misses_none(ride);
    held_skipped(ride, 0, 7);
    held_restore_epoch(ride);
    assert_int_equal(missed(ride), 0);
}

static void expect_origin(struct redis_ride *ride, const char *expected)
{
    char origin[HELD_ORIGIN_SIZE];

    held_origin(ride, socket_of(ANN), origin);
    assert_string_equal(origin, expected);
}

/* Which is put back with it, so that it is known when its sender sends it again. */
static void a_record_that_was_heard_is_that_of_its_boarding(void **state)
{
    struct redis_ride *ride = redis_rides_get(&((struct desk *)*state)->rides, "/a");

    expect_origin(ride, "");
    settle(ride, claim(*state, ride), 5);
    hear(ride, BROKER_BOARDED, 5, newer);
    hear(ride, BROKER_DISCONNECTED, 6, newer);
    expect_origin(ride, "");
    hear(ride, BROKER_BOARDED, 7, newer);
    expect_origin(ride, " 00000006 00000007");

    /* Put back by another node, too, and in a new epoch; */
    hear(ride, BROKER_RESTORED, 8, newer);
    held_restore_epoch(ride);
    hear(ride, BROKER_RESTORED, 1, newer);
    expect_origin(ride, " 00000006 00000007");

    /* but what was put back as something else, or said here, was not heard as it was boarded. */
    hear(ride, BROKER_RESTORED, 2, ann);
    expect_origin(ride, "");
    hear(ride, BROKER_BOARDED, 3, newer);
    expect_origin(ride, " 00000002 00000003");
    settle(ride, claim(*state, ride), 4);
    expect_origin(ride, "");

    /* Events and answers come on connections of their own; the record may be that of a resumption. */
    uint64_t last = claim(*state, ride);
    hear(ride, BROKER_BOARDED, 6, newer);
    settle(ride, last, 5);
    expect_origin(ride, " 00000005 00000006");
    last = claim(*state, ride);
    hear(ride, BROKER_BOARDED, 7, ann);
    hear(ride, BROKER_ENDED, 8, ann);
    settle(ride, last, 8);
    expect_origin(ride, " 00000006 00000007");
    settle(ride, claim(*state, ride), 10);
    expect_origin(ride, "");
    hear(ride, BROKER_BOARDED, 9, ann);
    expect_origin(ride, " 00000008 00000009");
}

static struct blob *blob_of(const char *text)
{
    return blob_new(text, strlen(text));
}

static void correct(struct redis_ride *ride, uint64_t claim, const char *text, uint64_t offset)
{
    struct blob *user = blob_of(text);

    held_corrected(ride, socket_of(1), claim, user, offset);
    blob_unref(user);
}

static const char *next_record(struct redis_ride *ride)
{
    const struct held *held;
    static char text[64];

    assert_int_equal(held_next(ride, &held, 1), 1);
    snprintf(text, sizeof text, "%.*s", (int)held->user->len, held->user->data);
    return text;
}

static void a_record_that_does_not_count_is_replaced_by_the_one_that_does(void **state)
{
    static const char old[] = "{\"id\":\"1\"}", new[] = "{\"id\":\"1\",\"n\":2}";
    struct desk *desk = *state;
    struct redis_ride *ride = redis_rides_get(&desk->rides, "/a");

    hold(desk, ride, 1);
    const uint64_t claim = desk->holding.last_claim;
    correct(ride, claim + 1, new, 9); /* of another claim */
    correct(ride, claim, new, 1);     /* as old as the one that is known */
    correct(ride, claim, "{\"id\":\"2\"}", 9);
    assert_string_equal(next_record(ride), old);
    correct(ride, claim, new, 9);
    assert_string_equal(next_record(ride), new);

    /* A boarding whose answer is to come says which one counts. */
    held_claim(&desk->holding, ride, socket_of(1));
    correct(ride, claim, old, 10);
    held_failed(ride, socket_of(1), claim);
    assert_string_equal(next_record(ride), new);
}

int main(void)
{
#define at_a_desk(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        at_a_desk(what_a_ride_lost_is_put_back_as_far_as_it_may_be_under_way),
        at_a_desk(a_ride_that_is_not_caught_up_with_costs_one_look_and_nobody_else_a_turn),
        at_a_desk(rides_of_a_server_that_is_away_cost_no_looks_until_it_is_up),
        at_a_desk(who_has_to_wait_is_passed_by_others_of_the_ride),
        at_a_desk(many_rides_that_have_to_wait_are_looked_at_in_turn),
        at_a_desk(a_record_that_does_not_count_is_replaced_by_the_one_that_does),
        at_a_desk(what_is_told_after_the_answer_is_the_latest),
        at_a_desk(what_is_told_before_the_answer_but_later_is_the_latest),
        at_a_desk(of_more_events_than_are_kept_some_may_have_been_missed),
        at_a_desk(a_roster_in_place_of_events_may_hide_a_later_boarding),
        at_a_desk(what_was_missed_in_an_epoch_makes_the_record_doubtful_in_the_next),
        at_a_desk(a_record_that_was_heard_is_that_of_its_boarding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
