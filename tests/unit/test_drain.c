/*
 * Draining: who may stay how long, and when it is over. Time is the test's.
 */
#include "gateway/drain.h"

#include "common/clock.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 10000, STEP_MAX_MS = 100 };

struct world {
    struct timers *timers;
    struct drain drain;
    size_t clients;
    size_t stubborn; /* of them: only leave when all must */
    size_t slice;    /* so many leave at a time; 0: any number */
    size_t connections;
    unsigned done;
};

static size_t clients(void *owner)
{
    return ((struct world *)owner)->clients;
}

static bool let_go(void *owner, size_t count, bool all)
{
    struct world *w = owner;
    size_t able = all ? w->clients : w->clients - w->stubborn;
    bool through = !w->slice || count < w->slice;

    assert_in_range(count, 1, w->clients);
    if (!through)
        count = w->slice;
    w->clients -= count < able ? count : able;
    return through;
}

static size_t connections(void *owner)
{
    return ((struct world *)owner)->connections;
}

static void done(void *owner)
{
    ((struct world *)owner)->done++;
}

static void begin(struct world *w, uint64_t timeout_ms)
{
    struct drain_options options = {
        .timeout_ms = timeout_ms,
        .timers = w->timers,
        .clients = clients,
        .let_go = let_go,
        .connections = connections,
        .done = done,
        .owner = w,
    };

    drain_init(&w->drain, &options);
    assert_false(drain_begun(&w->drain));
    assert_true(drain_begin(&w->drain));
    assert_true(drain_begun(&w->drain));
}

static void pass(struct world *w, uint64_t ms)
{
    timers_run(w->timers, clock_ms());
    for (; ms > 0; ms--) {
        virtual_pass_ms(1);
        timers_run(w->timers, clock_ms());
    }
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    if (!w)
        return -1;
    w->timers = timers_new();
    virtual_us = 1000000000;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    timers_free(w->timers);
    free(w);
    return 0;
}

static void clients_are_let_go_evenly_over_the_time(void **state)
{
    struct world *w = *state;

    w->clients = 10000;
    begin(w, TIMEOUT_MS);
    pass(w, 0);
    assert_int_equal(w->clients, 10000);
    for (uint64_t passed = 1000; passed <= TIMEOUT_MS; passed += 1000) {
        size_t line = 10000 - passed;

        pass(w, 1000);
        assert_in_range(w->clients, line, line + STEP_MAX_MS);
    }
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->clients, 0);
    assert_int_equal(w->done, 1);
}

static void with_nobody_there_it_is_over_at_once(void **state)
{
    struct world *w = *state;

    begin(w, TIMEOUT_MS);
    pass(w, 0);
    assert_int_equal(w->done, 1);
    pass(w, 2 * TIMEOUT_MS);
    assert_int_equal(w->done, 1);
}

static void who_leaves_by_itself_makes_it_shorter(void **state)
{
    struct world *w = *state;

    w->clients = 100;
    begin(w, TIMEOUT_MS);
    pass(w, 1000);
    w->clients = 0;
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->done, 1);
}

static void for_whom_it_is_no_good_moment_leaves_last(void **state)
{
    struct world *w = *state;

    w->clients = 100;
    w->stubborn = 10;
    begin(w, TIMEOUT_MS);
    pass(w, TIMEOUT_MS - 1);
    assert_int_equal(w->clients, 10);
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->clients, 0);
    assert_int_equal(w->done, 1);
}

static void connections_have_a_moment_to_close(void **state)
{
    struct world *w = *state;

    w->clients = 1;
    w->connections = 1;
    begin(w, 0);
    pass(w, DRAIN_GRACE_MS / 2);
    assert_int_equal(w->clients, 0);
    assert_int_equal(w->done, 0);
    w->connections = 0;
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->done, 1);
}

static void but_not_for_ever(void **state)
{
    struct world *w = *state;

    w->clients = 1;
    w->connections = 1;
    begin(w, 0);
    pass(w, DRAIN_GRACE_MS - 1);
    assert_int_equal(w->done, 0);
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->done, 1);
}

static void who_cannot_be_let_go_at_once_is_as_soon_as_possible(void **state)
{
    struct world *w = *state;

    w->clients = 100;
    w->slice = 10;
    begin(w, 0);
    for (size_t left = w->clients; left > 0; left = w->clients) {
        pass(w, 1);
        assert_true(w->clients < left);
        assert_in_range(left - w->clients, 1, w->slice * 2); /* now, and a millisecond later */
    }
    pass(w, STEP_MAX_MS);
    assert_int_equal(w->done, 1);
}

static void it_begins_once(void **state)
{
    struct world *w = *state;

    w->clients = 10;
    begin(w, TIMEOUT_MS);
    pass(w, TIMEOUT_MS / 2);
    assert_false(drain_begin(&w->drain));
    pass(w, TIMEOUT_MS / 2 + STEP_MAX_MS);
    assert_int_equal(w->done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_are_let_go_evenly_over_the_time),
        TEST(with_nobody_there_it_is_over_at_once),
        TEST(who_leaves_by_itself_makes_it_shorter),
        TEST(for_whom_it_is_no_good_moment_leaves_last),
        TEST(connections_have_a_moment_to_close),
        TEST(but_not_for_ever),
        TEST(who_cannot_be_let_go_at_once_is_as_soon_as_possible),
        TEST(it_begins_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
