/*
 * The application: what became of a client that is away, or of its rider, through other connections and other
 * gateways.
 */
#include "common/log.h"
#include "tests/unit/recovery_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- a person and its connections --- */

static void whose_connection_ended_while_its_rider_stayed_aboard_is_a_new_client(void **state)
{
    struct world *w = *state;
    char id[SOCKET_ID_LEN + 1];

    drop_after(w, 1);
    strcpy(id, w->client[0].id);
    says_event_of(w, 2, BROKER_BOARDED, "elsewhere", "u", "2");
    says_event_of(w, 3, BROKER_ENDED, id, "u", "2");
    turn(w);
    come_back(w, 0, 1);
    says_result(w, 2, 3, NULL);
    assert_journal(w, "resume / ann\nann not recovered\n");
    assert_string_not_equal(rider_id(w->client[0].rider), id);
}

static void so_it_is_where_only_the_broker_remembers_that(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 5, NULL);
    turn(w);
    struct broker_message *past = says_history(w, 1, 4, 5);
    past->events[0].kind = BROKER_ENDED;
    strcpy(past->events[0].socket_id, w->client[0].id);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
    assert_string_not_equal(rider_id(w->client[0].rider), w->client[0].id);
}

static void who_boarded_again_after_its_end_has_not_ended(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_result(w, 0, 6, NULL);
    turn(w);
    struct broker_message *past = says_history(w, 1, 4, 5);
    for (int i = 0; i < 2; i++)
        strcpy(past->events[i].socket_id, w->client[0].id);
    past->events[0].kind = BROKER_DISCONNECTED; /* as one, and aboard as another */
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann recovered\n"
                      "ann < 42[\"userDisconnected\",4,\"4.00000004-epoch-01\"]\nann < " EVENT(5));
}

/* Client 0 has left or exited and comes back at `offset`, to a gateway that knows the ride from there on. Has
 * the broker tell what it knows of the events up to there. */
static void comes_to_a_gateway_that_was_not_there(struct world *w, uint64_t offset)
{
    come_from_elsewhere(w, offset);
    says_result(w, w->broker.submitted_count - 1, 5, NULL);
    turn(w);
}

/* So the last it has heard tells of that, wherever it comes back. */
static void its_own_exit_is_the_last_that_a_client_hears(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    say(w, 0, EXITING, &ACK_5);
    buf_clear(&w->journal);
    says_event_of(w, 1, BROKER_EXITED, w->client[1].id, "u", "1");
    says_event_of(w, 2, BROKER_EXITED, w->client[0].id, "u", "2");
    says_event_of(w, 3, BROKER_BOARDED, w->client[1].id, "v", "3");
    assert_journal(w, "bob < 42[\"userExited\",1,\"1.00000001-epoch-01\"]\n"
                      "bob < 42[\"userExited\",2,\"2.00000002-epoch-01\"]\nbob < " EVENT(
                          3) "ann < 42[\"userExited\",1,\"1.00000001-epoch-01\"]\n"
                             "ann < 42[\"userExited\",2,\"2.00000002-epoch-01\"]\n");
    says_event_of(w, 4, BROKER_BOARDED, w->client[1].id, "v", "4");
    says_result(w, 0, 2, NULL);
    assert_journal(
        w, "bob < " EVENT(
               4) "ann < ack 5 {\"ok\":true,\"offset\":\"2.00000002-epoch-01\"}\nann < disconnected\n");
}

static void whose_end_only_the_broker_may_know_is_asked_for(void **state)
{
    struct world *w = *state;

    for (uint64_t offset = 4; offset <= 5; offset++) {
        comes_to_a_gateway_that_was_not_there(w, offset);
        buf_clear(&w->journal);
        says_no_history(w, w->broker.submitted_count - 1);
        assert_journal(w, "ann not recovered\n");
        assert_string_not_equal(rider_id(w->client[0].rider), w->client[0].id);
        leave(&w->client[0]);
        buf_clear(&w->journal);
    }
    comes_to_a_gateway_that_was_not_there(w, 5);
    assert_journal(w, "replay / after 5-epoch-01 for ann\n");
    says_history(w, w->broker.submitted_count - 1, 6, 5);
    assert_journal(w, "ann recovered\n");
    assert_string_equal(rider_id(w->client[0].rider), w->client[0].id);
}

static void who_has_heard_nothing_has_not_heard_its_end(void **state)
{
    static const struct broker_position from = {.epoch = "epoch-01", .offset = 5, .chain = "00000005"};
    struct world *w = *state;

    for (uint64_t began = 4; began <= 6; began++) {
        come_from_elsewhere(w, 5);
        leave(&w->client[0]);
        come_back_from(w, 0, &from, began);
        buf_clear(&w->journal);
        says_result(w, w->broker.submitted_count - 1, 5, NULL);
        assert_journal(w, began < 5 ? "replay / after 5-epoch-01 for ann\n" : "ann recovered\n");
        leave(&w->client[0]);
    }
}

static void who_is_aboard_has_not_ended(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 5);
    says_resumed(w, 0, 5, BOARDING);
    assert_journal(w, "ann recovered\n");
}

/* Its last word here, or behind that what others said before it was cut. */
static void whoever_heard_its_own_exit_is_a_new_client(void **state)
{
    struct world *w = *state;
    char id[SOCKET_ID_LEN + 1];

    drop_after(w, 0);
    strcpy(id, w->client[0].id);
    says_event_of(w, 1, BROKER_EXITED, id, "u", "1");
    says_events(w, 2, 2);
    turn(w);
    for (uint64_t heard = 1; heard <= 2; heard++) {
        strcpy(w->client[0].id, id);
        come_back(w, 0, heard);
        says_result(w, w->broker.submitted_count - 1, 2, NULL);
        assert_journal(w, "resume / ann\nann not recovered\n");
        assert_string_not_equal(rider_id(w->client[0].rider), id);
        leave(&w->client[0]);
    }
}

static void whose_rider_exited_through_another_connection_is_recovered_and_not_aboard(void **state)
{
    struct world *w = *state;

    drop_after(w, 1);
    says_event_of(w, 2, BROKER_EXITED, "elsewhere", "u", "2");
    turn(w);
    come_back(w, 0, 1);
    says_result(w, 2, 2, NULL);
    assert_journal(w, "resume / ann\nann recovered\nann < 42[\"userExited\",2,\"2.00000002-epoch-01\"]\n");
    drop(&w->client[0]);
    assert_journal(w, "");
}

static void a_silent_end_is_told_to_nobody_who_missed_it(void **state)
{
    struct world *w = *state;

    drop_after(w, 1);
    says_event_of(w, 2, BROKER_ENDED, "elsewhere", "v", "2");
    says_events(w, 3, 3);
    turn(w);
    come_back(w, 0, 1);
    says_resumed(w, 2, 3, BOARDING);
    assert_journal(w, "resume / ann\nann recovered\nann < " EVENT(3));
}

/* --- boarded elsewhere --- */

static const char SOCKET[] = "12345678901234567890";

/* Client 0 has come back, was never aboard, and has heard everything up to 5. */
static void come_back_from_elsewhere(struct world *w)
{
    come_from_elsewhere(w, 5);
    says_result(w, 0, 5, NULL);
    turn(w);
    says_history(w, 1, 6, 5);
    assert_journal(w, "replay / after 5-epoch-01 for ann\nann recovered\n");
}

static void who_is_put_aboard_by_another_gateway_while_its_client_is_here_is_taken_over(void **state)
{
    struct world *w = *state;

    come_back_from_elsewhere(w);
    says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
    assert_journal(w, "resume / ann\nann < " EVENT(6));
    says_resumed(w, 2, 6, BOARDING);
    assert_journal(w, "");
    drop(&w->client[0]);
    assert_journal(w, "suspend / ann\n");
}

static void so_is_who_is_put_back_by_another(void **state)
{
    struct world *w = *state;

    come_back_from_elsewhere(w);
    says_event_of(w, 6, BROKER_RESTORED, SOCKET, "u", "6");
    assert_journal(w, "resume / ann\nann < " EVENT(6));
    says_result(w, 2, 6, NULL); /* too late */
    assert_journal(w, "");
    drop(&w->client[0]);
    assert_journal(w, "");
}

/* Whose boarding that was, no event tells. */
static void so_is_who_may_be_among_those_that_a_roster_has_more(void **state)
{
    struct world *w = *state;

    come_back_from_elsewhere(w);
    says_roster(w, "/", 300, "");
    assert_journal(w, "");
    says_roster(w, "/", 600, "u6");
    assert_journal(w, "resume / ann\nann < 42[\"userBoarded\",6,\"600-\"]\n");
    says_resumed(w, 2, 600, BOARDING);
    says_roster(w, "/", 900, "u6 v9");
    assert_journal(w, "ann < 42[\"userBoarded\",9,\"900-\"]\n");
    drop(&w->client[0]);
    assert_journal(w, "suspend / ann\n");
}

static void the_own_boarding_is_no_other_gateways(void **state)
{
    struct world *w = *state;

    come_back_from_elsewhere(w);
    say(w, 0, BOARDING, &NO_ACK);
    says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
    says_result(w, 2, 6, NULL);
    says_event_of(w, 7, BROKER_RESTORED, SOCKET, "u", "6");
    says_event_of(w, 8, BROKER_BOARDED, "elsewhere", "u", "8");
    assert_journal(w, "board / ann " BOARDING "\nann < " EVENT(6) "ann < " EVENT(8));
    assert_int_equal(w->broker.submitted_count, 3);
}

/* It has gone on to another one, where it boards, and its connection here is not gone yet. */
static void nor_is_that_of_a_client_that_was_new_here(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    says_event_of(w, 1, BROKER_BOARDED, w->client[0].id, "u", "1");
    assert_journal(w, "ann < " EVENT(1));
}

static void whoever_is_exiting_is_not_taken_over(void **state)
{
    struct world *w = *state;

    come_back_from_elsewhere(w);
    say(w, 0, EXITING, &NO_ACK);
    says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
    assert_journal(w, "exit / ann " EXITING "\nann < " EVENT(6));
}

static void who_is_put_aboard_elsewhere_as_it_comes_back_is_taken_over_then(void **state)
{
    struct world *w = *state;

    for (int known = 0; known < 2; known++) {
        come_from_elsewhere(w, 5);
        size_t first = w->broker.submitted_count;
        if (known)
            says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
        says_result(w, first - 1, 5, NULL);
        turn(w);
        if (!known) {
            says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
            turn(w);
            says_history(w, first, 6, 5);
            turn(w);
        }
        assert_journal(
            w, known ? "resume / ann\nann recovered\nann < " EVENT(6)
                     : "replay / after 5-epoch-01 for ann\nresume / ann\nann recovered\nann < " EVENT(6));
        leave(&w->client[0]);
        leave(&w->client[1]);
        turn(w);
        buf_clear(&w->journal);
    }
}

static void a_new_client_is_not_who_was_put_aboard_elsewhere(void **state)
{
    struct world *w = *state;

    come_from_elsewhere(w, 3);
    says_event_of(w, 6, BROKER_BOARDED, SOCKET, "u", "6");
    says_result(w, 0, 5, NULL);
    turn(w);
    says_no_history(w, 1);
    assert_journal(w, "replay / after 3-epoch-01 for ann\nann not recovered\n");
    says_event_of(w, 7, BROKER_BOARDED, SOCKET, "u", "7");
    assert_journal(w, "ann < " EVENT(7));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_recovery, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whose_connection_ended_while_its_rider_stayed_aboard_is_a_new_client),
        TEST(so_it_is_where_only_the_broker_remembers_that),
        TEST(who_boarded_again_after_its_end_has_not_ended),
        TEST(its_own_exit_is_the_last_that_a_client_hears),
        TEST(whose_end_only_the_broker_may_know_is_asked_for),
        TEST(who_has_heard_nothing_has_not_heard_its_end),
        TEST(who_is_aboard_has_not_ended),
        TEST(whoever_heard_its_own_exit_is_a_new_client),
        TEST(whose_rider_exited_through_another_connection_is_recovered_and_not_aboard),
        TEST(a_silent_end_is_told_to_nobody_who_missed_it),
        TEST(who_is_put_aboard_by_another_gateway_while_its_client_is_here_is_taken_over),
        TEST(so_is_who_is_put_back_by_another),
        TEST(so_is_who_may_be_among_those_that_a_roster_has_more),
        TEST(the_own_boarding_is_no_other_gateways),
        TEST(nor_is_that_of_a_client_that_was_new_here),
        TEST(whoever_is_exiting_is_not_taken_over),
        TEST(who_is_put_aboard_elsewhere_as_it_comes_back_is_taken_over_then),
        TEST(a_new_client_is_not_who_was_put_aboard_elsewhere),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
