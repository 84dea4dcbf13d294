#include "tests/sim/world/world.h"

#include "common/alloc.h"
#include "tests/sim/world/chance.h"
#include "tests/sim/world/node.h"
#include "tests/sim/world/schedule.h"
#include "tests/sim/world/server.h"
#include "tests/sim/world/trace.h"
#include "tests/sim/world/visitor.h"
#include "tests/sim/world/wire.h"

#include <stdlib.h>
#include <string.h>

enum {
    SECOND_US = 1000000,
    REST_S = 60,  /* for what was lost to be noticed: a ping interval, its timeout, and a recovery window */
    REPLY_S = 5,  /* for the last answers */
    CLOSE_S = 60, /* for connections to end */
    STALL_MOST_US = 3 * SECOND_US,
};

struct world {
    struct world_options options;
    struct node nodes[NODES_MAX];
    struct visitor *visitors;
    struct happening fault;
    bool full; /* Redis' memory is */
};

static const char *const node_names[NODES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* Much of what takes long by default takes less here, so that it happens more often. */
#define OPTIONS                                                                                              \
    "--ping-interval=5000", "--ping-timeout=4000", "--recovery-window=3000", "--stall-timeout=10000",        \
        "--drain-timeout=1000"

static const char *const alone[] = {"--broker=memory", OPTIONS, NULL};
static const char *const together[] = {SERVER_OPTION, OPTIONS, NULL};

static void pass(unsigned seconds)
{
    uint64_t until_us = schedule_now_us() + (uint64_t)seconds * SECOND_US;

    while (schedule_step(until_us))
        ;
}

/* --- faults --- */

static void next_fault(struct world *world)
{
    uint64_t us = (uint64_t)world->options.fault_ms * 1000;

    if (us)
        schedule_set(&world->fault, schedule_now_us() + chance_between(1, 2 * us));
}

/* Without its layout the data are taken for older ones as soon as no gateway is left to name it again, until
 * an operator does (docs/redis.md); so none are to come and go then. */
static bool may_evict(const struct world *world)
{
    for (unsigned i = 0; i < world->options.nodes; i++)
        if (!node_runs(&world->nodes[i]))
            return false;
    return world->options.evicts && !world->full;
}

static void befall_server(struct world *world)
{
    struct node *node = &world->nodes[chance_below(world->options.nodes)];

    switch (chance_below(8)) {
    case 0:
        server_restart((enum server_data)chance_below(3));
        break;
    case 1:
        server_hold(chance_between(1, STALL_MOST_US));
        break;
    case 2:
        world->full = !world->full;
        server_fill(world->full);
        break;
    case 3:
        if (may_evict(world))
            server_evict();
        break;
    case 4:
        server_save();
        break;
    default:
        trace_write(node->name, "is cut off from Redis");
        server_cut(node->name);
    }
}

static void befall_node(struct world *world)
{
    struct node *node = &world->nodes[chance_below(world->options.nodes)];

    if (!node_runs(node))
        node_start(node);
    else if (chance_one_in(3))
        node_stall(node, chance_between(1, STALL_MOST_US));
    else if (chance_one_in(2))
        node_terminate(node);
    else
        node_kill(node);
}

static void befall(void *owner)
{
    struct world *world = owner;

    if (!world->options.memory && chance_one_in(2))
        befall_server(world);
    else
        befall_node(world);
    next_fault(world);
}

/* --- the rest --- */

static void check_answered(const struct visitor *visitor)
{
    if (visitor->state != VISITOR_ABOUT || !visitor->known || visitor->asked != visitor->answered ||
        visitor->said != visitor->acked)
        trace_fail(visitor->name, "has not been answered at rest");
}

/* Riders in memory are known to one gateway alone. */
static bool together_on_ride(const struct world *world, const struct visitor *a, const struct visitor *b)
{
    return a->ride == b->ride && (a->node == b->node || !world->options.memory);
}

static void check_told(const struct world *world, const struct visitor *visitor)
{
    struct crowd there = {{false}};

    for (unsigned i = 0; i < world->options.visitors; i++) {
        const struct visitor *other = &world->visitors[i];

        if (together_on_ride(world, other, visitor))
            there.has[other->number] = other->boarded;
    }
    for (unsigned i = 0; i < world->options.visitors; i++)
        if (visitor->aboard.has[i] != there.has[i])
            trace_fail(visitor->name, "at rest u%u is %saboard, and told to be %saboard", i,
                       there.has[i] ? "" : "not ", visitor->aboard.has[i] ? "" : "not ");
}

static void rest(struct world *world)
{
    schedule_cancel(&world->fault);
    if (world->full)
        server_fill(false);
    for (unsigned i = 0; i < world->options.nodes; i++)
        if (!node_runs(&world->nodes[i]))
            node_start(&world->nodes[i]);
    for (unsigned i = 0; i < world->options.visitors; i++)
        visitor_rest(&world->visitors[i]);
    pass(REST_S);
    for (unsigned i = 0; i < world->options.visitors; i++)
        visitor_ask(&world->visitors[i]);
    pass(REPLY_S);
    for (unsigned i = 0; i < world->options.visitors; i++)
        check_answered(&world->visitors[i]);
    for (unsigned i = 0; i < world->options.visitors; i++)
        check_told(world, &world->visitors[i]);
}

static void end(struct world *world)
{
    for (unsigned i = 0; i < world->options.visitors; i++)
        visitor_go(&world->visitors[i]);
    for (unsigned i = 0; i < world->options.nodes; i++)
        node_terminate(&world->nodes[i]);
    pass(CLOSE_S);
    for (unsigned i = 0; i < world->options.nodes; i++)
        if (node_runs(&world->nodes[i]))
            trace_fail(world->nodes[i].name, "has not ended");
    if (wire_count())
        trace_fail("world", "%zu connections are left", wire_count());
}

struct world_result world_run(const struct world_options *options)
{
    struct world world = {.options = *options, .fault = {.happen = befall}};

    world.fault.owner = &world;
    chance_begin(options->seed);
    schedule_begin();
    trace_begin(options->trace, options->seed);
    uint64_t begun_us = schedule_now_us();

    server_begin(options->seed);

    for (unsigned i = 0; i < options->nodes; i++) {
        node_init(&world.nodes[i], node_names[i], options->memory ? alone : together);
        node_start(&world.nodes[i]);
    }
    world.visitors = alloc_zeroed(options->visitors * sizeof *world.visitors);
    for (unsigned i = 0; i < options->visitors; i++)
        visitor_init(&world.visitors[i], i, world.nodes, options->nodes, options->rides);
    next_fault(&world);
    pass(options->seconds);
    rest(&world);
    end(&world);
    for (unsigned i = 0; i < options->visitors; i++)
        visitor_deinit(&world.visitors[i]);
    free(world.visitors);
    server_end();
    nodes_forget();
    struct world_result result = {schedule_count(), schedule_sum(), schedule_now_us() - begun_us};

    schedule_end();
    return result;
}
