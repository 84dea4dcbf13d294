/*
 * The loop, which is libwebsockets' here, and timers that are due and not fired: they are for its next
 * wake-up, and it does not turn for them alone.
 */
#include "gateway/net/net.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LEFT_ALONE = 10 }; /* so many times */

struct world {
    struct net *net;
    struct timers *timers;
    struct timer timer;
    size_t woken, due;
};

static void woken(void *owner)
{
    ((struct world *)owner)->woken++;
}

static void due(void *owner)
{
    struct world *w = owner;

    w->due++;
    if (w->woken >= LEFT_ALONE)
        timers_run(w->timers, clock_ms());
}

static void settle(void *owner)
{
    (void)owner;
}

static void stop(void *owner)
{
    net_stop(((struct world *)owner)->net);
}

static void run(struct world *w, uint64_t at_ms)
{
    static const struct net_handler handler = {.woken = woken, .due = due, .settle = settle};
    char error[256] = "";

    *w = (struct world){.timers = timers_new()};
    w->timer = (struct timer){.fire = stop, .owner = w};
    const struct net_options options = {
        .listen = "127.0.0.1:0", .max_connections = 1, .timers = w->timers, .handler = &handler, .owner = w};

    w->net = net_new(&options, error, sizeof error);
    assert_string_equal(error, "");
    timers_set(w->timers, &w->timer, at_ms);
    net_run(w->net);
    net_free(w->net);
    timers_free(w->timers);
}

static void what_is_due_and_not_fired_is_for_the_next_wake_up(void **state)
{
    struct world w;

    (void)state;
    run(&w, 0);
    assert_in_range(w.woken, LEFT_ALONE, LEFT_ALONE + 2); /* libwebsockets wakes once or twice by itself */
    assert_in_range(w.due, w.woken, w.woken + 1);
}

static void so_is_what_becomes_due_later(void **state)
{
    struct world w;

    (void)state;
    run(&w, clock_ms() + 20);
    assert_in_range(w.woken, LEFT_ALONE, LEFT_ALONE + 2);
    assert_in_range(w.due, w.woken, w.woken + 1); /* when its time had come */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_and_not_fired_is_for_the_next_wake_up),
        cmocka_unit_test(so_is_what_becomes_due_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
