/*
 * The application: which rides there are, when they are watched, and what becomes of riders' transitions.
 */
#include "common/log.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- which rides there are --- */

static void a_rides_name_is_a_path_of_plain_letters(void **state)
{
    struct world *w = *state;
    char longest[RIDE_NAME_MAX + 2] = "/";

    memset(longest + 1, 'r', RIDE_NAME_MAX - 1);
    assert_null(presence_fault(w->presence, "/"));
    assert_null(presence_fault(w->presence, "/line-7/A_b.c~0"));
    assert_null(presence_fault(w->presence, longest));
    longest[RIDE_NAME_MAX] = 'r';
    assert_non_null(presence_fault(w->presence, longest));
    assert_non_null(presence_fault(w->presence, ""));
    assert_non_null(presence_fault(w->presence, "line-7"));
    assert_non_null(presence_fault(w->presence, "/line 7"));
    assert_non_null(presence_fault(w->presence, "/line-7?token=1"));
    assert_non_null(presence_fault(w->presence, "/{x}"));
    assert_non_null(presence_fault(w->presence, "/\xc3\xa4"));
}

static void a_rides_name_has_no_empty_part(void **state)
{
    static const char *const refused[] = {"//", "//line-7", "/line-7/", "/line//7", "/line-7//", "///"};
    struct world *w = *state;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_string_equal(presence_fault(w->presence, refused[i]),
                            "a ride's name has no / at its end and no two in a row");
}

static void assert_allows(struct world *w, const char *rides, const char *name, bool allowed)
{
    presence_free(w->presence);
    start(w, rides);
    assert_int_equal(!presence_fault(w->presence, name), allowed);
}

static void patterns_narrow_the_rides(void **state)
{
    struct world *w = *state;

    assert_allows(w, "/line-7", "/line-7", true);
    assert_allows(w, "/line-7", "/line-77", false);
    assert_allows(w, "/line-7", "/line-", false);
    assert_allows(w, "/line-7", "/", false);
    assert_allows(w, "/line-*", "/line-", true);
    assert_allows(w, "/line-*", "/line-7", true);
    assert_allows(w, "/line-*", "/tram-7", false);
    assert_allows(w, "/*/a*b", "/x/y/axxab", true);
    assert_allows(w, "/*/a*b", "/x/y/axxa", false);
    assert_allows(w, "/**", "/", true);
}

static void any_of_several_patterns_will_do(void **state)
{
    struct world *w = *state;

    assert_allows(w, "/, /a*,/b /c", "/", true);
    assert_allows(w, "/, /a*,/b /c", "/aa", true);
    assert_allows(w, "/, /a*,/b /c", "/b", true);
    assert_allows(w, "/, /a*,/b /c", "/c", true);
    assert_allows(w, "/, /a*,/b /c", "/d", false);
    assert_allows(w, "", "/", false);
    assert_allows(w, " , ", "/", false);
}

static void a_pattern_with_many_stars_costs_little(void **state)
{
    struct world *w = *state;
    char name[RIDE_NAME_MAX + 1] = "/";

    memset(name + 1, 'a', RIDE_NAME_MAX - 1);
    assert_allows(w, "/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name, false);
}

/* --- watching --- */

static void a_ride_is_watched_from_its_first_rider_on(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    join_ride(w, 2, "/line-7");
    assert_journal(w, "watch /\nwatch /line-7\n");
    assert_int_equal(presence_riders(w->presence)->count, 3);
}

static void it_is_watched_some_seconds_after_the_last(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    leave(&w->client[0]);
    advance(w, 2 * WATCHED_LINGER_MS);
    leave(&w->client[1]);
    advance(w, WATCHED_LINGER_MS - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "unwatch /\n");
    assert_null(rides_find(presence_rides(w->presence), "/"));
    assert_int_equal(presence_riders(w->presence)->count, 0);
}

static void who_comes_back_in_time_keeps_the_ride(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    leave(&w->client[0]);
    advance(w, WATCHED_LINGER_MS - 1);
    join(w, 0);
    advance(w, 2 * WATCHED_LINGER_MS);
    assert_journal(w, "");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
}

static void what_comes_for_a_ride_no_longer_watched_is_nobodys(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    leave(&w->client[0]);
    advance(w, WATCHED_LINGER_MS);
    says_event(w, 1, BROKER_BOARDED, "S", "1");
    says_roster(w, "/", 1, "S1");
    assert_journal(w, "unwatch /\n");
    assert_null(rides_find(presence_rides(w->presence), "/"));
}

/* --- transitions --- */

static void transitions_wait_for_the_first_roster_in_order(void **state)
{
    struct world *w = *state;

    join(w, 0);
    join(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    say(w, 1, BOARDING, &NO_ACK);
    say(w, 0, EXITING, &NO_ACK);
    assert_journal(w, "watch /\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 3);
    says_roster(w, "/", 7, "");
    assert_journal(w, "board / ann " BOARDING "\nboard / bob " BOARDING "\nexit / ann " EXITING "\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 3);
}

static void later_transitions_go_at_once(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    assert_journal(w, "board / ann " BOARDING "\n");
    says_roster(w, "/", 5, "");
    turn(w);
    say(w, 0, BOARDING, &NO_ACK);
    assert_journal(w, "board / ann " BOARDING "\n");
}

static void a_result_is_acknowledged_behind_the_event(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    say(w, 0, BOARDING, &ACK_5);
    assert_journal(w, "board / ann " BOARDING "\n");
    says_event(w, 1, BROKER_BOARDED, rider_id(w->client[0].rider), "1");
    says_result(w, 0, 1, NULL);
    says_event(w, 2, BROKER_BOARDED, "S", "2");
    assert_journal(w, "ann < 42[\"userBoarded\",1,\"1.00000001-e\"]\n"
                      "ann < ack 5 {\"ok\":true,\"offset\":\"1.00000001-e\"}\n"
                      "ann < 42[\"userBoarded\",2,\"2.00000002-e\"]\n"
                      "bob < 42[\"userBoarded\",1,\"1.00000001-e\"]\n"
                      "bob < 42[\"userBoarded\",2,\"2.00000002-e\"]\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void nothing_is_acknowledged_unasked(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    says_result(w, 0, 1, NULL);
    assert_journal(w, "board / ann " BOARDING "\n");
}

static void acks_find_their_senders_whatever_the_order(void **state)
{
    struct world *w = *state;
    struct ack text = {.wanted = true, .text = blob_new("\"x\"", 3)};

    join_live(w, 2);
    say(w, 0, BOARDING, &text);
    say(w, 1, BOARDING, &ACK_5);
    blob_unref(text.text);
    buf_clear(&w->journal);
    says_result(w, 1, 2, NULL);
    says_result(w, 0, 1, NULL);
    assert_journal(w, "bob < ack 5 {\"ok\":true,\"offset\":\"2.00000002-e\"}\n"
                      "ann < ack 0\"x\" {\"ok\":true,\"offset\":\"1.00000001-e\"}\n");
}

static void an_exit_is_followed_by_the_disconnection(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    w->client[0].leaves_at_disconnect = true;
    say(w, 0, BOARDING, &NO_ACK);
    say(w, 0, EXITING, &ACK_5);
    buf_clear(&w->journal);
    says_result(w, 0, 1, NULL);
    says_event(w, 2, BROKER_EXITED, rider_id(w->client[0].rider), "1");
    says_result(w, 1, 2, NULL);
    assert_journal(w, "ann < 42[\"userExited\",1,\"2.00000002-e\"]\n"
                      "ann < ack 5 {\"ok\":true,\"offset\":\"2.00000002-e\"}\n"
                      "ann < disconnected\n");
    assert_int_equal(presence_riders(w->presence)->count, 0);
}

static void what_is_said_after_an_exit_is_ignored(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, EXITING, &NO_ACK);
    say(w, 0, BOARDING, &ACK_5);
    say(w, 0, "nonsense", &ACK_5);
    assert_journal(w, "exit / ann " EXITING "\n");
}

static void a_bad_record_is_answered_to_its_sender_only(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    say(w, 0, "{\"id\":\"u\"", &ACK_5);
    turn(w);
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_non_null(strstr(w->journal.data, "ann < ack 5 {\"ok\":false,\"error\":\""));
    assert_non_null(strstr(w->journal.data, "ann < exception "));
    assert_null(strstr(w->journal.data, "bob"));
    assert_int_equal(w->broker.submitted_count, 0);
    buf_clear(&w->journal);

    say(w, 0, "{}", &NO_ACK);
    turn(w);
    assert_int_equal(presence_riders(w->presence)->counts.refused, 2);
    assert_int_equal(buf_append(&w->journal, "", 1), 0);
    assert_null(strstr(w->journal.data, "ack"));
    assert_non_null(strstr(w->journal.data, "ann < exception "));
}

static void a_record_over_the_limit_is_refused(void **state)
{
    struct world *w = *state;
    char record[USER_MAX + 64];

    join_live(w, 1);
    int len =
        snprintf(record, sizeof record, "{\"id\":\"u\",\"name\":\"n\",\"status\":\"boarding\",\"x\":\"");
    memset(record + len, 'x', (size_t)(USER_MAX - len));
    strcpy(record + USER_MAX - 2, "\"}");
    say(w, 0, record, &NO_ACK);
    assert_int_equal(w->broker.submitted_count, 1);
    strcpy(record + USER_MAX - 2, "x\"}");
    say(w, 0, record, &NO_ACK);
    assert_int_equal(w->broker.submitted_count, 1);
}

static void what_is_no_record_is_refused_in_the_clients_words(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    rider_refuse(w->client[0].rider, &ACK_5, "not \"that\"");
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"not \\\"that\\\"\"}\n"
                      "ann < exception not \"that\"\n");
}

static void a_refused_transition_is_told_to_its_sender(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    buf_clear(&w->journal);
    says_result(w, 0, 0, "full");
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"full\"}\nann < exception full\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void a_refused_exit_leaves_the_client_connected_and_free_to_try_again(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, EXITING, &NO_ACK);
    buf_clear(&w->journal);
    says_result(w, 0, 0, "full");
    assert_journal(w, "ann < exception full\n");
    say(w, 0, EXITING, &NO_ACK);
    assert_journal(w, "exit / ann " EXITING "\n");
}

static void who_has_heard_that_it_is_gone_is_cut_when_its_exit_is_refused(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    w->client[0].leaves_when_evicted = true;
    say(w, 0, BOARDING, &NO_ACK);
    says_result(w, 0, 1, NULL);
    say(w, 0, EXITING, &NO_ACK);
    turn(w);
    buf_clear(&w->journal);
    says_event(w, 2, BROKER_EXITED, rider_id(w->client[0].rider), "1");
    says_result(w, 1, 0, "full");
    turn(w);
    assert_journal(w, "ann evicted\ndisconnect / ann\n"
                      "bob < 42[\"userExited\",1,\"2.00000002-e\"]\n"
                      "ann < 42[\"userExited\",1,\"2.00000002-e\"]\n"
                      "ann < exception full\n");
    assert_int_equal(presence_riders(w->presence)->count, 1);
}

static void a_refused_boarding_does_not_call_off_the_exit_behind_it(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    say(w, 0, EXITING, &NO_ACK);
    buf_clear(&w->journal);
    says_result(w, 0, 0, "full");
    assert_journal(w, "ann < exception full\n");
    say(w, 0, BOARDING, &ACK_5);
    assert_journal(w, "");
    says_result(w, 1, 1, NULL);
    assert_journal(w, "ann < disconnected\n");
}

static void who_drops_after_a_refused_exit_is_told_as_disconnected(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    say(w, 0, EXITING, &NO_ACK);
    says_result(w, 0, 1, NULL);
    says_result(w, 1, 0, "full");
    turn(w);
    buf_clear(&w->journal);
    leave(&w->client[0]);
    assert_journal(w, "disconnect / ann\n");
}

static void a_result_for_who_is_gone_is_dropped(void **state)
{
    struct world *w = *state;
    struct ack text = {.wanted = true, .text = blob_new("7", 1)};

    join_live(w, 1);
    say(w, 0, BOARDING, &text);
    blob_unref(text.text);
    leave(&w->client[0]);
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 2);
    says_result(w, 0, 1, NULL);
    says_result(w, 1, 0, "full");
    assert_journal(w, "board / ann " BOARDING "\ndisconnect / ann\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void a_result_nobody_knows_is_ignored(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    buf_clear(&w->journal);
    says_result(w, 0, 1, NULL);
    says_result(w, 0, 1, NULL);
    assert_journal(w, "ann < ack 5 {\"ok\":true,\"offset\":\"1.00000001-e\"}\n");
}

static void who_was_aboard_is_told_as_disconnected_when_it_drops(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    leave(&w->client[0]);
    assert_journal(w, "board / ann " BOARDING "\ndisconnect / ann\n");
    says_result(w, 0, 1, NULL);
    says_result(w, 1, 2, NULL);
    assert_journal(w, "");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void who_never_boarded_or_has_exited_drops_in_silence(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    leave(&w->client[0]);
    say(w, 1, BOARDING, &NO_ACK);
    say(w, 1, EXITING, &NO_ACK);
    says_result(w, 0, 1, NULL);
    says_result(w, 1, 2, NULL);
    turn(w);
    leave(&w->client[1]);
    assert_journal(w, "board / bob " BOARDING "\nexit / bob " EXITING "\nbob < disconnected\n");
}

/* The exit may yet be refused. */
static void who_drops_before_its_exits_result_is_told_as_disconnected(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, EXITING, &NO_ACK);
    leave(&w->client[0]);
    assert_journal(w, "exit / ann " EXITING "\ndisconnect / ann\n");
}

static void who_drops_before_the_roster_boards_and_disconnects_after_it(void **state)
{
    struct world *w = *state;

    join(w, 0);
    say(w, 0, BOARDING, &ACK_5);
    leave(&w->client[0]);
    advance(w, 2 * WATCHED_LINGER_MS);
    assert_journal(w, "watch /\n");
    says_roster(w, "/", 3, "");
    assert_journal(w, "board / ann " BOARDING "\ndisconnect / ann\n");
    advance(w, WATCHED_LINGER_MS);
    assert_journal(w, "unwatch /\n");
}

static void held_transitions_are_refused_beyond_the_queue(void **state)
{
    struct world *w = *state;
    size_t said = 0;

    join(w, 0);
    buf_clear(&w->journal);
    while (!w->journal.len && said < QUEUE) {
        say(w, 0, BOARDING, &ACK_5);
        said++;
        turn(w);
    }
    assert_in_range(said, 3, SUBMITTED_MAX);
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"" AWAY "\"}\nann < exception " AWAY "\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), said - 1);

    says_roster(w, "/", 0, "");
    turn(w);
    assert_int_equal(w->broker.submitted_count, said - 1);
    buf_clear(&w->journal);
    join_ride(w, 1, "/other");
    say(w, 1, BOARDING, &ACK_5);
    assert_journal(w, "watch /other\n"); /* the queue has room again */
}

/* --- state --- */

static void presence_is_ready_while_the_broker_is_up(void **state)
{
    struct world *w = *state;

    assert_false(presence_ready(w->presence));
    says_up(w, true);
    turn(w);
    assert_true(presence_ready(w->presence));
    says_up(w, false);
    turn(w);
    assert_false(presence_ready(w->presence));
}

static void a_signal_stops(void **state)
{
    struct world *w = *state;

    message_new(w, BROKER_SIGNAL, "", 0);
    turn(w);
    assert_int_equal(w->stops, 1);
}

static void a_hang_up_reloads(void **state)
{
    struct world *w = *state;

    message_new(w, BROKER_RELOAD, "", 0);
    turn(w);
    assert_int_equal(w->reloads, 1);
    assert_int_equal(w->stops, 0);
}

static void presence_can_be_freed_with_transitions_held_and_pending(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    join_ride(w, 1, "/other");
    say(w, 1, BOARDING, &ACK_5);
    leave(&w->client[0]);
    leave(&w->client[1]);
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 4);
    presence_free(w->presence);
    w->presence = NULL;
}

static void freeing_no_presence_is_harmless(void **state)
{
    (void)state;
    presence_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rides_name_is_a_path_of_plain_letters),
        TEST(a_rides_name_has_no_empty_part),
        TEST(patterns_narrow_the_rides),
        TEST(any_of_several_patterns_will_do),
        TEST(a_pattern_with_many_stars_costs_little),
        TEST(a_ride_is_watched_from_its_first_rider_on),
        TEST(it_is_watched_some_seconds_after_the_last),
        TEST(who_comes_back_in_time_keeps_the_ride),
        TEST(what_comes_for_a_ride_no_longer_watched_is_nobodys),
        TEST(transitions_wait_for_the_first_roster_in_order),
        TEST(later_transitions_go_at_once),
        TEST(a_result_is_acknowledged_behind_the_event),
        TEST(nothing_is_acknowledged_unasked),
        TEST(acks_find_their_senders_whatever_the_order),
        TEST(an_exit_is_followed_by_the_disconnection),
        TEST(what_is_said_after_an_exit_is_ignored),
        TEST(a_bad_record_is_answered_to_its_sender_only),
        TEST(a_record_over_the_limit_is_refused),
        TEST(what_is_no_record_is_refused_in_the_clients_words),
        TEST(a_refused_transition_is_told_to_its_sender),
        TEST(a_refused_exit_leaves_the_client_connected_and_free_to_try_again),
        TEST(who_has_heard_that_it_is_gone_is_cut_when_its_exit_is_refused),
        TEST(a_refused_boarding_does_not_call_off_the_exit_behind_it),
        TEST(who_drops_after_a_refused_exit_is_told_as_disconnected),
        TEST(a_result_for_who_is_gone_is_dropped),
        TEST(a_result_nobody_knows_is_ignored),
        TEST(who_was_aboard_is_told_as_disconnected_when_it_drops),
        TEST(who_never_boarded_or_has_exited_drops_in_silence),
        TEST(who_drops_before_its_exits_result_is_told_as_disconnected),
        TEST(who_drops_before_the_roster_boards_and_disconnects_after_it),
        TEST(held_transitions_are_refused_beyond_the_queue),
        TEST(presence_is_ready_while_the_broker_is_up),
        TEST(a_signal_stops),
        TEST(a_hang_up_reloads),
        TEST(presence_can_be_freed_with_transitions_held_and_pending),
        cmocka_unit_test(freeing_no_presence_is_harmless),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
