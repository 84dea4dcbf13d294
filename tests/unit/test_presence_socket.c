/*
 * The application: clients that drop, what shows who they were, and whose socket it is meanwhile.
 */
#include "common/log.h"
#include "tests/unit/recovery_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- dropping --- */

static void who_drops_aboard_is_suspended(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    board(w, 0);
    drop(&w->client[0]);
    assert_journal(w, "suspend / ann\n");
    says_result(w, 1, 0, "full");
    turn(w);
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void who_drops_before_its_boardings_result_is_suspended(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    drop(&w->client[0]);
    assert_journal(w, "board / ann " BOARDING "\nsuspend / ann\n");
}

static void who_only_watched_drops_in_silence(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    drop(&w->client[0]);
    assert_journal(w, "");
}

static void who_leaves_for_good_is_never_suspended(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    board(w, 0);
    leave(&w->client[0]);
    assert_journal(w, "disconnect / ann\n");
}

static void without_a_window_who_drops_is_gone(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    board(w, 0);
    drop(&w->client[0]);
    assert_journal(w, "disconnect / ann\n");
}

/* --- recovery ids --- */

static void a_recovery_id_tells_the_socket_and_where_its_stream_began(void **state)
{
    struct world *w = *state;
    char recovery_id[RECOVERY_ID_SIZE];
    struct broker_position from;

    join_live(w, 1);
    says_events(w, 1, 3);
    turn(w);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
    assert_true(shows(w, "/", recovery_id, &from));
    assert_int_equal(from.offset, 3);
    assert_string_equal(from.epoch, "epoch-01");
    assert_int_equal(presence_riders(w->presence)->counts.forged, 0);
}

static void a_recovery_id_is_for_its_ride_and_its_secret_only(void **state)
{
    struct world *w = *state;
    char recovery_id[RECOVERY_ID_SIZE];
    struct broker_position from;

    join_live(w, 1);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
    assert_false(shows(w, "/other", recovery_id, &from));
    says_secret(w, 'l');
    turn(w);
    assert_false(shows(w, "/", recovery_id, &from));
    assert_int_equal(presence_riders(w->presence)->counts.forged, 2);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
    assert_true(shows(w, "/", recovery_id, &from));
}

static void there_is_none_before_the_ride_is_known(void **state)
{
    struct world *w = *state;
    char recovery_id[RECOVERY_ID_SIZE];

    join(w, 0);
    assert_false(rider_recovery_id(w->client[0].rider, recovery_id));
    says_roster(w, "/", 0, "");
    turn(w);
    assert_true(rider_recovery_id(w->client[0].rider, recovery_id));
}

static void there_is_none_without_a_window_or_a_secret(void **state)
{
    struct world *w = *state;
    char recovery_id[RECOVERY_ID_SIZE];
    struct broker_position from = {.epoch = "epoch-01"};
    uint8_t secret[SECRET_LEN];

    memset(secret, 'k', sizeof secret);
    recovery_id_make(secret, &(struct recovery_scope){.ride = "/"}, "12345678901234567890", &from,
                     recovery_id);
    for (int i = 0; i < 2; i++) {
        w->window_ms = i ? 0 : WINDOW;
        presence_free(w->presence);
        start(w, "*");
        if (i)
            says_secret(w, 'k');
        join_live(w, 1);
        assert_false(shows(w, "/", recovery_id, &from));
        assert_int_equal(presence_riders(w->presence)->counts.forged, 0);
        char own[RECOVERY_ID_SIZE];
        assert_false(rider_recovery_id(w->client[0].rider, own));
        leave(&w->client[0]);
    }
}

/* --- dropping again --- */

static void who_drops_while_resuming_is_suspended_again(void **state)
{
    struct world *w = *state;

    drop_after(w, 0);
    come_back(w, 0, 0);
    drop(&w->client[0]);
    says_resumed(w, 2, 0, BOARDING);
    assert_journal(w, "resume / ann\nsuspend / ann\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 2); /* the suspensions */
}

static void who_leaves_while_resuming_is_disconnected(void **state)
{
    struct world *w = *state;

    drop_after(w, 0);
    come_back(w, 0, 0);
    leave(&w->client[0]);
    assert_journal(w, "resume / ann\ndisconnect / ann\n");
}

static void who_drops_while_catching_up_is_suspended_if_aboard(void **state)
{
    struct world *w = *state;

    for (int aboard = 0; aboard < 2; aboard++) {
        come_from_elsewhere(w, 3);
        if (aboard)
            says_resumed(w, w->broker.submitted_count - 1, 5, BOARDING);
        else
            says_result(w, w->broker.submitted_count - 1, 5, NULL);
        turn(w);
        drop(&w->client[0]);
        says_history(w, w->broker.submitted_count - 1 - (size_t)aboard, 4, 5);
        assert_journal(w, aboard ? "replay / after 3-epoch-01\nsuspend / ann\nforget\n"
                                 : "replay / after 3-epoch-01 for ann\nforget\n");
    }
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 1); /* the suspension */
}

static void presence_can_be_freed_with_resumptions_under_way(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    join_ride(w, 1, "/other");
    leave(&w->client[0]);
    leave(&w->client[1]);
    presence_free(w->presence);
    w->presence = NULL;
}

/* --- since when the socket is here --- */

static void expect_submitted(const struct world *w, enum broker_transition_kind kind, uint64_t tenure,
                             bool returned)
{
    const struct submitted *last = &w->broker.submitted[w->broker.submitted_count - 1];

    assert_int_equal(last->kind, kind);
    assert_int_equal(last->tenure, tenure);
    assert_int_equal(last->returned, returned);
}

static void what_is_said_of_a_socket_carries_since_when_it_is_here(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 5);
    says_result(w, 0, 5, NULL)->tenure = 70;
    turn(w);
    says_history(w, 1, 6, 5);
    turn(w);
    say(w, 0, BOARDING, &NO_ACK);
    expect_submitted(w, BROKER_BOARD, 70, true);
    says_result(w, 2, 6, NULL)->tenure = 80;
    turn(w);
    say(w, 0, EXITING, &NO_ACK);
    expect_submitted(w, BROKER_EXIT, 80, true);
    says_result(w, 3, 7, "refused");
    turn(w);
    leave(&w->client[0]);
    expect_submitted(w, BROKER_DISCONNECT, 80, true);
}

static void a_client_that_was_nowhere_else_says_so(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    expect_submitted(w, BROKER_BOARD, 0, false);
    says_result(w, 0, 1, NULL)->tenure = 80;
    turn(w);
    say(w, 0, BOARDING, &NO_ACK);
    expect_submitted(w, BROKER_BOARD, 80, false);
}

static void so_does_one_that_came_back_too_late(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL)->tenure = 70;
    turn(w);
    says_no_history(w, 1);
    turn(w);
    say(w, 0, BOARDING, &NO_ACK);
    expect_submitted(w, BROKER_BOARD, 0, false);
}

/* --- whose socket it is --- */

static void who_comes_back_ends_the_copy_nobody_noticed_the_end_of(void **state)
{
    struct world *w = *state;

    for (int at_once = 0; at_once < 2; at_once++) {
        join_live(w, 1);
        board(w, 0);
        w->client[0].leaves_when_evicted = at_once;
        strcpy(w->client[1].id, w->client[0].id);
        come_back(w, 1, 0);
        if (!at_once)
            drop(&w->client[0]);
        says_resumed(w, w->broker.submitted_count - 1, 0, BOARDING);
        assert_journal(w, "ann evicted\nresume / ann\nbob recovered\n");
        assert_int_equal(presence_riders(w->presence)->count, 1);
        leave(&w->client[1]);
        assert_journal(w, "disconnect / ann\n");
    }
    assert_int_equal(presence_riders(w->presence)->counts.evicted, 2);
}

static void a_copy_that_was_resuming_itself_waits_no_more(void **state)
{
    struct world *w = *state;

    drop_after(w, 0);
    come_back(w, 0, 0);
    strcpy(w->client[1].id, w->client[0].id);
    come_back(w, 1, 0);
    says_result(w, 2, 0, "full");
    says_resumed(w, 3, 0, BOARDING);
    assert_journal(w, "resume / ann\nann evicted\nresume / ann\nbob recovered\n");
    drop(&w->client[0]);
    assert_journal(w, "");
}

static void a_copy_that_was_catching_up_waits_no_more(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_resumed(w, 0, 5, BOARDING);
    turn(w);
    strcpy(w->client[1].id, w->client[0].id);
    come_back(w, 1, 5);
    says_history(w, 1, 4, 5);
    says_resumed(w, 2, 5, BOARDING);
    assert_journal(w, "replay / after 3-epoch-01\nforget\nann evicted\nresume / ann\nbob recovered\n");
}

static void who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended(void **state)
{
    struct world *w = *state;

    for (int at_once = 0; at_once < 2; at_once++) {
        join_live(w, 1);
        board(w, 0);
        w->client[0].leaves_when_evicted = at_once;
        says_evicted(w, "/", w->client[0].id);
        says_evicted(w, "/", w->client[0].id);
        assert_journal(w, "ann evicted\n");
        drop(&w->client[0]);
        assert_journal(w, "");
    }
    assert_int_equal(presence_riders(w->presence)->counts.evicted, 2);
}

static void who_was_evicted_is_told_nothing_of_what_it_asked_for(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    says_evicted(w, "/", w->client[0].id);
    says_result(w, 0, 0, "held elsewhere");
    assert_journal(w, "board / ann " BOARDING "\nann evicted\n");
    assert_int_equal(riders_pending_count(presence_riders(w->presence)), 0);
}

static void an_eviction_of_somebody_else_is_ignored(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    says_evicted(w, "/other", w->client[0].id);
    says_evicted(w, "/", "12345678901234567890");
    assert_journal(w, "");
}

/* What was taken is the socket as this node held it before. */
static void an_eviction_does_not_concern_who_is_just_taking_the_socket(void **state)
{
    struct world *w = *state;

    drop_after(w, 0);
    come_back(w, 0, 0);
    says_evicted(w, "/", w->client[0].id);
    says_resumed(w, 2, 0, BOARDING);
    assert_journal(w, "resume / ann\nann recovered\n");
    says_evicted(w, "/", w->client[0].id);
    assert_journal(w, "ann evicted\n");
}

static void a_refused_resumption_makes_a_new_client_and_gives_up_the_old_socket(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    board(w, 0);
    strcpy(w->client[1].id, w->client[0].id);
    come_back(w, 1, 0);
    drop(&w->client[0]);
    says_result(w, 1, 0, "full");
    assert_journal(w, "ann evicted\nresume / ann\nsuspend / ann\nbob not recovered\n");
    assert_string_not_equal(rider_id(w->client[1].rider), w->client[0].id);
    assert_int_equal(presence_riders(w->presence)->counts.unrecovered, 1);
    drop(&w->client[1]);
    assert_journal(w, "");
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup_recovery, teardown)
#define PLAIN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_drops_aboard_is_suspended),
        TEST(who_drops_before_its_boardings_result_is_suspended),
        TEST(who_only_watched_drops_in_silence),
        TEST(who_leaves_for_good_is_never_suspended),
        PLAIN_TEST(without_a_window_who_drops_is_gone),
        TEST(a_recovery_id_tells_the_socket_and_where_its_stream_began),
        TEST(a_recovery_id_is_for_its_ride_and_its_secret_only),
        TEST(there_is_none_before_the_ride_is_known),
        TEST(there_is_none_without_a_window_or_a_secret),
        TEST(what_is_said_of_a_socket_carries_since_when_it_is_here),
        TEST(a_client_that_was_nowhere_else_says_so),
        TEST(so_does_one_that_came_back_too_late),
        TEST(who_drops_while_resuming_is_suspended_again),
        TEST(who_leaves_while_resuming_is_disconnected),
        TEST(who_drops_while_catching_up_is_suspended_if_aboard),
        TEST(presence_can_be_freed_with_resumptions_under_way),
        TEST(who_comes_back_ends_the_copy_nobody_noticed_the_end_of),
        TEST(a_copy_that_was_resuming_itself_waits_no_more),
        TEST(a_copy_that_was_catching_up_waits_no_more),
        TEST(who_is_elsewhere_by_the_brokers_word_is_cut_and_not_suspended),
        TEST(who_was_evicted_is_told_nothing_of_what_it_asked_for),
        TEST(an_eviction_of_somebody_else_is_ignored),
        TEST(an_eviction_does_not_concern_who_is_just_taking_the_socket),
        TEST(a_refused_resumption_makes_a_new_client_and_gives_up_the_old_socket),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
