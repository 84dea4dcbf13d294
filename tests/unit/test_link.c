/*
 * A link and its exchanges: what a user hears of them, and until when.
 */
#include "tests/unit/link_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* --- exchanges --- */

static void what_nobody_serves_is_not_found(void **state)
{
    struct world *w = *state;

    ask(w, GET("/"));
    ask(w, GET("/"));
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\nrequest /\n> HTTP/1.1 404 Not Found\n");
}

static void a_body_is_kept_as_far_as_it_was_said(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "8", "12345678"));
    journal_check(&w->journal, "request /keep\nbody 12345678\n> HTTP/1.1 200 OK\n");
    ask(w, POST("/keep", "9", "123456789"));
    journal_check(&w->journal, "> HTTP/1.1 413 Payload Too Large\n> end\n");
}

static void whoever_answers_later_is_told_when_nobody_waits(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    assert_ptr_equal(link_data(w->link, &USER), w);
    assert_null(link_data(w->link, &ANOTHER));
    journal_check(&w->journal, "request /later\n");
    hang_up(w);
    journal_check(&w->journal, "lost\n");
}

static void whoever_has_answered_hears_nothing_more(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_respond(w->link, 200, NULL, NULL, "", 0);
    assert_null(link_data(w->link, &USER));
    hang_up(w);
    journal_check(&w->journal, "request /later\n> HTTP/1.1 200 OK\n");
}

static void the_next_user_takes_the_place_of_the_last(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_use(w->link, &ANOTHER, w);
    assert_null(link_data(w->link, &USER));
    assert_ptr_equal(link_data(w->link, &ANOTHER), w);
    link_use(w->link, NULL, NULL);
    hang_up(w);
    journal_check(&w->journal, "request /later\n");
}

static void what_was_pipelined_waits_for_the_answer(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later") GET("/"));
    journal_check(&w->journal, "request /later\n");
    link_respond(w->link, 200, NULL, NULL, "", 0);
    journal_check(&w->journal, "> HTTP/1.1 200 OK\n"); /* not inside the call */
    settle(w);
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
}

static void too_much_behind_an_exchange_ends_it(void **state)
{
    struct world *w = *state;
    char more[512];

    memset(more, 'x', sizeof more);
    ask(w, GET("/later"));
    for (size_t sent = 0; sent <= LINK_PIPELINE_MAX && w->conn.data; sent += sizeof more)
        receive(w, more, sizeof more);
    journal_check(&w->journal, "request /later\nlost\n> HTTP/1.1 400 Bad Request\n> end\n");
}

static void a_link_that_was_dropped_takes_nothing(void **state)
{
    struct world *w = *state;

    ask(w, GET("/later"));
    link_drop(w->link);
    link_drop(w->link);
    link_respond(w->link, 200, NULL, NULL, "", 0);
    link_use(w->link, &USER, w);
    link_write(w->link, "x", 1);
    assert_false(link_ready(w->link));
    assert_null(link_data(w->link, &USER));
    settle(w);
    journal_check(&w->journal, "request /later\n> cut\n");
}

/* --- who is slow --- */

static void an_answer_that_is_taken_slowly_is_waited_for_one_that_is_not_is_cut(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/"));
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
    for (int i = 0; i < 5; i++) {
        pass(w, STALL_MS - 1);
        w->conn.acked++;
        pass(w, 1);
        journal_check(&w->journal, "");
    }
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void one_that_has_been_taken_leaves_the_connection_as_idle_as_any(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/"));
    pass(w, STALL_MS - 1);
    unblock(w);
    buf_clear(&w->journal);
    pass(w, LINK_IDLE_MS - 1);
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void whoever_does_not_take_answers_gets_no_more(void **state)
{
    struct world *w = *state;

    w->conn.blocks = true;
    ask(w, GET("/a") GET("/b") GET("/c"));
    journal_check(&w->journal, "request /a\n> HTTP/1.1 404 Not Found\n");
    unblock(w);
    journal_check(&w->journal,
                  "request /b\n> HTTP/1.1 404 Not Found\nrequest /c\n> HTTP/1.1 404 Not Found\n");
}

/* Blocked, with a last answer behind which it is to be closed. */
static void answer_for_the_last_time(struct world *w)
{
    w->conn.blocks = true;
    ask(w, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    journal_check(&w->journal, "request /\n> HTTP/1.1 404 Not Found\n");
}

static void a_connection_is_closed_when_its_last_bytes_are_taken(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    pass(w, STALL_MS - 1);
    w->conn.acked++;
    pass(w, 1);
    journal_check(&w->journal, "");
    unblock(w);
    journal_check(&w->journal, "> end\n");
}

static void one_that_does_not_take_them_is_cut(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void look_at_cost(struct link *link, void *arg)
{
    *(size_t *)arg += link_gone(link) ? 0 : link_cost(link);
}

static size_t cost_of_all(struct world *w)
{
    size_t cost = 0;

    server_visit(w->server, look_at_cost, &cost);
    return cost;
}

static void it_can_be_cut_for_what_it_holds(void **state)
{
    struct world *w = *state;

    answer_for_the_last_time(w);
    assert_true(cost_of_all(w) >= LINK_PIECE_BYTES);
    link_sacrifice(w->link);
    journal_check(&w->journal, "> cut\n");
    assert_int_equal(cost_of_all(w), 0);
    link_sacrifice(w->link);
    journal_check(&w->journal, "");
    settle(w);
}

static void a_body_that_comes_to_a_halt_is_waited_for_no_longer(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "4", "a"));
    pass(w, STALL_MS - 1);
    ask(w, "b");
    pass(w, BODY_MS - STALL_MS); /* which is the end of its time, though it goes on */
    journal_check(&w->journal, "");
    pass(w, 1);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void a_halt_is_shorter_than_its_time(void **state)
{
    struct world *w = *state;

    ask(w, POST("/keep", "4", "a"));
    pass(w, STALL_MS);
    journal_check(&w->journal, "> cut\n");
    settle(w);
}

static void the_end_of_the_server_loses_every_link(void **state)
{
    struct world *w = *state;

    open_ws(w);
    server_free(w->server);
    w->server = NULL;
    journal_check(&w->journal, "lost\n");
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_nobody_serves_is_not_found),
        WORLD_TEST(a_body_is_kept_as_far_as_it_was_said),
        WORLD_TEST(whoever_answers_later_is_told_when_nobody_waits),
        WORLD_TEST(whoever_has_answered_hears_nothing_more),
        WORLD_TEST(the_next_user_takes_the_place_of_the_last),
        WORLD_TEST(what_was_pipelined_waits_for_the_answer),
        WORLD_TEST(too_much_behind_an_exchange_ends_it),
        WORLD_TEST(a_link_that_was_dropped_takes_nothing),
        WORLD_TEST(an_answer_that_is_taken_slowly_is_waited_for_one_that_is_not_is_cut),
        WORLD_TEST(one_that_has_been_taken_leaves_the_connection_as_idle_as_any),
        WORLD_TEST(whoever_does_not_take_answers_gets_no_more),
        WORLD_TEST(a_connection_is_closed_when_its_last_bytes_are_taken),
        WORLD_TEST(one_that_does_not_take_them_is_cut),
        WORLD_TEST(it_can_be_cut_for_what_it_holds),
        WORLD_TEST(a_body_that_comes_to_a_halt_is_waited_for_no_longer),
        WORLD_TEST(a_halt_is_shorter_than_its_time),
        WORLD_TEST(the_end_of_the_server_loses_every_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
