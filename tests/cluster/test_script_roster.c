/*
 * roster.lua: what a gateway needs to be up to date.
 */
#include "tests/cluster/script_world.h"

#include <string.h>

static redisReply *ask_roster(struct redis_server *server, const struct place *known, const char *page)
{
    static const struct place nowhere = {.offset = "0"};
    const struct place *from = known ? known : &nowhere;

    return run(server, (struct call){.script = script_roster,
                                     .known = known,
                                     .epoch = "epochYYY",
                                     .args = {page, from->epoch, from->offset, from->chain}});
}

static void the_roster_is_what_follows_or_who_is_aboard(void **state)
{
    struct redis_server *server = *state;
    struct place first, last;

    freeReplyObject(board(server, .id = "ann"));
    first = place_of(server);
    freeReplyObject(board(server, .id = "bob", .socket = 'b'));
    last = place_of(server);

    redisReply *reply = ask_roster(server, &first, "10");
    assert_string_equal(reply->element[0]->str, "log");
    expect_place(reply, EPOCH, "2");
    assert_int_equal(reply->element[4]->elements, 1);
    freeReplyObject(reply);
    reply = ask_roster(server, &last, "10");
    assert_string_equal(reply->element[0]->str, "log");
    assert_int_equal(reply->element[4]->elements, 0);
    freeReplyObject(reply);
    reply = ask_roster(server, NULL, "10");
    assert_string_equal(reply->element[0]->str, "users");
    assert_string_equal(reply->element[3]->str, last.chain);
    assert_int_equal(reply->element[4]->elements, 4);
    freeReplyObject(reply);
    expect_word(ask_roster(server, NULL, "1"), "large");

    memcpy(first.chain, "deadbeef", sizeof first.chain);
    reply = ask_roster(server, &first, "10");
    assert_string_equal(reply->element[0]->str, "anew");
    expect_place(reply, "epochYYY", "0");
    assert_int_equal(reply->element[4]->integer, 1);
    freeReplyObject(reply);
}

/* A gateway has the answer of a transition before its event. */
static void the_roster_script_knows_more_than_where_it_reads_from(void **state)
{
    struct redis_server *server = *state;
    struct place from, lost;

    freeReplyObject(board(server, .id = "ann"));
    from = place_of(server);
    freeReplyObject(board(server, .id = "bob", .socket = 'b'));
    lost = place_of(server);
    struct call call = {.script = script_roster,
                        .known = &lost,
                        .epoch = "epochYYY",
                        .args = {"10", from.epoch, from.offset, from.chain}};
    expect_word(run(server, call), "log");
    redis_run(server, "HSET p:{/x}:meta offset 1 chain %s", from.chain);
    redis_run(server, "XTRIM p:{/x}:log MAXLEN 0");
    redisReply *reply = run(server, call);
    expect_place(reply, "epochYYY", "0");
    freeReplyObject(reply);
}

static void an_epoch_that_began_with_nobody_is_told_from_its_beginning(void **state)
{
    static const struct place old = {"epochOLD", "7", "deadbeef"};
    struct redis_server *server = *state;

    freeReplyObject(ask_roster(server, &old, "10"));
    freeReplyObject(board(server, .id = "ann"));
    redisReply *reply = ask_roster(server, &old, "10");
    assert_string_equal(reply->element[0]->str, "anew");
    expect_place(reply, "epochYYY", "0");
    assert_string_equal(reply->element[3]->str, NO_CHAIN);
    assert_int_equal(reply->element[4]->integer, 0);
    struct place beginning = {"epochYYY", "0", NO_CHAIN};
    freeReplyObject(reply);
    reply = ask_roster(server, &beginning, "10");
    assert_string_equal(reply->element[0]->str, "log");
    assert_int_equal(reply->element[4]->elements, 1);
    freeReplyObject(reply);
    redis_run(server, "DEL p:{/x}:log");
    expect_word(ask_roster(server, &old, "10"), "users");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_redis(the_roster_is_what_follows_or_who_is_aboard),
        on_redis(the_roster_script_knows_more_than_where_it_reads_from),
        on_redis(an_epoch_that_began_with_nobody_is_told_from_its_beginning),
    };

    return cmocka_run_group_tests_name("script_roster", tests, NULL, NULL);
}
