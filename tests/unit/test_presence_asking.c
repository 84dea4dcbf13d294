/*
 * The application: who is aboard, as riders and others are told who ask, and the rides an address begins so.
 */
#include "common/log.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- who is aboard --- */

static void an_answer_holds_every_event_before_it_and_none_after(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    says_event(w, 1, BROKER_BOARDED, "A", "1");
    says_event(w, 2, BROKER_BOARDED, "B", "2");
    presence_broker_ready(w->presence);
    rider_active_users(w->client[0].rider, &ACK_5);
    says_event(w, 3, BROKER_DISCONNECTED, "A", "1");
    assert_journal(w, "ann < 42[\"userBoarded\",1,\"1.00000001-e\"]\n"
                      "ann < 42[\"userBoarded\",2,\"2.00000002-e\"]\n"
                      "ann < ack 5 {\"offset\":\"2.00000002-e\",\"users\":[1,2]}\n"
                      "ann < 42[\"userDisconnected\",1,\"3.00000003-e\"]\n");
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "ann < ack 5 {\"offset\":\"3.00000003-e\",\"users\":[2]}\n");
}

static void who_does_not_want_an_answer_gets_none(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    rider_active_users(w->client[0].rider, &NO_ACK);
    assert_journal(w, "");
}

static void an_answer_waits_for_the_first_roster(void **state)
{
    struct world *w = *state;

    join(w, 0);
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "watch /\n");
    says_roster(w, "/", 3, "A1");
    says_event(w, 4, BROKER_BOARDED, "B", "2");
    assert_journal(w, "ann < ack 5 {\"offset\":\"3.00000003-e\",\"users\":[1]}\n"
                      "ann < 42[\"userBoarded\",2,\"4.00000004-e\"]\n");
    advance(w, 2 * WATCHED_ASK_MS);
    assert_journal(w, "");
}

static void an_answer_that_does_not_come_is_an_error(void **state)
{
    struct world *w = *state;

    join(w, 0);
    rider_active_users(w->client[0].rider, &ACK_5);
    advance(w, WATCHED_ASK_MS - 1);
    assert_journal(w, "watch /\n");
    advance(w, 1);
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"" AWAY "\"}\n");
    says_roster(w, "/", 3, "");
    assert_journal(w, "");
}

static void who_leaves_while_waiting_is_not_answered(void **state)
{
    struct world *w = *state;
    struct ack text = {.wanted = true, .text = blob_new("7", 1)};

    join(w, 0);
    rider_active_users(w->client[0].rider, &text);
    rider_active_users(w->client[0].rider, &text);
    blob_unref(text.text);
    leave(&w->client[0]);
    says_roster(w, "/", 3, "");
    assert_journal(w, "watch /\n");
}

/* --- who asks behind what it has said --- */

#define BOARDED_1 "ann < 42[\"userBoarded\",1,\"1.00000001-e\"]\n"
#define USERS_1   "ann < ack 5 {\"offset\":\"1.00000001-e\",\"users\":[1]}\n"

static void who_asks_behind_a_boarding_is_answered_behind_its_result(void **state)
{
    struct world *w = *state;

    join_live(w, 2);
    say(w, 0, BOARDING, &ACK_5);
    rider_active_users(w->client[0].rider, &ACK_5);
    rider_active_users(w->client[1].rider, &ACK_5);
    assert_journal(w, "board / ann " BOARDING "\nbob < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
    says_event(w, 1, BROKER_BOARDED, rider_id(w->client[0].rider), "1");
    assert_journal(w, BOARDED_1 "bob < 42[\"userBoarded\",1,\"1.00000001-e\"]\n");
    says_result(w, 0, 1, NULL);
    assert_journal(w, "ann < ack 5 {\"ok\":true,\"offset\":\"1.00000001-e\"}\n" USERS_1);
    advance(w, 2 * RIDER_ASK_MS);
    assert_journal(w, "");
}

static void it_waits_for_all_it_said_before_and_nothing_it_said_after(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    say(w, 0, BOARDING, &NO_ACK);
    rider_active_users(w->client[0].rider, &ACK_5);
    say(w, 0, BOARDING, &NO_ACK);
    rider_active_users(w->client[0].rider, &ACK_5);
    turn(w);
    buf_clear(&w->journal);
    says_event(w, 1, BROKER_BOARDED, rider_id(w->client[0].rider), "1");
    says_result(w, 1, 1, NULL);
    assert_journal(w, BOARDED_1);
    says_result(w, 0, 1, NULL);
    assert_journal(w, USERS_1);
    says_result(w, 2, 1, NULL);
    assert_journal(w, USERS_1);
}

static void a_transition_that_fails_is_waited_for_no_longer(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    rider_active_users(w->client[0].rider, &ACK_5);
    turn(w);
    buf_clear(&w->journal);
    says_result(w, 0, 0, "no");
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"no\"}\nann < exception no\n"
                      "ann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
}

static void behind_an_exit_it_is_answered_before_the_end(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    w->client[0].leaves_at_disconnect = true;
    say(w, 0, EXITING, &NO_ACK);
    rider_active_users(w->client[0].rider, &ACK_5);
    turn(w);
    buf_clear(&w->journal);
    says_result(w, 0, 1, NULL);
    assert_journal(w, "ann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\nann < disconnected\n");
}

static void a_result_that_does_not_come_is_an_error_to_who_asks(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &ACK_5);
    rider_active_users(w->client[0].rider, &ACK_5);
    advance(w, RIDER_ASK_MS - 1);
    assert_journal(w, "board / ann " BOARDING "\n");
    advance(w, 1);
    assert_journal(w, "ann < ack 5 {\"ok\":false,\"error\":\"" AWAY "\"}\n");
    says_result(w, 0, 1, NULL);
    assert_journal(w, "ann < ack 5 {\"ok\":true,\"offset\":\"1.00000001-e\"}\n");
}

static void what_was_held_back_is_waited_for_too(void **state)
{
    struct world *w = *state;

    join(w, 0);
    rider_active_users(w->client[0].rider, &ACK_5);
    say(w, 0, BOARDING, &NO_ACK);
    rider_active_users(w->client[0].rider, &ACK_5);
    says_roster(w, "/", 0, "");
    assert_journal(w, "watch /\nboard / ann " BOARDING
                      "\nann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
    says_event(w, 1, BROKER_BOARDED, rider_id(w->client[0].rider), "1");
    says_result(w, 0, 1, NULL);
    assert_journal(w, BOARDED_1 USERS_1);
}

static void what_could_not_be_held_back_leaves_it_to_the_roster(void **state)
{
    struct world *w = *state;

    presence_riders(w->presence)->options.queue_bytes = 1;
    join(w, 0);
    say(w, 0, BOARDING, &ACK_5);
    rider_active_users(w->client[0].rider, &ACK_5);
    assert_journal(w,
                   "watch /\nann < ack 5 {\"ok\":false,\"error\":\"" AWAY "\"}\nann < exception " AWAY "\n");
    says_roster(w, "/", 0, "");
    assert_journal(w, "ann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
}

static void who_leaves_while_its_result_is_awaited_is_not_answered(void **state)
{
    struct world *w = *state;
    struct ack text = {.wanted = true, .text = blob_new("7", 1)};

    join_live(w, 2);
    say(w, 0, BOARDING, &NO_ACK);
    rider_active_users(w->client[0].rider, &text);
    rider_active_users(w->client[0].rider, &text);
    blob_unref(text.text);
    leave(&w->client[0]);
    buf_clear(&w->journal);
    says_result(w, 0, 1, NULL);
    advance(w, 2 * RIDER_ASK_MS);
    assert_journal(w, "");
}

static void what_is_told_unasked_waits_for_nothing(void **state)
{
    struct world *w = *state;

    join_live(w, 1);
    say(w, 0, BOARDING, &NO_ACK);
    rider_tell_users(w->client[0].rider, &ACK_5);
    assert_journal(w, "board / ann " BOARDING "\nann < ack 5 {\"offset\":\"0.00000000-e\",\"users\":[]}\n");
}

/* --- who asks from outside --- */

/* What presence_ask() brought, as it was given. */
struct answer {
    unsigned times;
    struct blob *json; /* NULL: no answer, or none could be given */
};

static void on_answer(void *arg, struct blob *json)
{
    struct answer *answer = arg;

    answer->times++;
    answer->json = json ? blob_ref(json) : NULL;
}

static void assert_answer(const struct answer *answer, const char *expected)
{
    char *text = strdup(answer->json->data);

    assert_non_null(text);
    in_short(text);
    assert_string_equal(text, expected);
    free(text);
}

static void a_question_from_outside_watches_the_ride_for_a_while(void **state)
{
    struct world *w = *state;
    struct answer answer = {0};

    assert_non_null(presence_ask(w->presence, "/", on_answer, &answer));
    assert_journal(w, "watch /\n");
    assert_int_equal(answer.times, 0);
    says_roster(w, "/", 3, "A1");
    turn(w);
    assert_int_equal(answer.times, 1);
    assert_answer(&answer, "{\"offset\":\"3.00000003-e\",\"users\":[1]}");
    blob_unref(answer.json);
    advance(w, WATCHED_LINGER_MS);
    assert_journal(w, "unwatch /\n");
}

/* --- rides that an address has begun --- */

/* Whether somebody at that address is told why it may not. */
static void begins(struct world *w, const char *address, const char *ride, bool may)
{
    struct ip ip;

    assert_int_equal(ip_parse(&ip, address, strlen(address)), 0);
    const char *full = presence_begin(w->presence, ride, &ip);

    if (may)
        assert_null(full);
    else
        assert_non_null(full);
}

static void limit_rides(struct world *w, uint64_t at_once, uint64_t per_second)
{
    const struct peers_options options = {
        .max_open = {[PEER_RIDE] = at_once},
        .rates = {[PEER_NEW_RIDES] = {.per_second = per_second, .burst = 3}},
    };

    presence_free(w->presence);
    w->peers = peers_new(&options);
    start(w, "*");
}

static void an_address_begins_so_many_rides_and_they_count_until_nobody_uses_them(void **state)
{
    struct world *w = *state;

    limit_rides(w, 2, 0);
    begins(w, "203.0.113.9", "/a", true);
    begins(w, "203.0.113.9", "/a", true); /* is followed already */
    begins(w, "203.0.113.9", "/b", true);
    begins(w, "203.0.113.9", "/c", false);
    begins(w, "203.0.113.10", "/c", true);
    begins(w, "203.0.113.9", "/c", true); /* the other's */
    advance(w, WATCHED_LINGER_MS - 1);
    begins(w, "203.0.113.9", "/d", false);
    advance(w, 1);
    begins(w, "203.0.113.9", "/d", true);
    advance(w, WATCHED_LINGER_MS);
    assert_int_equal(peers_count(w->peers), 0);
}

static void an_address_begins_so_many_rides_a_second(void **state)
{
    struct world *w = *state;

    limit_rides(w, 0, 1);
    begins(w, "203.0.113.9", "/a", true);
    begins(w, "203.0.113.9", "/b", true);
    begins(w, "203.0.113.9", "/c", true);
    begins(w, "203.0.113.9", "/d", false);
    begins(w, "203.0.113.9", "/a", true);
    begins(w, "203.0.113.10", "/d", true);
    advance(w, 1000);
    begins(w, "203.0.113.9", "/e", true);
    begins(w, "203.0.113.9", "/f", false);
    advance(w, WATCHED_LINGER_MS);
}

static void a_question_can_be_withdrawn(void **state)
{
    struct world *w = *state;
    struct answer answer = {0};
    struct ask *ask = presence_ask(w->presence, "/", on_answer, &answer);

    ask_cancel(ask);
    says_roster(w, "/", 3, "");
    advance(w, WATCHED_ASK_MS);
    assert_journal(w, "watch /\n");
    advance(w, WATCHED_LINGER_MS);
    assert_journal(w, "unwatch /\n");
    assert_int_equal(answer.times, 0);
}

static void a_question_without_an_answer_in_time_gets_none(void **state)
{
    struct world *w = *state;
    struct answer answer = {0};

    presence_ask(w->presence, "/", on_answer, &answer);
    advance(w, WATCHED_ASK_MS);
    assert_int_equal(answer.times, 1);
    assert_null(answer.json);
    advance(w, WATCHED_LINGER_MS);
    assert_journal(w, "watch /\nunwatch /\n");
}

static void all_who_ask_at_one_position_share_the_answer(void **state)
{
    struct world *w = *state;
    struct answer first = {0}, second = {0}, third = {0};

    presence_ask(w->presence, "/", on_answer, &first);
    says_roster(w, "/", 3, "A1");
    turn(w);
    assert_null(presence_ask(w->presence, "/", on_answer, &second));
    assert_ptr_equal(first.json, second.json);
    says_event(w, 4, BROKER_EXITED, "A", "1");
    turn(w);
    assert_null(presence_ask(w->presence, "/", on_answer, &third));
    assert_answer(&third, "{\"offset\":\"4.00000004-e\",\"users\":[]}");
    assert_answer(&first, "{\"offset\":\"3.00000003-e\",\"users\":[1]}");
    blob_unref(first.json);
    blob_unref(second.json);
    blob_unref(third.json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_holds_every_event_before_it_and_none_after),
        TEST(who_does_not_want_an_answer_gets_none),
        TEST(an_answer_waits_for_the_first_roster),
        TEST(an_answer_that_does_not_come_is_an_error),
        TEST(who_leaves_while_waiting_is_not_answered),
        TEST(who_asks_behind_a_boarding_is_answered_behind_its_result),
        TEST(it_waits_for_all_it_said_before_and_nothing_it_said_after),
        TEST(a_transition_that_fails_is_waited_for_no_longer),
        TEST(behind_an_exit_it_is_answered_before_the_end),
        TEST(a_result_that_does_not_come_is_an_error_to_who_asks),
        TEST(what_was_held_back_is_waited_for_too),
        TEST(what_could_not_be_held_back_leaves_it_to_the_roster),
        TEST(who_leaves_while_its_result_is_awaited_is_not_answered),
        TEST(what_is_told_unasked_waits_for_nothing),
        TEST(a_question_from_outside_watches_the_ride_for_a_while),
        TEST(an_address_begins_so_many_rides_and_they_count_until_nobody_uses_them),
        TEST(an_address_begins_so_many_rides_a_second),
        TEST(a_question_can_be_withdrawn),
        TEST(a_question_without_an_answer_in_time_gets_none),
        TEST(all_who_ask_at_one_position_share_the_answer),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
