/*
 * Connections that end together, and timers that are due together: slice by slice, and others are served in
 * between. The network is here, and so is what each costs: the clock goes on when a user is told.
 */
#include "common/budget.h"
#include "gateway/net/peers.h"
#include "gateway/net/server.h"
#include "gateway/net/slice.h"
#include "tests/lib/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CROWD = 100, COST_US = 300, SLICE = (SLICE_US + COST_US - 1) / COST_US };

struct conn {
    void *data; /* NULL: gone, or let go of */
    size_t taken;
};

struct net {
    struct net_options options;
    bool woken; /* net_wake() was called */
};

struct world {
    struct net net;
    struct conn crowd[CROWD], other;
    struct timers *timers;
    struct peers *peers;
    struct budget budget;
    struct server *server;
    size_t asked;     /* requests that the site saw */
    uint64_t cost_us; /* of each end */
    size_t told, heard;
    struct timer deadlines[CROWD];
    size_t met;       /* of them, in their order */
    uint64_t left_us; /* what the last one has left to do at the end of the turn */
};

static struct world *world; /* for the network */

/* --- the network --- */

struct net *net_new(const struct net_options *options, char *error, size_t error_size)
{
    (void)error, (void)error_size;
    world->net.options = *options;
    return &world->net;
}

void net_free(struct net *net)
{
    (void)net;
}

static void end(struct conn *conn)
{
    void *data = conn->data;

    conn->data = NULL;
    if (data)
        world->net.options.handler->closed(data);
}

/* It stops at once. */
void net_run(struct net *net)
{
    (void)net;
    for (size_t i = 0; i < CROWD; i++)
        end(&world->crowd[i]);
    end(&world->other);
}

void net_stop(struct net *net)
{
    (void)net;
}

void net_wake(struct net *net)
{
    net->woken = true;
}

void conn_write(struct conn *conn, const void *data, size_t n)
{
    (void)data;
    if (conn)
        conn->taken += n;
}

bool conn_blocked(const struct conn *conn)
{
    (void)conn;
    return false;
}

bool conn_progressed(const struct conn *conn, uint32_t *mark)
{
    (void)conn, (void)mark;
    return false;
}

void conn_close(struct conn *conn, void *lingering)
{
    if (!conn)
        return;
    conn->data = NULL;
    if (lingering)
        world->net.options.handler->lingered(lingering);
}

void conn_abort(struct conn *conn)
{
    if (conn)
        conn->data = NULL;
}

bool conn_is_admin(const struct conn *conn)
{
    (void)conn;
    return false;
}

/* --- the site: everything is answered later, or is a WebSocket --- */

static void on_message(void *data, struct link *link, bool binary, char *bytes, size_t len)
{
    (void)link, (void)binary, (void)bytes, (void)len;
    ((struct world *)data)->heard++;
}

static void on_lost(void *data, struct link *link)
{
    struct world *w = data;

    (void)link;
    w->told++;
    virtual_us += w->cost_us;
}

static const struct link_user USER = {.message = on_message, .lost = on_lost};

static void on_head(void *site, struct link *link)
{
    (void)site, (void)link;
}

static bool on_request(void *site, struct link *link)
{
    struct world *w = site;

    w->asked++;
    link_use(link, &USER, w);
    if (link_offers_ws(link))
        link_become_ws(link, NULL);
    return true;
}

static void on_site_settle(void *site)
{
    struct world *w = site;

    virtual_us += w->left_us;
    w->left_us = 0;
}

static void on_deadline(void *owner)
{
    struct world *w = world;

    assert_ptr_equal(owner, &w->deadlines[w->met]);
    assert_int_equal(w->left_us, 0); /* each has its own end of a turn */
    w->met++;
    w->left_us = w->cost_us;
}

static void settle(struct world *w)
{
    w->net.options.handler->settle(w->net.options.owner);
}

static void receive(struct world *w, struct conn *conn, const char *bytes, size_t n)
{
    char copy[512];

    assert_true(n <= sizeof copy);
    memcpy(copy, bytes, n);
    w->net.options.handler->received(conn->data, copy, n);
    settle(w);
}

static void open_conn(struct world *w, struct conn *conn)
{
    conn->data = w->net.options.handler->opened(w->net.options.owner, conn, &(struct ip){{0}});
    assert_non_null(conn->data);
}

static const char UPGRADE[] =
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char GET[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

static int set_up(void **state)
{
    static const struct link_site site = {.head = on_head, .request = on_request};
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    world = w;
    w->cost_us = COST_US;
    w->timers = timers_new();
    w->peers = peers_new(&(struct peers_options){.max_open = {[PEER_CONNECTION] = CROWD + 1}});
    const struct server_options options = {
        .links =
            {
                .site = &site,
                .site_data = w,
                .cors_origin = "*",
                .trusted_proxy = "",
                .max_payload_bytes = 64,
                .head_bytes = HTTP_HEAD_MAX,
                .head_ms = 1000,
                .body_ms = 1000,
                .stall_ms = 1000,
                .timers = w->timers,
                .peers = w->peers,
                .budget = &w->budget,
            },
        .settle = on_site_settle,
    };

    w->server = server_new(&options, NULL, 0);
    assert_non_null(w->server);
    for (size_t i = 0; i < CROWD; i++) {
        open_conn(w, &w->crowd[i]);
        receive(w, &w->crowd[i], i % 2 ? GET : UPGRADE, strlen(i % 2 ? GET : UPGRADE));
    }
    open_conn(w, &w->other);
    receive(w, &w->other, UPGRADE, strlen(UPGRADE));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    server_free(w->server);
    assert_int_equal(w->budget.total, 0);
    peers_free(w->peers);
    assert_true(timers_next_ms(w->timers) == UINT64_MAX);
    timers_free(w->timers);
    free(w);
    return 0;
}

static void count(struct link *link, void *arg)
{
    (void)link;
    ++*(size_t *)arg;
}

static size_t links(const struct world *w)
{
    size_t n = 0;

    server_visit(w->server, count, &n);
    return n;
}

/* One batch of the loop's: the peer is gone from all of them. */
static void all_end(struct world *w)
{
    for (size_t i = 0; i < CROWD; i++) {
        end(&w->crowd[i]);
        settle(w);
    }
}

static void wake(struct world *w)
{
    w->net.woken = false;
    w->net.options.handler->woken(w->net.options.owner);
    w->net.options.handler->due(w->net.options.owner);
    settle(w);
}

/* Until nothing more is to be done. No wake-up tells of more than `slice`, nor has that many deadlines met.
 */
static void wake_all(struct world *w, size_t slice)
{
    while (w->net.woken) {
        size_t before = w->told + w->met;

        wake(w);
        assert_in_range(w->told + w->met - before, w->net.woken ? 1 : 0, slice);
    }
}

static void set_deadlines(struct world *w)
{
    for (size_t i = 0; i < CROWD; i++) {
        w->deadlines[i] = (struct timer){.fire = on_deadline, .owner = &w->deadlines[i]};
        timers_set(w->timers, &w->deadlines[i], i);
    }
    virtual_pass_ms(CROWD);
}

/* As the loop does when the time of the earliest has come. */
static void ring(struct world *w)
{
    w->net.options.handler->due(w->net.options.owner);
    settle(w);
}

static void speak(struct world *w)
{
    static const char frame[] = {(char)0x81, (char)0x82, 0, 0, 0, 0, 'h', 'i'};

    receive(w, &w->other, frame, sizeof frame);
}

static void one_that_ends_is_noticed_at_once(void **state)
{
    struct world *w = *state;

    end(&w->crowd[0]);
    assert_int_equal(w->told, 0); /* not inside the call */
    settle(w);
    assert_int_equal(w->told, 1);
    assert_false(w->net.woken);
    assert_int_equal(links(w), CROWD);
}

static void of_a_crowd_no_more_is_noticed_than_a_slice_and_others_are_served_between(void **state)
{
    struct world *w = *state;

    all_end(w);
    assert_int_equal(w->told, SLICE);
    assert_true(w->net.woken);
    speak(w);
    assert_int_equal(w->heard, 1);
    assert_int_equal(w->told, SLICE);
    wake(w);
    assert_int_equal(w->told, 2 * SLICE);
    speak(w);
    assert_int_equal(w->heard, 2);
    assert_int_equal(w->told, 2 * SLICE);
    wake_all(w, SLICE);
    assert_int_equal(w->told, CROWD);
    assert_int_equal(links(w), 1);
}

static void one_that_is_more_than_a_slice_has_it_alone(void **state)
{
    struct world *w = *state;

    w->cost_us = 2 * SLICE_US;
    all_end(w);
    assert_int_equal(w->told, 1);
    wake_all(w, 1);
    assert_int_equal(w->told, CROWD);
}

static void all_are_noticed_when_the_server_stops_meanwhile(void **state)
{
    struct world *w = *state;

    all_end(w);
    assert_int_equal(w->told, SLICE);
    server_run(w->server);
    assert_int_equal(w->told, CROWD + 1);
}

static void one_that_is_not_noticed_yet_takes_nothing(void **state)
{
    struct world *w = *state;
    struct conn *polling = &w->crowd[CROWD - 1], *talking = &w->crowd[CROWD - 2];
    struct link *poll = polling->data, *ws = talking->data;

    receive(w, polling, GET, strlen(GET)); /* which waits behind the poll */
    assert_int_equal(w->asked, CROWD + 1);
    polling->taken = talking->taken = 0;
    all_end(w);
    assert_false(link_ready(ws));
    assert_false(link_ready(poll));
    link_write(ws, "x", 1);
    link_respond(poll, 200, NULL, NULL, "", 0);
    assert_int_equal(polling->taken + talking->taken, 0);
    wake_all(w, SLICE);
    assert_int_equal(w->asked, CROWD + 1);
    assert_int_equal(w->told, CROWD - 1); /* whoever has answered hears nothing more */
    assert_int_equal(links(w), 1);
}

static void whoever_lets_go_of_one_hears_nothing_more(void **state)
{
    struct world *w = *state;
    struct link *closed = w->crowd[CROWD - 2].data, *dropped = w->crowd[CROWD - 4].data,
                *sacrificed = w->crowd[CROWD - 1].data;

    all_end(w);
    link_ws_close(closed, WS_STATUS_NONE);
    link_drop(dropped);
    link_sacrifice(sacrificed);
    assert_int_equal(w->told, SLICE + 1); /* the last one's, at once */
    wake_all(w, SLICE + 1);               /* one costs nothing */
    assert_int_equal(w->told, CROWD - 2);
    assert_int_equal(links(w), 1);
}

static void its_address_has_the_connection_back_at_once(void **state)
{
    struct world *w = *state;
    const struct ip here = {{0}};

    assert_true(peers_full(w->peers, &here, PEER_CONNECTION));
    all_end(w);
    assert_int_equal(w->told, SLICE);
    for (size_t i = 0; i < CROWD; i++) {
        assert_false(peers_full(w->peers, &here, PEER_CONNECTION));
        open_conn(w, &w->crowd[i]);
    }
    assert_true(peers_full(w->peers, &here, PEER_CONNECTION));
    wake_all(w, SLICE);
    assert_int_equal(links(w), CROWD + 1);
}

static void what_waits_is_bounded(void **state)
{
    struct world *w = *state;
    struct conn conn = {0};

    all_end(w);
    for (size_t i = CROWD - SLICE; i < SERVER_ENDS_MAX + 10; i++) {
        open_conn(w, &conn);
        receive(w, &conn, GET, strlen(GET));
        end(&conn);
        settle(w);
    }
    assert_int_equal(links(w), 1 + SERVER_ENDS_MAX);
    assert_int_equal(w->told, SLICE + 10);
}

static void of_a_crowd_s_deadlines_no_more_are_met_than_a_slice(void **state)
{
    struct world *w = *state;

    set_deadlines(w);
    ring(w);
    assert_int_equal(w->met, SLICE);
    assert_true(w->net.woken);
    speak(w);
    ring(w); /* what is left is due all the time */
    assert_int_equal(w->heard, 1);
    assert_int_equal(w->met, SLICE);
    wake(w);
    assert_int_equal(w->met, 2 * SLICE);
    wake_all(w, SLICE);
    assert_int_equal(w->met, CROWD);
}

static void a_few_deadlines_are_met_at_once(void **state)
{
    struct world *w = *state;

    w->cost_us = 1;
    set_deadlines(w);
    ring(w);
    assert_int_equal(w->met, CROWD);
    assert_false(w->net.woken);
}

static void deadlines_and_ends_share_a_slice(void **state)
{
    struct world *w = *state;

    set_deadlines(w);
    all_end(w);
    assert_int_equal(w->told, SLICE);
    ring(w);
    assert_int_equal(w->met, 0);
    wake_all(w, SLICE);
    assert_int_equal(w->met, CROWD);
    assert_int_equal(w->told, CROWD);
    assert_int_equal(links(w), 1);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(one_that_ends_is_noticed_at_once),
        WORLD_TEST(of_a_crowd_no_more_is_noticed_than_a_slice_and_others_are_served_between),
        WORLD_TEST(one_that_is_more_than_a_slice_has_it_alone),
        WORLD_TEST(all_are_noticed_when_the_server_stops_meanwhile),
        WORLD_TEST(one_that_is_not_noticed_yet_takes_nothing),
        WORLD_TEST(whoever_lets_go_of_one_hears_nothing_more),
        WORLD_TEST(its_address_has_the_connection_back_at_once),
        WORLD_TEST(what_waits_is_bounded),
        WORLD_TEST(of_a_crowd_s_deadlines_no_more_are_met_than_a_slice),
        WORLD_TEST(a_few_deadlines_are_met_at_once),
        WORLD_TEST(deadlines_and_ends_share_a_slice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
