/*
 * operation.lua: each operation once and in order, whatever comes again, too early, or too late.
 */
#include "tests/cluster/script_world.h"

#include <stdio.h>

static void a_repeated_operation_answers_the_same_place_and_does_nothing(void **state)
{
    struct redis_server *server = *state;
    struct operation boarding = {.script = script_transition, .kind = "board", .id = "ann", .sequence = 1};

    struct place first = place_in(operate(server, boarding));
    expect_ok(leave(server, .id = "ann", .sequence = 2, .before = 1), "2", "");
    struct place again = place_in(operate(server, boarding));
    assert_string_equal(first.offset, again.offset);
    assert_string_equal(first.chain, again.chain);
    expect_done(leave(server, .id = "ann", .sequence = 2), "2", "");
    expect_log(server, "boarded a ann, exited a ann");
    expect_users(server, "");
}

static void an_operation_ahead_of_its_predecessor_is_sent_back(void **state)
{
    struct redis_server *server = *state;

    expect_word(leave(server, .id = "ann", .sequence = 2, .before = 1), "early");
    assert_int_equal(count(server, "EXISTS p:{/x}:log"), 0);
    expect_ok(board(server, .id = "ann", .sequence = 1), "1", "");
    expect_ok(leave(server, .id = "ann", .sequence = 2, .before = 1), "2", "");
}

static void operations_without_effect_keep_their_place_in_the_order_too(void **state)
{
    struct redis_server *server = *state;

    expect_ok(disconnect(server, .sequence = 1), "0", "");
    expect_ok(suspend(server, .sequence = 2, .before = 1), "0", "");
    expect_ok(resume(server, .sequence = 3, .before = 2), "0", "");
    expect_ok(board(server, .id = "ann", .sequence = 4, .before = 3), "1", "");
    expect_done(disconnect(server, .sequence = 1), "1", ""); /* came late: it is from before the boarding */
    expect_users(server, "ann=ann");
}

static void a_repeated_suspension_does_not_undo_the_resumption_after_it(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_ok(suspend(server, .sequence = 2), "1", "");
    expect_ok(resume(server, .sequence = 3), "1", "ann");
    expect_done(suspend(server, .sequence = 2), "1", "");
    expect_done(resume(server, .sequence = 3), "1", "ann");
    expect_away(server, "");
    expect_connections(server, "@ann=a, a=n ann");
}

static void a_refused_operation_is_not_done(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .node = "m"), "1", "");
    expect_word(board(server, .id = "ann", .sequence = 5), "refused");
    expect_word(leave(server, .id = "ann", .socket = 'b', .sequence = 6, .before = 5), "early");
    expect_ok(disconnect(server, .node = "m"), "2", "");
    expect_ok(board(server, .id = "ann", .sequence = 5), "3", ""); /* it is judged anew */
}

static void a_repeated_boarding_of_who_was_suspended_since_answers_its_tenure(void **state)
{
    struct redis_server *server = *state;
    uint64_t tenure = tenure_in(board(server, .id = "ann", .sequence = 1));

    freeReplyObject(run(server, (struct call){.script = script_reap, .args = {"n", "0", "100"}}));
    assert_int_equal(tenure_in(board(server, .id = "ann", .sequence = 1)), tenure);
}

static void a_boarding_repeated_after_its_event_is_forgotten_answers_the_record_that_counts(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .user = "old", .sequence = 7), "1", "");
    expect_ok(board(server, .id = "ann", .user = "new", .socket = 'b', .sequence = 8), "2", "");
    expect_done(board(server, .id = "ann", .user = "old", .sequence = 7), "1", "");
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_done(board(server, .id = "ann", .user = "old", .sequence = 7), "2", "new");
    expect_ok(leave(server, .id = "ann", .user = "new", .socket = 'b', .sequence = 9), "3", "");
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    expect_done(board(server, .id = "ann", .user = "old", .sequence = 7), "3", "");
}

static void what_no_sender_can_have_done_is_not_done(void **state)
{
    const char *const spoiled[] = {"9007199254740992", "inf", "nan", "x"};
    struct redis_server *server = *state;
    char offset[8];

    for (int i = 0; i < 4; i++) {
        redis_run(server, "HSET p:{/x}:meta done:n %s", spoiled[i]);
        snprintf(offset, sizeof offset, "%d", i + 1);
        expect_ok(board(server, .id = "ann"), offset, "");
    }
}

static void senders_do_not_wait_for_each_other(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann", .sequence = 900), "1", "");
    expect_ok(board(server, .id = "bob", .socket = 'b', .node = "m", .sequence = 1), "2", "");
    expect_word(leave(server, .id = "bob", .socket = 'b', .node = "m", .sequence = 900, .before = 899),
                "early");
    expect_users(server, "ann=ann, bob=bob");
}

static void a_boarding_that_was_refused_is_refused_again(void **state)
{
    struct redis_server *server = *state;

    expect_ok(board(server, .id = "ann"), "1", "");
    expect_word(board(server, .id = "ann", .socket = 'b', .limit = "1", .sequence = 5), "crowded");
    expect_word(board(server, .id = "ann", .socket = 'b', .limit = "1", .sequence = 5), "crowded");
    expect_log(server, "boarded a ann");
}

/* A process that was killed may have sent it before this Redis lost what it had. */
static void what_was_sent_in_another_epoch_is_not_done(void **state)
{
    static const struct place known = {"epochOLD", "3", "deadbeef"};
    struct redis_server *server = *state;
    const char *const scripts[] = {script_transition, script_suspend, script_resume, script_restore};

    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct operation late = {.script = scripts[i], .kind = "board", .id = "ann", .known = &known};

        clear(server);
        expect_moved(operate(server, late), "epochXXX", "0");
        assert_int_equal(count(server, "EXISTS p:{/x}:users p:{/x}:connections p:{/x}:away p:{/x}:log"), 0);
        assert_true(count(server, "TTL p:{/x}:meta") > 0);
        expect_ok_in(board(server, .id = "ann"), "epochXXX", "1", "");
        expect_moved(operate(server, late), "epochXXX", "1");
        assert_int_equal(count(server, "HLEN p:{/x}:connections"), 2);
    }
}

/* It was put back since the rider was suspended. */
static void a_connection_since_no_moment_that_can_be_told_is_none(void **state)
{
    const char *const moments[] = {"9007199254740993", "99999999999999999999", "00000000000000000001"};
    const char *const offsets[] = {"1", "2", "3"};
    struct redis_server *server = *state;
    char text[64];

    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        snprintf(text, sizeof text, "n %s ann", moments[i]);
        freeReplyObject(board(server, .id = "ann"));
        put_connection(server, 'a', text);
        expect_ok(resume(server, .node = "m"), offsets[i], "");
        assert_int_equal(tenure_in(restore(server, .id = "ann", .tenure = "9")), 9);
    }
    put_connection(server, 'a', "n 9007199254740992 ann");
    assert_true(tenure_in(resume(server, .node = "m")) > 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(a_repeated_operation_answers_the_same_place_and_does_nothing),
        on_redis(an_operation_ahead_of_its_predecessor_is_sent_back),
        on_redis(operations_without_effect_keep_their_place_in_the_order_too),
        on_redis(a_repeated_suspension_does_not_undo_the_resumption_after_it),
        on_redis(a_refused_operation_is_not_done),
        on_redis(a_repeated_boarding_of_who_was_suspended_since_answers_its_tenure),
        on_redis(a_boarding_repeated_after_its_event_is_forgotten_answers_the_record_that_counts),
        on_redis(what_no_sender_can_have_done_is_not_done),
        on_redis(senders_do_not_wait_for_each_other),
        on_redis(a_boarding_that_was_refused_is_refused_again),
        on_redis(what_was_sent_in_another_epoch_is_not_done),
        on_redis(a_connection_since_no_moment_that_can_be_told_is_none),
    };

    return cmocka_run_group_tests_name("script_operation", tests, NULL, NULL);
}
