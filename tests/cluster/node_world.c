/*
 * Nodes in this process, and in processes that run the same program again.
 */
#include "tests/cluster/node_world.h"

#include "tests/lib/deadline.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int nodes_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    world->server = redis_server_start(REDIS_SERVER, NOTHING_KEPT);
    *state = world;
    return 0;
}

void end_child(pid_t *child)
{
    if (*child > 0) {
        kill(*child, SIGKILL);
        waitpid(*child, NULL, 0);
    }
    *child = 0;
}

int nodes_teardown(void **state)
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

static struct box *add_node(struct world *world, const char *id, uint64_t lease_ms, uint64_t window_ms)
{
    struct box *box = box_start_with(world->server->url, id, lease_ms, window_ms);

    assert_true(world->box_count < NODES_MAX);
    world->boxes[world->box_count++] = box;
    box_wait_up(box);
    return box;
}

static struct box *watch(struct box *box)
{
    broker_watch(box->broker, "/r");
    box_next(box, BROKER_ROSTER);
    return box;
}

struct box *node_on(struct world *world, const char *id, uint64_t window_ms)
{
    return add_node(world, id, LEASE_MS, window_ms);
}

struct box *watching_node_on(struct world *world, const char *id, uint64_t window_ms)
{
    return watch(node_on(world, id, window_ms));
}

struct box *patient_node_on(struct world *world, const char *id, uint64_t window_ms)
{
    return watch(add_node(world, id, PATIENT_LEASE_MS, window_ms));
}

const struct broker_message *expect_result(struct box *box)
{
    const struct broker_message *result = box_next(box, BROKER_RESULT);

    if (!result->ok)
        fail_msg("%s", result->error);
    return result;
}

void board(struct box *box, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        box_submit(box, BROKER_BOARD, "/r", i);
    for (unsigned i = 0; i < count; i++)
        expect_result(box);
}

long metric_of_all(struct world *world, const char *series)
{
    long sum = 0;

    for (size_t i = 0; i < world->box_count; i++)
        sum += box_metric(world->boxes[i], series);
    return sum;
}

/* --- nodes in processes of their own --- */

void node_world_child(int argc, char **argv)
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

pid_t *child_node(struct world *world, const char *id, unsigned riders, uint64_t window_ms)
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

void freeze_and_deafen(struct world *world, const pid_t *child, struct box *box)
{
    kill(*child, SIGSTOP);
    freeReplyObject(redis_ask(world->server, "CLIENT KILL TYPE pubsub"));
    box_wait_down(box);
    box_wait_up(box);
}

/* --- who is aboard, as Redis has it --- */

void wait_for_riders(struct world *world, long long count)
{
    wait_for_integer(world->server, count, "HLEN ridecast:{/r}:users");
}

void expect_holder(struct world *world, unsigned number, const char *id)
{
    redisReply *reply = redis_ask(world->server, "HGET ridecast:{/r}:connections %s", box_socket(number));
    size_t len = strlen(id);

    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("nobody holds rider %u", number);
    assert_true(strlen(reply->str) > len);
    if (strncmp(reply->str, id, len) != 0 || reply->str[len] != '.')
        fail_msg("rider %u is held by %s", number, reply->str);
    freeReplyObject(reply);
}

/* --- what was heard --- */

unsigned heard(struct box *box, enum broker_event_kind kind, unsigned number)
{
    unsigned count = 0;

    box_drain(box);
    for (size_t i = 0; i < box->count; i++)
        count += box->said[i]->kind == BROKER_EVENT && box->said[i]->event == kind &&
                 strcmp(box->said[i]->socket_id, box_socket(number)) == 0;
    return count;
}

size_t heard_at_all(struct box *box, enum broker_event_kind kind)
{
    size_t count = 0;

    box_drain(box);
    for (size_t i = 0; i < box->count; i++)
        count += box->said[i]->kind == BROKER_EVENT && box->said[i]->event == kind;
    return count;
}

void wait_to_hear(struct box *box, enum broker_event_kind kind, size_t count)
{
    const struct timespec deadline = deadline_from_now();

    while (heard_at_all(box, kind) < count) {
        if (sem_timedwait(&box->woken, &deadline) != 0 && errno == ETIMEDOUT)
            fail_msg("heard %zu events of kind %d instead of %zu", heard_at_all(box, kind), (int)kind, count);
    }
}

void expect_heard_once_each(struct box *box, enum broker_event_kind kind, unsigned first, unsigned count)
{
    wait_to_hear(box, kind, count);
    for (unsigned i = first; i < first + count; i++)
        assert_int_equal(heard(box, kind, i), 1);
    assert_int_equal(heard_at_all(box, kind), count);
}

void expect_silence_of(struct box *box, enum broker_event_kind kind, struct box *speaker)
{
    enum { PROBE = 999999 };
    size_t before = heard_at_all(box, BROKER_EXITED);

    box_submit(speaker, BROKER_EXIT, "/r", PROBE);
    expect_result(speaker);
    wait_to_hear(box, BROKER_EXITED, before + 1);
    assert_int_equal(heard_at_all(box, kind), 0);
}
