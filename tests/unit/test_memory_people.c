/*
 * A rider is a person: what the backend in memory tells, and whom it has aboard, when people have several
 * connections, and connections several people. Redis is held to the same by tests of its own.
 */
#include "common/user.h"
#include "tests/lib/broker_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Somebody else, who is aboard all the time: a ride with nobody is forgotten as soon as nobody watches it. */
enum { RESIDENT = 99 };

enum { LONG_MS = 60000, CEILING = 3 };

/* What a connection does as somebody, with a mark in the record; `id` NULL where it takes no record. */
static const struct broker_message *does(struct box *box, enum broker_transition_kind kind,
                                         unsigned connection, const char *id, int mark)
{
    static uint64_t ticket;
    char text[256];
    struct broker_transition transition = {.kind = kind, .ride = "/r"};

    transition.ticket = ++ticket;
    if (id) {
        int len = snprintf(text, sizeof text, "{\"id\":\"%s\",\"mark\":%d}", id, mark);

        transition.user = blob_new(text, (size_t)len);
        assert_non_null(transition.user);
    }
    transition.socket_id = box_socket(connection);
    broker_submit(box->broker, &transition);
    blob_unref(transition.user);
    const struct broker_message *result = box_next(box, BROKER_RESULT);
    assert_int_equal(result->ticket, transition.ticket);
    return result;
}

static void boards(struct box *box, unsigned connection, const char *id)
{
    assert_true(does(box, BROKER_BOARD, connection, id, 0)->ok);
}

static struct box *box_with(uint64_t window_ms)
{
    const struct broker_options options = {
        .url = "memory",
        .node_id = "node",
        .queue_bytes = 1 << 20,
        .connections_per_user = CEILING,
        .node_lease_ms = 3000,
        .recovery_window_ms = window_ms,
    };

    struct box *box = box_started(box_make(&options));
    broker_watch(box->broker, "/r");
    boards(box, RESIDENT, "z");
    box_next(box, BROKER_EVENT);
    return box;
}

static int start(void **state)
{
    *state = box_with(LONG_MS);
    return 0;
}

static int start_with_short_window(void **state)
{
    *state = box_with(50);
    return 0;
}

static int start_without_window(void **state)
{
    *state = box_with(0);
    return 0;
}

static int stop(void **state)
{
    box_check_promises(*state, "/r");
    box_free(*state);
    return 0;
}

static void exits(struct box *box, unsigned connection, const char *id)
{
    assert_true(does(box, BROKER_EXIT, connection, id, 0)->ok);
}

static void goes(struct box *box, unsigned connection)
{
    assert_true(does(box, BROKER_DISCONNECT, connection, NULL, 0)->ok);
}

static void drops(struct box *box, unsigned connection)
{
    assert_true(does(box, BROKER_SUSPEND, connection, NULL, 0)->ok);
}

static void is_refused(struct box *box, unsigned connection, const char *id)
{
    const struct broker_message *result = does(box, BROKER_BOARD, connection, id, 0);

    assert_false(result->ok);
    assert_string_equal(result->error, "the user has too many connections");
}

static const char *in_words(const struct broker_message *event)
{
    static const char *const kinds[] = {"boarded", "exited", "disconnected", "restored", "ended"};
    static char text[256];
    char id[USER_ID_MAX + 1];

    user_id(event->user, id);
    unsigned connection = (unsigned)strtoul(event->socket_id, NULL, 10);
    snprintf(text, sizeof text, "%s %s %u, ", kinds[event->event], id, connection);
    return text;
}

/* The events that came since the last look, which are as many as expected: `boarded ann 1, …`. */
static void assert_told(struct box *box, const char *expected)
{
    struct buf told;
    size_t count = box_count(box, BROKER_EVENT);

    buf_init(&told, 1 << 16);
    for (const char *comma = expected; (comma = strchr(comma, ',')); comma++)
        assert_int_equal(buf_append_str(&told, in_words(box_next(box, BROKER_EVENT))), 0);
    assert_int_equal(buf_append(&told, "", 1), 0);
    assert_string_equal(told.data, expected);
    buf_deinit(&told);
    assert_true(box_count(box, BROKER_EVENT) >= count);
    for (size_t i = box->next[BROKER_EVENT]; i < box->count; i++)
        assert_int_not_equal(box->said[i]->kind, BROKER_EVENT);
}

static const struct broker_message *roster_now(struct box *box)
{
    broker_unwatch(box->broker, "/r");
    broker_watch(box->broker, "/r");
    for (;;) {
        const struct broker_message *roster = box_next(box, BROKER_ROSTER);

        if (roster->rider_count > 0) /* the first has nobody */
            return roster;
    }
}

/* Who is aboard, in the order they boarded: `ann bob `. */
static void assert_aboard(struct box *box, const char *expected)
{
    const struct broker_message *roster = roster_now(box);
    char text[256] = "", id[USER_ID_MAX + 1];

    for (size_t i = 0; i < roster->rider_count; i++) {
        user_id(roster->riders[i].user, id);
        if (strcmp(id, "z") != 0)
            strcat(strcat(text, id), " ");
    }
    assert_string_equal(text, expected);
}

/* --- the table --- */

static void every_boarding_is_told_and_whoever_boards_twice_is_aboard_once(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    boards(*state, 1, "ann");
    assert_told(*state, "boarded ann 1, boarded ann 2, boarded ann 1, ");
    assert_aboard(*state, "ann ");
}

static void the_latest_record_counts_whichever_connection_it_came_from(void **state)
{
    struct box *box = *state;

    does(box, BROKER_BOARD, 1, "ann", 1);
    does(box, BROKER_BOARD, 2, "ann", 2);
    assert_non_null(strstr(roster_now(box)->riders[1].user->data, "\"mark\":2"));
    goes(box, 2);
    goes(box, 1);
    assert_told(box, "boarded ann 1, boarded ann 2, ended ann 2, disconnected ann 1, ");
    assert_non_null(strstr(box->said[box->next[BROKER_EVENT] - 1]->user->data, "\"mark\":2"));
}

static void an_exit_takes_the_person_off_whichever_connections_it_has(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    boards(*state, 3, "bob");
    exits(*state, 1, "ann");
    assert_told(*state, "boarded ann 1, boarded ann 2, boarded bob 3, exited ann 1, ");
    assert_aboard(*state, "bob ");
    goes(*state, 2); /* whose rider has left already */
    assert_told(*state, "");
}

static void a_connection_that_was_put_off_may_board_again(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    exits(*state, 1, "ann");
    boards(*state, 2, "ann");
    assert_told(*state, "boarded ann 1, boarded ann 2, exited ann 1, boarded ann 2, ");
    goes(*state, 2);
    assert_told(*state, "disconnected ann 2, ");
}

static void a_person_who_is_not_aboard_can_exit(void **state)
{
    exits(*state, 1, "ann");
    boards(*state, 2, "bob");
    exits(*state, 3, "bob"); /* from a connection that never boarded */
    assert_told(*state, "exited ann 1, boarded bob 2, exited bob 3, ");
    assert_aboard(*state, "");
}

static void only_the_last_connection_that_goes_takes_the_person_off(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    goes(*state, 1);
    assert_told(*state, "boarded ann 1, boarded ann 2, ended ann 1, ");
    assert_aboard(*state, "ann ");
    goes(*state, 1); /* again */
    goes(*state, 2);
    assert_told(*state, "disconnected ann 2, ");
    assert_aboard(*state, "");
}

static void who_boards_as_somebody_else_leaves_as_who_it_was(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 1, "bob");
    assert_told(*state, "boarded ann 1, disconnected ann 1, boarded bob 1, ");
    assert_aboard(*state, "bob ");
}

static void but_not_while_that_one_has_another_connection(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    boards(*state, 1, "bob");
    assert_told(*state, "boarded ann 1, boarded ann 2, boarded bob 1, ");
    assert_aboard(*state, "ann bob ");
    goes(*state, 2);
    assert_told(*state, "disconnected ann 2, ");
}

static void who_exits_as_somebody_else_leaves_as_who_it_was(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "bob");
    exits(*state, 1, "bob");
    assert_told(*state, "boarded ann 1, boarded bob 2, disconnected ann 1, exited bob 1, ");
    assert_aboard(*state, "");
}

static void nor_does_an_exit_as_somebody_else_while_that_one_has_another_connection(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    exits(*state, 1, "bob");
    assert_told(*state, "boarded ann 1, boarded ann 2, exited bob 1, ");
    assert_aboard(*state, "ann ");
    goes(*state, 2);
    assert_told(*state, "disconnected ann 2, ");
}

static void who_comes_back_as_a_new_connection_is_never_told_as_gone(void **state)
{
    struct box *box = *state;

    boards(box, 1, "ann");
    drops(box, 1);
    boards(box, 2, "ann");
    assert_aboard(box, "ann ");
    assert_told(box, "boarded ann 1, boarded ann 2, ended ann 1, "); /* after the window */
    assert_aboard(box, "ann ");
    box_wait_metric(box, "ridecast_riders_swept_total", 1);
}

static void the_last_window_that_passes_takes_the_person_off(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    drops(*state, 1);
    drops(*state, 2);
    assert_told(*state, "boarded ann 1, boarded ann 2, ended ann 1, disconnected ann 2, ");
    box_wait_metric(*state, "ridecast_riders_swept_total", 2);
}

static void without_a_window_a_drop_is_the_end_of_the_connection(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "ann");
    drops(*state, 1);
    drops(*state, 2);
    assert_told(*state, "boarded ann 1, boarded ann 2, ended ann 1, disconnected ann 2, ");
    assert_int_equal(box_metric(*state, "ridecast_riders_swept_total"), 0); /* at once, not after none */
}

static void an_exit_elsewhere_ends_a_suspension(void **state)
{
    struct box *box = *state;

    boards(box, 1, "ann");
    boards(box, 2, "ann");
    drops(box, 1);
    exits(box, 2, "ann");
    assert_null(does(box, BROKER_RESUME, 1, NULL, 0)->user);
    assert_told(box, "boarded ann 1, boarded ann 2, exited ann 2, ");
    assert_int_equal(box_metric(box, "ridecast_riders_held"), 1);
}

static void a_resumption_brings_the_record_of_the_person(void **state)
{
    struct box *box = *state;

    does(box, BROKER_BOARD, 1, "ann", 1);
    drops(box, 1);
    does(box, BROKER_BOARD, 2, "ann", 2);
    const struct broker_message *result = does(box, BROKER_RESUME, 1, NULL, 0);
    assert_non_null(strstr(result->user->data, "\"mark\":2"));
    assert_int_equal(box_metric(box, "ridecast_riders_held"), 3);
}

static void ids_are_the_same_however_they_are_written(void **state)
{
    boards(*state, 1, "ann");
    boards(*state, 2, "\\u0061nn");
    exits(*state, 3, "a\\u006en");
    assert_told(*state, "boarded ann 1, boarded ann 2, exited ann 3, ");
    assert_aboard(*state, "");
}

/* --- the ceiling --- */

static void one_connection_too_many_is_refused_and_changes_nothing(void **state)
{
    for (unsigned i = 1; i <= CEILING; i++)
        boards(*state, i, "ann");
    boards(*state, 9, "bob");
    assert_told(*state, "boarded ann 1, boarded ann 2, boarded ann 3, boarded bob 9, ");
    is_refused(*state, 8, "ann");
    is_refused(*state, 9, "ann"); /* and stays bob */
    assert_told(*state, "");
    assert_aboard(*state, "ann bob ");
    boards(*state, 2, "ann"); /* one of them already */
    goes(*state, 1);
    boards(*state, 8, "ann");
    assert_told(*state, "boarded ann 2, ended ann 1, boarded ann 8, ");
}

static void who_was_suspended_longest_gives_way(void **state)
{
    struct box *box = *state;

    for (unsigned i = 1; i <= CEILING; i++)
        boards(box, i, "ann");
    drops(box, 3);
    usleep(2000); /* so that the deadlines differ */
    drops(box, 1);
    boards(box, 4, "ann");
    assert_told(box, "boarded ann 1, boarded ann 2, boarded ann 3, ended ann 3, boarded ann 4, ");
    assert_null(does(box, BROKER_RESUME, 3, NULL, 0)->user);
    boards(box, 5, "ann");
    assert_told(box, "ended ann 1, boarded ann 5, ");
    is_refused(box, 6, "ann");
    assert_aboard(box, "ann ");
}

static void a_person_of_one_connection_can_change_it(void **state)
{
    const struct broker_options options = {.url = "memory",
                                           .node_id = "node",
                                           .connections_per_user = 1,
                                           .node_lease_ms = 3000,
                                           .recovery_window_ms = LONG_MS};
    struct box *box = box_started(box_make(&options));

    (void)state;
    broker_watch(box->broker, "/r");
    boards(box, 1, "ann");
    is_refused(box, 2, "ann");
    drops(box, 1);
    boards(box, 2, "ann");
    assert_told(box, "boarded ann 1, ended ann 1, boarded ann 2, ");
    exits(box, 2, "ann");
    assert_told(box, "exited ann 2, ");
    assert_int_equal(box_metric(box, "ridecast_riders_held"), 0);
    box_free(box);
}

/* --- fingerprints --- */

static bool replays(struct box *box, const struct broker_position *from)
{
    broker_replay(box->broker, "/r", from, NULL, 7);
    return box_next(box, BROKER_HISTORY)->ok;
}

static void every_event_has_a_fingerprint_of_its_own(void **state)
{
    struct box *box = *state;
    char seen[8][CHAIN_LEN + 1] = {"00000000"};

    assert_string_equal(box_next(box, BROKER_ROSTER)->position.chain, "00000000");
    boards(box, 1, "ann");
    boards(box, 1, "ann");
    boards(box, 1, "bob"); /* two events */
    goes(box, 1);
    for (size_t i = 1; i <= 5; i++) {
        const struct broker_message *event = box_next(box, BROKER_EVENT);

        assert_int_equal(strspn(event->position.chain, "0123456789abcdef"), CHAIN_LEN);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(event->position.chain, seen[k]);
        memcpy(seen[i], event->position.chain, sizeof seen[i]);
    }
    assert_string_equal(roster_now(box)->position.chain, seen[5]);
}

static void a_result_has_that_of_its_last_event(void **state)
{
    struct box *box = *state;

    boards(box, 1, "ann");
    const struct broker_message *result = does(box, BROKER_BOARD, 1, "bob", 0);
    box_next(box, BROKER_EVENT);
    box_next(box, BROKER_EVENT);
    const struct broker_message *last = box_next(box, BROKER_EVENT);
    assert_int_equal(result->position.offset, last->position.offset);
    assert_string_equal(result->position.chain, last->position.chain);
}

static void a_replay_has_them_and_compares_where_it_begins(void **state)
{
    struct box *box = *state;
    struct broker_position places[4];

    places[0] = roster_now(box)->position;
    for (size_t i = 1; i < 4; i++) {
        boards(box, 1, "ann");
        places[i] = box_next(box, BROKER_EVENT)->position;
    }
    for (size_t i = 0; i < 4; i++) {
        struct broker_position other = places[i];

        broker_replay(box->broker, "/r", &places[i], NULL, 7);
        const struct broker_message *history = box_next(box, BROKER_HISTORY);
        assert_true(history->ok);
        assert_string_equal(history->position.chain, places[3].chain);
        for (size_t k = i + 1; k < 4; k++)
            assert_string_equal(history->events[k - i - 1].chain, places[k].chain);
        other.chain[7] = other.chain[7] == '0' ? '1' : '0';
        assert_false(replays(box, &other));
        other.chain[0] = '\0';
        assert_false(replays(box, &other));
    }
}

static void the_place_before_the_oldest_that_is_kept_is_compared_too(void **state)
{
    struct box *box = *state;

    boards(box, 1, "ann");
    struct broker_position oldest = box_next(box, BROKER_EVENT)->position;
    for (unsigned i = 0; i < REPLAY_EVENTS_MAX; i++)
        boards(box, 1, "ann");
    assert_true(replays(box, &oldest));
    oldest.chain[7] = oldest.chain[7] == '0' ? '1' : '0';
    assert_false(replays(box, &oldest));
}

/* --- ends --- */

/* For the client of that socket, which is not aboard. */
static bool replays_for(struct box *box, const struct broker_position *from, unsigned socket)
{
    broker_replay(box->broker, "/r", from, box_socket(socket), 7);
    return box_next(box, BROKER_HISTORY)->ok;
}

static void who_has_ended_up_to_where_a_replay_begins_has_none(void **state)
{
    struct box *box = *state;
    struct broker_position start = roster_now(box)->position;

    boards(box, 1, "ann");
    struct broker_position boarded = box_next(box, BROKER_EVENT)->position;
    exits(box, 1, "ann");
    struct broker_position ended = box_next(box, BROKER_EVENT)->position;
    boards(box, 2, "bob");
    struct broker_position later = box_next(box, BROKER_EVENT)->position;
    assert_true(replays_for(box, &start, 1));
    assert_true(replays_for(box, &boarded, 1)); /* what comes later the gateway sees */
    assert_false(replays_for(box, &ended, 1));
    assert_false(replays_for(box, &later, 1));
    assert_true(replays_for(box, &later, 3));
    assert_true(replays(box, &later));
}

static void nor_has_who_may_have(void **state)
{
    struct box *box = *state;
    struct broker_position places[2] = {0};

    for (unsigned i = 0; i < REPLAY_EVENTS_MAX + REPLAY_BEFORE; i++) {
        boards(box, 1, "ann");
        struct broker_position place = box_next(box, BROKER_EVENT)->position;
        if (i >= 2 * REPLAY_BEFORE - 2 && i < 2 * REPLAY_BEFORE)
            places[i % 2] = place;
    }
    assert_true(replays(box, &places[0]));
    assert_false(replays_for(box, &places[0], 2));
    assert_true(replays_for(box, &places[0], 1));
    assert_true(replays_for(box, &places[1], 2));
}

/* --- the law --- */

enum { PEOPLE = 4, CONNECTIONS = 6, STEPS = 400, RUNS = 20 };

/* What the table says, told again in the plainest way: who each connection is, and in which order they
 * dropped. */
struct table {
    int who[CONNECTIONS];       /* -1: nobody */
    unsigned away[CONNECTIONS]; /* since which step it is suspended; 0: it is not */
};

static size_t connections_of(const struct table *table, int person)
{
    size_t count = 0;

    for (int i = 0; i < CONNECTIONS; i++)
        count += table->who[i] == person;
    return count;
}

static void set_who(struct table *table, int connection, int person)
{
    table->who[connection] = person;
    table->away[connection] = 0;
}

static bool may_board(struct table *table, int connection, int person)
{
    int longest = -1;

    if (table->who[connection] == person || connections_of(table, person) < CEILING)
        return true;
    for (int i = 0; i < CONNECTIONS; i++)
        if (table->who[i] == person && table->away[i] &&
            (longest < 0 || table->away[i] < table->away[longest]))
            longest = i;
    if (longest >= 0)
        set_who(table, longest, -1);
    return longest >= 0;
}

/* The connections that are nobody's are not ended by anybody. */
static bool step(struct table *table, enum broker_transition_kind kind, int connection, int person,
                 unsigned now)
{
    switch (kind) {
    case BROKER_BOARD:
        if (!may_board(table, connection, person))
            return false;
        set_who(table, connection, person);
        break;
    case BROKER_EXIT:
        for (int i = 0; i < CONNECTIONS; i++)
            if (table->who[i] == person || i == connection)
                set_who(table, i, -1);
        break;
    case BROKER_DISCONNECT:
        set_who(table, connection, -1);
        break;
    case BROKER_SUSPEND:
        table->away[connection] = table->who[connection] >= 0 ? now : 0;
        break;
    case BROKER_RESUME:
        table->away[connection] = 0;
        break;
    }
    return true;
}

static int person_of(const struct blob *user)
{
    char id[USER_ID_MAX + 1];

    user_id(user, id);
    return id[0] - 'a';
}

/* What anybody who hears the events makes of them. */
static void hear(bool aboard[PEOPLE], const struct broker_message *event)
{
    int person = person_of(event->user);

    if (event->event == BROKER_DISCONNECTED)
        assert_true(aboard[person]);
    if (event->event == BROKER_ENDED)
        return;
    aboard[person] = event->event == BROKER_BOARDED;
}

static void hear_all(struct box *box, bool aboard[PEOPLE])
{
    box_drain(box);
    for (; box->next[BROKER_EVENT] < box->count; box->next[BROKER_EVENT]++)
        if (box->said[box->next[BROKER_EVENT]]->kind == BROKER_EVENT)
            hear(aboard, box->said[box->next[BROKER_EVENT]]);
}

static void compare(struct box *box, const struct table *table, const bool aboard[PEOPLE])
{
    const struct broker_message *roster = roster_now(box);
    size_t count = 0;

    for (int person = 0; person < PEOPLE; person++) {
        assert_int_equal(aboard[person], connections_of(table, person) > 0);
        count += aboard[person];
    }
    assert_int_equal(roster->rider_count, count + 1); /* and the resident */
    for (size_t i = 1; i < roster->rider_count; i++)
        assert_true(aboard[person_of(roster->riders[i].user)]);
}

static void run(unsigned seed)
{
    static const enum broker_transition_kind kinds[] = {BROKER_BOARD,  BROKER_BOARD,     BROKER_BOARD,
                                                        BROKER_EXIT,   BROKER_SUSPEND,   BROKER_SUSPEND,
                                                        BROKER_RESUME, BROKER_DISCONNECT};
    struct box *box = box_with(LONG_MS);
    struct table table;
    bool aboard[PEOPLE] = {false};

    srand(seed);
    for (int i = 0; i < CONNECTIONS; i++)
        set_who(&table, i, -1);
    for (unsigned now = 1; now <= STEPS; now++) {
        enum broker_transition_kind kind = kinds[(unsigned)rand() % (sizeof kinds / sizeof *kinds)];
        int connection = rand() % CONNECTIONS, person = rand() % PEOPLE;
        char id[] = {(char)('a' + person), '\0'};
        bool takes_record = kind == BROKER_BOARD || kind == BROKER_EXIT;

        if (kind == BROKER_SUSPEND && table.away[connection])
            continue;
        if (kind == BROKER_SUSPEND)
            usleep(1100); /* so that the deadlines differ */
        const struct broker_message *result =
            does(box, kind, (unsigned)connection, takes_record ? id : NULL, (int)now);
        assert_int_equal(result->ok, step(&table, kind, connection, person, now));
        if (kind == BROKER_RESUME)
            assert_int_equal(result->user != NULL, table.who[connection] >= 0);
        hear_all(box, aboard);
        compare(box, &table, aboard);
    }
    box_check_promises(box, "/r");
    box_free(box);
}

static void events_add_up_to_the_roster_whatever_happens(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= RUNS; seed++)
        run(seed);
}

#define TEST(test)              cmocka_unit_test_setup_teardown(test, start, stop)
#define with_short_window(test) cmocka_unit_test_setup_teardown(test, start_with_short_window, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_boarding_is_told_and_whoever_boards_twice_is_aboard_once),
        TEST(the_latest_record_counts_whichever_connection_it_came_from),
        TEST(an_exit_takes_the_person_off_whichever_connections_it_has),
        TEST(a_connection_that_was_put_off_may_board_again),
        TEST(a_person_who_is_not_aboard_can_exit),
        TEST(only_the_last_connection_that_goes_takes_the_person_off),
        TEST(who_boards_as_somebody_else_leaves_as_who_it_was),
        TEST(but_not_while_that_one_has_another_connection),
        TEST(who_exits_as_somebody_else_leaves_as_who_it_was),
        TEST(nor_does_an_exit_as_somebody_else_while_that_one_has_another_connection),
        with_short_window(who_comes_back_as_a_new_connection_is_never_told_as_gone),
        with_short_window(the_last_window_that_passes_takes_the_person_off),
        cmocka_unit_test_setup_teardown(without_a_window_a_drop_is_the_end_of_the_connection,
                                        start_without_window, stop),
        TEST(an_exit_elsewhere_ends_a_suspension),
        TEST(a_resumption_brings_the_record_of_the_person),
        TEST(ids_are_the_same_however_they_are_written),
        TEST(one_connection_too_many_is_refused_and_changes_nothing),
        TEST(who_was_suspended_longest_gives_way),
        cmocka_unit_test(a_person_of_one_connection_can_change_it),
        TEST(every_event_has_a_fingerprint_of_its_own),
        TEST(a_result_has_that_of_its_last_event),
        TEST(a_replay_has_them_and_compares_where_it_begins),
        TEST(the_place_before_the_oldest_that_is_kept_is_compared_too),
        TEST(who_has_ended_up_to_where_a_replay_begins_has_none),
        TEST(nor_has_who_may_have),
        cmocka_unit_test(events_add_up_to_the_roster_whatever_happens),
    };

    return cmocka_run_group_tests_name("memory_people", tests, NULL, NULL);
}
