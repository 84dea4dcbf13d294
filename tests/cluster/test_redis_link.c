/*
 * Redis as people run it, without TLS: Unix sockets, names with several addresses, users and passwords, and
 * Sentinel with real servers and sentinels that are killed, moved and brought back.
 */
#include "tests/cluster/redis_server.h"
#include "tests/lib/broker_box.h"
#include "tests/lib/deadline.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENTINELS = 3, SERVERS = 2, BOXES = 2, URL_SIZE = 300 };

struct world {
    struct redis_server *servers[SERVERS]; /* at first: the primary, its replica */
    struct redis_server *sentinels[SENTINELS];
    struct redis_server *stale; /* a sentinel that nobody has told */
    struct box *boxes[BOXES];
    int silent; /* listens and never says anything; 0: nothing does */
    char url[URL_SIZE];
};

static void let_look_ups_go(void);

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct world));
    assert_non_null(*state);
    return 0;
}

/* Runs whatever happened in the test. */
static int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < BOXES; i++)
        box_free(world->boxes[i]);
    let_look_ups_go();
    for (size_t i = 0; i < SENTINELS; i++)
        redis_server_free(world->sentinels[i]);
    redis_server_free(world->stale);
    for (size_t i = 0; i < SERVERS; i++)
        redis_server_free(world->servers[i]);
    if (world->silent)
        close(world->silent);
    free(world);
    return 0;
}

/* --- brokers --- */

static struct box *start_box(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct box *start_box(struct world *world, const char *format, ...)
{
    size_t slot = world->boxes[0] ? 1 : 0;
    va_list args;

    va_start(args, format);
    vsnprintf(world->url, sizeof world->url, format, args);
    va_end(args);
    assert_null(world->boxes[slot]);
    world->boxes[slot] = box_start(world->url, slot == 0 ? "a" : "b");
    return world->boxes[slot];
}

static struct box *watching(struct box *box)
{
    box_wait_up(box);
    broker_watch(box->broker, "/r");
    box_next(box, BROKER_ROSTER);
    return box;
}

/* Boards a rider and waits for its result and, on a watched ride, for nothing else. */
static void board(struct box *box, unsigned number)
{
    box_submit(box, BROKER_BOARD, "/r", number);
    const struct broker_message *result = box_next(box, BROKER_RESULT);
    assert_int_equal(result->ticket, number);
    if (!result->ok)
        fail_msg("%s", result->error);
}

static void board_and_hear(struct box *box, unsigned number)
{
    board(box, number);
    const struct broker_message *event = box_next(box, BROKER_EVENT);
    assert_int_equal(event->event, BROKER_BOARDED);
    assert_string_equal(event->socket_id, box_socket(number));
}

static long long riders_on(struct redis_server *server, unsigned db)
{
    redis_run(server, "SELECT %u", db);
    long long riders = redis_integer(redis_ask(server, "HLEN ridecast:{/r}:users"));
    redis_run(server, "SELECT 0");
    return riders;
}

static void add_user(struct redis_server *server)
{
    redis_run(server, "ACL SETUSER ann on >p%%ss:word ~ridecast:* &ridecast:* +@all -@dangerous +role");
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

static void wait_for_connections(struct redis_server *server, long long count)
{
    const struct timespec deadline = deadline_from_now();

    while (connections_seen_by(server) < count) {
        if (deadline_passed(&deadline))
            fail_msg("nobody tries to connect");
        nap();
    }
}

/* --- Unix sockets --- */

static void a_unix_socket_serves_with_user_password_and_database(void **state)
{
    struct world *world = *state;
    struct redis_server *server = world->servers[0] =
        redis_server_start(REDIS_SERVER, NOTHING_KEPT "unixsocket redis.sock\n");

    add_user(server);
    redis_run(server, "ACL SETUSER default resetpass >hunter2");
    long long before = connections_seen_by(server);
    struct box *box =
        watching(start_box(world, "redis+unix://ann:p%%25ss%%3Aword@%s/redis.sock?db=3", server->folder));
    board_and_hear(box, 1);
    assert_int_equal(riders_on(server, 3), 1);
    assert_int_equal(connections_seen_by(server), before + 2);
    redisReply *clients = redis_ask(server, "CLIENT LIST TYPE PUBSUB");
    assert_non_null(strstr(clients->str, "redis.sock"));
    freeReplyObject(clients);
}

static void a_socket_that_appears_later_is_found(void **state)
{
    struct world *world = *state;
    struct redis_server *server = world->servers[0] =
        redis_server_start(REDIS_SERVER, NOTHING_KEPT "unixsocket redis.sock\n");

    redis_server_kill(server);
    struct box *box = start_box(world, "redis+unix://%s/redis.sock", server->folder);
    box_submit(box, BROKER_BOARD, "/r", 1);
    assert_true(redis_server_run(server));
    box_wait_up(box);
    assert_true(box_next(box, BROKER_RESULT)->ok);
}

/* --- Sentinel: the family --- */

static bool follows(const redisReply *role)
{
    return role->type == REDIS_REPLY_ARRAY && role->elements == 5 &&
           strcmp(role->element[0]->str, "slave") == 0 && strcmp(role->element[3]->str, "connected") == 0;
}

static bool leads(const redisReply *role)
{
    return role->type == REDIS_REPLY_ARRAY && strcmp(role->element[0]->str, "master") == 0;
}

static bool counts_two(const redisReply *count)
{
    return count->type == REDIS_REPLY_INTEGER && count->integer == 2;
}

static bool is_status(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STATUS;
}

static bool is_one(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 1;
}

static bool are_two(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
}

static struct redis_server *start_sentinel(const struct redis_server *named, unsigned quorum)
{
    char text[300];

    snprintf(text, sizeof text,
             "sentinel monitor main 127.0.0.1 %d %u\nsentinel down-after-milliseconds main 500\n"
             "sentinel failover-timeout main 2000\n",
             named->port, quorum);
    return redis_server_start(REDIS_SENTINEL, text);
}

/*
 * Instead of every second or two, and of every ten seconds for what replicas there are. Four times the period
 * of publication is what other sentinels grant a replica that is being promoted, so that one stays long.
 */
static void hurry(struct redis_server *sentinel)
{
    redis_run(sentinel, "SENTINEL DEBUG PING-PERIOD 100 INFO-PERIOD 200 PUBLISH-PERIOD 500 ASK-PERIOD 100");
}

/* Connected is not enough: the first writes would still wait for the replica's first acknowledgement. */
static void start_primary_and_replica(struct world *world)
{
    for (size_t i = 0; i < SERVERS; i++)
        world->servers[i] = redis_server_start(REDIS_SERVER, NOTHING_KEPT "repl-diskless-sync-delay 0\n");
    redis_run(world->servers[1], "REPLICAOF 127.0.0.1 %d", world->servers[0]->port);
    redis_wait_until(world->servers[1], "ROLE", follows);
    redis_run(world->servers[0], "SET replicated yes");
    assert_int_equal(redis_integer(redis_ask(world->servers[0], "WAIT 1 10000")), 1);
}

/* A primary with a replica, and sentinels that know of all and of each other. */
static void start_family(struct world *world)
{
    start_primary_and_replica(world);
    for (size_t i = 0; i < SENTINELS; i++) {
        world->sentinels[i] = start_sentinel(world->servers[0], 2);
        hurry(world->sentinels[i]);
    }
    for (size_t i = 0; i < SENTINELS; i++) {
        redis_wait_until(world->sentinels[i], "SENTINEL CKQUORUM main", is_status);
        redis_wait_until(world->sentinels[i], "SENTINEL REPLICAS main", is_one);
        redis_wait_until(world->sentinels[i], "SENTINEL SENTINELS main", are_two);
    }
}

static struct box *start_box_by_all(struct world *world)
{
    return start_box(world, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/main",
                     world->sentinels[0]->port, world->sentinels[1]->port, world->sentinels[2]->port);
}

/* No connection was lost since it came up. */
static void expect_never_down(struct box *box)
{
    assert_int_equal(box_count(box, BROKER_STATE), 1);
}

/* Longer than it takes to ask a sentinel again and to probe what it names: what must not happen had its
 * chance. */
static void let_it_ask_again(void)
{
    const struct timespec pause = {.tv_sec = 2, .tv_nsec = 500000000};

    nanosleep(&pause, NULL);
}

/* --- names with several addresses --- */

/* What the names of these tests lead to, in this order. */
static const struct host {
    const char *name;
    const char *addresses[3];
} hosts[] = {
    {"refusing-first.test", {"127.0.0.2", "127.0.0.3", "127.0.0.1"}},
    {"silent-first.test", {"127.0.0.2", "127.0.0.1"}},
    {"six.test", {"::1"}},
    {"six-first.test", {"::1", "127.0.0.1"}},
    {"nobody.test", {"127.0.0.2", "127.0.0.3"}},
    {"here.test", {"127.0.0.1"}},
};

/* What becomes of their look-ups. */
enum { RESOLVER_ANSWERS, RESOLVER_FAILS, RESOLVER_HANGS };
static atomic_int resolver;
static atomic_int hanging; /* look-ups */

static void let_look_ups_go(void)
{
    resolver = RESOLVER_ANSWERS;
    while (atomic_load(&hanging) > 0)
        nap();
}

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

/* The lists are freed link by link, so they may be joined. */
static int look_up(const struct host *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **found)
{
    for (size_t n = 0; n < 3 && host->addresses[n]; n++) {
        int failure = __real_getaddrinfo(host->addresses[n], service, hints, found);

        if (failure != 0)
            return failure;
        found = &(*found)->ai_next;
    }
    return 0;
}

static void hang(void)
{
    atomic_fetch_add(&hanging, 1);
    while (resolver == RESOLVER_HANGS)
        nap();
    atomic_fetch_sub(&hanging, 1);
}

/* In the place of the system's. */
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (strcmp(hosts[i].name, host) != 0)
            continue;
        if (resolver == RESOLVER_HANGS)
            hang();
        return resolver == RESOLVER_FAILS ? EAI_AGAIN : look_up(&hosts[i], service, hints, found);
    }
    return __real_getaddrinfo(host, service, hints, found);
}

static void listen_silently(struct world *world, const char *address, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;

    world->silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(world->silent > 0);
    assert_int_equal(setsockopt(world->silent, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    assert_int_equal(bind(world->silent, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(world->silent, 16), 0);
}

/* How many have connected there since it was asked last. */
static unsigned visits(const struct world *world)
{
    unsigned count = 0;

    for (int fd; (fd = accept(world->silent, NULL, NULL)) >= 0; count++)
        close(fd);
    return count;
}

static struct redis_server *start_server(struct world *world, const char *conf)
{
    return world->servers[0] = redis_server_start(REDIS_SERVER, conf);
}

/* Containers often have no IPv6. */
static void need_ipv6(void)
{
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;

    if (fd >= 0)
        close(fd);
    if (!there)
        skip();
}

static void expect_service_at(struct world *world, const char *host)
{
    board_and_hear(watching(start_box(world, "redis://%s:%d", host, world->servers[0]->port)), 1);
}

static void an_address_that_refuses_leads_to_the_next(void **state)
{
    struct world *world = *state;

    start_server(world, NOTHING_KEPT);
    expect_service_at(world, "refusing-first.test");
}

static void one_that_is_silent_does_after_its_share_of_the_time(void **state)
{
    struct world *world = *state;

    start_server(world, NOTHING_KEPT);
    listen_silently(world, "127.0.0.2", world->servers[0]->port);
    expect_service_at(world, "silent-first.test");
    assert_int_equal(visits(world), 1); /* events go where commands have got to */
}

static void a_name_may_have_ipv6_only(void **state)
{
    struct world *world = *state;

    need_ipv6();
    start_server(world, NOTHING_KEPT "bind 127.0.0.1 ::1\n");
    expect_service_at(world, "six.test");
    redisReply *clients = redis_ask(world->servers[0], "CLIENT LIST TYPE PUBSUB");
    assert_non_null(strstr(clients->str, "addr=[::1]:"));
    freeReplyObject(clients);
}

static void or_both_of_which_one_serves(void **state)
{
    struct world *world = *state;

    start_server(world, NOTHING_KEPT);
    expect_service_at(world, "six-first.test");
}

static void kill_clients(struct redis_server *server)
{
    redis_run(server, "CLIENT KILL TYPE normal SKIPME yes");
}

/* Longer than a connection takes to be a good one. */
static void let_it_hold(void)
{
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 500000000};

    nanosleep(&pause, NULL);
}

static void the_address_that_served_is_the_first_to_be_tried_again(void **state)
{
    struct world *world = *state;

    start_server(world, NOTHING_KEPT);
    listen_silently(world, "127.0.0.2", world->servers[0]->port);
    struct box *box = watching(start_box(world, "redis://silent-first.test:%d", world->servers[0]->port));
    let_it_hold();
    visits(world);
    kill_clients(world->servers[0]);
    box_wait_down(box);
    box_wait_up(box);
    board_and_hear(box, 1);
    assert_int_equal(visits(world), 0);
}

static void a_replica_is_left_for_the_next_address(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    redis_run(world->servers[1], "CONFIG SET bind 127.0.0.2 port %d", world->servers[0]->port);
    expect_service_at(world, "refusing-first.test");
    assert_int_equal(riders_on(world->servers[0], 0), 1);
}

static void when_all_fail_it_waits_until_one_serves(void **state)
{
    struct world *world = *state;
    struct redis_server *server = start_server(world, NOTHING_KEPT);
    struct box *box = start_box(world, "redis://nobody.test:%d", server->port);

    let_it_hold();
    assert_int_equal(box_count(box, BROKER_STATE), 0);
    redis_run(server, "CONFIG SET bind %s", "127.0.0.1 127.0.0.3");
    box_wait_up(box);
    board(box, 1);
}

/* --- a resolver that is of no use --- */

static void wait_for_look_ups(void)
{
    const struct timespec deadline = deadline_from_now();

    while (atomic_load(&hanging) == 0) {
        if (deadline_passed(&deadline))
            fail_msg("no name is looked up");
        nap();
    }
}

static void expect_return_without_resolver(struct world *world, int trouble)
{
    struct redis_server *server = start_server(world, NOTHING_KEPT);
    struct box *box = watching(start_box(world, "redis://here.test:%d", server->port));

    resolver = trouble;
    kill_clients(server);
    box_wait_down(box);
    box_wait_up(box);
    board_and_hear(box, 1);
}

static void a_name_that_is_not_found_any_more_leads_where_it_did(void **state)
{
    expect_return_without_resolver(*state, RESOLVER_FAILS);
}

static void so_does_one_whose_look_up_hangs(void **state)
{
    expect_return_without_resolver(*state, RESOLVER_HANGS);
}

/* Or else the broker would not end: the look-up goes on until that is over. */
static void a_look_up_that_hangs_holds_up_nothing_else(void **state)
{
    struct world *world = *state;

    resolver = RESOLVER_HANGS;
    start_box(world, "redis://here.test:%d", redis_server_free_port());
    wait_for_look_ups();
    box_free(world->boxes[0]);
    world->boxes[0] = NULL;
    assert_true(atomic_load(&hanging) > 0);
}

/* --- Sentinel: failing over --- */

static void a_killed_primary_is_followed_and_nothing_submitted_is_lost(void **state)
{
    enum { MEANWHILE = 50 };
    struct world *world = *state;

    start_family(world);
    struct box *box = watching(start_box_by_all(world));
    board_and_hear(box, 0);
    redis_server_kill(world->servers[0]);
    for (unsigned i = 1; i <= MEANWHILE; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    for (unsigned i = 1; i <= MEANWHILE; i++) {
        const struct broker_message *result = box_next(box, BROKER_RESULT);
        assert_int_equal(result->ticket, i);
        assert_true(result->ok);
    }
    redis_wait_until(world->servers[1], "ROLE", leads);
    assert_in_range(riders_on(world->servers[1], 0), MEANWHILE, MEANWHILE + 1);
    /* Another broker hears it too: events flow again. */
    struct box *other = watching(start_box_by_all(world));
    board(box, MEANWHILE + 1);
    assert_string_equal(box_next(other, BROKER_EVENT)->socket_id, box_socket(MEANWHILE + 1));
    box_check_promises(box, "/r");
    assert_int_equal(box_count(box, BROKER_STATE), 3);
}

static void a_frozen_primary_is_left(void **state)
{
    struct world *world = *state;

    start_family(world);
    struct box *box = watching(start_box_by_all(world));
    board_and_hear(box, 1);
    kill(world->servers[0]->pid, SIGSTOP);
    box_submit(box, BROKER_BOARD, "/r", 2);
    assert_true(box_next(box, BROKER_RESULT)->ok);
    redis_wait_until(world->servers[1], "ROLE", leads);
    assert_int_equal(riders_on(world->servers[1], 0), 2);
    box_check_promises(box, "/r");
}

static void a_primary_that_is_demoted_while_it_serves_is_left(void **state)
{
    struct world *world = *state;

    start_family(world);
    struct box *box = watching(start_box_by_all(world));
    board_and_hear(box, 1);
    redis_run(world->sentinels[2], "SENTINEL FAILOVER main");
    box_wait_down(box);
    box_wait_up(box);
    board(box, 2);
    redis_wait_until(world->servers[1], "ROLE", leads);
    assert_int_equal(riders_on(world->servers[1], 0), 2);
    box_check_promises(box, "/r");
}

static void an_old_primary_that_comes_back_is_not_used(void **state)
{
    struct world *world = *state;

    start_family(world);
    struct box *box = watching(start_box_by_all(world));
    board_and_hear(box, 1);
    redis_server_kill(world->servers[0]);
    box_wait_down(box);
    box_wait_up(box);
    assert_true(redis_server_run(world->servers[0]));
    redis_wait_until(world->servers[0], "ROLE", follows);
    board(box, 2);
    world->stale = start_sentinel(world->servers[0], 2);
    struct box *misled = start_box(world, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/main",
                                   world->stale->port, world->sentinels[0]->port);
    board(misled, 3);
    redis_wait_until(world->servers[1], "ROLE", leads);
    assert_int_equal(riders_on(world->servers[1], 0), 3);
    assert_int_equal(box_count(box, BROKER_STATE), 3);
    expect_never_down(misled);
}

/* As when the old one is cut off from the sentinels, but not from us: no connection tells that it moved. */
static void a_primary_that_moves_while_the_old_one_goes_on_serving_is_followed(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    redis_run(world->servers[1], "REPLICAOF NO ONE");
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    struct box *box =
        watching(start_box(world, "redis+sentinel://127.0.0.1:%d/main", world->sentinels[0]->port));
    board_and_hear(box, 1);
    redis_run(world->sentinels[0], "SENTINEL REMOVE main");
    redis_run(world->sentinels[0], "SENTINEL MONITOR main 127.0.0.1 %d 2", world->servers[1]->port);
    box_wait_down(box);
    box_wait_up(box);
    board(box, 2);
    assert_int_equal(riders_on(world->servers[0], 0), 1);
    /* The new primary had never heard of the first rider: its node has put it back. */
    redis_wait_until(world->servers[1], "HLEN ridecast:{/r}:users", counts_two);
}

/* --- Sentinel: whom to ask --- */

static void one_sentinel_of_three_is_enough(void **state)
{
    struct world *world = *state;

    start_family(world);
    struct box *before = watching(start_box_by_all(world));
    redis_server_kill(world->sentinels[0]);
    redis_server_kill(world->sentinels[1]);
    struct box *after = watching(start_box_by_all(world));
    board_and_hear(after, 1);
    board(before, 2);
    expect_never_down(before);
    expect_never_down(after);
}

static void sentinels_that_the_url_does_not_name_are_learned(void **state)
{
    struct world *world = *state;

    start_family(world);
    struct box *box =
        watching(start_box(world, "redis+sentinel://127.0.0.1:%d/main", world->sentinels[0]->port));
    redis_server_kill(world->sentinels[0]);
    redis_server_kill(world->servers[0]);
    box_wait_down(box);
    box_wait_up(box);
    board(box, 1);
    redis_wait_until(world->servers[1], "ROLE", leads);
}

static void a_primary_stays_in_use_while_no_sentinel_answers(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    struct box *box =
        watching(start_box(world, "redis+sentinel://127.0.0.1:%d/main", world->sentinels[0]->port));
    redis_server_kill(world->sentinels[0]);
    let_it_ask_again();
    board_and_hear(box, 1);
    expect_never_down(box);
    redis_run(world->servers[0], "CLIENT KILL TYPE normal SKIPME yes");
    box_wait_down(box);
    assert_true(redis_server_run(world->sentinels[0]));
    box_wait_up(box);
    board(box, 2);
}

static void a_sentinel_that_names_a_replica_is_not_believed(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    world->stale = start_sentinel(world->servers[1], 2);
    struct box *box = watching(start_box(world, "redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/main",
                                         world->stale->port, world->sentinels[0]->port));
    board_and_hear(box, 1);
    assert_int_equal(riders_on(world->servers[0], 0), 1);
    /* Not even when it is the only one left. */
    redis_server_kill(world->sentinels[0]);
    let_it_ask_again();
    board_and_hear(box, 2);
    expect_never_down(box);
}

static void an_unknown_name_leaves_the_broker_down_until_it_is_known(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    struct box *box = start_box(world, "redis+sentinel://127.0.0.1:%d/other", world->sentinels[0]->port);
    wait_for_connections(world->sentinels[0], connections_seen_by(world->sentinels[0]) + 3);
    assert_int_equal(box_count(box, BROKER_STATE), 0);
    redis_run(world->sentinels[0], "SENTINEL MONITOR other 127.0.0.1 %d 2", world->servers[0]->port);
    box_wait_up(box);
}

static void sentinels_may_have_several_addresses(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    struct box *box =
        watching(start_box(world, "redis+sentinel://refusing-first.test:%d/main", world->sentinels[0]->port));
    board_and_hear(box, 1);
    let_it_ask_again();
    expect_never_down(box);
}

/* --- Sentinel: who may --- */

static void sentinels_and_servers_have_passwords_of_their_own(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    add_user(world->servers[0]);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    redis_run(world->sentinels[0], "ACL SETUSER sen on >s&crt +@all");
    redis_run(world->sentinels[0], "ACL SETUSER default -@all");
    struct box *refused = start_box(world, "redis+sentinel://ann:p%%25ss%%3Aword@127.0.0.1:%d/main/3",
                                    world->sentinels[0]->port);
    struct box *box = watching(start_box(world,
                                         "redis+sentinel://ann:p%%25ss%%3Aword@127.0.0.1:%d/main/3"
                                         "?sentinel_user=sen&sentinel_password=s%%26crt",
                                         world->sentinels[0]->port));
    board_and_hear(box, 1);
    assert_int_equal(riders_on(world->servers[0], 3), 1);
    assert_int_equal(riders_on(world->servers[0], 0), 0);
    assert_int_equal(box_count(refused, BROKER_STATE), 0);
}

static void a_primary_that_refuses_the_password_is_tried_until_it_takes_it(void **state)
{
    struct world *world = *state;

    start_primary_and_replica(world);
    world->sentinels[0] = start_sentinel(world->servers[0], 2);
    long long before = connections_seen_by(world->servers[0]);
    struct box *box =
        start_box(world, "redis+sentinel://ann:p%%25ss%%3Aword@127.0.0.1:%d/main", world->sentinels[0]->port);
    wait_for_connections(world->servers[0], before + 5);
    assert_int_equal(box_count(box, BROKER_STATE), 0);
    add_user(world->servers[0]);
    box_wait_up(box);
}

#define in_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_world(a_unix_socket_serves_with_user_password_and_database),
        in_world(a_socket_that_appears_later_is_found),
        in_world(an_address_that_refuses_leads_to_the_next),
        in_world(one_that_is_silent_does_after_its_share_of_the_time),
        in_world(a_name_may_have_ipv6_only),
        in_world(or_both_of_which_one_serves),
        in_world(the_address_that_served_is_the_first_to_be_tried_again),
        in_world(a_replica_is_left_for_the_next_address),
        in_world(when_all_fail_it_waits_until_one_serves),
        in_world(a_name_that_is_not_found_any_more_leads_where_it_did),
        in_world(so_does_one_whose_look_up_hangs),
        in_world(a_look_up_that_hangs_holds_up_nothing_else),
        in_world(a_killed_primary_is_followed_and_nothing_submitted_is_lost),
        in_world(a_frozen_primary_is_left),
        in_world(a_primary_that_is_demoted_while_it_serves_is_left),
        in_world(an_old_primary_that_comes_back_is_not_used),
        in_world(a_primary_that_moves_while_the_old_one_goes_on_serving_is_followed),
        in_world(one_sentinel_of_three_is_enough),
        in_world(sentinels_that_the_url_does_not_name_are_learned),
        in_world(a_primary_stays_in_use_while_no_sentinel_answers),
        in_world(a_sentinel_that_names_a_replica_is_not_believed),
        in_world(an_unknown_name_leaves_the_broker_down_until_it_is_known),
        in_world(sentinels_may_have_several_addresses),
        in_world(sentinels_and_servers_have_passwords_of_their_own),
        in_world(a_primary_that_refuses_the_password_is_tried_until_it_takes_it),
    };

    return cmocka_run_group_tests_name("redis_link", tests, NULL, NULL);
}
