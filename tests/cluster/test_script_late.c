/*
 * What a client said to the gateway that it has left, and what it has said since, at another one: what is
 * late counts for nothing, above all not when the socket has ended meanwhile. m is the gateway that was left.
 */
#include "tests/cluster/script_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct tenure {
    char text[24];
};

static struct tenure tenure_of(redisReply *reply)
{
    struct tenure tenure;

    snprintf(tenure.text, sizeof tenure.text, "%" PRIu64, tenure_in(reply));
    return tenure;
}

/* Whatever m is late with now is refused, or nothing comes of it. */
static void expect_too_late(struct redis_server *server, const char *tenure)
{
    struct place place = place_of(server);

    expect_word(board(server, .id = "ann", .node = "m", .tenure = tenure), "refused");
    expect_word(board(server, .id = "bob", .node = "m", .tenure = tenure), "refused");
    expect_word(leave(server, .id = "ann", .node = "m", .tenure = tenure), "refused");
    expect_word(restore(server, .id = "ann", .node = "m", .tenure = tenure), "refused");
    expect_ok(suspend(server, .kind = "0", .id = "ann", .node = "m", .tenure = tenure), place.offset, "");
    expect_ok(disconnect(server, .node = "m", .tenure = tenure, .limit = "1"), place.offset, "");
    assert_string_equal(place_of(server).offset, place.offset);
    expect_users(server, "");
    expect_connections(server, "a=- ");
    expect_away(server, "a");
}

static void what_is_late_does_not_undo_an_exit(void **state)
{
    struct redis_server *server = *state;
    struct tenure before = tenure_of(board(server, .id = "ann", .node = "m"));
    struct tenure since = tenure_of(resume(server));

    expect_ok(leave(server, .id = "ann", .tenure = since.text, .limit = "1"), "2", "");
    expect_too_late(server, before.text);
    expect_too_late(server, "0");
}

/* m has been told nothing of it, since its boarding was not done yet. */
static void nor_the_exit_of_a_socket_that_was_not_aboard_before(void **state)
{
    struct redis_server *server = *state;

    for (int boards = 0; boards < 2; boards++) {
        clear(server);
        struct tenure since = tenure_of(resume(server));
        if (boards)
            freeReplyObject(board(server, .id = "ann", .tenure = since.text));
        expect_ok(leave(server, .id = "ann", .tenure = since.text, .limit = "1"), boards ? "2" : "1", "");
        expect_too_late(server, "0");
        if (boards)
            expect_too_late(server, since.text); /* it was obtained anew by the boarding */
    }
}

static void nor_that_somebody_left_for_good(void **state)
{
    struct redis_server *server = *state;
    struct tenure before = tenure_of(board(server, .id = "ann", .node = "m"));
    struct tenure since = tenure_of(resume(server));

    expect_ok(disconnect(server, .tenure = since.text, .limit = "1"), "2", "");
    expect_log(server, "boarded a ann, disconnected a ann");
    expect_too_late(server, before.text);
}

/* By another connection, while this one is at n; and it has left n since, in whichever way. */
static void nor_an_exit_of_its_person(void **state)
{
    struct redis_server *server = *state;

    for (int how = 0; how < 4; how++) {
        clear(server);
        struct tenure before = tenure_of(board(server, .id = "ann", .node = "m"));
        struct tenure since = tenure_of(resume(server));
        freeReplyObject(board(server, .id = "ann", .socket = 'b'));
        if (how == 0)
            freeReplyObject(suspend(server));
        expect_ok(leave(server, .id = "ann", .socket = 'b'), "3", "");
        if (how == 1)
            expect_ok(suspend(server), "3", "");
        else if (how == 2)
            expect_ok(disconnect(server, .tenure = since.text, .limit = "1"), "3", "");
        else if (how == 3)
            expect_ok(suspend(server, .limit = "1000"), "3", ""); /* what n does not hold it disowns */
        assert_in_range(deadline_in_ms(server), 30001, 60000);
        expect_too_late(server, before.text);
    }
}

static void a_late_boarding_that_was_done_before_is_not_done_again(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann", .node = "m", .sequence = 50));
    struct tenure since = tenure_of(resume(server));
    expect_ok(leave(server, .id = "ann", .tenure = since.text, .limit = "1"), "2", "");
    assert_int_equal(tenure_in(board(server, .id = "ann", .node = "m", .sequence = 50)), 0);
    expect_log(server, "boarded a ann, exited a ann");
    expect_connections(server, "a=- ");
}

static void an_exit_that_is_told_twice_is_answered_twice(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann", .sequence = 50));
    expect_ok(leave(server, .id = "ann", .sequence = 51, .limit = "1"), "2", "");
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_done(leave(server, .id = "ann", .sequence = 51, .limit = "1"), "2", "");
}

/* It was said before the client came to n, where it is not aboard, and may board. */
static void a_late_exit_is_in_nobodys_way_who_has_come_back_since(void **state)
{
    struct redis_server *server = *state;
    struct tenure before = tenure_of(resume(server, .node = "m"));
    struct tenure since = tenure_of(resume(server));

    expect_ok(leave(server, .id = "ann", .node = "m", .tenure = before.text, .limit = "1"), "1", "");
    expect_connections(server, "a=- ");
    expect_word(board(server, .id = "ann", .tenure = "0"), "refused");
    struct tenure aboard = tenure_of(board(server, .id = "ann", .tenure = since.text));
    assert_true(strtoull(aboard.text, NULL, 10) > strtoull(since.text, NULL, 10));
    expect_connections(server, "@ann=a, a=n ann");
    expect_away(server, "");
}

static void a_socket_that_was_nowhere_else_leaves_nothing(void **state)
{
    struct redis_server *server = *state;

    freeReplyObject(board(server, .id = "ann"));
    expect_ok(leave(server, .id = "ann", .limit = "0"), "2", "");
    freeReplyObject(board(server, .id = "ann"));
    expect_ok(disconnect(server, .limit = "0"), "4", "");
    assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:away"), 0);
}

static void sweep(struct redis_server *server, long long ended, long long left)
{
    redis_run(server, "ZADD p:{/x}:away 1 %s", socket_of('a'));
    expect_swept(run(server, (struct call){.script = script_sweep, .window = "5000", .args = {"100"}}), ended,
                 left);
}

/* Moments around now, by Redis' clock. */
static void put_off_since(struct redis_server *server, int seconds)
{
    redis_run(server, "EVAL %s 0 %s %d",
              "redis.call('HSET', 'p:{/x}:connections', ARGV[1], "
              "string.format('- %d000000 ', redis.call('TIME')[1] + ARGV[2]))",
              socket_of('a'), seconds);
}

static void the_end_of_a_socket_is_kept_in_mind_for_twenty_seconds(void **state)
{
    struct redis_server *server = *state;

    put_off_since(server, -12);
    sweep(server, 0, 1);
    assert_in_range(deadline_in_ms(server), 1, 5000);
    expect_connections(server, "a=- ");
    put_off_since(server, -18);
    sweep(server, 0, 1);
    assert_in_range(deadline_in_ms(server), 1, 2000);
    put_off_since(server, -21);
    sweep(server, 1, 0);
    expect_connections(server, "");

    /* Redis' clock was put back. */
    put_off_since(server, 100);
    sweep(server, 1, 0);
    expect_connections(server, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(what_is_late_does_not_undo_an_exit),
        on_redis(nor_the_exit_of_a_socket_that_was_not_aboard_before),
        on_redis(nor_that_somebody_left_for_good),
        on_redis(nor_an_exit_of_its_person),
        on_redis(a_late_boarding_that_was_done_before_is_not_done_again),
        on_redis(an_exit_that_is_told_twice_is_answered_twice),
        on_redis(a_late_exit_is_in_nobodys_way_who_has_come_back_since),
        on_redis(a_socket_that_was_nowhere_else_leaves_nothing),
        on_redis(the_end_of_a_socket_is_kept_in_mind_for_twenty_seconds),
    };

    return cmocka_run_group_tests_name("script_late", tests, NULL, NULL);
}
