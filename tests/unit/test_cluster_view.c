/*
 * What is made of the answers to CLUSTER NODES: those that Redis gives, and broken ones.
 */
#include "broker/redis/cluster_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "07c37dfeb235213a872192d90877d0cd55635b91"
#define B "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"
#define C "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f"
#define D "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca"

static const struct redis_address asked = {.host = "seed.example", .port = 7000};

/* Reads a copy of exactly that size. */
static struct cluster_view *read_bytes(const char *text, size_t len, bool by_name)
{
    char *copy = malloc(len + 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    char *exact = realloc(copy, len ? len : 1);
    assert_non_null(exact);
    struct cluster_view *view = cluster_view_read(exact, len, &asked, by_name);
    free(exact);
    return view;
}

static struct cluster_view *read_text(const char *text)
{
    return read_bytes(text, strlen(text), false);
}

static void expect_refused(const char *text)
{
    struct cluster_view *view = read_text(text);

    if (view)
        fail_msg("%s", text);
}

static size_t index_of(const struct cluster_view *view, const char *id)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->members[i].id, id) == 0)
            return i;
    fail_msg("%s is missing", id);
    return 0;
}

static void expect_address(const struct cluster_view *view, const char *id, const char *host, int port)
{
    const struct cluster_member *member = &view->members[index_of(view, id)];

    assert_string_equal(member->address.host, host);
    assert_int_equal(member->address.port, port);
}

/* How the only node is called that has this for an address. */
static void expect_called(const char *address, bool by_name, const char *host, int port)
{
    char line[600];

    snprintf(line, sizeof line, A " %s myself,master - 0 0 1 connected 0\n", address);
    struct cluster_view *view = read_bytes(line, strlen(line), by_name);
    if (!view)
        fail_msg("%s", address);
    assert_int_equal(view->count, 1);
    expect_address(view, A, host, port);
    cluster_view_free(view);
}

static void all_is_read(void **state)
{
    struct cluster_view *view =
        read_text(A " 127.0.0.1:30004@31004,hostname4 slave " D " 0 1426238317239 4 connected\n" B
                    " 127.0.0.1:30002@31002,hostname2 master - 0 1426238316232 2 connected 5461-10922\n" C
                    " 127.0.0.1:30003@31003,hostname3 master,fail - 0 1426238318243 3 disconnected "
                    "10923-16000 16383 [93-<-" A "] [77->-" B "]\n" D
                    " 127.0.0.1:30001@31001,hostname1 myself,master - 0 0 18446744073709551615 connected "
                    "0-5460\n");

    (void)state;
    assert_non_null(view);
    assert_int_equal(view->count, 4);
    assert_int_equal(view->self, index_of(view, D));
    expect_address(view, A, "127.0.0.1", 30004);
    expect_address(view, D, "127.0.0.1", 30001);
    const struct cluster_member *c = &view->members[index_of(view, C)];
    assert_true(c->failed);
    assert_false(c->certain);
    assert_true(c->epoch == 3);
    const struct cluster_member *d = &view->members[view->self];
    assert_false(d->failed);
    assert_true(d->certain);
    assert_true(d->epoch == UINT64_MAX);
    assert_int_equal(view->owners[0], view->self);
    assert_int_equal(view->owners[5460], view->self);
    assert_int_equal(view->owners[5461], index_of(view, B));
    assert_int_equal(view->owners[10922], index_of(view, B));
    assert_int_equal(view->owners[16000], index_of(view, C));
    assert_int_equal(view->owners[16001], CLUSTER_NOBODY);
    assert_int_equal(view->owners[16382], CLUSTER_NOBODY);
    assert_int_equal(view->owners[16383], index_of(view, C));
    assert_int_equal(view->owned, SLOTS - 382);
    cluster_view_free(view);
}

static void a_node_has_one_of_several_addresses(void **state)
{
    (void)state;
    expect_called("10.0.0.1:6379@16379", false, "10.0.0.1", 6379);
    expect_called("10.0.0.1:6379", false, "10.0.0.1", 6379);
    expect_called("10.0.0.1:6379@16379,", true, "10.0.0.1", 6379);
    expect_called("10.0.0.1:6379@16379,a.example", false, "10.0.0.1", 6379);
    expect_called("10.0.0.1:6380@16379,a.example", true, "a.example", 6380);
    expect_called("10.0.0.1:6380@16379,a.example,shard-id=69b", true, "a.example", 6380);
    expect_called("10.0.0.1:6380@16379,,shard-id=69b", true, "10.0.0.1", 6380);
    expect_called(":6380@16379,a.example", true, "a.example", 6380);
    expect_called("2001:db8::1:6379@16379", false, "2001:db8::1", 6379);
    expect_called("[2001:db8::1]:6379@16379", false, "2001:db8::1", 6379);
    expect_called("::1:65535@16379,b", true, "b", 65535);
}

/* It does until another one has met it; and where its port is none for clients as we are. */
static void one_that_does_not_know_its_address_has_that_where_it_was_asked(void **state)
{
    (void)state;
    expect_called(":6380@16380", false, "seed.example", 7000);
    expect_called(":0@0", false, "seed.example", 7000);
    expect_called("10.0.0.1:0@16380", false, "seed.example", 7000);
    struct cluster_view *view = read_text(A " :6380@16380 myself,master - 0 0 1 connected 0\n");
    assert_non_null(view);
    assert_false(view->members[0].certain);
    cluster_view_free(view);
}

static void who_cannot_be_asked_is_left_out(void **state)
{
    struct cluster_view *view = read_text(
        A " h:1@2 myself,master - 0 0 1 connected 0-99\n" B
          " :0@0 master,fail,noaddr - 0 0 2 disconnected 100-199\n" C " h:3@4 handshake - 0 0 0 connected\n"
          "x h:3@4 master,handshake - 0 0 0 connected 200\n" D " h:5@6 noflags - 0 0 0 connected 7\n");

    (void)state;
    assert_non_null(view);
    assert_int_equal(view->count, 2);
    assert_int_equal(view->owned, 100);
    assert_int_equal(view->owners[100], CLUSTER_NOBODY);
    expect_address(view, D, "h", 5);
    cluster_view_free(view);
}

static void the_slots_of_a_replica_are_not_its_own(void **state)
{
    struct cluster_view *view = read_text(A " h:1@2 myself,slave " B " 0 0 1 connected 0-99\n" B
                                            " h:3@4 master - 0 0 2 connected 0-16383\n");

    (void)state;
    assert_non_null(view);
    assert_int_equal(view->owned, SLOTS);
    assert_int_equal(view->owners[0], index_of(view, B));
    cluster_view_free(view);
}

/* One line, good but for what stands in place of a field. */
static void expect_refused_with(unsigned field, const char *instead)
{
    const char *fields[] = {A, "h:1@2", "myself,master", "-", "0", "0", "1", "connected", "0-1"};
    char line[600] = "";

    fields[field] = instead;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!fields[i])
            break;
        strcat(line, i > 0 ? " " : "");
        strcat(line, fields[i]);
    }
    expect_refused(line);
    strcat(line, "\n");
    expect_refused(line);
}

static void broken_fields_are_refused(void **state)
{
    static const struct {
        unsigned field;
        const char *instead;
    } broken[] = {
        {0, ""},
        {0, "07c37dfeb235213a872192d90877d0cd55635b9"},
        {0, "07c37dfeb235213a872192d90877d0cd55635b911"},
        {0, "07c37dfeb235213a872192d90877d0cd55635bx1"},
        {0, "07C37DFEB235213A872192D90877D0CD55635B91"},
        {1, ""},
        {1, "h"},
        {1, "h@2"},
        {1, "h:"},
        {1, "h:@2"},
        {1, "h:x@2"},
        {1, "h:-1@2"},
        {1, "h:65536@2"},
        {1, "h:99999999999999999999999@2"},
        {1, "h\x01:1@2"},
        {1, "/run/redis:1@2"},
        {2, "master"}, /* nobody has told it */
        {2, ""},
        {6, ""},
        {6, "-1"},
        {6, "x"},
        {6, "18446744073709551616"},
        {6, "99999999999999999999999999"},
        {8, "x"},
        {8, "-"},
        {8, "1-"},
        {8, "-1"},
        {8, "1-0"},
        {8, "1-2-3"},
        {8, "16384"},
        {8, "0-16384"},
        {8, "0-99999999999999999999999"},
        {8, "0 0"},
        {8, "0-5 5-6"},
        {8, "0-5,7"},
        {8, "0  1"},
        {8, ""},
        {7, NULL}, /* the line ends there */
        {1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        expect_refused_with(broken[i].field, broken[i].instead);
}

static void broken_texts_are_refused(void **state)
{
#define SELF A " h:1@2 myself,master - 0 0 1 connected 0-1"
    (void)state;
    expect_refused("");
    expect_refused("\n");
    expect_refused("\n\n\n");
    expect_refused("OK");
    expect_refused(SELF "\n" SELF "\n");
    expect_refused(SELF "\n" B " h:1@2 myself,master - 0 0 1 connected 2\n");
    expect_refused(SELF "\n" A " h:1@2 master - 0 0 1 connected 2\n");
    expect_refused(SELF "\n" B " h:1@2 master - 0 0 1 connected 1\n");
    expect_refused(SELF "\n" B " h:1@2 master\n");
    expect_refused(SELF "\r\n");
    struct cluster_view *view = read_bytes(SELF "\0", sizeof SELF, false);
    assert_null(view);
    view = read_text("\n" SELF "\n\n");
    assert_non_null(view);
    cluster_view_free(view);
    cluster_view_free(NULL);
}

static void as_many_nodes_as_redis_is_made_for_are_read(void **state)
{
    enum { LINE = 100 };
    char *text = calloc(CLUSTER_NODES_MAX + 1, LINE);

    (void)state;
    assert_non_null(text);
    size_t len = 0;
    for (unsigned i = 0; i < CLUSTER_NODES_MAX; i++)
        len += (size_t)snprintf(text + len, LINE, "%040x h:%u@2 %smaster - 0 0 1 connected %u\n", i, i + 1,
                                i == 7 ? "myself," : "", i);
    struct cluster_view *view = read_text(text);
    assert_non_null(view);
    assert_int_equal(view->count, CLUSTER_NODES_MAX);
    assert_int_equal(view->owners[999], 999);
    assert_int_equal(view->self, 7);
    cluster_view_free(view);
    snprintf(text + len, LINE, "%040x h:1@2 master - 0 0 1 connected\n", CLUSTER_NODES_MAX);
    expect_refused(text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read),
        cmocka_unit_test(a_node_has_one_of_several_addresses),
        cmocka_unit_test(one_that_does_not_know_its_address_has_that_where_it_was_asked),
        cmocka_unit_test(who_cannot_be_asked_is_left_out),
        cmocka_unit_test(the_slots_of_a_replica_are_not_its_own),
        cmocka_unit_test(broken_fields_are_refused),
        cmocka_unit_test(broken_texts_are_refused),
        cmocka_unit_test(as_many_nodes_as_redis_is_made_for_are_read),
    };

    return cmocka_run_group_tests_name("cluster_view", tests, NULL, NULL);
}
