/*
 * Plain WebSockets that are let go: no more at a time than a slice has time for. Requests, riders and links
 * are real; connections are here, and what is written to one takes time.
 */
#include "gateway/plain_riders.h"

#include "gateway/net/link.h"
#include "gateway/net/net.h"
#include "gateway/net/slice.h"
#include "tests/lib/virtual_clock.h"
#include "tests/unit/presence_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { CROWD = 50, COST_US = 300, SLICE = (SLICE_US + COST_US - 1) / COST_US };

struct conn {
    size_t writes; /* since it became a WebSocket */
};

static uint64_t cost_us; /* of a write */

void conn_write(struct conn *conn, const void *data, size_t n)
{
    (void)data, (void)n;
    conn->writes++;
    virtual_us += cost_us;
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
    (void)conn, (void)lingering;
}

void conn_abort(struct conn *conn)
{
    (void)conn;
}

bool conn_is_admin(const struct conn *conn)
{
    (void)conn;
    return false;
}

static void on_head(void *site, struct link *link)
{
    (void)site, (void)link;
}

static bool on_request(void *site, struct link *link)
{
    plain_open(site, link);
    return true;
}

static void count_wake(void *arg)
{
    ++*(size_t *)arg;
}

static void open_client(struct links *links, struct conn *conn)
{
    char request[] = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct link *link = link_new(links, conn, &(struct ip){{0}}, NULL);

    assert_non_null(link);
    link_received(link, request, sizeof request - 1);
    assert_int_equal(conn->writes, 1);
    conn->writes = 0;
}

static void no_more_clients_are_let_go_than_a_slice_has_time_for(void **state)
{
    static const struct link_site site = {.head = on_head, .request = on_request};
    struct world *w = *state;
    struct conn conns[CROWD] = {{0}};
    struct plain_riders riders;
    size_t wakes = 0, slices = 0;
    struct slice slice = {.wake = count_wake, .wake_arg = &wakes};
    struct peers *peers = peers_new(&(struct peers_options){.max_open = {0}});
    struct links links = {.options = {
                              .site = &site,
                              .site_data = &riders,
                              .cors_origin = "*",
                              .trusted_proxy = "",
                              .max_payload_bytes = 64,
                              .head_bytes = HTTP_HEAD_MAX,
                              .head_ms = 1000,
                              .body_ms = 1000,
                              .stall_ms = 1000,
                              .timers = w->timers,
                              .peers = peers,
                          }};
    const struct plain_riders_options options = {
        .presence = w->presence,
        .timers = w->timers,
        .slice = &slice,
        .outlets = &w->outlets,
        .ping_interval_ms = 1000,
        .ping_timeout_ms = 1000,
    };

    plain_riders_init(&riders, &options);
    join_live(w, 1);
    cost_us = 0;
    for (size_t i = 0; i < CROWD; i++)
        open_client(&links, &conns[i]);
    cost_us = COST_US;
    for (size_t gone = 0; gone < CROWD; slices++) {
        plain_let_go(&riders, CROWD);
        assert_in_range(CROWD - gone - riders.count, 1, SLICE);
        gone = CROWD - riders.count;
        for (size_t i = 0; i < CROWD; i++) /* whoever came first goes first */
            assert_int_equal(conns[i].writes, i < gone);
        plain_let_go(&riders, 1);
        assert_int_equal(riders.count, CROWD - gone);
        slice_renew(&slice);
    }
    assert_in_range(wakes, slices - 1, slices);
    while (links.open)
        link_drop(links.open);
    links_reap(&links);
    peers_free(peers);
    buf_clear(&w->journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_more_clients_are_let_go_than_a_slice_has_time_for, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
