/*
 * The application: transitions that are refused, on full rides, when they come too fast, or of somebody else.
 */
#include "common/log.h"
#include "common/metrics.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- how many --- */

#define BOARDING_OF(id) "{\"id\":\"" id "\",\"name\":\"n\",\"status\":\"boarding\"}"

/* A ride on which two more may board. */
static void only_two_more(struct world *w)
{
    presence_free(w->presence);
    w->riders_per_ride = 4;
    start(w, "*");
    for (int i = 0; i < CLIENTS; i++)
        join(w, i);
}

static void held_boardings_are_refused_where_the_ride_turns_out_full(void **state)
{
    struct world *w = *state;

    only_two_more(w);
    say(w, 0, BOARDING_OF("u1"), &ACK_5);
    say(w, 1, BOARDING_OF("u2"), &ACK_5);
    say(w, 2, BOARDING_OF("u3"), &ACK_5);
    assert_journal(w, "watch /\n");
    says_roster(w, "/", 3, "X1,Y2");
    turn(w);
    assert_journal(w, "board / ann " BOARDING_OF("u1") "\nboard / bob " BOARDING_OF(
                          "u2") "\n"
                                "cyd < ack 5 {\"ok\":false,\"error\":\"the ride is full\"}\n"
                                "cyd < exception the ride is full\n");
}

/* Whether some of that kind were logged. */
static bool is_said(const struct refusals *refusals, enum refusal kind)
{
    return refusals->refused[kind].quiet.place != 0;
}

static void one_that_was_held_back_is_refused_in_one_line(void **state)
{
    struct world *w = *state;
    struct metrics *metrics = metrics_new();
    static struct refusals refusals;

    refusals_init(&refusals, metrics, w->timers);
    w->refusals = &refusals;
    w->riders_per_ride = 1;
    presence_free(w->presence);
    start(w, "*");
    join(w, 0);
    say(w, 0, BOARDING_OF("u"), &NO_ACK);
    says_roster(w, "/", 1, "X1");
    turn(w);
    assert_journal(w, "watch /\nann < exception the ride is full\n");
    assert_true(is_said(&refusals, REFUSED_RIDERS));
    assert_false(is_said(&refusals, REFUSED_MESSAGE));
    timers_cancel(w->timers, &refusals.refused[REFUSED_RIDERS].quiet);
    metrics_free(metrics);
}

static void a_person_takes_one_place_however_it_boards(void **state)
{
    struct world *w = *state;

    only_two_more(w);
    for (int i = 0; i < CLIENTS; i++)
        say(w, i, BOARDING_OF("u"), &NO_ACK);
    assert_journal(w, "watch /\n");
    says_roster(w, "/", 3, "X1,Y2,Z3");
    assert_journal(w, "board / ann " BOARDING_OF("u") "\nboard / bob " BOARDING_OF(
                          "u") "\nboard / cyd " BOARDING_OF("u") "\n");
}

static void a_full_ride_takes_whoever_is_aboard_already(void **state)
{
    struct world *w = *state;

    only_two_more(w);
    says_roster(w, "/", 3, "X1,Y2,Z3,U4");
    turn(w);
    buf_clear(&w->journal);
    say(w, 0, BOARDING_OF("U"), &NO_ACK);
    say(w, 1, BOARDING_OF("V"), &NO_ACK);
    assert_journal(w, "board / ann " BOARDING_OF("U") "\nbob < exception the ride is full\n");
}

/* --- how fast --- */

#define SLOW_DOWN      "exception too many boardings at once; slow down\n"
#define RIDE_BUSY      "exception too much happens on this ride; try again\n"
#define EXITING_OF(id) "{\"id\":\"" id "\",\"name\":\"n\",\"status\":\"exiting\"}"

/* Two at once and one a second. */
static const struct bucket_rate TWO = {.per_second = 1, .burst = 2};

static void pace(struct world *w, struct bucket_rate transitions, struct bucket_rate events)
{
    presence_free(w->presence);
    w->transitions = transitions;
    w->events = events;
    start(w, "*");
    join_live(w, CLIENTS);
    buf_clear(&w->journal);
}

static void a_client_boards_so_often_whatever_the_others_do(void **state)
{
    struct world *w = *state;

    pace(w, TWO, (struct bucket_rate){0});
    for (int i = 0; i < 3; i++)
        say(w, 0, BOARDING_OF("u"), &NO_ACK);
    say(w, 1, BOARDING_OF("v"), &NO_ACK);
    assert_journal(w, "board / ann " BOARDING_OF("u") "\nboard / ann " BOARDING_OF(
                          "u") "\nboard / bob " BOARDING_OF("v") "\nann < " SLOW_DOWN);
    advance(w, 1000);
    say(w, 0, BOARDING_OF("u"), &NO_ACK);
    say(w, 0, BOARDING_OF("u"), &ACK_5);
    assert_journal(w,
                   "board / ann " BOARDING_OF(
                       "u") "\n"
                            "ann < ack 5 {\"ok\":false,\"error\":\"too many boardings at once; slow down\"}\n"
                            "ann < " SLOW_DOWN);
    assert_int_equal(presence_riders(w->presence)->counts.refused, 2);
}

static void another_ride_or_another_rider_of_the_client_is_no_way_around(void **state)
{
    struct world *w = *state;

    pace(w, TWO, (struct bucket_rate){0});
    for (int i = 0; i < 2; i++) {
        say(w, 0, BOARDING_OF("u"), &NO_ACK);
        leave(&w->client[0]);
        join(w, 0);
    }
    buf_clear(&w->journal);
    say(w, 0, BOARDING_OF("u"), &NO_ACK);
    assert_journal(w, "ann < " SLOW_DOWN);
}

static void an_exit_counts_and_is_never_refused(void **state)
{
    struct world *w = *state;

    pace(w, TWO, TWO);
    say(w, 0, BOARDING_OF("u"), &NO_ACK);
    say(w, 0, EXITING_OF("u"), &NO_ACK);
    say(w, 2, BOARDING_OF("w"), &NO_ACK);
    say(w, 1, EXITING_OF("v"), &NO_ACK);
    assert_journal(w, "board / ann " BOARDING_OF("u") "\nexit / ann " EXITING_OF(
                          "u") "\nexit / bob " EXITING_OF("v") "\ncyd < " RIDE_BUSY);
    advance(w, 1000);
    say(w, 2, BOARDING_OF("w"), &NO_ACK);
    assert_journal(w, "board / cyd " BOARDING_OF("w") "\n");
}

static void so_much_happens_on_a_ride_whoever_it_is_and_on_others_as_well(void **state)
{
    struct world *w = *state;

    pace(w, (struct bucket_rate){0}, TWO);
    for (int i = 0; i < CLIENTS; i++)
        say(w, i, BOARDING_OF("u"), &NO_ACK);
    assert_journal(w, "board / ann " BOARDING_OF("u") "\nboard / bob " BOARDING_OF("u") "\ncyd < " RIDE_BUSY);
    leave(&w->client[2]);
    join_ride(w, 2, "/other");
    says_roster(w, "/other", 1, "");
    turn(w);
    buf_clear(&w->journal);
    say(w, 2, BOARDING_OF("u"), &NO_ACK);
    assert_journal(w, "board /other cyd " BOARDING_OF("u") "\n");
}

/* --- who --- */

#define RECORD(id) "{\"id\":\"" id "\",\"name\":\"n\",\"status\":\"boarding\"}"

static void a_bearer_boards_as_the_subject_of_its_token_alone(void **state)
{
    static const char *const refused[] = {RECORD("bob"), RECORD("ann "), RECORD("an")};
    static const char *const of_two_ids[] = {
        "{\"id\":\"bob\",\"id\":\"ann\",\"name\":\"n\",\"status\":\"boarding\"}",
        "{\"id\":\"ann\",\"\\u0069d\":\"bob\",\"name\":\"n\",\"status\":\"boarding\"}",
    };
    struct world *w = *state;

    w->client[0].subject = "ann";
    join_live(w, 1);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        say(w, 0, refused[i], &NO_ACK);
        turn(w);
        assert_journal(w, "ann < exception the user is not the token's subject\n");
    }
    for (size_t i = 0; i < sizeof of_two_ids / sizeof *of_two_ids; i++) {
        say(w, 0, of_two_ids[i], &NO_ACK);
        turn(w);
        assert_journal(w, "ann < exception the user record must not name a member twice\n");
    }
    assert_int_equal(w->broker.submitted_count, 0);
    say(w, 0, "{\"id\":\"\\u0061nn\",\"name\":\"n\",\"status\":\"boarding\"}", &NO_ACK);
    assert_int_equal(w->broker.submitted_count, 1);
}

static void a_bearer_exits_as_the_subject_of_its_token_alone(void **state)
{
    struct world *w = *state;

    w->client[0].subject = "ann";
    join_live(w, 1);
    say(w, 0, "{\"id\":\"bob\",\"name\":\"n\",\"status\":\"exiting\"}", &ACK_5);
    turn(w);
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"the user is not the token's subject\"}\n"
                      "ann < exception the user is not the token's subject\n");
    say(w, 0, "{\"id\":\"ann\",\"name\":\"n\",\"status\":\"exiting\"}", &ACK_5);
    assert_int_equal(w->broker.submitted_count, 1);
}

static void a_bearer_of_no_subject_listens_only(void **state)
{
    struct world *w = *state;

    w->client[0].subject = "";
    join_live(w, 1);
    say(w, 0, RECORD("ann"), &NO_ACK);
    turn(w);
    assert_journal(w, "ann < exception the user is not the token's subject\n");
    assert_int_equal(w->broker.submitted_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(held_boardings_are_refused_where_the_ride_turns_out_full),
        TEST(one_that_was_held_back_is_refused_in_one_line),
        TEST(a_person_takes_one_place_however_it_boards),
        TEST(a_full_ride_takes_whoever_is_aboard_already),
        TEST(a_client_boards_so_often_whatever_the_others_do),
        TEST(another_ride_or_another_rider_of_the_client_is_no_way_around),
        TEST(an_exit_counts_and_is_never_refused),
        TEST(so_much_happens_on_a_ride_whoever_it_is_and_on_others_as_well),
        TEST(a_bearer_boards_as_the_subject_of_its_token_alone),
        TEST(a_bearer_exits_as_the_subject_of_its_token_alone),
        TEST(a_bearer_of_no_subject_listens_only),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
