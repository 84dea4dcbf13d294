/*
 * Asking for the map. Whatever is wrong with a node fails the link to it, and its loss leads to the next one.
 */
#include "broker/redis/topology.h"

#include "broker/redis/backoff.h"
#include "broker/redis/cluster_map.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/timer.h"
#include "broker/redis/trouble.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_MS = 1000,
    ASK_EVERY_MS = 1000,
    ASK_SOON_MS = 100,    /* after the beginning of the last round */
    ASK_ONE_MS = 5000,    /* then another node is asked */
    LOST_AFTER_MS = 5000, /* then another cluster is believed */
    FIRST_OF_ALL = 1,     /* whom a MOVED has named */
};

enum topology_state {
    TOPOLOGY_IDLE,    /* closed */
    TOPOLOGY_PAUSING, /* the timer starts the next round */
    TOPOLOGY_ASKING,  /* the node at `turn` is asked */
    TOPOLOGY_TOLD,    /* it has answered; the rest is done on the next turn of the loop */
};

/* Of trouble: the one that tells most comes last. */
enum { TROUBLE_SILENCE = 1, TROUBLE_ANSWER };

struct topology {
    struct topology_setup setup;
    enum topology_state state;
    struct cluster_map map;
    struct redis_address *round; /* whom this round asks */
    size_t round_count, turn;
    struct redis_address first;    /* of the next round; port 0: nobody */
    char last[CLUSTER_ID_LEN + 1]; /* who has told last; the next round begins behind it */
    struct redis_link *teller;     /* open: asked, or kept since it has told */
    struct redis_address teller_address;
    bool kept;
    uint64_t kept_ms;          /* since when */
    struct cluster_view *view; /* TOLD */
    bool useless;              /* the teller has answered, but not what it was asked */
    bool again;                /* topology_seek() was called since this round began, or the last */
    bool foreign;              /* a node of another cluster has answered in this round */
    bool lost;                 /* of the cluster nothing is left: another one is believed */
    uint64_t begun_ms, due_ms; /* the last round, the next one */
    uint64_t told_ms;          /* when the map was confirmed last */
    struct event *timer;
    struct backoff backoff;
    struct trouble trouble;
};

static bool knows_cluster(const struct topology *topology)
{
    return topology->map.node_count > 0;
}

static void pause_until(struct topology *topology, uint64_t due_ms)
{
    uint64_t now_ms = clock_ms();

    topology->state = TOPOLOGY_PAUSING;
    topology->due_ms = due_ms;
    timer_set(topology->timer, due_ms > now_ms ? (unsigned)(due_ms - now_ms) : 0);
}

static void drop_teller(struct topology *topology)
{
    redis_link_close(topology->teller);
    topology->kept = false;
}

static void keep_teller(struct topology *topology)
{
    if (!topology->kept)
        topology->kept_ms = clock_ms();
    topology->kept = true;
}

/* --- whom to ask --- */

static void add(struct topology *topology, const struct redis_address *address)
{
    for (size_t i = 0; i < topology->round_count; i++)
        if (redis_address_equal(&topology->round[i], address))
            return;
    topology->round[topology->round_count++] = *address;
}

struct candidate {
    const struct cluster_node *node;
};

static int by_id(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;

    return strcmp(left->node->id, right->node->id);
}

/* Those of the map that are alive, or all others: in the order of their ids, from whoever comes after the
 * last that has told. */
static void add_nodes(struct topology *topology, bool failed)
{
    const struct cluster_map *map = &topology->map;
    struct candidate *candidates = alloc_zeroed((map->node_count + 1) * sizeof *candidates);
    size_t count = 0, start = 0;

    for (size_t i = 0; i < map->node_count; i++)
        if (map->nodes[i].failed == failed)
            candidates[count++].node = &map->nodes[i];
    qsort(candidates, count, sizeof *candidates, by_id);
    while (start < count && strcmp(candidates[start].node->id, topology->last) <= 0)
        start++;
    for (size_t i = 0; i < count; i++)
        add(topology, &candidates[(start + i) % count].node->address);
    free(candidates);
}

static void choose_whom_to_ask(struct topology *topology)
{
    const struct redis_url *url = topology->setup.url;
    size_t most = FIRST_OF_ALL + topology->map.node_count + url->address_count;

    free(topology->round);
    topology->round = alloc_zeroed(most * sizeof *topology->round);
    topology->round_count = topology->turn = 0;
    if (topology->first.port > 0)
        add(topology, &topology->first);
    topology->first.port = 0;
    add_nodes(topology, false);
    for (size_t i = 0; i < url->address_count; i++)
        add(topology, &url->addresses[i]);
    add_nodes(topology, true);
}

/* --- a round --- */

static redis_answer nodes_answered;

static void put_question(struct topology *topology)
{
    const struct redis_arg question[] = {redis_arg_text("CLUSTER"), redis_arg_text("NODES")};

    redis_link_send(topology->teller, nodes_answered, topology, question, 2);
    timer_set(topology->timer, LIMIT_MS);
}

static void ask(struct topology *topology)
{
    const struct redis_address *whom = &topology->round[topology->turn];

    topology->state = TOPOLOGY_ASKING;
    topology->useless = false;
    if (topology->kept && redis_address_equal(&topology->teller_address, whom)) {
        put_question(topology);
        return;
    }
    event_del(topology->timer);
    drop_teller(topology);
    topology->teller_address = *whom;
    redis_link_open(topology->teller);
}

/* Whoever has told last is asked again, unless something speaks against what it has told. */
static void begin_round(struct topology *topology)
{
    topology->begun_ms = clock_ms();
    if (topology->kept && !topology->again && topology->begun_ms - topology->kept_ms < ASK_ONE_MS)
        topology->first = topology->teller_address;
    topology->again = topology->foreign = false;
    trouble_begin(&topology->trouble);
    choose_whom_to_ask(topology);
    ask(topology);
}

/* Nobody has answered, or nothing that is of use. */
static void end_round(struct topology *topology)
{
    if (trouble_is_news(&topology->trouble, clock_ms())) {
        if (knows_cluster(topology))
            log_warn("broker", "nobody tells which slots the nodes of the Redis Cluster have: %s",
                     topology->trouble.text);
        else
            log_error("broker", "no Redis Cluster: %s", topology->trouble.text);
    }
    if (topology->foreign && clock_ms() - topology->told_ms >= LOST_AFTER_MS)
        topology->lost = true;
    pause_until(topology, clock_ms() + backoff_pause(&topology->backoff));
}

static void ask_next(struct topology *topology, const char *reason)
{
    trouble_note(&topology->trouble, topology->useless ? TROUBLE_ANSWER : TROUBLE_SILENCE, "the node",
                 &topology->teller_address, reason);
    if (!topology->useless)
        cluster_map_doubt(&topology->map, &topology->teller_address);
    drop_teller(topology);
    if (++topology->turn < topology->round_count)
        ask(topology);
    else
        end_round(topology);
}

/* --- what it tells --- */

static const char *refusal(enum cluster_learnt learnt)
{
    switch (learnt) {
    case CLUSTER_EMPTY:
        return "nobody has any slots there yet";
    case CLUSTER_FOREIGN:
        return "it belongs to another cluster";
    case CLUSTER_CROWDED:
        return "its cluster has too many nodes";
    case CLUSTER_SAME:
    case CLUSTER_CHANGED:
        break;
    }
    return NULL;
}

static enum cluster_learnt learn(struct topology *topology)
{
    enum cluster_learnt learnt = cluster_map_learn(&topology->map, topology->view);

    if (learnt != CLUSTER_FOREIGN)
        return learnt;
    topology->foreign = true;
    if (!topology->lost)
        return learnt;
    log_warn("broker", "the Redis Cluster is another one than before");
    cluster_map_clear(&topology->map);
    return cluster_map_learn(&topology->map, topology->view);
}

static void say_what_is_there(struct topology *topology, bool was_known)
{
    char teller[REDIS_ADDRESS_TEXT_SIZE];
    size_t primaries = 0;

    if (!trouble_is_over(&topology->trouble) && was_known)
        return;
    for (size_t i = 0; i < topology->map.node_count; i++)
        primaries += topology->map.nodes[i].slot_count > 0;
    log_info("broker", "the Redis Cluster has %zu %s, says the node at %s", primaries,
             primaries == 1 ? "primary" : "primaries", redis_address_text(&topology->teller_address, teller));
}

static void take_view(struct topology *topology)
{
    bool was_known = knows_cluster(topology);
    enum cluster_learnt learnt = learn(topology);
    const char *refused = refusal(learnt);

    if (!refused)
        strcpy(topology->last, topology->view->members[topology->view->self].id);
    cluster_view_free(topology->view);
    topology->view = NULL;
    if (refused) {
        topology->useless = true;
        ask_next(topology, refused);
        return;
    }
    topology->lost = false;
    topology->told_ms = clock_ms();
    backoff_reset(&topology->backoff);
    say_what_is_there(topology, was_known);
    pause_until(topology, topology->begun_ms + (topology->again ? ASK_SOON_MS : ASK_EVERY_MS));
    if (learnt == CLUSTER_CHANGED)
        topology->setup.changed(&topology->map, topology->setup.arg);
}

/* What is wrong with the answer; NULL: it is a view. */
static const char *read_answer(struct topology *topology, const struct redisReply *reply)
{
    if (redis_reply_is_error(reply, "ERR This instance has cluster support disabled"))
        return "it is no node of a Redis Cluster; give a single server as redis:// (rediss:// with TLS)";
    if (reply->type == REDIS_REPLY_ERROR)
        return reply->str;
    if (reply->type == REDIS_REPLY_STRING)
        topology->view =
            cluster_view_read(reply->str, reply->len, &topology->teller_address, topology->setup.tls != NULL);
    return topology->view ? NULL : "it answers something other than the nodes of a cluster";
}

static void nodes_answered(const struct redisReply *reply, void *arg)
{
    struct topology *topology = arg;

    if (!reply || topology->state != TOPOLOGY_ASKING)
        return;
    const char *wrong = read_answer(topology, reply);
    if (wrong) {
        topology->useless = true;
        redis_link_fail(topology->teller, wrong);
    } else {
        topology->state = TOPOLOGY_TOLD;
        keep_teller(topology);
        timer_set(topology->timer, 0);
    }
}

static void teller_ready(void *arg)
{
    struct topology *topology = arg;

    if (topology->state == TOPOLOGY_ASKING)
        put_question(topology);
}

/* What it has told counts all the same. */
static void teller_lost(const char *reason, void *arg)
{
    struct topology *topology = arg;

    if (topology->state == TOPOLOGY_ASKING)
        ask_next(topology, reason);
    else
        drop_teller(topology);
}

/* --- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct topology *topology = arg;

    (void)fd, (void)what;
    switch (topology->state) {
    case TOPOLOGY_IDLE:
        break;
    case TOPOLOGY_ASKING:
        redis_link_fail(topology->teller, "it does not answer");
        break;
    case TOPOLOGY_PAUSING:
        begin_round(topology);
        break;
    case TOPOLOGY_TOLD:
        take_view(topology);
        break;
    }
}

struct topology *topology_new(const struct topology_setup *setup)
{
    struct topology *topology = alloc_zeroed(sizeof *topology);
    const struct redis_link_setup link = {
        .base = setup->base,
        .address = &topology->teller_address,
        .login = &setup->url->login,
        .tls = setup->tls,
        .limit_ms = LIMIT_MS,
        .ready = teller_ready,
        .lost = teller_lost,
        .arg = topology,
    };

    topology->setup = *setup;
    cluster_map_init(&topology->map);
    backoff_reset(&topology->backoff);
    topology->teller = redis_link_new(&link);
    topology->timer = timer_new(setup->base, on_timer, topology);
    return topology;
}

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    redis_link_free(topology->teller);
    event_free(topology->timer);
    cluster_view_free(topology->view);
    cluster_map_clear(&topology->map);
    free(topology->round);
    free(topology);
}

void topology_seek(struct topology *topology, const struct redis_address *first)
{
    uint64_t soon_ms = topology->begun_ms + ASK_SOON_MS;

    if (first)
        topology->first = *first;
    topology->again = true;
    switch (topology->state) {
    case TOPOLOGY_IDLE:
        pause_until(topology, 0);
        break;
    case TOPOLOGY_PAUSING:
        if (topology->trouble.rank == 0 && soon_ms < topology->due_ms)
            pause_until(topology, soon_ms);
        break;
    case TOPOLOGY_ASKING:
    case TOPOLOGY_TOLD:
        break;
    }
}

void topology_lost(struct topology *topology, const struct redis_address *server)
{
    cluster_map_doubt(&topology->map, server);
    topology_seek(topology, NULL);
}

void topology_close(struct topology *topology)
{
    if (!topology)
        return;
    event_del(topology->timer);
    drop_teller(topology);
    cluster_view_free(topology->view);
    topology->view = NULL;
    topology->state = TOPOLOGY_IDLE;
}
