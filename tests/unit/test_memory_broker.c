/*
 * The broker contract on the backend in memory: rosters, events, results, suspension, history, signals and
 * the end.
 */
#include "tests/lib/broker_box.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    *state = box_start("memory", "node");
    return 0;
}

static int stop(void **state)
{
    box_free(*state);
    return 0;
}

static void it_is_up_at_once(void **state)
{
    assert_true(box_next(*state, BROKER_STATE)->up);
    assert_int_equal(box_metric(*state, "ridecast_broker_up"), 1);
}

static void watching_an_absent_ride_gives_an_empty_roster_with_an_epoch(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_string_equal(roster->ride, "/r");
    assert_int_equal(strlen(roster->position.epoch), EPOCH_LEN);
    assert_int_equal(roster->position.offset, 0);
    assert_int_equal(roster->rider_count, 0);
}

static void boarding_is_told_with_its_record_and_then_acknowledged(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 7);
    const struct broker_message *event = box_next(box, BROKER_EVENT);
    const struct broker_message *result = box_next(box, BROKER_RESULT);
    assert_int_equal(event->event, BROKER_BOARDED);
    assert_string_equal(event->socket_id, box_socket(7));
    assert_non_null(strstr(event->user->data, "\"u7\""));
    assert_int_equal(event->position.offset, 1);
    assert_true(result->ok);
    assert_null(result->error);
    assert_int_equal(result->ticket, 7);
    assert_int_equal(result->position.offset, 1);
    box_check_promises(box, "/r");
}

static void a_roster_holds_whoever_boarded_before(void **state)
{
    struct box *box = *state;

    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_BOARD, "/r", 2);
    box_submit(box, BROKER_BOARD, "/r", 1); /* again */
    box_submit(box, BROKER_EXIT, "/r", 2);
    broker_watch(box->broker, "/r");
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_int_equal(roster->rider_count, 1);
    assert_non_null(strstr(roster->riders[0].user->data, "\"u1\""));
    assert_int_equal(roster->position.offset, 4);
}

static void what_the_other_thread_has_not_taken_is_counted_with_all_that_is_in_it(void **state)
{
    struct box *box = box_new("memory", "n", 1 << 20);

    (void)state;
    assert_int_equal(broker_untaken_bytes(box->broker), 0);
    box_submit(box, BROKER_BOARD, "/r", 1);
    size_t boarding = broker_untaken_bytes(box->broker);
    broker_watch(box->broker, "/r");
    size_t watching = broker_untaken_bytes(box->broker) - boarding;

    assert_true(watching > 0);
    box_started(box);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    size_t record = roster->riders[0].user->len;

    assert_int_equal(boarding, watching + record);
    assert_int_equal(roster->mail.bytes, sizeof *roster + sizeof *roster->riders + record);
    assert_int_equal(broker_untaken_bytes(box->broker), 0);
    box_free(box);
}

static void an_exit_without_boarding_is_told_too(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_EXIT, "/r", 1);
    assert_int_equal(box_next(box, BROKER_EVENT)->event, BROKER_EXITED);
    assert_true(box_next(box, BROKER_RESULT)->ok);
}

static void a_disconnect_is_told_only_of_riders_aboard_and_with_their_record(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_DISCONNECT, "/r", 1); /* nobody */
    box_submit(box, BROKER_BOARD, "/r", 2);
    box_submit(box, BROKER_DISCONNECT, "/r", 2);
    assert_int_equal(box_next(box, BROKER_EVENT)->event, BROKER_BOARDED);
    const struct broker_message *event = box_next(box, BROKER_EVENT);
    assert_int_equal(event->event, BROKER_DISCONNECTED);
    assert_non_null(strstr(event->user->data, "\"u2\""));
    for (int i = 0; i < 3; i++)
        assert_true(box_next(box, BROKER_RESULT)->ok);
    box_check_promises(box, "/r");
}

/* --- suspension --- */

static int start_with_short_window(void **state)
{
    *state = box_start_with("memory", "node", 3000, 50);
    return 0;
}

static int start_without_window(void **state)
{
    *state = box_start_with("memory", "node", 3000, 0);
    return 0;
}

static void expect_event(struct box *box, enum broker_event_kind kind, unsigned number)
{
    const struct broker_message *event = box_next(box, BROKER_EVENT);

    assert_int_equal(event->event, kind);
    assert_string_equal(event->socket_id, box_socket(number));
}

static void a_suspended_rider_leaves_after_the_window_and_is_told_once(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    for (unsigned i = 0; i < 3; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    box_submit(box, BROKER_SUSPEND, "/r", 0);
    box_submit(box, BROKER_SUSPEND, "/r", 2);
    box_submit(box, BROKER_SUSPEND, "/r", 0); /* again: it waits anew */
    for (unsigned i = 0; i < 3; i++)
        expect_event(box, BROKER_BOARDED, i);
    expect_event(box, BROKER_DISCONNECTED, 2);
    expect_event(box, BROKER_DISCONNECTED, 0);
    broker_stop(box->broker);
    assert_int_equal(box_count(box, BROKER_EVENT), 5);
    assert_int_equal(box_metric(box, "ridecast_riders_swept_total"), 2);
    assert_int_equal(box_metric(box, "ridecast_riders_held"), 1);
    box_check_promises(box, "/r");
}

static void a_resumption_within_the_window_is_silent_and_brings_the_record(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_SUSPEND, "/r", 1);
    box_submit(box, BROKER_RESUME, "/r", 1);
    box_submit(box, BROKER_BOARD, "/r", 2); /* whose window passes, while nobody else's does */
    box_submit(box, BROKER_SUSPEND, "/r", 2);
    box_next(box, BROKER_RESULT);
    assert_null(box_next(box, BROKER_RESULT)->user);
    assert_non_null(strstr(box_next(box, BROKER_RESULT)->user->data, "\"u1\""));
    expect_event(box, BROKER_BOARDED, 1);
    expect_event(box, BROKER_BOARDED, 2);
    expect_event(box, BROKER_DISCONNECTED, 2);
    assert_int_equal(box_count(box, BROKER_EVENT), 3);
}

static void a_resumption_after_the_window_finds_nobody(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_SUSPEND, "/r", 1);
    expect_event(box, BROKER_BOARDED, 1);
    expect_event(box, BROKER_DISCONNECTED, 1);
    box_submit(box, BROKER_RESUME, "/r", 1);
    for (int i = 0; i < 3; i++) {
        const struct broker_message *result = box_next(box, BROKER_RESULT);

        assert_true(result->ok);
        assert_null(result->user);
    }
}

static void a_suspended_rider_that_boards_or_exits_is_not_swept(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    for (unsigned i = 0; i < 2; i++) {
        box_submit(box, BROKER_BOARD, "/r", i);
        box_submit(box, BROKER_SUSPEND, "/r", i);
    }
    box_submit(box, BROKER_BOARD, "/r", 0);
    box_submit(box, BROKER_EXIT, "/r", 1);
    box_submit(box, BROKER_BOARD, "/r", 2);
    box_submit(box, BROKER_SUSPEND, "/r", 2);
    for (int i = 0; i < 5; i++)
        assert_int_not_equal(box_next(box, BROKER_EVENT)->event, BROKER_DISCONNECTED);
    expect_event(box, BROKER_DISCONNECTED, 2);
    assert_int_equal(box_metric(box, "ridecast_riders_held"), 1);
}

static void without_a_window_a_suspension_is_a_disconnection(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_SUSPEND, "/r", 1);
    expect_event(box, BROKER_BOARDED, 1);
    expect_event(box, BROKER_DISCONNECTED, 1);
    for (int i = 0; i < 2; i++)
        assert_true(box_next(box, BROKER_RESULT)->ok);
    box_check_promises(box, "/r");
}

static void the_secret_comes_before_it_is_up_and_is_new_each_time(void **state)
{
    struct box *box = *state, *other = box_start("memory", "node");

    box_next(box, BROKER_STATE);
    assert_int_equal(box->said[0]->kind, BROKER_SECRET);
    assert_memory_not_equal(box->said[0]->secret, box_next(other, BROKER_SECRET)->secret, SECRET_LEN);
    box_free(other);
}

/* --- history --- */

static void a_replay_brings_everything_after_a_position(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    const char *epoch = box_next(box, BROKER_ROSTER)->position.epoch;
    for (unsigned i = 1; i <= 5; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    box_submit(box, BROKER_EXIT, "/r", 5);
    for (unsigned i = 1; i <= 6; i++)
        box_next(box, BROKER_EVENT);
    const struct broker_message *history = box_replay(box, epoch, 4);
    assert_true(history->ok);
    assert_int_equal(history->position.offset, 6);
    assert_int_equal(history->event_count, 2);
    assert_int_equal(history->events[0].offset, 5);
    assert_int_equal(history->events[0].kind, BROKER_BOARDED);
    assert_int_equal(history->events[1].offset, 6);
    assert_int_equal(history->events[1].kind, BROKER_EXITED);
    assert_non_null(strstr(history->events[1].user->data, "\"u5\""));
    assert_int_equal(box_replay(box, epoch, 6)->event_count, 0);
    assert_int_equal(box_replay(box, epoch, 0)->event_count, 6);
}

static void a_replay_from_where_nobody_was_is_refused(void **state)
{
    struct box *box = *state;

    assert_false(box_replay(box, "epochXXX", 0)->ok); /* no such ride */
    broker_watch(box->broker, "/r");
    const char *epoch = box_next(box, BROKER_ROSTER)->position.epoch;
    assert_true(box_replay(box, epoch, 0)->ok);
    assert_false(box_replay(box, epoch, 1)->ok);
    assert_false(box_replay(box, epoch, UINT64_MAX)->ok);
    assert_false(box_replay(box, "epochXXX", 0)->ok);
}

static void a_replay_reaches_back_a_bounded_number_of_events(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    const char *epoch = box_next(box, BROKER_ROSTER)->position.epoch;
    for (unsigned i = 0; i < REPLAY_EVENTS_MAX + 1; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    assert_false(box_replay(box, epoch, 0)->ok);
    const struct broker_message *history = box_replay(box, epoch, 1);
    assert_true(history->ok);
    assert_int_equal(history->event_count, REPLAY_EVENTS_MAX);
    assert_int_equal(history->events[0].offset, 2);
}

static void a_replay_after_the_end_is_refused(void **state)
{
    struct box *box = *state;

    broker_stop(box->broker);
    assert_false(box_replay(box, "epochXXX", 0)->ok);
}

/* --- what gateways say of themselves --- */

static void say(struct box *box, const char *json)
{
    struct blob *about = blob_new(json, strlen(json));

    assert_non_null(about);
    broker_about(box->broker, about);
    blob_unref(about);
}

static void expect_survey(struct box *box, const char *json)
{
    broker_survey(box->broker);
    const struct blob *told = box_next(box, BROKER_SURVEY)->user;
    assert_non_null(told);
    assert_int_equal(told->len, strlen(json));
    assert_memory_equal(told->data, json, told->len);
}

static void a_survey_brings_what_this_gateway_said_last(void **state)
{
    struct box *box = *state;

    expect_survey(box, "[]");
    say(box, "{\"node\":\"a\"}");
    expect_survey(box, "[{\"node\":\"a\"}]");
    say(box, "{\"node\":\"b\"}");
    expect_survey(box, "[{\"node\":\"b\"}]");
}

static void a_survey_brings_the_longest_that_may_be_said(void **state)
{
    char about[ABOUT_MAX + 1], survey[ABOUT_MAX + 3];

    snprintf(about, sizeof about, "{%*s}", ABOUT_MAX - 2, "");
    snprintf(survey, sizeof survey, "[%s]", about);
    say(*state, about);
    expect_survey(*state, survey);
}

static void every_survey_is_answered_once_also_around_the_end(void **state)
{
    struct box *box = *state;

    for (int i = 0; i < 100; i++)
        broker_survey(box->broker);
    broker_stop(box->broker);
    assert_int_equal(box_count(box, BROKER_SURVEY), 100);
    broker_survey(box->broker);
    assert_int_equal(box_count(box, BROKER_SURVEY), 101);
    assert_null(box->said[box->count - 1]->user);
}

/* --- rides --- */

static void rides_do_not_mix(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/a");
    box_submit(box, BROKER_BOARD, "/b", 1);
    box_submit(box, BROKER_BOARD, "/a", 2);
    assert_string_equal(box_next(box, BROKER_EVENT)->ride, "/a");
    box_next(box, BROKER_RESULT);
    box_next(box, BROKER_RESULT);
    assert_int_equal(box_count(box, BROKER_EVENT), 1);
}

static void an_unwatched_ride_is_silent_and_keeps_its_numbering_while_somebody_is_aboard(void **state)
{
    struct box *box = *state;

    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    broker_unwatch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 2);
    broker_watch(box->broker, "/r");
    const struct broker_message *before = box_next(box, BROKER_ROSTER);
    const struct broker_message *after = box_next(box, BROKER_ROSTER);
    assert_string_equal(before->position.epoch, after->position.epoch);
    assert_int_equal(after->position.offset, 2);
    assert_int_equal(after->rider_count, 2);
    assert_int_equal(box_count(box, BROKER_EVENT), 1);
}

static void a_ride_that_nobody_uses_is_forgotten(void **state)
{
    struct box *box = *state;

    box_submit(box, BROKER_BOARD, "/r", 1);
    box_submit(box, BROKER_EXIT, "/r", 1);
    broker_watch(box->broker, "/r");
    const struct broker_message *first = box_next(box, BROKER_RESULT);
    const struct broker_message *roster = box_next(box, BROKER_ROSTER);
    assert_string_not_equal(first->position.epoch, roster->position.epoch);
    assert_int_equal(roster->position.offset, 0);
}

static void results_are_counted(void **state)
{
    struct box *box = *state;

    box_submit(box, BROKER_BOARD, "/r", 1);
    box_next(box, BROKER_RESULT);
    assert_int_equal(box_metric(box, "ridecast_transitions_total{result=\"ok\"}"), 1);
    assert_int_equal(box_metric(box, "ridecast_transitions_total{result=\"refused\"}"), 0);
}

static void a_termination_signal_reaches_the_gateway_as_a_message(void **state)
{
    struct box *box = *state;
    sigset_t signals;

    /* Only this thread and the broker's exist, and both have it blocked: it stays for the signalfd. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    kill(getpid(), SIGTERM);
    box_next(box, BROKER_SIGNAL);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static void a_hang_up_reaches_the_gateway_as_a_wish_to_reload(void **state)
{
    struct box *box = *state;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    kill(getpid(), SIGHUP);
    box_next(box, BROKER_RELOAD);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static void a_transition_after_the_end_is_refused(void **state)
{
    struct box *box = *state;

    broker_stop(box->broker);
    box_submit(box, BROKER_BOARD, "/r", 5);
    const struct broker_message *result = box_next(box, BROKER_RESULT);
    assert_false(result->ok);
    assert_string_equal(result->error, "the gateway is stopping");
    assert_int_equal(result->ticket, 5);
}

static void everything_submitted_before_the_end_has_its_result(void **state)
{
    struct box *box = *state;

    for (unsigned i = 0; i < 1000; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    broker_stop(box->broker);
    assert_int_equal(box_count(box, BROKER_RESULT), 1000);
}

static void a_broker_that_never_started_can_be_freed_with_orders_waiting(void **state)
{
    struct box *box = box_new("memory", "", 1000);

    (void)state;
    broker_watch(box->broker, "/r");
    box_submit(box, BROKER_BOARD, "/r", 1);
    assert_null(broker_take(box->broker));
    box_free(box);
    broker_free(NULL);
    broker_message_free(NULL);
}

static void bad_options_are_refused_with_a_line(void **state)
{
    struct metrics *metrics = metrics_new();
    struct broker_options options = {
        .url = "memory", .prefix = "ride cast:", .node_id = "n", .metrics = metrics};
    char error[200] = "", long_name[200];

    (void)state;
    assert_null(broker_new(&options, error, sizeof error));
    assert_non_null(strstr(error, "prefix"));
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    options.prefix = "p:";
    options.node_id = long_name;
    assert_null(broker_new(&options, error, sizeof error));
    assert_non_null(strstr(error, "node id"));
    options.node_id = "n";
    options.url = "http://host";
    assert_null(broker_new(&options, error, sizeof error));
    assert_non_null(strstr(error, "redis://"));
    metrics_free(metrics);
}

#define with_broker(test)       cmocka_unit_test_setup_teardown(test, start, stop)
#define with_short_window(test) cmocka_unit_test_setup_teardown(test, start_with_short_window, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_broker(it_is_up_at_once),
        with_broker(watching_an_absent_ride_gives_an_empty_roster_with_an_epoch),
        with_broker(boarding_is_told_with_its_record_and_then_acknowledged),
        with_broker(a_roster_holds_whoever_boarded_before),
        cmocka_unit_test(what_the_other_thread_has_not_taken_is_counted_with_all_that_is_in_it),
        with_broker(an_exit_without_boarding_is_told_too),
        with_broker(a_disconnect_is_told_only_of_riders_aboard_and_with_their_record),
        with_short_window(a_suspended_rider_leaves_after_the_window_and_is_told_once),
        with_short_window(a_resumption_within_the_window_is_silent_and_brings_the_record),
        with_short_window(a_resumption_after_the_window_finds_nobody),
        with_short_window(a_suspended_rider_that_boards_or_exits_is_not_swept),
        cmocka_unit_test_setup_teardown(without_a_window_a_suspension_is_a_disconnection,
                                        start_without_window, stop),
        with_broker(the_secret_comes_before_it_is_up_and_is_new_each_time),
        with_broker(a_replay_brings_everything_after_a_position),
        with_broker(a_replay_from_where_nobody_was_is_refused),
        with_broker(a_replay_reaches_back_a_bounded_number_of_events),
        with_broker(a_replay_after_the_end_is_refused),
        with_broker(a_survey_brings_what_this_gateway_said_last),
        with_broker(a_survey_brings_the_longest_that_may_be_said),
        with_broker(every_survey_is_answered_once_also_around_the_end),
        with_broker(rides_do_not_mix),
        with_broker(an_unwatched_ride_is_silent_and_keeps_its_numbering_while_somebody_is_aboard),
        with_broker(a_ride_that_nobody_uses_is_forgotten),
        with_broker(results_are_counted),
        with_broker(a_termination_signal_reaches_the_gateway_as_a_message),
        with_broker(a_hang_up_reaches_the_gateway_as_a_wish_to_reload),
        with_broker(a_transition_after_the_end_is_refused),
        with_broker(everything_submitted_before_the_end_has_its_result),
        cmocka_unit_test(a_broker_that_never_started_can_be_freed_with_orders_waiting),
        cmocka_unit_test(bad_options_are_refused_with_a_line),
    };

    return cmocka_run_group_tests_name("memory_broker", tests, NULL, NULL);
}
