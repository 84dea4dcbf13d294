#include "tests/sim/world/node.h"

#include "common/memory_limit.h"
#include "common/process.h"
#include "gateway/gateway.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/half.h"
#include "tests/sim/world/loop_thread.h"
#include "tests/sim/world/server.h"
#include "tests/sim/world/trace.h"
#include "tests/sim/world/wire.h"

#include <signal.h>
#include <utlist.h>

enum { OPTIONS_MAX = 64 };

struct node *node_in_making;
static struct node *nodes;

/* --- the process: what the machine says of it would not be the same twice --- */

uint64_t process_resident_bytes(void)
{
    return 1;
}

void process_usage(struct process_usage *usage)
{
    *usage = (struct process_usage){.resident_bytes = 1};
}

uint64_t memory_limit(const char *root)
{
    (void)root;
    return UINT64_C(1) << 30;
}

/* --- its life --- */

/* In the place of what follows in main() once the signal has come. */
static void end(void *owner)
{
    struct node *node = owner;
    struct gateway *gateway = node->gateway;
    const char *before = half_enter(wire_half(node->net));

    gateway_run(gateway);
    node->gateway = NULL;
    node->broker = NULL;
    gateway_free(gateway);
    node->net = NULL;
    node->ends = node->severed = false;
    option_free(&config_program, &node->config);
    half_leave(before);
    trace_write(node->name, "has ended");
}

void node_init(struct node *node, const char *name, const char *const *options)
{
    *node = (struct node){.name = name, .options = options};
    node->ending = (struct happening){.happen = end, .owner = node};
    LL_PREPEND(nodes, node);
}

void nodes_forget(void)
{
    nodes = NULL;
}

bool node_severed(const char *name)
{
    struct node *node;

    LL_FOREACH(nodes, node)
    if (node->name == name)
        return node->severed;
    return false;
}

static void read_options(struct node *node)
{
    char *argv[OPTIONS_MAX] = {"gateway"}, *environment[] = {NULL};
    struct buf error;
    int argc = 1;

    for (; node->options[argc - 1]; argc++)
        argv[argc] = (char *)node->options[argc - 1];
    buf_init(&error, 4096);
    if (option_load(&config_program, &node->config, sizeof node->config, argc, argv, environment, &error) !=
        OPTION_OK)
        trace_fail(node->name, "%.*s", (int)error.len, error.data);
    buf_deinit(&error);
}

void node_start(struct node *node)
{
    char error[256];
    const char *before = trace_log_of;

    trace_write(node->name, "starts");
    read_options(node);
    node_in_making = node;
    trace_log_of = node->name;
    node->gateway = gateway_new(&node->config, error, sizeof error);
    if (!node->gateway || gateway_start(node->gateway, error, sizeof error) != 0)
        trace_fail(node->name, "%s", error);
    node_in_making = NULL;
    trace_log_of = before;
    wire_open(node->net);
}

void node_terminate(struct node *node)
{
    if (!node->gateway || node->ends)
        return;
    trace_write(node->name, "SIGTERM");
    loop_thread_signal(node->broker, SIGTERM);
}

/* Its code runs to the end, so that its memory is given back; nobody is left to hear of it. */
void node_kill(struct node *node)
{
    if (!node->gateway || node->ends)
        return;
    trace_write(node->name, "SIGKILL");
    node->severed = true;
    wire_sever(node->net);
    server_cut(node->name);
    node_ends(node);
}

void node_stall(struct node *node, uint64_t us)
{
    bool of_broker = chance_one_in(2);

    if (!node->gateway || node->ends)
        return;
    trace_write(node->name, "stalls %s for %llu us", of_broker ? "its broker" : "its network",
                (unsigned long long)us);
    half_hold(of_broker ? loop_thread_half(node->broker) : wire_half(node->net), us);
}

bool node_runs(const struct node *node)
{
    return node->gateway;
}

void node_ends(struct node *node)
{
    if (!node->ends)
        schedule_set(&node->ending, schedule_now_us());
    node->ends = true;
}
