/*
 * The application: what clients that come back have missed.
 */
#include "common/log.h"
#include "tests/unit/recovery_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- coming back --- */

static void who_comes_back_hears_what_it_missed_before_anything_new(void **state)
{
    struct world *w = *state;

    drop_after(w, 1);
    says_events(w, 2, 3);
    turn(w);
    come_back(w, 0, 1);
    says_events(w, 4, 4);
    assert_journal(w, "resume / ann\n");
    says_resumed(w, 2, 4, BOARDING);
    says_events(w, 5, 5);
    assert_journal(w, "ann recovered\nann < " EVENT(2) "ann < " EVENT(3) "ann < " EVENT(4) "ann < " EVENT(5));
    says_events(w, 6, 6);
    assert_journal(w, "ann < " EVENT(6));
    assert_int_equal(presence_riders(w->presence)->counts.recovered, 1);
    assert_int_equal(presence_riders(w->presence)->counts.unrecovered, 0);
}

/* What one address may have sent anew: `burst` bytes, and `burst` resumptions, at once. */
static void limit_replays(struct world *w, uint64_t resumes, uint64_t bytes)
{
    const struct peers_options options = {
        .rates = {[PEER_RESUMES] = {.per_second = resumes > 0, .burst = resumes},
                  [PEER_REPLAYS] = {.per_second = bytes, .burst = bytes}},
    };

    w->peers = peers_new(&options);
    allow_recovery(w);
}

/* An event of these tests counts 101 bytes. */
static void what_an_address_is_sent_anew_is_bounded(void **state)
{
    struct world *w = *state;

    limit_replays(w, 0, 300);
    drop_after(w, 1);
    says_events(w, 2, 3);
    turn(w);
    for (int i = 0; i < 3; i++) {
        come_back(w, 0, 1);
        says_resumed(w, w->broker.submitted_count - 1, 3, BOARDING);
        turn(w);
        drop(&w->client[0]);
        if (i == 0)
            assert_journal(
                w, "resume / ann\nann recovered\nann < " EVENT(2) "ann < " EVENT(3) "suspend / ann\n");
        else
            assert_journal(w, "resume / ann\nann not recovered\nsuspend / ann\n");
    }
    /* Whoever missed nothing costs nothing. */
    come_back(w, 0, 3);
    says_resumed(w, w->broker.submitted_count - 1, 3, BOARDING);
    assert_journal(w, "resume / ann\nann recovered\n");
    drop(&w->client[0]);
    buf_clear(&w->journal);
    advance(w, 1000);
    come_back(w, 0, 1);
    says_resumed(w, w->broker.submitted_count - 1, 3, BOARDING);
    assert_journal(w, "resume / ann\nann recovered\nann < " EVENT(2) "ann < " EVENT(3));
}

static void what_the_broker_remembers_counts_before_it_is_asked_for_it(void **state)
{
    struct world *w = *state;

    limit_replays(w, 0, 300);
    come_from_elsewhere(w, 3);
    says_resumed(w, 0, 5, BOARDING);
    turn(w);
    drop(&w->client[0]);
    buf_clear(&w->journal);
    come_back(w, 0, 3);
    says_resumed(w, w->broker.submitted_count - 1, 5, BOARDING);
    assert_journal(w, "resume / ann\nann not recovered\n");
}

static void an_address_resumes_so_often(void **state)
{
    struct world *w = *state;
    struct ip ann = {{1}}, bob = {{2}};

    limit_replays(w, 2, 0);
    assert_true(riders_may_resume(presence_riders(w->presence), &ann));
    assert_true(riders_may_resume(presence_riders(w->presence), &ann));
    assert_false(riders_may_resume(presence_riders(w->presence), &ann));
    assert_true(riders_may_resume(presence_riders(w->presence), &bob));
    advance(w, 1000);
    assert_true(riders_may_resume(presence_riders(w->presence), &ann));
    assert_false(riders_may_resume(presence_riders(w->presence), &ann));
}

static void who_missed_nothing_hears_nothing(void **state)
{
    struct world *w = *state;

    drop_after(w, 2);
    come_back(w, 0, 2);
    says_resumed(w, 2, 2, BOARDING);
    assert_journal(w, "resume / ann\nann recovered\n");
}

static void who_comes_back_is_aboard_if_it_was(void **state)
{
    struct world *w = *state;

    drop_after(w, 0);
    come_back(w, 0, 0);
    says_resumed(w, 2, 0, BOARDING);
    turn(w);
    drop(&w->client[0]);
    assert_journal(w, "resume / ann\nann recovered\nsuspend / ann\n");

    come_back(w, 0, 0);
    says_result(w, 4, 0, NULL);
    turn(w);
    drop(&w->client[0]);
    assert_journal(w, "resume / ann\nann recovered\n");
}

static void who_comes_back_can_drop_and_come_back_again(void **state)
{
    struct world *w = *state;

    drop_after(w, 1);
    for (uint64_t i = 1; i < 4; i++) {
        says_events(w, i + 1, i + 1);
        turn(w);
        come_back(w, 0, i);
        says_resumed(w, w->broker.submitted_count - 1, i + 1, BOARDING);
        turn(w);
        drop(&w->client[0]);
    }
    assert_journal(w, "resume / ann\nann recovered\nann < " EVENT(
                          2) "suspend / ann\n"
                             "resume / ann\nann recovered\nann < " EVENT(
                                 3) "suspend / ann\n"
                                    "resume / ann\nann recovered\nann < " EVENT(4) "suspend / ann\n");
}

static void who_was_put_back_meanwhile_is_told_to_who_was_away(void **state)
{
    struct world *w = *state;

    drop_after(w, 1);
    says_event(w, 2, BROKER_RESTORED, "1", "1");
    says_event(w, 3, BROKER_RESTORED, "X", "3");
    says_event(w, 4, BROKER_DISCONNECTED, "1", "1");
    turn(w);
    come_back(w, 0, 1);
    says_resumed(w, 2, 4, BOARDING);
    assert_journal(
        w, "resume / ann\nann recovered\nann < 42[\"userBoarded\",1,\"2.00000002-epoch-01\"]\nann < " EVENT(
               3) "ann < 42[\"userDisconnected\",1,\"4.00000004-epoch-01\"]\n");
}

static void a_resumption_waits_for_the_first_roster(void **state)
{
    struct world *w = *state;

    strcpy(w->client[0].id, "12345678901234567890");
    come_back(w, 0, 5);
    assert_journal(w, "watch /\n");
    says_roster(w, "/", 5, "");
    assert_journal(w, "resume / ann\n");
    says_resumed(w, 0, 5, BOARDING);
    assert_journal(w, "ann recovered\n");
}

static void a_client_may_end_as_it_is_told(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    w->client[0].leaves_when_resumed = true;
    says_resumed(w, 0, 5, BOARDING);
    turn(w);
    says_history(w, 1, 4, 5);
    assert_journal(w, "replay / after 3-epoch-01\nann recovered\nsuspend / ann\n");
    assert_int_equal(presence_riders(w->presence)->count, 0);
}

/* --- what the ride does not remember --- */

static void what_the_ride_does_not_remember_comes_from_the_broker(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    assert_journal(w, "replay / after 3-epoch-01 for ann\n");
    says_history(w, 1, 4, 5);
    says_events(w, 6, 6);
    assert_journal(w, "ann recovered\nann < " EVENT(4) "ann < " EVENT(5) "ann < " EVENT(6));
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void the_brokers_past_and_the_rides_history_may_overlap(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    says_events(w, 6, 8);
    turn(w);
    says_history(w, 1, 4, 7);
    assert_journal(w,
                   "replay / after 3-epoch-01 for ann\nann recovered\n"
                   "ann < " EVENT(4) "ann < " EVENT(5) "ann < " EVENT(6) "ann < " EVENT(7) "ann < " EVENT(8));
}

static void they_may_meet_without_overlapping(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 4);
    says_result(w, 0, 5, NULL);
    says_events(w, 6, 7);
    turn(w);
    says_history(w, 1, 5, 5);
    assert_journal(w, "replay / after 4-epoch-01 for ann\nann recovered\n"
                      "ann < " EVENT(5) "ann < " EVENT(6) "ann < " EVENT(7));
}

static void what_the_broker_knows_ahead_of_the_ride_is_heard_once(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_history(w, 1, 4, 7);
    says_events(w, 6, 8);
    assert_journal(w,
                   "replay / after 3-epoch-01 for ann\nann recovered\n"
                   "ann < " EVENT(4) "ann < " EVENT(5) "ann < " EVENT(6) "ann < " EVENT(7) "ann < " EVENT(8));
}

static void a_hole_between_them_is_no_recovery(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_roster(w, "/", 7, "");
    says_events(w, 8, 8);
    says_history(w, 1, 4, 6);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
    says_events(w, 9, 9);
    assert_journal(w, "ann < " EVENT(9));
    assert_int_equal(presence_riders(w->presence)->counts.unrecovered, 1);
}

static void what_nobody_remembers_is_no_recovery_but_the_rider_stays_aboard(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_resumed(w, 0, 5, BOARDING);
    turn(w);
    says_no_history(w, 1);
    assert_journal(w, "replay / after 3-epoch-01\nann not recovered\n");
    assert_string_equal(rider_id(w->client[0].rider), w->client[0].id);
    drop(&w->client[0]);
    assert_journal(w, "suspend / ann\n");
}

static void a_past_of_another_epoch_is_no_recovery(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    w->epoch = "epoch-02";
    says_history(w, 1, 4, 5);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
}

static void nor_is_one_that_a_new_epoch_has_overtaken(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_renumbered(w, "epoch-02", 5, "");
    w->epoch = "epoch-01";
    says_history(w, 1, 4, 5);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
}

static void nor_is_one_of_another_history(void **state)
{
    struct world *w = *state;

    for (int ahead = 0; ahead < 2; ahead++) {
        come_from_elsewhere(w, 3);
        says_result(w, w->broker.submitted_count - 1, 5, NULL);
        turn(w);
        struct broker_message *past = says_history(w, w->broker.submitted_count - 1, 4, 5 + (uint64_t)ahead);
        past->events[1].chain[0] = 'f';
        past->position.chain[0] = 'f';
        assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
        leave(&w->client[0]);
    }
}

static void what_a_past_holds_beyond_what_was_asked_is_not_told_again(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_history(w, 1, 2, 5);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann recovered\nann < " EVENT(4) "ann < " EVENT(5));
}

static void without_a_window_nothing_is_remembered(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    says_events(w, 1, 2);
    turn(w);
    assert_null(rides_find(presence_rides(w->presence), "/")->history.ring);
}

static void offsets_nothing_leads_from_are_no_recovery(void **state)
{
    static const struct broker_position froms[] = {
        {.epoch = "epoch-00", .offset = 2, .chain = "00000002"},
        {.epoch = "epoch-00", .offset = 3, .chain = "00000003"},
        {.epoch = "epoch-01", .offset = 4, .chain = "00000004"},
        {.epoch = "epoch-01", .offset = 999999999999999, .chain = "00000003"},
        {.epoch = "", .offset = 0},
        {.epoch = "epoch-01", .offset = 3, .chain = "f0000003"},
        {.epoch = "epoch-01", .offset = 3},
    };
    struct world *w = *state;

    drop_after(w, 3);
    for (size_t i = 0; i < sizeof froms / sizeof *froms; i++) {
        come_back_from(w, 0, &froms[i], 0);
        says_resumed(w, w->broker.submitted_count - 1, 3, BOARDING);
        assert_journal(w, "resume / ann\nann not recovered\n");
        drop(&w->client[0]);
        assert_journal(w, "suspend / ann\n");
    }
    assert_int_equal(presence_riders(w->presence)->counts.unrecovered, sizeof froms / sizeof *froms);
}

/* The gateway cannot say, so the broker is asked, which compares too. */
static void nor_is_another_history_further_back(void **state)
{
    static const struct broker_position from = {.epoch = "epoch-01", .offset = 2, .chain = "f0000002"};
    struct world *w = *state;

    drop_after(w, 3);
    come_back_from(w, 0, &from, 0);
    says_resumed(w, w->broker.submitted_count - 1, 3, BOARDING);
    assert_journal(w, "resume / ann\nreplay / after 2-epoch-01\n");
    says_no_history(w, w->broker.submitted_count - 1);
    assert_journal(w, "ann not recovered\n");
}

static void events_of_another_epoch_are_never_replayed(void **state)
{
    struct world *w = *state;

    drop_after(w, 5);
    says_renumbered(w, "epoch-02", 3, "11 22 33 44 55");
    turn(w);
    come_back(w, 0, 3);
    says_result(w, 2, 3, NULL);
    assert_journal(w, "resume / ann\nann recovered\n");
}

/* --- what was told without a number --- */

static void a_difference_has_a_position_that_nothing_leads_from(void **state)
{
    struct world *w = *state;
    struct broker_position from;

    join_live(w, 1);
    says_roster(w, "/", 4, "11");
    turn(w);
    assert_journal(w, "ann < 42[\"userBoarded\",1,\"4-\"]\n");
    assert_false(wire_read_offset("4-", &from));
}

static void who_was_away_when_a_difference_was_told_is_recovered_if_the_log_goes_on(void **state)
{
    struct world *w = *state;

    drop_after(w, 2);
    says_roster(w, "/", 4, "11");
    turn(w);
    come_back(w, 0, 2);
    says_resumed(w, 2, 4, BOARDING);
    assert_journal(w, "resume / ann\nreplay / after 2-epoch-01\n");
    says_history(w, 3, 3, 4);
    assert_journal(w, "ann recovered\nann < " EVENT(3) "ann < " EVENT(4));
}

/* --- doubts --- */

static void who_joins_in_doubt_may_have_its_socket_back_but_no_events_lead_on(void **state)
{
    struct world *w = *state;
    char recovery_id[RECOVERY_ID_SIZE];
    struct broker_position from;

    join_live(w, 1);
    says_event(w, 1, BROKER_BOARDED, "1", "1");
    turn(w);
    says_renumbered(w, "epoch-02", 3, "");
    turn(w);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
    assert_true(shows(w, "/", recovery_id, &from));
    assert_string_equal(from.epoch, RECOVERY_NOWHERE);
    says_event(w, 4, BROKER_RESTORED, "1", "1");
    turn(w);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
    assert_true(shows(w, "/", recovery_id, &from));
    assert_string_equal(from.epoch, "epoch-02");
    assert_int_equal(from.offset, 4);
}

/* It may come from a gateway that has no doubts, and would hear nothing of who is put back. */
static void nobody_is_recovered_while_there_are_doubts(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    says_event(w, 1, BROKER_BOARDED, "1", "1");
    turn(w);
    says_renumbered(w, "epoch-02", 3, "");
    turn(w);
    drop(&w->client[0]);
    buf_clear(&w->journal);
    come_back(w, 0, 3);
    says_result(w, 0, 3, NULL);
    assert_journal(w, "resume / ann\nann not recovered\n");
    drop(&w->client[0]);
    advance(w, LEASE + WINDOW + PRESENCE_DOUBT_SLACK_MS);
    turn(w);
    buf_clear(&w->journal);
    come_back(w, 0, 3);
    says_result(w, 1, 3, NULL);
    assert_journal(w, "resume / ann\nann recovered\n");
}

static void who_was_catching_up_when_doubts_arose_is_not_recovered(void **state)
{
    struct world *w = *state;

    join(w, 1);
    says_roster(w, "/", 5, "A1");
    turn(w);
    leave(&w->client[1]);
    strcpy(w->client[0].id, "12345678901234567890");
    come_back(w, 0, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_renumbered(w, "epoch-02", 6, "");
    says_history(w, 1, 4, 6);
    assert_journal(w, "watch /\nresume / ann\nreplay / after 3-epoch-01 for ann\nann not recovered\n");
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup_recovery, teardown)
#define PLAIN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_back_hears_what_it_missed_before_anything_new),
        TEST(what_an_address_is_sent_anew_is_bounded),
        TEST(what_the_broker_remembers_counts_before_it_is_asked_for_it),
        TEST(an_address_resumes_so_often),
        TEST(who_missed_nothing_hears_nothing),
        TEST(who_comes_back_is_aboard_if_it_was),
        TEST(who_comes_back_can_drop_and_come_back_again),
        TEST(who_was_put_back_meanwhile_is_told_to_who_was_away),
        TEST(a_resumption_waits_for_the_first_roster),
        TEST(a_client_may_end_as_it_is_told),
        TEST(what_the_ride_does_not_remember_comes_from_the_broker),
        TEST(the_brokers_past_and_the_rides_history_may_overlap),
        TEST(they_may_meet_without_overlapping),
        TEST(what_the_broker_knows_ahead_of_the_ride_is_heard_once),
        TEST(a_hole_between_them_is_no_recovery),
        TEST(what_nobody_remembers_is_no_recovery_but_the_rider_stays_aboard),
        TEST(a_past_of_another_epoch_is_no_recovery),
        TEST(nor_is_one_that_a_new_epoch_has_overtaken),
        TEST(nor_is_one_of_another_history),
        TEST(what_a_past_holds_beyond_what_was_asked_is_not_told_again),
        PLAIN_TEST(without_a_window_nothing_is_remembered),
        TEST(offsets_nothing_leads_from_are_no_recovery),
        TEST(nor_is_another_history_further_back),
        TEST(events_of_another_epoch_are_never_replayed),
        TEST(a_difference_has_a_position_that_nothing_leads_from),
        TEST(who_was_away_when_a_difference_was_told_is_recovered_if_the_log_goes_on),
        TEST(who_joins_in_doubt_may_have_its_socket_back_but_no_events_lead_on),
        TEST(nobody_is_recovered_while_there_are_doubts),
        TEST(who_was_catching_up_when_doubts_arose_is_not_recovered),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
