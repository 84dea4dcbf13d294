/*
 * suspend.lua and resume.lua: whose connection it is while its client is away, and after that.
 */
#include "tests/cluster/script_world.h"

static void suspended_riders_stay_aboard_and_are_held_by_nobody(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    expect_users(server, "ann=ann");
    expect_connections(server, "@ann=a, a=- ann");
    expect_away(server, "a");
}

static void a_suspension_lasts_for_a_window_or_as_long_as_it_says(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server), "1", "");
    assert_in_range(deadline_in_ms(server), 30001, 60000);
    expect_ok(resume(server), "1", "ann");
    expect_ok(suspend(server, .limit = "900000"), "1", "");
    assert_in_range(deadline_in_ms(server), 60001, 900000);
}

static void a_resumption_takes_the_socket_whether_it_is_suspended_or_not(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "record"), "1", "");
    expect_ok(resume(server, .node = "m"), "1", "record");
    expect_connections(server, "@ann=a, a=m ann");
    expect_ok(suspend(server, .node = "m"), "1", "");
    expect_ok(resume(server), "1", "record");
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
    expect_log(server, "boarded a record");
}

static void a_node_that_has_lost_the_socket_can_do_nothing_to_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(resume(server, .node = "m"), "1", "ann");
    expect_ok(suspend(server), "1", "");
    expect_ok(disconnect(server), "1", "");
    expect_word(board(server, .id = "ann"), "refused");
    expect_word(leave(server, .id = "ann", .sequence = 90), "refused");
    expect_word(leave(server, .id = "ann", .sequence = 90), "refused"); /* said again */
    expect_word(restore(server, .id = "ann", .tenure = "1", .sequence = 91), "refused");
    expect_connections(server, "@ann=a, a=m ann");
    expect_away(server, "");
    expect_log(server, "boarded a ann");
}

/* It was put back since the other node obtained the socket. */
static void who_resumes_obtains_the_socket_later_than_its_holder_did(void **state)
{
    struct redis_server *server = *state;

    redis_run(server, "HSET p:{/x}:users ann ann");
    redis_run(server, "HSET p:{/x}:connections @ann %s", socket_of('a'));
    put_connection(server, 'a', "m 9000000000000000 ann");
    assert_int_equal(tenure_in(resume(server)), 9000000000000001);
    expect_connections(server, "@ann=a, a=n ann");
    put_connection(server, 'a', "n 9000000000000000 ");
    assert_int_equal(tenure_in(board(server, .id = "ann")), 9000000000000001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(suspended_riders_stay_aboard_and_are_held_by_nobody),
        on_redis(a_suspension_lasts_for_a_window_or_as_long_as_it_says),
        on_redis(a_resumption_takes_the_socket_whether_it_is_suspended_or_not),
        on_redis(a_node_that_has_lost_the_socket_can_do_nothing_to_it),
        on_redis(who_resumes_obtains_the_socket_later_than_its_holder_did),
    };

    return cmocka_run_group_tests_name("script_suspend", tests, NULL, NULL);
}
