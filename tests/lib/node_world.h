/*
 * A redis-server and several nodes on it: brokers in this process, and brokers in processes of their own that
 * can be killed and frozen. Leases are short.
 */
#ifndef RIDECAST_TESTS_LIB_NODE_WORLD_H
#define RIDECAST_TESTS_LIB_NODE_WORLD_H

#include "tests/lib/broker_box.h"
#include "tests/lib/redis_server.h"

enum {
    LEASE_MS = 300,
    WINDOW_MS = 400,
    LONG_MS = 60000, /* longer than any test */
    NODES_MAX = 4,
};

struct world {
    struct redis_server *server;
    struct box *boxes[NODES_MAX];
    size_t box_count;
    pid_t children[NODES_MAX];
    size_t child_count;
};

static inline int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->server = redis_server_start(NOTHING_KEPT);
    *state = world;
    return 0;
}

static inline void end_child(pid_t *child)
{
    if (*child > 0) {
        kill(*child, SIGKILL);
        waitpid(*child, NULL, 0);
    }
    *child = 0;
}

/* Runs whatever happened in the test. */
static inline int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < world->child_count; i++)
        end_child(&world->children[i]);
    for (size_t i = 0; i < world->box_count; i++)
        box_free(world->boxes[i]);
    redis_server_free(world->server);
    free(world);
    return 0;
}

/* --- nodes in this process --- */

static inline struct box *node_on(struct world *world, const char *id, uint64_t window_ms)
{
    struct box *box = box_start_with(world->server->url, id, LEASE_MS, window_ms);

    assert_true(world->box_count < NODES_MAX);
    world->boxes[world->box_count++] = box;
    box_wait_up(box);
    return box;
}

static inline struct box *watching_node_on(struct world *world, const char *id, uint64_t window_ms)
{
    struct box *box = node_on(world, id, window_ms);

    broker_watch(box->broker, "/r");
    box_next(box, BROKER_ROSTER);
    return box;
}

static inline const struct broker_message *expect_result(struct box *box)
{
    const struct broker_message *result = box_next(box, BROKER_RESULT);

    if (!result->ok)
        fail_msg("%s", result->error);
    return result;
}

static inline void board(struct box *box, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    for (unsigned i = 0; i < count; i++)
        expect_result(box);
}

/* --- nodes in processes of their own --- */

/* The program: node_world_child(argc, argv) at the start of main() makes it a node if it is called as one. */
static inline void node_world_child(int argc, char **argv)
{
    if (argc != 6 || strcmp(argv[1], "node") != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct box *box = box_start_with(argv[2], argv[3], LEASE_MS, strtoul(argv[5], NULL, 10));
    box_wait_up(box);
    broker_watch(box->broker, "/r");
    board(box, 1000, (unsigned)strtoul(argv[4], NULL, 10));
    if (write(STDOUT_FILENO, "!", 1) == 1)
        pause();
    _exit(1);
}

/* Starts a node that boards riders from number 1000 on. */
static inline pid_t *child_node(struct world *world, const char *id, unsigned riders, uint64_t window_ms)
{
    pid_t *child = &world->children[world->child_count++];
    char rider_count[16], window[16], ready;
    int ends[2];

    snprintf(rider_count, sizeof rider_count, "%u", riders);
    snprintf(window, sizeof window, "%u", (unsigned)window_ms);
    assert_int_equal(pipe(ends), 0);
    *child = fork();
    assert_true(*child >= 0);
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "node", "node", world->server->url, id, rider_count, window, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    return child;
}

/* Freezes it, and has it miss what it would have heard until it goes on. `box` loses its connection, too. */
static inline void freeze_and_deafen(struct world *world, const pid_t *child, struct box *box)
{
    kill(*child, SIGSTOP);
    freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE pubsub"));
    box_wait_down(box);
    box_wait_up(box);
}

/* --- waiting --- */

static inline void nap(void)
{
    const struct timespec pause = {.tv_nsec = 2000000};

    nanosleep(&pause, NULL);
}

/* The answer of a command that gives an integer, until it is the one wanted. */
#define wait_for_integer(server, wanted, ...)                                                                \
    do {                                                                                                     \
        const struct timespec deadline_ = deadline_from_now();                                               \
        long long is_;                                                                                       \
        while ((is_ = redis_integer(redis_ask(server, __VA_ARGS__))) != (wanted)) {                          \
            if (deadline_passed(&deadline_))                                                                 \
                fail_msg("%lld instead of %lld", is_, (long long)(wanted));                                  \
            nap();                                                                                           \
        }                                                                                                    \
    } while (0)

#define riders_in(world) redis_integer(redis_ask((world)->server, "HLEN ridecast:{/r}:users"))

static inline void wait_for_riders(struct world *world, long long count)
{
    wait_for_integer(world->server, count, "HLEN ridecast:{/r}:users");
}

/* Sums a series over all nodes in this process. */
static inline long metric_of_all(struct world *world, const char *series)
{
    long sum = 0;

    for (size_t i = 0; i < world->box_count; i++)
        sum += box_metric(world->boxes[i], series);
    return sum;
}

/* --- what was heard --- */

/* How often this was heard of the rider so far. */
static inline unsigned heard(struct box *box, enum broker_event_kind kind, unsigned number)
{
    unsigned count = 0;

    box_drain(box);
    for (size_t i = 0; i < box->count; i++)
        count += box->said[i]->kind == BROKER_EVENT && box->said[i]->event == kind &&
                 strcmp(box->said[i]->socket_id, box_socket(number)) == 0;
    return count;
}

/* How many events of the kind were heard so far. */
static inline size_t heard_at_all(struct box *box, enum broker_event_kind kind)
{
    size_t count = 0;

    box_drain(box);
    for (size_t i = 0; i < box->count; i++)
        count += box->said[i]->kind == BROKER_EVENT && box->said[i]->event == kind;
    return count;
}

static inline void wait_to_hear(struct box *box, enum broker_event_kind kind, size_t count)
{
    const struct timespec deadline = deadline_from_now();

    while (heard_at_all(box, kind) < count) {
        if (sem_timedwait(&box->woken, &deadline) != 0 && errno == ETIMEDOUT)
            fail_msg("heard %zu events of kind %d instead of %zu", heard_at_all(box, kind), (int)kind, count);
    }
}

static inline void expect_heard_once_each(struct box *box, enum broker_event_kind kind, unsigned first,
                                          unsigned count)
{
    wait_to_hear(box, kind, count);
    for (unsigned i = first; i < first + count; i++)
        assert_int_equal(heard(box, kind, i), 1);
    assert_int_equal(heard_at_all(box, kind), count);
}

/* A boarding and exit that every watcher hears: what was on its way before has arrived. */
static inline void expect_silence_of(struct box *box, enum broker_event_kind kind, struct box *speaker)
{
    enum { PROBE = 999999 };
    size_t before = heard_at_all(box, BROKER_EXITED);

    box_submit(speaker, BROKER_EXIT, "/r", PROBE);
    expect_result(speaker);
    wait_to_hear(box, BROKER_EXITED, before + 1);
    assert_int_equal(heard_at_all(box, kind), 0);
}

/* Who holds the rider, as Redis has it: the node id before the dot. */
static inline void expect_holder(struct world *world, unsigned number, const char *id)
{
    redisReply *reply = redis_ask(world->server, "HGET ridecast:{/r}:holders %s", box_socket(number));
    size_t len = strlen(id);

    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("nobody holds rider %u", number);
    assert_true(strlen(reply->str) > len);
    if (strncmp(reply->str, id, len) != 0 || reply->str[len] != '.')
        fail_msg("rider %u is held by %s", number, reply->str);
    freeReplyObject(reply);
}

#define with_nodes(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
