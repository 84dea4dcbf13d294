/*
 * Relief: who is cut when memory is short, and no more at a time than a slice has time for. Clients are here:
 * what one holds, and what its end costs.
 */
#include "gateway/relief.h"

#include "common/budget.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server.h"
#include "gateway/net/slice.h"
#include "gateway/plain_riders.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/ride.h"
#include "gateway/sio_riders.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    CROWD = 100,
    HOLDS = 10000, /* each, and one byte more than the one after it */
    COST_US = 300,
    SLICE = (SLICE_US + COST_US - 1) / COST_US,
};

enum kind { SESSIONS, PLAIN, LINKS };

/* A client, or a connection. */
struct link {
    struct eio_session *session;
    struct outlet outlet;
    size_t holds;
    bool cut;
};

struct world {
    enum kind kind; /* of the crowd */
    struct link crowd[CROWD];
    struct budget budget;
    struct slice slice;
    struct relief relief;
    size_t cut;    /* of the crowd */
    size_t reaped; /* of them */
    bool woken;
};

static struct world *world; /* for what is replaced */
static const struct ip HERE;

/* --- clients --- */

void eio_visit(struct eio *eio, void (*visit)(struct eio_session *session, void *arg), void *arg)
{
    (void)eio;
    for (size_t i = 0; world->kind == SESSIONS && i < CROWD; i++)
        if (!world->crowd[i].cut)
            visit(world->crowd[i].session, arg);
}

void plain_visit(struct plain_riders *riders,
                 void (*visit)(struct outlet *outlet, const struct ip *address, void *arg), void *arg)
{
    (void)riders;
    for (size_t i = 0; world->kind == PLAIN && i < CROWD; i++)
        visit(&world->crowd[i].outlet, &HERE, arg);
}

void server_visit(struct server *server, void (*visit)(struct link *link, void *arg), void *arg)
{
    (void)server;
    for (size_t i = 0; world->kind == LINKS && i < CROWD; i++)
        visit(&world->crowd[i], arg);
}

size_t sio_riders_cost(struct eio_session *session)
{
    return ((const struct link *)session->data)->holds;
}

static struct link *link_of(const struct outlet *outlet)
{
    return (struct link *)((char *)outlet - offsetof(struct link, outlet));
}

size_t outlet_cost(struct outlet *outlet)
{
    return link_of(outlet)->holds;
}

size_t link_cost(const struct link *link)
{
    return link->holds;
}

bool link_gone(const struct link *link)
{
    return link->cut;
}

struct ip link_address(const struct link *link)
{
    (void)link;
    return HERE;
}

struct ip peers_network(const struct ip *address)
{
    return *address;
}

/* --- what becomes of them --- */

static void cut(struct link *link)
{
    assert_false(link->cut);
    assert_ptr_equal(link, &world->crowd[world->cut]); /* whoever holds most is the next */
    link->cut = true;
    world->cut++;
}

static void give_back(struct link *link)
{
    budget_move(&world->budget, BUDGET_QUEUES, link->holds, 0);
    link->holds = 0;
    virtual_us += COST_US;
}

void eio_abort(struct eio_session *session)
{
    cut(session->data);
}

void eio_reap(struct eio *eio)
{
    (void)eio;
    while (world->kind == SESSIONS && world->reaped < world->cut)
        give_back(&world->crowd[world->reaped++]);
}

void outlet_overflow(struct outlet *outlet)
{
    outlet->overflowed = true;
    cut(link_of(outlet));
    give_back(link_of(outlet));
}

void link_sacrifice(struct link *link)
{
    cut(link);
    give_back(link);
}

void rides_shed(struct rides *rides)
{
    (void)rides;
}

void refuse(struct refusals *refusals, enum refusal reason, const struct ip *address)
{
    (void)refusals, (void)reason, (void)address;
}

/* --- the world --- */

static void wake(void *arg)
{
    ((struct world *)arg)->woken = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    world = w;
    w->slice = (struct slice){.wake = wake, .wake_arg = w};
    w->relief = (struct relief){.budget = &w->budget, .slice = &w->slice};
    virtual_us = 1000000000;
    for (size_t i = 0; i < CROWD; i++) {
        struct link *link = &w->crowd[i];

        link->holds = HOLDS + CROWD - i;
        link->session = calloc(1, sizeof *link->session);
        assert_non_null(link->session);
        link->session->data = link;
        budget_move(&w->budget, BUDGET_QUEUES, 0, link->holds);
    }
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < CROWD; i++)
        free(w->crowd[i].session);
    free(w);
    return 0;
}

/* With a budget of which the crowd holds all, one wake-up after the other until nobody more is cut. */
static void relieve_all(struct world *w, enum kind kind)
{
    w->kind = kind;
    w->budget.limit = w->budget.total;
    do {
        size_t before = w->cut;

        w->woken = false;
        slice_renew(&w->slice);
        relieve(&w->relief);
        assert_in_range(w->cut - before, 1, SLICE);
        before = w->cut;
        relieve(&w->relief); /* another turn before the loop wakes */
        assert_int_equal(w->cut, before);
    } while (w->woken);
    /* A quarter is free, and no more than that took. */
    assert_in_range(w->budget.total, w->budget.limit * 3 / 4 - HOLDS - CROWD, w->budget.limit * 3 / 4);
    assert_true(w->cut > 2 * SLICE);
}

static void no_more_sessions_are_cut_than_a_slice_has_time_for(void **state)
{
    relieve_all(*state, SESSIONS);
}

static void nor_more_plain_clients(void **state)
{
    relieve_all(*state, PLAIN);
}

static void nor_more_connections(void **state)
{
    relieve_all(*state, LINKS);
}

static void whoever_there_is_room_for_is_left_alone(void **state)
{
    struct world *w = *state;

    w->budget.limit = 2 * w->budget.total;
    relieve(&w->relief);
    assert_int_equal(w->cut, 0);
    assert_false(w->woken);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(no_more_sessions_are_cut_than_a_slice_has_time_for),
        WORLD_TEST(nor_more_plain_clients),
        WORLD_TEST(nor_more_connections),
        WORLD_TEST(whoever_there_is_room_for_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
