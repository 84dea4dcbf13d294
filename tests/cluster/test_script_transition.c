/*
 * transition.lua: a rider is a person, who boards, exits and is lost by one of several connections.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_person_is_aboard_once_by_all_its_connections(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "one"), "1", "");
    expect_ok(board(server, .id = "ann", .user = "two", .socket = 'b', .node = "m"), "2", "");
    expect_users(server, "ann=two");
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");
    expect_log(server, "boarded a one, boarded b two");
    expect_ok(board(server, .id = "ann", .user = "three"), "3", "");
    expect_connections(server, "@ann=a b, a=n ann, b=m ann");
}

static void only_the_last_connection_that_is_lost_is_told_as_a_disconnection(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "one"), "1", "");
    expect_ok(board(server, .id = "ann", .user = "two", .socket = 'b', .node = "m"), "2", "");
    expect_ok(disconnect(server), "3", "");
    expect_users(server, "ann=two");
    expect_connections(server, "@ann=b, b=m ann");
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "4", "");
    expect_users(server, "");
    expect_connections(server, "");
    expect_log(server, "boarded a one, boarded b two, ended a two, disconnected b two");
}

static void an_exit_is_everybodys_of_that_person_and_the_others_stay_connected(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "ann", .socket = 'b', .node = "m"), "2", "");
    expect_ok(board(server, .id = "ann", .socket = 'c', .node = "m"), "3", "");
    expect_ok(board(server, .id = "bob", .socket = 'd', .node = "m"), "4", "");
    expect_ok(suspend(server, .socket = 'c', .node = "m"), "4", "");
    expect_ok(leave(server, .id = "ann", .user = "gone"), "5", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=d, b=m , c=- , d=m bob");
    expect_away(server, "c");
    expect_log(server, "boarded a ann, boarded b ann, boarded c ann, boarded d bob, exited a gone");
}

/* As where somebody has spoiled the list. */
static void an_exit_puts_off_nobody_else(void **state)
{
    struct redis_server *server = *state;
    char list[42];

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob", .socket = 'b', .node = "m"), "2", "");
    snprintf(list, sizeof list, "%.20s ", socket_of('a'));
    strcat(list, socket_of('b'));
    redis_run(server, "HSET p:{/x}:connections @ann %s", list);
    expect_ok(leave(server, .id = "ann"), "3", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=b, b=m bob");
}

static void who_exits_without_being_aboard_is_told_all_the_same(void **state)
{
    struct redis_server *server = *state;

    expect_ok(leave(server, .id = "ann"), "1", "");
    expect_log(server, "exited a ann");
    expect_connections(server, "");
    assert_true(count(server, "TTL p:{/x}:meta") > 0);
}

static void a_connection_that_is_put_off_ends_without_a_word(void **state)
{
    struct redis_server *server = *state;

    put_off(server);
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "3", "");
    expect_connections(server, "");
    clear(server);
    put_off(server);
    expect_ok(suspend(server, .socket = 'b', .node = "m"), "3", "");
    expect_connections(server, "b=- ");
    put_connection(server, 'b', "- 1 ");
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('b'));
    expect_swept(run(server, (struct call){.script = script_sweep, .args = {"100"}}), 1, 0);
    expect_connections(server, "");
    expect_log(server, "boarded a ann, boarded b ann, exited a ann");
}

/* The same, and m is taken for dead: b is nobody's. */
static uint64_t put_off_and_reap(struct redis_server *server, const char *window)
{
    uint64_t tenure = put_off(server);
    unsigned pages;

    assert_int_equal(reap(server, "m", window, &pages), 1);
    expect_connections(server, "b=- ");
    expect_away(server, "b");
    return tenure;
}

static void who_was_put_off_stays_so_where_its_node_is_taken_for_dead(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    for (int i = 0; i < 2; i++) {
        clear(server);
        snprintf(tenure, sizeof tenure, "%llu",
                 (unsigned long long)put_off_and_reap(server, i == 0 ? "60000" : "0"));
        assert_in_range(deadline_in_ms(server), i == 0 ? 30001 : 1, i == 0 ? 60000 : 2000);
        expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
        expect_ok(resume(server, .socket = 'b'), "3", "");
        expect_word(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "refused");
        expect_users(server, "");
        expect_connections(server, "b=- ");
        expect_log(server, "boarded a ann, boarded b ann, exited a ann");
    }
}

static void who_was_put_off_and_is_nobodys_may_board_and_exit_where_it_was(void **state)
{
    struct redis_server *server = *state;
    char tenure[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off_and_reap(server, "60000"));
    expect_word(board(server, .id = "ann", .socket = 'b'), "refused");
    expect_ok(board(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "4", "");
    expect_connections(server, "@ann=b, b=m ann");
    expect_away(server, "");
    expect_users(server, "ann=ann");

    clear(server);
    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off_and_reap(server, "60000"));
    expect_word(leave(server, .id = "ann", .socket = 'b'), "refused");
    expect_ok(leave(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "4", "");
    expect_connections(server, "");
    expect_away(server, "");
}

static void who_was_put_off_may_come_back_at_another_node_and_board_there(void **state)
{
    struct redis_server *server = *state;
    char tenure[24], later[24];

    snprintf(tenure, sizeof tenure, "%llu", (unsigned long long)put_off(server));
    /* Where it was: nothing changes. */
    assert_int_equal(tenure_in(resume(server, .socket = 'b', .node = "m")), strtoull(tenure, NULL, 10));
    expect_connections(server, "b=m ");
    snprintf(later, sizeof later, "%llu", (unsigned long long)tenure_in(resume(server, .socket = 'b')));
    expect_connections(server, "b=- ");
    expect_away(server, "b");
    expect_ok(disconnect(server, .socket = 'b', .node = "m"), "3", ""); /* m has noticed the drop */
    expect_word(board(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "refused");
    expect_ok(board(server, .id = "ann", .socket = 'b', .tenure = later), "4", "");
    expect_connections(server, "@ann=b, b=n ann");
    expect_away(server, "");
    expect_word(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "refused");
}

/* Reaped, for instance, while its node was silent. */
static void a_suspended_connection_whose_person_exits_elsewhere_is_put_off_too(void **state)
{
    struct redis_server *server = *state;
    unsigned pages;
    char tenure[24];

    expect_ok(board(server, .id = "ann"), "1", "");
    snprintf(tenure, sizeof tenure, "%llu",
             (unsigned long long)tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m")));
    assert_int_equal(reap(server, "m", "60000", &pages), 1);
    expect_ok(leave(server, .id = "ann"), "3", "");
    expect_connections(server, "b=- ");
    expect_ok(restore(server, .id = "ann", .socket = 'b', .node = "m", .tenure = tenure), "3", "off");
    expect_users(server, "");
}

static void who_was_put_off_may_exit_too(void **state)
{
    struct redis_server *server = *state;

    put_off(server);
    expect_ok(leave(server, .id = "ann", .socket = 'b', .node = "m"), "4", "");
    expect_connections(server, "");
    expect_log(server, "boarded a ann, boarded b ann, exited a ann, exited b ann");
}

static void who_boards_as_another_leaves_as_the_one_before_in_the_same_step(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob"), "3", "");
    expect_users(server, "bob=bob");
    expect_connections(server, "@bob=a, a=n bob");
    expect_log(server, "boarded a ann, disconnected a ann, boarded a bob");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "4", "");
    expect_ok(board(server, .id = "cem", .socket = 'b'), "6", "");
    expect_users(server, "bob=bob, cem=cem");
    expect_connections(server, "@bob=a, @cem=b, a=n bob, b=n cem");
    expect_log(server, "boarded a ann, disconnected a ann, boarded a bob, boarded b bob, ended b bob, "
                       "boarded b cem");
}

static void who_exits_as_another_leaves_as_the_one_before_in_the_same_step(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob", .socket = 'b'), "2", "");
    expect_ok(leave(server, .id = "bob"), "4", "");
    expect_users(server, "");
    expect_connections(server, "b=n ");
    expect_log(server, "boarded a ann, boarded b bob, disconnected a ann, exited a bob");
}

static void a_repeated_change_of_person_answers_the_place_of_its_last_event(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(board(server, .id = "bob", .sequence = 20), "3", "");
    expect_ok(board(server, .id = "cem", .socket = 'b', .sequence = 21), "4", "");
    expect_done(board(server, .id = "bob", .sequence = 20), "3", "");
    expect_users(server, "bob=bob, cem=cem");
}

static void who_boards_anew_while_an_old_connection_is_suspended_stays(void **state)
{
    struct redis_server *server = *state;
    redisReply *reply;

    expect_ok(board(server, .id = "ann", .user = "old"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(board(server, .id = "ann", .user = "new", .socket = 'b'), "2", "");
    expect_users(server, "ann=new");
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    reply = run(server, (struct call){.script = script_sweep, .args = {"100"}});
    expect_word(reply, "ok");
    expect_users(server, "ann=new");
    expect_connections(server, "@ann=b, b=n ann");
    expect_log(server, "boarded a old, boarded b new, ended a new");
}

static void a_suspended_connection_may_board_exit_or_be_somebody_else(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_ok(board(server, .id = "ann", .tenure = LATER), "2", "");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
    expect_ok(suspend(server), "2", "");
    expect_ok(board(server, .id = "bob", .tenure = "9000000000000001"), "4", "");
    expect_connections(server, "@bob=a, a=n bob");
    expect_away(server, "");
    expect_ok(suspend(server), "4", "");
    expect_ok(leave(server, .id = "bob", .tenure = "9000000000000002"), "5", "");
    expect_connections(server, "");
    expect_away(server, "");
    expect_users(server, "");
}

static void a_person_has_no_more_connections_than_it_may(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .limit = "2"), "1", "");
    expect_ok(board(server, .id = "ann", .socket = 'b', .limit = "2"), "2", "");
    expect_word(board(server, .id = "ann", .socket = 'c', .limit = "2"), "crowded");
    expect_ok(board(server, .id = "ann", .socket = 'b', .limit = "2"), "3", ""); /* is one of them */
    expect_ok(board(server, .id = "bob", .socket = 'c', .limit = "2"), "4", "");
    expect_word(board(server, .id = "ann", .socket = 'c', .limit = "2"), "crowded"); /* and stays bob */
    expect_connections(server, "@ann=a b, @bob=c, a=n ann, b=n ann, c=n bob");
    expect_users(server, "ann=ann, bob=bob");
}

static void the_connection_that_was_suspended_first_gives_way(void **state)
{
    struct redis_server *server = *state;

    for (const char *socket = "abc"; *socket; socket++)
        freeReplyObject(board(server, .id = "ann", .socket = *socket, .limit = "3"));
    expect_ok(suspend(server, .socket = 'c'), "3", "");
    expect_ok(suspend(server, .socket = 'a'), "3", "");
    redis_run(server, "ZINCRBY p:{/x}:away -1000 %s", socket_of('c'));
    expect_ok(board(server, .id = "ann", .socket = 'd', .limit = "3", .user = "new"), "5", "");
    expect_connections(server, "@ann=a b d, a=- ann, b=n ann, d=n ann");
    expect_away(server, "a");
    expect_log(server, "boarded a ann, boarded b ann, boarded c ann, ended c ann, boarded d new");
    expect_ok(board(server, .id = "ann", .socket = 'e', .limit = "3"), "7", "");
    expect_word(board(server, .id = "ann", .socket = 'f', .limit = "3"), "crowded");
}

/* Where one is all that may be, its person is aboard without a gap. */
static void the_only_connection_gives_way_too(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .limit = "1"), "1", "");
    expect_ok(suspend(server), "1", "");
    freeReplyObject(board(server, .id = "ann", .socket = 'b', .limit = "1"));
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=b, b=n ann");
    expect_away(server, "");
}

static void a_name_may_be_anything(void **state)
{
    static const char *const ids[] = {"two words", "@ann", "a\nb", "n 1 ann", "{x}", "%d", "-"};
    struct redis_server *server = *state;

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        clear(server);
        expect_ok(board(server, .id = ids[i]), "1", "");
        expect_ok(board(server, .id = ids[i], .socket = 'b'), "2", "");
        expect_ok(suspend(server, .socket = 'b'), "2", "");
        expect_ok(resume(server, .socket = 'b', .node = "m"), "2", ids[i]);
        expect_ok(disconnect(server), "3", "");
        assert_int_equal(count(server, "HEXISTS p:{/x}:users %s", ids[i]), 1);
        expect_ok(disconnect(server, .socket = 'b', .node = "m"), "4", "");
        assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_person_is_aboard_once_by_all_its_connections),
        on_redis(only_the_last_connection_that_is_lost_is_told_as_a_disconnection),
        on_redis(an_exit_is_everybodys_of_that_person_and_the_others_stay_connected),
        on_redis(an_exit_puts_off_nobody_else),
        on_redis(who_exits_without_being_aboard_is_told_all_the_same),
        on_redis(a_connection_that_is_put_off_ends_without_a_word),
        on_redis(who_was_put_off_stays_so_where_its_node_is_taken_for_dead),
        on_redis(who_was_put_off_and_is_nobodys_may_board_and_exit_where_it_was),
        on_redis(who_was_put_off_may_come_back_at_another_node_and_board_there),
        on_redis(a_suspended_connection_whose_person_exits_elsewhere_is_put_off_too),
        on_redis(who_was_put_off_may_exit_too),
        on_redis(who_boards_as_another_leaves_as_the_one_before_in_the_same_step),
        on_redis(who_exits_as_another_leaves_as_the_one_before_in_the_same_step),
        on_redis(a_repeated_change_of_person_answers_the_place_of_its_last_event),
        on_redis(who_boards_anew_while_an_old_connection_is_suspended_stays),
        on_redis(a_suspended_connection_may_board_exit_or_be_somebody_else),
        on_redis(a_person_has_no_more_connections_than_it_may),
        on_redis(the_connection_that_was_suspended_first_gives_way),
        on_redis(the_only_connection_gives_way_too),
        on_redis(a_name_may_be_anything),
    };

    return cmocka_run_group_tests_name("script_transition", tests, NULL, NULL);
}
