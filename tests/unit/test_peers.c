/*
 * What each address has: limits by kind, networks of IPv6, and that entries leave.
 */
#include "gateway/net/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000, BURST = 4, FULL_MS = 2000 };

static const struct peers_options OPTIONS = {
    .max_open = {[PEER_CONNECTION] = 2, [PEER_LINGERING] = 1, [PEER_CLIENT] = 2, [PEER_RIDE] = 1},
    .rates = {[PEER_HANDSHAKES] = {.per_second = 2, .burst = BURST}}};

static struct ip address(const char *text)
{
    struct ip ip;

    if (ip_parse(&ip, text, strlen(text)))
        fail_msg("%s is an address", text);
    return ip;
}

static int set_up(void **state)
{
    *state = peers_new(&OPTIONS);
    return 0;
}

static int tear_down(void **state)
{
    peers_free(*state);
    return 0;
}

static void an_address_has_so_many_of_each_kind(void **state)
{
    struct ip one = address("203.0.113.9"), other = address("203.0.113.10");
    struct peer *first = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);
    struct peer *second = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);

    assert_non_null(first);
    assert_non_null(second);
    assert_true(peers_full(*state, &one, PEER_CONNECTION));
    assert_null(peer_open(*state, &one, PEER_CONNECTION, NOW_MS));
    assert_false(peers_full(*state, &one, PEER_CLIENT));
    struct peer *client = peer_open(*state, &one, PEER_CLIENT, NOW_MS);
    struct peer *elsewhere = peer_open(*state, &other, PEER_CONNECTION, NOW_MS);
    assert_non_null(client);
    assert_non_null(elsewhere);

    peer_close(first, PEER_CONNECTION, NOW_MS);
    assert_false(peers_full(*state, &one, PEER_CONNECTION));
    first = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);
    assert_non_null(first);
    peer_close(first, PEER_CONNECTION, NOW_MS);
    peer_close(second, PEER_CONNECTION, NOW_MS);
    peer_close(client, PEER_CLIENT, NOW_MS);
    peer_close(elsewhere, PEER_CONNECTION, NOW_MS);
    peer_close(NULL, PEER_CONNECTION, NOW_MS);
}

static void an_address_that_has_rides_followed_is_not_forgotten(void **state)
{
    struct ip one = address("203.0.113.9"), other = address("203.0.113.10");
    struct peer *peer = peer_open(*state, &one, PEER_RIDE, NOW_MS);

    assert_null(peer_open(*state, &one, PEER_RIDE, NOW_MS));
    for (int i = 0; i < 10; i++)
        peers_take(*state, &other, PEER_NEW_RIDES, 1, NOW_MS + FULL_MS);
    assert_true(peers_full(*state, &one, PEER_RIDE));
    peer_close(peer, PEER_RIDE, NOW_MS);
    assert_false(peers_full(*state, &one, PEER_RIDE));
}

static void what_lingers_is_apart_from_what_is_open_and_bounded(void **state)
{
    struct ip one = address("203.0.113.9");
    struct peer *first = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);
    struct peer *second = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);

    assert_true(peer_turn(first, PEER_CONNECTION, PEER_LINGERING));
    assert_false(peers_full(*state, &one, PEER_CONNECTION));
    assert_false(peer_turn(second, PEER_CONNECTION, PEER_LINGERING));
    peer_close(second, PEER_CONNECTION, NOW_MS);
    assert_true(peers_full(*state, &one, PEER_LINGERING)); /* it is not forgotten meanwhile */
    peer_close(first, PEER_LINGERING, NOW_MS);
    assert_int_equal(peers_count(*state), 0);
}

static void ipv6_counts_by_networks_of_64_bits(void **state)
{
    struct ip one = address("2001:db8:0:1::1"), same = address("2001:db8:0:1:ffff::2");
    struct ip other = address("2001:db8:0:2::1");
    struct peer *first = peer_open(*state, &one, PEER_CONNECTION, NOW_MS);
    struct peer *second = peer_open(*state, &same, PEER_CONNECTION, NOW_MS);

    assert_ptr_equal(first, second);
    assert_true(peers_full(*state, &one, PEER_CONNECTION));
    assert_false(peers_full(*state, &other, PEER_CONNECTION));
    peer_close(first, PEER_CONNECTION, NOW_MS);
    peer_close(second, PEER_CONNECTION, NOW_MS);
}

static void handshakes_have_a_bucket_for_each_address(void **state)
{
    struct ip one = address("203.0.113.9"), other = address("203.0.113.10");

    for (int i = 0; i < BURST; i++)
        assert_true(peers_take(*state, &one, PEER_HANDSHAKES, 1, NOW_MS));
    assert_false(peers_take(*state, &one, PEER_HANDSHAKES, 1, NOW_MS));
    assert_true(peers_take(*state, &other, PEER_HANDSHAKES, 1, NOW_MS));
    assert_true(peers_take(*state, &one, PEER_HANDSHAKES, 1, NOW_MS + 1000));
}

static void what_is_remembered_of_an_address_does_not_leave_with_its_connection(void **state)
{
    struct ip one = address("203.0.113.9");

    for (int i = 0; i < BURST; i++) {
        assert_true(peers_take(*state, &one, PEER_HANDSHAKES, 1, NOW_MS));
        peer_close(peer_open(*state, &one, PEER_CLIENT, NOW_MS), PEER_CLIENT, NOW_MS);
    }
    assert_false(peers_take(*state, &one, PEER_HANDSHAKES, 1, NOW_MS));
}

/* The nth of many. */
static struct ip numbered(unsigned n)
{
    char text[IP_TEXT_SIZE];

    snprintf(text, sizeof text, "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
    return address(text);
}

static void entries_leave_once_nothing_is_open_and_their_bucket_is_full(void **state)
{
    struct ip last = address("203.0.113.9");
    struct peer *open = peer_open(*state, &last, PEER_CONNECTION, NOW_MS);

    for (unsigned n = 0; n < 1000; n++) {
        struct ip ip = numbered(n);

        assert_true(peers_take(*state, &ip, PEER_HANDSHAKES, 1, NOW_MS));
    }
    assert_int_equal(peers_count(*state), 1001);
    for (int i = 0; i < 500; i++)
        peers_take(*state, &last, PEER_HANDSHAKES, 1, NOW_MS + FULL_MS);
    assert_int_equal(peers_count(*state), 1); /* the one that has something open */
    peer_close(open, PEER_CONNECTION, NOW_MS + 2 * FULL_MS);
    peer_close(peer_open(*state, &last, PEER_CLIENT, NOW_MS + 10 * FULL_MS), PEER_CLIENT,
               NOW_MS + 10 * FULL_MS);
    assert_int_equal(peers_count(*state), 0);
}

static void a_flood_from_many_addresses_makes_no_table_without_bound(void **state)
{
    for (unsigned n = 0; n < 3 * PEERS_IDLE_MAX; n++) {
        struct ip ip = numbered(n);

        assert_true(peers_take(*state, &ip, PEER_HANDSHAKES, 1, NOW_MS));
    }
    assert_in_range(peers_count(*state), PEERS_IDLE_MAX, PEERS_IDLE_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_has_so_many_of_each_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_that_has_rides_followed_is_not_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_lingers_is_apart_from_what_is_open_and_bounded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ipv6_counts_by_networks_of_64_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(handshakes_have_a_bucket_for_each_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_remembered_of_an_address_does_not_leave_with_its_connection,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(entries_leave_once_nothing_is_open_and_their_bucket_is_full, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flood_from_many_addresses_makes_no_table_without_bound, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
