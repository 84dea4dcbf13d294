/*
 * The map of a Redis Cluster, asked of real nodes that come, go, and disagree.
 */
#include "broker/redis/topology.h"

#include "broker/redis/cluster_map.h"
#include "broker/redis/redis_url.h"
#include "common/log.h"
#include "tests/cluster/redis_server.h"
#include "tests/lib/deadline.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 4, LOG_SIZE = 20000 };

struct world {
    struct redis_server *nodes[NODES];
    struct redis_url url;
    struct event_base *base;
    struct topology *topology;
    const struct cluster_map *map; /* as told; NULL: nothing yet */
    unsigned changes;
};

/* --- what it says --- */

static char logged[LOG_SIZE];

void __wrap_log_write(enum log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void __wrap_log_write(enum log_level level, const char *area, const char *format, ...)
{
    size_t len = strlen(logged);
    va_list args;

    (void)area;
    if (level == LOG_LEVEL_DEBUG)
        return;
    va_start(args, format);
    vsnprintf(logged + len, sizeof logged - len - 1, format, args);
    va_end(args);
    strcat(logged, "\n");
}

static unsigned times_said(const char *text)
{
    unsigned times = 0;

    for (const char *at = logged; (at = strstr(at, text)); at++)
        times++;
    return times;
}

/* --- nodes --- */

/* A node that is alone and has no slots. */
static struct redis_server *start_node(void)
{
    char conf[300];

    snprintf(conf, sizeof conf,
             NOTHING_KEPT "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 1000\n"
                          "cluster-require-full-coverage no\ncluster-replica-validity-factor 0\n"
                          "cluster-port %d\n",
             redis_server_free_port());
    return redis_server_start(REDIS_SERVER, conf);
}

static void tell_id(struct redis_server *node, char id[CLUSTER_ID_LEN + 1])
{
    redisReply *reply = redis_ask(node, "CLUSTER MYID");

    assert_int_equal(reply->len, CLUSTER_ID_LEN);
    memcpy(id, reply->str, CLUSTER_ID_LEN + 1);
    freeReplyObject(reply);
}

static bool knows_all_nodes(const redisReply *reply)
{
    struct redis_address asked = {.host = "127.0.0.1", .port = 1};
    struct cluster_view *view = cluster_view_read(reply->str, reply->len, &asked, false);
    bool all = view && view->count >= 3 && view->owned == SLOTS;

    for (size_t i = 0; all && i < view->count; i++)
        all = view->members[i].certain;
    cluster_view_free(view);
    return all;
}

static void meet(struct redis_server *node, struct redis_server *other)
{
    redisReply *bus = redis_ask(other, "CONFIG GET cluster-port");

    redis_run(node, "CLUSTER MEET 127.0.0.1 %d %s", other->port, bus->element[1]->str);
    freeReplyObject(bus);
}

/* The slots of three servers, as redis-cli deals them out. */
static const unsigned firsts[] = {0, 5461, 10923, SLOTS};

static void deal_slots(struct world *world)
{
    for (size_t i = 0; i < 3; i++) {
        redis_run(world->nodes[i], "CLUSTER ADDSLOTSRANGE %u %u", firsts[i], firsts[i + 1] - 1);
        redis_run(world->nodes[i], "CLUSTER SET-CONFIG-EPOCH %u", (unsigned)i + 1);
    }
    meet(world->nodes[0], world->nodes[1]);
    meet(world->nodes[0], world->nodes[2]);
    meet(world->nodes[1], world->nodes[2]);
    for (size_t i = 0; i < 3; i++)
        redis_wait_until(world->nodes[i], "CLUSTER NODES", knows_all_nodes);
}

static void start_cluster(struct world *world)
{
    for (size_t i = 0; i < 3; i++)
        world->nodes[i] = start_node();
    deal_slots(world);
}

static long long connections_seen_by(struct redis_server *server)
{
    redisReply *reply = redis_ask(server, "INFO stats");
    const char *line = strstr(reply->str, "total_connections_received:");

    assert_non_null(line);
    long long count = strtoll(strchr(line, ':') + 1, NULL, 10);
    freeReplyObject(reply);
    return count;
}

/* --- the seeker --- */

static void on_changed(const struct cluster_map *map, void *arg)
{
    struct world *world = arg;

    assert_true(!world->map || world->map == map);
    world->map = map;
    world->changes++;
}

/* Only the first of the nodes is in the URL. */
static void seek(struct world *world, const char *credentials)
{
    char text[200], error[200];

    snprintf(text, sizeof text, "redis+cluster://%s127.0.0.1:%d", credentials, world->nodes[0]->port);
    if (redis_url_parse(text, &world->url, error, sizeof error) != 0)
        fail_msg("%s", error);
    const struct topology_setup setup = {
        .base = world->base, .url = &world->url, .changed = on_changed, .arg = world};
    world->topology = topology_new(&setup);
    topology_seek(world->topology, NULL);
    assert_null(world->map); /* never from within */
}

static void turn(struct world *world)
{
    assert_int_not_equal(event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK), -1);
    nap();
}

static void run_until(struct world *world, bool (*good)(struct world *world))
{
    const struct timespec deadline = deadline_from_now();

    while (!good(world)) {
        if (deadline_passed(&deadline))
            fail_msg("what is waited for does not come; it says:\n%s", logged);
        turn(world);
    }
}

/* Until each of so many nodes has been asked twice more: what must not happen had its chance. */
static void let_be_asked(struct world *world, size_t count)
{
    const struct timespec deadline = deadline_from_now();
    long long wanted[NODES] = {0};

    for (size_t i = 0; i < count; i++)
        wanted[i] = redis_calls(world->nodes[i], "cluster|nodes") + 2;
    for (size_t i = 0; i < count; i++)
        while (redis_calls(world->nodes[i], "cluster|nodes") < wanted[i]) {
            if (deadline_passed(&deadline))
                fail_msg("node %zu is not asked", i);
            topology_seek(world->topology, NULL);
            turn(world);
        }
}

/* Which of the nodes is at the address of the slot's owner; -1: none. */
static int owner_of(const struct world *world, unsigned slot)
{
    const struct cluster_node *owner = world->map ? cluster_map_owner(world->map, slot) : NULL;

    for (int i = 0; owner && i < NODES; i++)
        if (world->nodes[i] && world->nodes[i]->port == owner->address.port)
            return i;
    return -1;
}

static bool all_is_known(struct world *world)
{
    return owner_of(world, 0) == 0 && owner_of(world, 5460) == 0 && owner_of(world, 5461) == 1 &&
           owner_of(world, 16383) == 2 && cluster_map_unowned(world->map) == 0;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    logged[0] = '\0';
    world->base = event_base_new();
    assert_non_null(world->base);
    *state = world;
    return 0;
}

/* Runs whatever happened in the test. */
static int teardown(void **state)
{
    struct world *world = *state;

    topology_close(world->topology);
    topology_free(world->topology);
    event_base_free(world->base);
    redis_url_deinit(&world->url);
    for (size_t i = 0; i < NODES; i++)
        redis_server_free(world->nodes[i]);
    free(world);
    return 0;
}

/* --- the map --- */

static void the_map_is_learnt_from_one_node_and_asked_of_all(void **state)
{
    struct world *world = *state;

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    let_be_asked(world, 3);
    assert_int_equal(world->changes, 1);
    assert_int_equal(world->map->node_count, 3);
    assert_int_equal(times_said("the Redis Cluster has 3 primaries"), 1);
    for (unsigned i = 0; i < 500; i++) {
        char key[40];

        int len = snprintf(key, sizeof key, i % 3 ? "%u{%u}" : "{}%u%u", i, i * i);
        assert_int_equal(redis_integer(redis_ask(world->nodes[0], "CLUSTER KEYSLOT %s", key)),
                         slot_of_key(key, (size_t)len));
    }
}

static bool is_asked_four_times(struct world *world)
{
    return redis_calls(world->nodes[0], "cluster|nodes") + redis_calls(world->nodes[1], "cluster|nodes") +
               redis_calls(world->nodes[2], "cluster|nodes") >=
           4;
}

static long long connections(struct world *world)
{
    long long all = 0;

    for (size_t i = 0; i < 3; i++)
        all += connections_seen_by(world->nodes[i]);
    return all;
}

/* For five seconds, so another node's may be among them. */
static void whoever_has_told_is_asked_again_on_the_same_connection(void **state)
{
    struct world *world = *state;

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    for (size_t i = 0; i < 3; i++)
        redis_run(world->nodes[i], "CONFIG RESETSTAT");
    run_until(world, is_asked_four_times);
    assert_in_range(connections(world), 0, 2);
}

static bool slot_7_is_the_seconds(struct world *world)
{
    return owner_of(world, 7) == 1;
}

static void a_slot_that_moves_is_followed(void **state)
{
    struct world *world = *state;
    char id[CLUSTER_ID_LEN + 1];

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    tell_id(world->nodes[1], id);
    redis_run(world->nodes[1], "CLUSTER SETSLOT 7 NODE %s", id);
    redis_run(world->nodes[0], "CLUSTER SETSLOT 7 NODE %s", id);
    run_until(world, slot_7_is_the_seconds);
    assert_int_equal(owner_of(world, 6), 0);
    assert_int_equal(owner_of(world, 8), 0);
    let_be_asked(world, 3);
    assert_int_equal(world->changes, 2);
}

static bool is_asked_at_once(struct world *world)
{
    return redis_calls(world->nodes[3], "cluster|nodes") > 0;
}

/* The fourth knows nobody, and nobody knows it: it would never be asked. */
static void whoever_a_moved_names_is_asked_first(void **state)
{
    struct world *world = *state;
    struct redis_address first;

    start_cluster(world);
    world->nodes[3] = start_node();
    seek(world, "");
    run_until(world, all_is_known);
    assert_int_equal(redis_address_set(&first, "127.0.0.1", 9, world->nodes[3]->port), 0);
    topology_seek(world->topology, &first);
    run_until(world, is_asked_at_once);
    let_be_asked(world, 3);
    assert_int_equal(world->changes, 1);
}

static bool is_asked_thirty_times(struct world *world)
{
    long long asked = 0;

    topology_seek(world->topology, NULL);
    for (size_t i = 0; i < 3; i++)
        asked += redis_calls(world->nodes[i], "cluster|nodes");
    return asked >= 30;
}

static uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void who_is_hurried_asks_soon_but_not_without_a_pause(void **state)
{
    struct world *world = *state;

    start_cluster(world);
    for (size_t i = 0; i < 3; i++)
        redis_run(world->nodes[i], "CONFIG RESETSTAT");
    seek(world, "");
    uint64_t begun_ms = monotonic_ms();
    run_until(world, is_asked_thirty_times);
    assert_true(monotonic_ms() - begun_ms >= 2500);
}

static bool slot_7_is_the_fourths(struct world *world)
{
    return owner_of(world, 7) == 3;
}

static bool follows(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 5 &&
           strcmp(reply->element[3]->str, "connected") == 0;
}

static void a_replica_that_takes_over_has_the_slots_and_the_former_primary_none(void **state)
{
    struct world *world = *state;
    char id[CLUSTER_ID_LEN + 1];

    start_cluster(world);
    world->nodes[3] = start_node();
    meet(world->nodes[1], world->nodes[3]);
    redis_wait_until(world->nodes[3], "CLUSTER NODES", knows_all_nodes);
    tell_id(world->nodes[0], id);
    redis_run(world->nodes[3], "CLUSTER REPLICATE %s", id);
    redis_wait_until(world->nodes[3], "ROLE", follows);
    seek(world, "");
    run_until(world, all_is_known);
    redis_server_kill(world->nodes[0]); /* the one in the URL */
    redis_run(world->nodes[3], "CLUSTER FAILOVER TAKEOVER");
    run_until(world, slot_7_is_the_fourths);
    assert_int_equal(owner_of(world, 5460), 3);
    assert_int_equal(owner_of(world, 5461), 1);
    unsigned changes = world->changes;
    assert_true(redis_server_run(world->nodes[0]));
    let_be_asked(world, 4);
    assert_int_equal(world->changes, changes);
}

/* Two parts of a cluster that have forgotten each other, and both claim slot 7. */
static void a_node_that_was_cut_off_does_not_turn_the_map_back(void **state)
{
    struct world *world = *state;
    char ids[3][CLUSTER_ID_LEN + 1];

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    for (size_t i = 0; i < 3; i++)
        tell_id(world->nodes[i], ids[i]);
    for (size_t i = 1; i < 3; i++) {
        redis_run(world->nodes[0], "CLUSTER FORGET %s", ids[i]);
        redis_run(world->nodes[i], "CLUSTER FORGET %s", ids[0]);
    }
    redis_run(world->nodes[1], "CLUSTER ADDSLOTS 7");
    redis_run(world->nodes[1], "CLUSTER BUMPEPOCH");
    run_until(world, slot_7_is_the_seconds);
    let_be_asked(world, 3);
    assert_int_equal(owner_of(world, 7), 1);
    assert_int_equal(owner_of(world, 8), 0);
    assert_int_equal(world->changes, 2);
}

static bool the_second_is_at_port_1(struct world *world)
{
    return cluster_map_owner(world->map, 5461)->address.port == 1;
}

static void a_node_that_moves_is_followed(void **state)
{
    struct world *world = *state;

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    redis_run(world->nodes[1], "CONFIG SET cluster-announce-port 1");
    run_until(world, the_second_is_at_port_1);
    assert_int_equal(world->changes, 2);
}

/* --- trouble --- */

static bool has_no_cluster(struct world *world)
{
    (void)world;
    return times_said("no Redis Cluster: ") > 0;
}

static bool is_tried_again(struct world *world)
{
    return connections_seen_by(world->nodes[0]) > 3;
}

static void expect_trouble(struct world *world, const char *text)
{
    run_until(world, has_no_cluster);
    redis_run(world->nodes[0], "CONFIG RESETSTAT");
    run_until(world, is_tried_again);
    if (times_said(text) != 1 || times_said("no Redis Cluster: ") != 1)
        fail_msg("%s", logged);
    assert_int_equal(world->changes, 0);
}

static void a_server_that_is_no_node_says_how_to_name_it(void **state)
{
    struct world *world = *state;

    world->nodes[0] = redis_server_start(REDIS_SERVER, NOTHING_KEPT);
    seek(world, "");
    expect_trouble(world, "it is no node of a Redis Cluster; give a single server as redis://");
}

static bool the_first_is_known(struct world *world)
{
    return owner_of(world, 0) == 0;
}

static void a_password_that_is_missing_is_said_once(void **state)
{
    struct world *world = *state;

    world->nodes[0] = start_node();
    redis_run(world->nodes[0], "CLUSTER ADDSLOTS 0");
    redis_run(world->nodes[0], "CONFIG SET requirepass hunter2");
    seek(world, "");
    expect_trouble(world, "NOAUTH");
    redis_run(world->nodes[0], "CONFIG SET requirepass %s", "");
    run_until(world, the_first_is_known);
}

static void a_wrong_password_is_said_once(void **state)
{
    struct world *world = *state;

    world->nodes[0] = start_node();
    redis_run(world->nodes[0], "CLUSTER ADDSLOTS 0");
    redis_run(world->nodes[0], "CONFIG SET requirepass hunter2");
    seek(world, ":hunter3@");
    expect_trouble(world, "WRONGPASS");
    assert_int_equal(times_said("hunter"), 0);
}

static void a_user_who_may_not_ask_is_said_once(void **state)
{
    struct world *world = *state;

    world->nodes[0] = start_node();
    redis_run(world->nodes[0], "ACL SETUSER ann on >hunter2 +@all -cluster");
    seek(world, "ann:hunter2@");
    expect_trouble(world, "NOPERM");
}

static void a_cluster_without_slots_is_waited_for(void **state)
{
    struct world *world = *state;

    world->nodes[0] = start_node();
    seek(world, "");
    expect_trouble(world, "nobody has any slots there yet");
    redis_run(world->nodes[0], "CLUSTER ADDSLOTS 0");
    run_until(world, the_first_is_known);
    assert_int_equal(cluster_map_unowned(world->map), SLOTS - 1);
    assert_int_equal(times_said("the Redis Cluster has 1 primary,"), 1);
}

static bool nobody_answers(struct world *world)
{
    (void)world;
    return times_said("nobody tells which slots the nodes of the Redis Cluster have: ") > 0;
}

static bool somebody_answers(struct world *world)
{
    (void)world;
    return times_said("the Redis Cluster has ") == 2;
}

static void nothing_changes_while_nobody_answers(void **state)
{
    struct world *world = *state;

    start_cluster(world);
    seek(world, "");
    run_until(world, all_is_known);
    for (size_t i = 0; i < 3; i++)
        redis_server_kill(world->nodes[i]);
    run_until(world, nobody_answers);
    assert_true(redis_server_run(world->nodes[2]));
    run_until(world, somebody_answers);
    assert_true(all_is_known(world));
    assert_int_equal(world->changes, 1);
}

/* At the same addresses, with other ids and the slots the other way round. */
static void make_anew(struct world *world)
{
    struct redis_server *first = world->nodes[0];

    for (size_t i = 0; i < 3; i++) {
        char path[200];

        redis_server_kill(world->nodes[i]);
        snprintf(path, sizeof path, "%s/nodes.conf", world->nodes[i]->folder);
        assert_int_equal(remove(path), 0);
    }
    world->nodes[0] = world->nodes[2];
    world->nodes[2] = first;
    for (size_t i = 0; i < 3; i++)
        assert_true(redis_server_run(world->nodes[i]));
    deal_slots(world);
}

static void a_cluster_that_is_made_anew_is_believed_when_nothing_is_left_of_the_former(void **state)
{
    struct world *world = *state;
    char id[CLUSTER_ID_LEN + 1];

    start_cluster(world);
    for (size_t i = 0; i < 3; i++)
        redis_run(world->nodes[i], "CLUSTER BUMPEPOCH");
    seek(world, "");
    run_until(world, all_is_known);
    make_anew(world);
    assert_false(all_is_known(world));
    run_until(world, all_is_known);
    tell_id(world->nodes[0], id);
    assert_string_equal(cluster_map_owner(world->map, 0)->id, id);
    assert_int_equal(times_said("it belongs to another cluster"), 1);
    assert_int_equal(times_said("the Redis Cluster is another one than before"), 1);
}

static void another_cluster_is_not_believed_while_this_one_is_there(void **state)
{
    struct world *world = *state;
    struct redis_address first;

    start_cluster(world);
    world->nodes[3] = start_node();
    redis_run(world->nodes[3], "CLUSTER ADDSLOTSRANGE 0 16383");
    redis_run(world->nodes[3], "CLUSTER SET-CONFIG-EPOCH 99");
    seek(world, "");
    run_until(world, all_is_known);
    assert_int_equal(redis_address_set(&first, "127.0.0.1", 9, world->nodes[3]->port), 0);
    for (long long asked = 1; asked < 4; asked++) {
        topology_seek(world->topology, &first);
        while (redis_calls(world->nodes[3], "cluster|nodes") < asked)
            turn(world);
    }
    let_be_asked(world, 3);
    assert_true(all_is_known(world));
    assert_int_equal(world->changes, 1);
}

static void what_is_closed_asks_nobody_and_can_begin_again(void **state)
{
    struct world *world = *state;

    world->nodes[0] = start_node();
    redis_run(world->nodes[0], "CLUSTER ADDSLOTS 0");
    seek(world, "");
    topology_close(world->topology);
    assert_int_equal(event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 1); /* it has no events */
    topology_seek(world->topology, NULL);
    run_until(world, the_first_is_known);
    topology_close(world->topology);
    assert_int_equal(event_base_loop(world->base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 1);
    topology_close(NULL);
    topology_free(NULL);
}

#define in_a_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_world(the_map_is_learnt_from_one_node_and_asked_of_all),
        in_a_world(whoever_has_told_is_asked_again_on_the_same_connection),
        in_a_world(a_slot_that_moves_is_followed),
        in_a_world(whoever_a_moved_names_is_asked_first),
        in_a_world(who_is_hurried_asks_soon_but_not_without_a_pause),
        in_a_world(a_replica_that_takes_over_has_the_slots_and_the_former_primary_none),
        in_a_world(a_node_that_was_cut_off_does_not_turn_the_map_back),
        in_a_world(a_node_that_moves_is_followed),
        in_a_world(a_server_that_is_no_node_says_how_to_name_it),
        in_a_world(a_password_that_is_missing_is_said_once),
        in_a_world(a_wrong_password_is_said_once),
        in_a_world(a_user_who_may_not_ask_is_said_once),
        in_a_world(a_cluster_without_slots_is_waited_for),
        in_a_world(nothing_changes_while_nobody_answers),
        in_a_world(a_cluster_that_is_made_anew_is_believed_when_nothing_is_left_of_the_former),
        in_a_world(another_cluster_is_not_believed_while_this_one_is_there),
        in_a_world(what_is_closed_asks_nobody_and_can_begin_again),
    };

    return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
