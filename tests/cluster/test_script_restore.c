/*
 * restore.lua and lost.lua: who is put back, with which record, and who is not.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>

static void the_later_tenure_wins(void **state)
{
    struct redis_server *server = *state;

    expect_ok(restore(server, .id = "ann", .tenure = "100"), "1", "missing");
    expect_ok(restore(server, .id = "ann", .node = "m", .tenure = "200"), "1", "");
    expect_connections(server, "@ann=a, a=m ann");
    expect_word(restore(server, .id = "ann", .tenure = "100"), "refused");
    expect_ok(board(server, .id = "ann", .tenure = "300"), "2", "");
    expect_connections(server, "@ann=a, a=n ann");
}

/* Whoever suspended it, or took it from a dead node, has obtained nothing. */
static void at_the_same_tenure_a_suspended_socket_is_taken_back_and_a_held_one_is_not(void **state)
{
    struct redis_server *server = *state;

    expect_ok(restore(server, .id = "ann", .tenure = "100"), "1", "missing");
    expect_word(restore(server, .id = "ann", .node = "m", .tenure = "100"), "refused");
    expect_ok(suspend(server), "1", "");
    expect_ok(restore(server, .id = "ann", .node = "m", .tenure = "100"), "1", "");
    expect_connections(server, "@ann=a, a=m ann");
    expect_away(server, "");
}

static void only_a_missing_rider_is_told_as_restored(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "1", "");
    expect_away(server, "");
    redis_run(server, "DEL p:{/x}:users p:{/x}:connections");
    expect_ok(restore(server, .id = "ann", .tenure = "9", .sequence = 40), "2", "missing");
    expect_done(restore(server, .id = "ann", .tenure = "9", .sequence = 40), "2", "");
    expect_log(server, "boarded a ann, restored a ann");
    expect_connections(server, "@ann=a, a=n ann");
}

#define ANN_OLD   "{\"id\":\"ann\",\"n\":1}"
#define ANN_NEW   "{\"id\":\"ann\",\"n\":2}"
#define ANN_LATER "{\"id\":\"ann\",\"n\":3}"
#define BOB       "{\"id\":\"bob\"}"

static void an_older_record_is_replaced_by_whoever_has_heard_everything_of_its_person(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = ANN_OLD), "1", "");
    expect_ok(board(server, .id = "ann", .user = ANN_OLD, .socket = 'c'), "2", "");
    expect_ok(restore(server, .id = "ann", .user = ANN_NEW, .tenure = LATER), "2", ANN_OLD);
    expect_users(server, "ann=" ANN_OLD);
    expect_ok(restore(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = LATER), "3", "missing");
    expect_users(server, "ann=" ANN_NEW);

    /* What others did since is in nobody's way; */
    expect_ok(board(server, .id = "bob", .user = BOB, .socket = 'b'), "4", "");
    redis_run(server, "HSET p:{/x}:users ann %s", ANN_OLD);
    expect_ok(restore(server, .kind = "3", .id = "ann", .user = ANN_NEW, .tenure = LATER), "5", "missing");

    /* but what the person did, or a log that does not tell. */
    expect_ok(board(server, .id = "ann", .user = ANN_LATER, .socket = 'c'), "6", "");
    expect_ok(restore(server, .kind = "5", .id = "ann", .user = ANN_NEW, .tenure = LATER), "6", ANN_LATER);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_ok(restore(server, .kind = "5", .id = "ann", .user = ANN_NEW, .tenure = LATER), "6", ANN_LATER);
    expect_users(server, "ann=" ANN_LATER ", bob=" BOB);
}

static void who_exited_meanwhile_is_not_restored_though_redis_had_lost_the_connection(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann", .user = ANN_NEW, .socket = 'b'), "1", "");
    expect_ok(restore(server, .kind = "0", .id = "ann", .user = ANN_OLD, .tenure = "9"), "1", "off");
    expect_ok(restore(server, .kind = "0", .id = "bob", .user = BOB, .socket = 'c', .tenure = "9"), "2",
              "missing");
    expect_users(server, "bob=" BOB);
    expect_connections(server, "@bob=c, c=n bob");
}

static void who_exited_is_not_restored_though_the_person_has_boarded_anew_since(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = ANN_OLD), "1", "");
    redis_run(server, "DEL p:{/x}:connections");
    expect_ok(leave(server, .id = "ann", .user = ANN_OLD, .socket = 'b'), "2", "");
    expect_ok(board(server, .id = "ann", .user = ANN_NEW, .socket = 'c'), "3", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_OLD, .tenure = "9"), "3", "off");
    expect_connections(server, "@ann=c, c=n ann");
    expect_users(server, "ann=" ANN_NEW);

    /* Nor where it has left again; but the connection may have boarded anew itself. */
    expect_ok(disconnect(server, .socket = 'c'), "4", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_OLD, .tenure = "9"), "4", "off");
    expect_ok(board(server, .id = "ann", .user = ANN_NEW), "5", "");
    expect_ok(restore(server, .kind = "1", .id = "ann", .user = ANN_NEW, .tenure = LATER), "5", "");
    expect_connections(server, "@ann=a, a=n ann");
}

static void what_redis_has_lost_is_put_back_when_its_connection_drops(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "bob", .user = BOB, .socket = 'b'), "1", "");
    expect_ok(suspend(server, .kind = "1", .id = "ann", .user = ANN_NEW, .tenure = "9"), "2", "");
    expect_users(server, "ann=" ANN_NEW);
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
    expect_ok(resume(server, .node = "m"), "2", ANN_NEW);

    /* The person's list may be there still. */
    redis_run(server, "HDEL p:{/x}:connections %s", socket_of('a'));
    redis_run(server, "ZREM p:{/x}:away %s", socket_of('a'));
    expect_ok(suspend(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = "9"), "2", "");
    expect_connections(server, "@ann=a, a=- ann");
    expect_ok(resume(server, .node = "m"), "2", ANN_NEW);

    /* Where an event tells why it is gone, or may, it is not lost. */
    expect_ok(disconnect(server, .node = "m"), "3", "");
    expect_ok(suspend(server, .kind = "2", .id = "ann", .user = ANN_NEW, .tenure = "9"), "3", "");
    expect_ok(suspend(server, .id = "ann", .user = ANN_NEW, .tenure = "9"), "3", "");
    expect_users(server, "");
    expect_connections(server, "");
}

static void a_list_that_is_missing_is_made_anew_by_a_restoration(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    redis_run(server, "HDEL p:{/x}:connections @ann");
    expect_ok(restore(server, .id = "ann", .tenure = LATER), "1", "");
    expect_connections(server, "@ann=a, a=n ann");
}

static void a_restoration_does_not_bring_back_who_has_exited_elsewhere(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off(server));
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
    expect_users(server, "");
    expect_connections(server, "b=m ");
    expect_log(server, "boarded a ann, boarded b ann, exited a ann");
}

static void who_was_put_off_may_board_again_and_then_be_restored(void **state)
{
    struct redis_server *server = *state;
    uint64_t before = put_off(server);
    char old[24], new[24];

    snprintf(old, sizeof old, "%llu", (unsigned long long)before);
    uint64_t after = tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m", .tenure = old));
    assert_true(after > before);
    snprintf(new, sizeof new, "%llu", (unsigned long long)after);
    expect_connections(server, "@ann=b, b=m ann");
    expect_users(server, "ann=ann");

    /* An older copy, from before the boarding: the exit is over, whatever it says. */
    redis_run(server, "DEL p:{/x}:users p:{/x}:connections");
    redis_run(server, "HSET p:{/x}:connections %s %s", socket_of('b'), "m 5 ");
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = new), "5", "missing");
    expect_connections(server, "@ann=b, b=m ann");
}

/* --- what its sender sends again --- */

static redisReply *operate_again(struct redis_server *server, struct operation operation)
{
    operation.script = script_transition;
    operation.kind = "again";
    operation.id = "ann";
    operation.node = "m";
    if (!operation.socket)
        operation.socket = 'b';
    if (!operation.user)
        operation.user = ANN_NEW;
    return operate(server, operation);
}
#define again(server, ...) operate_again(server, (struct operation){__VA_ARGS__})

enum { SENT = 40 }; /* the boarding's sequence */

/* Redis has lost that m has boarded b, and a, of the same person, is put back at n, where that was heard. */
static void lose_and_put_back(struct redis_server *server)
{
    struct place before, after;
    char heard[2 * sizeof before.chain + 2];

    clear(server);
    expect_ok(board(server, .id = "ann", .user = ANN_OLD), "1", "");
    before = place_of(server);
    expect_ok(again(server, .sequence = SENT), "2", "");
    after = place_of(server);
    expect_log(server, "boarded a " ANN_OLD ", boarded b " ANN_NEW);
    clear(server);
    snprintf(heard, sizeof heard, "0 %s %s", before.chain, after.chain);
    expect_ok(restore(server, .kind = heard, .id = "ann", .user = ANN_NEW), "1", "missing");
}

static void what_was_put_back_is_not_told_again_when_its_sender_sends_it_again(void **state)
{
    struct redis_server *server = *state;

    lose_and_put_back(server);
    struct place place = place_of(server);
    expect_ok(again(server, .sequence = SENT), "1", "");
    expect_done(again(server, .sequence = SENT, .tenure = LATER), "1", "");
    assert_string_equal(place_of(server).chain, place.chain);
    expect_log(server, "restored a " ANN_NEW);
    expect_users(server, "ann=" ANN_NEW);
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");

    /* The other way round it is the restoration that has nothing to tell. */
    clear(server);
    expect_ok(again(server, .sequence = SENT), "1", "");
    expect_ok(restore(server, .kind = "0 00000000 11111111", .id = "ann", .user = ANN_NEW), "1", "");
    expect_connections(server, "@ann=b a, a=n ann, b=m ann");
}

/* As many connections as one may have, or another id before: that it was put back is told already. */
static void nor_is_it_refused(void **state)
{
    struct redis_server *server = *state;

    lose_and_put_back(server);
    expect_ok(again(server, .sequence = SENT, .limit = "1"), "1", "");
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");

    lose_and_put_back(server);
    expect_ok(board(server, .id = "bob", .user = BOB, .socket = 'b', .node = "m", .sequence = SENT - 1), "2",
              "");
    expect_ok(again(server, .sequence = SENT), "1", "");
    expect_log(server, "restored a " ANN_NEW ", boarded b " BOB ", disconnected b " BOB);
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");
}

static void another_boarding_with_the_same_record_is_told(void **state)
{
    struct redis_server *server = *state;

    lose_and_put_back(server);
    expect_ok(again(server, .sequence = SENT + 1), "2", "");
    lose_and_put_back(server);
    expect_ok(again(server, .sequence = SENT, .socket = 'c'), "2", "");
    lose_and_put_back(server);
    expect_ok(again(server, .sequence = SENT, .user = ANN_LATER), "2", "");

    /* Nor is one that is new looked for. */
    lose_and_put_back(server);
    expect_ok(board(server, .id = "ann", .user = ANN_NEW, .socket = 'b', .node = "m", .sequence = SENT), "2",
              "");
    expect_log(server, "restored a " ANN_NEW ", boarded b " ANN_NEW);
}

static void what_was_put_back_is_over_with_an_exit_of_its_person_and_no_other(void **state)
{
    struct redis_server *server = *state;

    lose_and_put_back(server);
    expect_ok(leave(server, .id = "bob", .user = BOB, .socket = 'd'), "2", "");
    expect_ok(leave(server, .id = "ann", .user = ANN_NEW), "3", "");
    expect_ok(again(server, .sequence = SENT), "1", "");
    expect_users(server, "");
    expect_connections(server, "");

    /* Also where the person has boarded since, and its connection had another id. */
    lose_and_put_back(server);
    expect_ok(leave(server, .id = "ann", .user = ANN_NEW), "2", "");
    expect_ok(board(server, .id = "ann", .user = ANN_LATER), "3", "");
    expect_ok(board(server, .id = "bob", .user = BOB, .socket = 'b', .node = "m", .sequence = SENT - 1), "4",
              "");
    expect_ok(again(server, .sequence = SENT), "1", "");
    expect_users(server, "ann=" ANN_LATER);
    expect_connections(server, "@ann=a, a=n ann");
}

static void whose_person_has_ended_otherwise_is_told_of_anew(void **state)
{
    struct redis_server *server = *state;

    lose_and_put_back(server);
    expect_ok(disconnect(server, .socket = 'a'), "2", "");
    expect_ok(again(server, .sequence = SENT), "3", "");
    expect_log(server, "restored a " ANN_NEW ", disconnected a " ANN_NEW ", boarded b " ANN_NEW);
    expect_connections(server, "@ann=b, b=m ann");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(the_later_tenure_wins),
        on_redis(at_the_same_tenure_a_suspended_socket_is_taken_back_and_a_held_one_is_not),
        on_redis(only_a_missing_rider_is_told_as_restored),
        on_redis(an_older_record_is_replaced_by_whoever_has_heard_everything_of_its_person),
        on_redis(who_exited_meanwhile_is_not_restored_though_redis_had_lost_the_connection),
        on_redis(who_exited_is_not_restored_though_the_person_has_boarded_anew_since),
        on_redis(what_redis_has_lost_is_put_back_when_its_connection_drops),
        on_redis(a_list_that_is_missing_is_made_anew_by_a_restoration),
        on_redis(a_restoration_does_not_bring_back_who_has_exited_elsewhere),
        on_redis(who_was_put_off_may_board_again_and_then_be_restored),
        on_redis(what_was_put_back_is_not_told_again_when_its_sender_sends_it_again),
        on_redis(nor_is_it_refused),
        on_redis(another_boarding_with_the_same_record_is_told),
        on_redis(what_was_put_back_is_over_with_an_exit_of_its_person_and_no_other),
        on_redis(whose_person_has_ended_otherwise_is_told_of_anew),
    };

    return cmocka_run_group_tests_name("script_restore", tests, NULL, NULL);
}
