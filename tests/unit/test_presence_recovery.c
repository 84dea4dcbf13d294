/*
 * The application: clients that drop and come back, what they have missed, and whose socket it is meanwhile.
 */
#include "common/log.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup_recovery(void **state)
{
    if (setup(state))
        return -1;
    allow_recovery(*state);
    return 0;
}

/* The client, or another that was given its socket id, shows that id. */
static void come_back_from(struct world *w, int i, const struct broker_position *from, uint64_t began)
{
    struct client *client = &w->client[i];
    const struct rider_options options = {
        .ride = "/", .outlet = &client->outlet, .ops = &OPS, .client = client};

    client->rider = rider_resume(presence_riders(w->presence), &options, client->id, from, began);
}

/* The client has had the events up to `offset`. */
static void come_back(struct world *w, int i, uint64_t offset)
{
    struct broker_position from = {.offset = offset};

    strcpy(from.epoch, w->epoch);
    snprintf(from.chain, sizeof from.chain, "%08x", (unsigned)offset);
    come_back_from(w, i, &from, 0);
}

/* Boardings of strangers, each with its offset as record. */
static void says_events(struct world *w, uint64_t first, uint64_t last)
{
    for (uint64_t offset = first; offset <= last; offset++) {
        char text[] = {(char)('0' + offset), '\0'};

        says_event(w, offset, BROKER_BOARDED, text, text);
    }
}

#define EVENT(n) "42[\"userBoarded\"," #n ",\"" #n ".0000000" #n "-epoch-01\"]\n"

/* The first order: the client is aboard. */
static void board(struct world *w, int i)
{
    say(w, i, BOARDING, &NO_ACK);
    says_result(w, w->broker.submitted_count - 1, 0, NULL);
    turn(w);
    buf_clear(&w->journal);
}

/* Client 0 was on the ride, aboard after `offset` events, and has dropped; client 1 keeps the ride in use. */
static void drop_after(struct world *w, uint64_t offset)
{
    join_live(w, 2);
    board(w, 0);
    says_events(w, 1, offset);
    turn(w);
    drop(&w->client[0]);
    leave(&w->client[1]);
    buf_clear(&w->journal);
}

/* Client 0 shows a socket id from elsewhere; the ride is at offset 5, and that is all this gateway knows. */
static void come_from_elsewhere(struct world *w, uint64_t offset)
{
    join(w, 1);
    says_roster(w, "/", 5, "");
    turn(w);
    leave(&w->client[1]);
    strcpy(w->client[0].id, "12345678901234567890");
    come_back(w, 0, offset);
    buf_clear(&w->journal);
}

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

static bool shows(struct world *w, const char *ride, const char *recovery_id, struct broker_position *from)
{
    const struct recovery_scope scope = {.ride = ride};
    char socket_id[SOCKET_ID_LEN + 1];

    if (!riders_check_recovery_id(presence_riders(w->presence), &scope, recovery_id, strlen(recovery_id),
                                  socket_id, from))
        return false;
    assert_string_equal(socket_id, w->client[0].id);
    return true;
}

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
        TEST(who_drops_aboard_is_suspended),
        TEST(who_drops_before_its_boardings_result_is_suspended),
        TEST(who_only_watched_drops_in_silence),
        TEST(who_leaves_for_good_is_never_suspended),
        PLAIN_TEST(without_a_window_who_drops_is_gone),
        TEST(a_recovery_id_tells_the_socket_and_where_its_stream_began),
        TEST(a_recovery_id_is_for_its_ride_and_its_secret_only),
        TEST(there_is_none_before_the_ride_is_known),
        TEST(there_is_none_without_a_window_or_a_secret),
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
        TEST(what_a_past_holds_beyond_what_was_asked_is_not_told_again),
        PLAIN_TEST(without_a_window_nothing_is_remembered),
        TEST(offsets_nothing_leads_from_are_no_recovery),
        TEST(nor_is_another_history_further_back),
        TEST(events_of_another_epoch_are_never_replayed),
        TEST(who_is_put_aboard_by_another_gateway_while_its_client_is_here_is_taken_over),
        TEST(so_is_who_is_put_back_by_another),
        TEST(so_is_who_may_be_among_those_that_a_roster_has_more),
        TEST(the_own_boarding_is_no_other_gateways),
        TEST(nor_is_that_of_a_client_that_was_new_here),
        TEST(whoever_is_exiting_is_not_taken_over),
        TEST(who_is_put_aboard_elsewhere_as_it_comes_back_is_taken_over_then),
        TEST(a_new_client_is_not_who_was_put_aboard_elsewhere),
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
        TEST(a_difference_has_a_position_that_nothing_leads_from),
        TEST(who_was_away_when_a_difference_was_told_is_recovered_if_the_log_goes_on),
        TEST(who_joins_in_doubt_may_have_its_socket_back_but_no_events_lead_on),
        TEST(nobody_is_recovered_while_there_are_doubts),
        TEST(who_was_catching_up_when_doubts_arose_is_not_recovered),
    };

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
