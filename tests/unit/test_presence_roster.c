/*
 * The application: what riders hear of rosters and events.
 */
#include "common/log.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- rosters and events --- */

static void the_first_roster_is_told_to_nobody(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2");
    assert_journal(w, "watch /\n");
}

static void events_before_the_first_roster_are_part_of_it(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_event(w, 1, BROKER_BOARDED, "A", "1");
    says_roster(w, "/", 1, "A1");
    says_event(w, 2, BROKER_BOARDED, "B", "2");
    assert_journal(w, "watch /\nann < 42[\"userBoarded\",2,\"2.00000002-e\"]\n");
}

static void another_roster_is_told_by_its_difference(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2 C3");
    turn(w);
    rider_active_users(w->client[0].rider, &ACK_5);
    turn(w);
    buf_clear(&w->journal);
    says_roster(w, "/", 9, "B2 C7 D4");
    assert_journal(w, "ann < 42[\"userDisconnected\",1,\"9-\"]\n"
                      "ann < 42[\"userBoarded\",7,\"9-\"]\n"
                      "ann < 42[\"userBoarded\",4,\"9-\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"9.00000009-e\",\"users\":[2,7,4]}\n");
}

static void who_was_put_back_is_news_only_to_those_who_missed_it(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1");
    says_event(w, 4, BROKER_RESTORED, "A", "1");
    says_event(w, 5, BROKER_RESTORED, "B", "2");
    assert_journal(w, "watch /\nann < 42[\"userBoarded\",2,\"5.00000005-e\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"5.00000005-e\",\"users\":[1,2]}\n");
}

static void who_is_not_aboard_cannot_be_gone(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1");
    says_event(w, 4, BROKER_DISCONNECTED, "B", "2");
    assert_journal(w, "watch /\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"4.00000004-e\",\"users\":[1]}\n");
}

static void who_is_aboard_through_several_connections_is_there_once(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "");
    says_event_of(w, 4, BROKER_BOARDED, "S", "A", "1");
    says_event_of(w, 5, BROKER_BOARDED, "T", "A", "2");
    assert_journal(w, "watch /\nann < 42[\"userBoarded\",1,\"4.00000004-e\"]\n"
                      "ann < 42[\"userBoarded\",2,\"5.00000005-e\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"5.00000005-e\",\"users\":[2]}\n");
    says_event_of(w, 6, BROKER_EXITED, "S", "A", "3");
    says_event_of(w, 7, BROKER_EXITED, "T", "A", "4");
    assert_journal(w, "ann < 42[\"userExited\",3,\"6.00000006-e\"]\n"
                      "ann < 42[\"userExited\",4,\"7.00000007-e\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"7.00000007-e\",\"users\":[]}\n");
}

static void a_socket_that_ended_is_no_news(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1");
    says_event(w, 4, BROKER_ENDED, "A", "1");
    assert_journal(w, "watch /\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"4.00000004-e\",\"users\":[1]}\n");
}

/* --- tallies --- */

static void another_number_at_the_same_place_has_the_roster_read_anew(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2");
    says_tally(w, 3, 1);
    assert_journal(w, "watch /\nreread /\n");
}

static void the_same_number_is_well(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2");
    says_tally_of(w, 3, "B2 A1");
    assert_journal(w, "watch /\n");
}

static void as_many_others_are_not(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2");
    says_tally_of(w, 3, "A1 B3");
    assert_journal(w, "watch /\nreread /\n");
    says_event(w, 4, BROKER_BOARDED, "B", "3");
    says_tally_of(w, 4, "A1 B3");
    says_tally_of(w, 4, "A1 B2");
    assert_journal(w, "reread /\nann < 42[\"userBoarded\",3,\"4.00000004-e\"]\n");
}

static void a_number_of_another_place_says_nothing(void **state)
{
    struct world *w = *state;

    says_tally(w, 3, 1);
    join(w, 0);
    says_tally(w, 0, 1);
    says_roster(w, "/", 3, "A1 B2");
    says_tally(w, 2, 1);
    says_tally(w, 4, 3);
    w->epoch = "f";
    says_tally(w, 3, 1);
    assert_journal(w, "watch /\n");
}

static void nor_does_the_number_of_another_history(void **state)
{
    struct world *w = *state;

    join(w, 0);
    strcpy(says_roster(w, "/", 3, "A1 B2")->position.chain, "0000000a");
    strcpy(says_tally(w, 3, 1)->position.chain, "0000000b");
    assert_journal(w, "watch /\n");
    strcpy(says_tally(w, 3, 1)->position.chain, "0000000a");
    assert_journal(w, "reread /\n");
}

static void nor_any_number_while_somebody_is_doubted(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 3, "A1 B2");
    says_renumbered(w, "f", 2, "A1");
    says_tally(w, 2, 1);
    assert_journal(w, "watch /\n");
}

static void an_exit_without_a_boarding_is_told_too(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    says_event(w, 1, BROKER_EXITED, "A", "1");
    assert_journal(w, "ann < 42[\"userExited\",1,\"1.00000001-e\"]\n");
}

static void events_concern_their_ride_only(void **state)
{
    struct world *w = *state;

    join_ride(w, 1, "/line-7");
    join_live(w, 1);
    says_roster(w, "/line-7", 0, "");
    says_event(w, 1, BROKER_BOARDED, "A", "1");
    assert_journal(w, "ann < 42[\"userBoarded\",1,\"1.00000001-e\"]\n");
}

/* --- another epoch: the store may have lost some --- */

enum { DOUBT = LEASE + PRESENCE_DOUBT_SLACK_MS };

/* Client 0 knows A, B and C; then the store knows `set` only, numbered anew from offset 2 on. */
static void renumber(struct world *w, const char *set)
{
    join(w, 0);
    says_roster(w, "/", 7, "A1 B2 C3");
    turn(w);
    buf_clear(&w->journal);
    says_renumbered(w, "f", 2, set);
}

static void who_is_missing_in_a_new_epoch_is_told_once_when_nobody_has_put_it_back(void **state)
{
    struct world *w = *state;

    renumber(w, "B2");
    assert_journal(w, "");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"2.00000002-f\",\"users\":[1,2,3]}\n");
    advance(w, DOUBT - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ann < 42[\"userDisconnected\",1,\"2-\"]\nann < 42[\"userDisconnected\",3,\"2-\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"2.00000002-f\",\"users\":[2]}\n");
    advance(w, 2 * DOUBT);
    assert_journal(w, "");
}

static void who_was_found_missing_before_is_told_at_once(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_roster(w, "/", 7, "A1 B2");
    turn(w);
    buf_clear(&w->journal);
    w->epoch = "f";
    struct broker_message *roster = says_roster(w, "/", 0, "B2");
    roster->renumbered = roster->settled = true;
    assert_journal(w, "ann < 42[\"userDisconnected\",1,\"0-\"]\n");
    advance(w, DOUBT);
    assert_journal(w, "");
}

static void the_recovery_window_is_waited_for_too(void **state)
{
    struct world *w = *state;

    allow_recovery(w);
    renumber(w, "");
    turn(w);
    advance(w, DOUBT + WINDOW - 1);
    assert_journal(w, "");
    advance(w, 1);
    turn(w);
    assert_int_not_equal(w->journal.len, 0);
}

static void who_is_put_back_meanwhile_is_told_to_nobody_who_knew(void **state)
{
    struct world *w = *state;

    renumber(w, "");
    says_event(w, 3, BROKER_RESTORED, "A", "1");
    says_event(w, 4, BROKER_RESTORED, "B", "2");
    says_event(w, 5, BROKER_RESTORED, "C", "3");
    says_event(w, 6, BROKER_RESTORED, "D", "4");
    assert_journal(w, "ann < 42[\"userBoarded\",4,\"6.00000006-f\"]\n");
    advance(w, DOUBT);
    assert_journal(w, "");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"6.00000006-f\",\"users\":[1,2,3,4]}\n");
}

static void what_happens_to_the_missing_meanwhile_is_told_and_final(void **state)
{
    struct world *w = *state;

    renumber(w, "");
    says_event(w, 3, BROKER_BOARDED, "A", "7");
    says_event(w, 4, BROKER_EXITED, "B", "2");
    says_event(w, 5, BROKER_RESTORED, "C", "3");
    says_event(w, 6, BROKER_DISCONNECTED, "C", "3");
    assert_journal(
        w, "ann < 42[\"userBoarded\",7,\"3.00000003-f\"]\nann < 42[\"userExited\",2,\"4.00000004-f\"]\n"
           "ann < 42[\"userDisconnected\",3,\"6.00000006-f\"]\n");
    advance(w, DOUBT);
    assert_journal(w, "");
}

static void who_is_new_in_a_new_epoch_is_told_at_once(void **state)
{
    struct world *w = *state;

    renumber(w, "A1 B7 D4");
    assert_journal(w, "ann < 42[\"userBoarded\",7,\"2-\"]\nann < 42[\"userBoarded\",4,\"2-\"]\n");
    advance(w, DOUBT);
    assert_journal(w, "ann < 42[\"userDisconnected\",3,\"2-\"]\n");
}

static void another_roster_meanwhile_leaves_the_doubted_alone(void **state)
{
    struct world *w = *state;

    renumber(w, "A1");
    turn(w);
    says_roster(w, "/", 9, "B2");
    assert_journal(w, "ann < 42[\"userDisconnected\",1,\"9-\"]\n");
    advance(w, DOUBT);
    assert_journal(w, "ann < 42[\"userDisconnected\",3,\"9-\"]\n");
}

static void another_epoch_meanwhile_starts_the_wait_anew(void **state)
{
    struct world *w = *state;

    renumber(w, "A1");
    turn(w);
    advance(w, DOUBT - 1);
    says_renumbered(w, "g", 1, "B2");
    assert_journal(w, "");
    advance(w, DOUBT - 1);
    assert_journal(w, "");
    advance(w, 1);
    assert_journal(w, "ann < 42[\"userDisconnected\",1,\"1-\"]\nann < 42[\"userDisconnected\",3,\"1-\"]\n");
}

static void a_ride_that_was_not_known_before_has_nobody_to_doubt(void **state)
{
    struct world *w = *state;

    join(w, 0);
    says_renumbered(w, "f", 2, "A1");
    assert_journal(w, "watch /\n");
    advance(w, DOUBT);
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"2.00000002-f\",\"users\":[1]}\n");
}

static void a_ride_in_doubt_can_go(void **state)
{
    struct world *w = *state;

    presence_free(w->presence);
    w->window_ms = 2 * WATCHED_LINGER_MS;
    start(w, "*");
    renumber(w, "");
    turn(w);
    leave(&w->client[0]);
    advance(w, WATCHED_LINGER_MS);
    assert_journal(w, "unwatch /\n");
    advance(w, w->window_ms + DOUBT);
    assert_journal(w, "");
}

static void presence_can_be_freed_with_a_ride_in_doubt(void **state)
{
    struct world *w = *state;

    renumber(w, "");
    turn(w);
    leave(&w->client[0]);
    presence_free(w->presence);
    w->presence = NULL;
}

/* --- what a store may make of it --- */

/* Twice what riders may board: two of them. Who is aboard may get another record, and goes. */
static void no_event_makes_a_roster_take_more_than_twice_what_a_ride_may(void **state)
{
    struct world *w = *state;

    presence_free(w->presence);
    w->roster_bytes = 300;
    start(w, "*");
    join(w, 0);
    says_roster(w, "/", 0, "");
    says_event(w, 1, BROKER_BOARDED, "A", "1");
    says_event(w, 2, BROKER_BOARDED, "B", "2");
    says_event(w, 3, BROKER_BOARDED, "C", "3");
    turn(w);
    buf_clear(&w->journal);
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"3.00000003-e\",\"users\":[1,2]}\n");
    says_event(w, 4, BROKER_DISCONNECTED, "A", "1");
    says_event(w, 5, BROKER_BOARDED, "C", "3");
    turn(w);
    buf_clear(&w->journal);
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"5.00000005-e\",\"users\":[2,3]}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_roster_is_told_to_nobody),
        TEST(events_before_the_first_roster_are_part_of_it),
        TEST(another_roster_is_told_by_its_difference),
        TEST(who_was_put_back_is_news_only_to_those_who_missed_it),
        TEST(who_is_not_aboard_cannot_be_gone),
        TEST(who_is_aboard_through_several_connections_is_there_once),
        TEST(a_socket_that_ended_is_no_news),
        TEST(another_number_at_the_same_place_has_the_roster_read_anew),
        TEST(the_same_number_is_well),
        TEST(as_many_others_are_not),
        TEST(a_number_of_another_place_says_nothing),
        TEST(nor_does_the_number_of_another_history),
        TEST(nor_any_number_while_somebody_is_doubted),
        TEST(an_exit_without_a_boarding_is_told_too),
        TEST(events_concern_their_ride_only),
        TEST(who_is_missing_in_a_new_epoch_is_told_once_when_nobody_has_put_it_back),
        TEST(who_was_found_missing_before_is_told_at_once),
        TEST(the_recovery_window_is_waited_for_too),
        TEST(who_is_put_back_meanwhile_is_told_to_nobody_who_knew),
        TEST(what_happens_to_the_missing_meanwhile_is_told_and_final),
        TEST(who_is_new_in_a_new_epoch_is_told_at_once),
        TEST(another_roster_meanwhile_leaves_the_doubted_alone),
        TEST(another_epoch_meanwhile_starts_the_wait_anew),
        TEST(a_ride_that_was_not_known_before_has_nobody_to_doubt),
        TEST(a_ride_in_doubt_can_go),
        TEST(presence_can_be_freed_with_a_ride_in_doubt),
        TEST(no_event_makes_a_roster_take_more_than_twice_what_a_ride_may),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
