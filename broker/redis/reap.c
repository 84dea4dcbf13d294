/*
 * One run over all nodes, a step with each answer:
 *
 *   nodes ─▶ each: its lease? ─ gone ─▶ its rides, page by page ─▶ each: its lease still gone? ─▶ a bite
 *                                                                           ▲                      │
 *                                                                           └──── more are left ───┘
 *
 * The lease is asked for before every bite: a node that comes back is left alone at once.
 */
#include "broker/redis/reap.h"

#include "broker/broker_metrics.h"
#include "broker/redis/call.h"
#include "common/clock.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_SIZE = 100,
    BITES_MAX = 100000, /* of a ride, in a run: Redis does come to an end */
    DEAD_MAX =
        4096, /* somebody may have listed a million: the others' turn comes when these are struck off */
};

/* A node found without a lease. */
struct dead_node {
    char name[RECORD_NODE_MAX + 1];
    bool counted;      /* as reaped */
    bool at_first;     /* it had none when this node began to look */
    uint64_t empty_ms; /* since when nothing has been found of it; 0: not yet */
    uint64_t look_ms;  /* not before */
    UT_hash_handle hh;
};

static struct dead_node *dead_find(struct reap *reap, const char *name)
{
    struct dead_node *dead;

    HASH_FIND_STR(reap->dead, name, dead);
    return dead;
}

static struct dead_node *dead_get(struct reap *reap, const char *name)
{
    struct dead_node *dead = dead_find(reap, name);

    if (dead)
        return dead;
    dead = alloc_zeroed(sizeof *dead);
    memcpy(dead->name, name, strlen(name));
    HASH_ADD_STR(reap->dead, name, dead);
    return dead;
}

static void dead_drop(struct reap *reap, struct dead_node *dead)
{
    HASH_DEL(reap->dead, dead);
    free(dead);
}

static void end_run(void *arg)
{
    struct reap *reap = arg;

    walk_end(&reap->nodes);
    walk_end(&reap->rides);
    reap->running = false;
}

static void ask_for_lease(struct reap *reap, redis_answer *answer)
{
    struct call call;

    call_command(&call, reap->store, "PTTL");
    call_node_key(&call, walk_name(&reap->nodes), "");
    if (call_send(&call, answer, reap) != 0)
        end_run(reap);
}

/* Its node renewed it before Redis' clock was put back, and may be dead. If it lives it is not disturbed: the
 * next beat renews it. */
static void shorten_lease(struct reap *reap)
{
    struct call call;

    call_command(&call, reap->store, "PEXPIRE");
    call_node_key(&call, walk_name(&reap->nodes), "");
    call_number(&call, reap->store->setup->node_lease_ms);
    call_tell(&call);
}

/* Whether the node lives; where the answer says neither, the run ends. */
enum life { LIVES, DEAD, UNKNOWN };

/* Other gateways may have been given longer leases than this one. A lease of that many of this node's is from
 * before Redis' clock was put back. */
enum { LEASES_BEYOND_BELIEF = 100 };

static enum life read_life(struct reap *reap, const struct redisReply *reply)
{
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == NO_SUCH_KEY)
        return DEAD;
    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        if (reply->integer / LEASES_BEYOND_BELIEF > (long long)reap->store->setup->node_lease_ms)
            shorten_lease(reap);
        return LIVES;
    }
    if (reply && !store_defers(reap->store, reply))
        store_trouble(reap->store, "cannot look after dead nodes: %s", store_complaint(reply));
    end_run(reap);
    return UNKNOWN;
}

/* --- from node to node --- */

static void node_answered(const struct redisReply *reply, void *arg);

static void look_at_node(const char *node, void *arg)
{
    struct reap *reap = arg;

    if (node) {
        ask_for_lease(reap, node_answered);
        return;
    }
    if (reap->looking)
        reap->looked = true;
    end_run(reap);
}

static void node_lives(struct reap *reap)
{
    struct dead_node *dead = dead_find(reap, walk_name(&reap->nodes));

    if (dead)
        dead_drop(reap, dead);
    walk_next(&reap->nodes);
}

static void strike_off(struct reap *reap, struct dead_node *dead)
{
    struct call call;

    call_command(&call, reap->store, "DEL");
    call_node_key(&call, dead->name, ":rides");
    call_tell(&call);
    call_command(&call, reap->store, "SREM");
    call_shared_key(&call, "nodes");
    call_text(&call, dead->name);
    call_tell(&call);
    dead_drop(reap, dead);
}

/* All its rides have been gone through. */
static void node_done(struct reap *reap)
{
    struct dead_node *dead = dead_get(reap, walk_name(&reap->nodes));
    uint64_t now = clock_ms(), lease_ms = reap->store->setup->node_lease_ms;

    if (reap->found) {
        if (!dead->counted)
            metric_add(store_metrics(reap->store)->nodes_reaped, 1);
        dead->counted = true;
        dead->empty_ms = 0;
    } else if (dead->empty_ms == 0) {
        dead->empty_ms = now;
    }
    dead->look_ms = reap->found ? now : now + lease_ms;
    if (dead->empty_ms > 0 && now - dead->empty_ms >= LEASES_OF_REST * lease_ms)
        strike_off(reap, dead);
    walk_next(&reap->nodes);
}

/* --- from ride to ride --- */

static void deal_with_ride(struct reap *reap);

static void ride_answered(const struct redisReply *reply, void *arg)
{
    struct reap *reap = arg;

    switch (read_life(reap, reply)) {
    case LIVES:
        node_lives(reap);
        break;
    case DEAD:
        deal_with_ride(reap);
        break;
    case UNKNOWN:
        break;
    }
}

/* Another server has the ride by now. Noted there, it is found by whoever looks after dead nodes there. */
static void pass_on(struct reap *reap, struct store *there, const char *ride)
{
    if (there->up)
        notes_node(there, walk_name(&reap->nodes), ride);
    else
        reap->found = true; /* to be looked at again */
    walk_next(&reap->rides);
}

/* This server has answered for each of them: what it makes up cannot fill the other's connection at once. */
static void look_at_ride(const char *ride, void *arg)
{
    struct reap *reap = arg;

    strcpy(reap->cursor, "0");
    reap->bites = 0;
    if (ride)
        ask_for_lease(reap, ride_answered);
    else
        node_done(reap);
}

/* What the script took, and where it goes on. False: the answer is not one of the script's. */
static bool count_taken(struct reap *reap, const struct redisReply *reply)
{
    const char *name = walk_name(&reap->rides);
    struct redis_ride *ride = redis_rides_find(reap->known, name, strlen(name));
    struct broker_position position;

    if (!call_read_position(reply, &position) || reply->elements != 6 ||
        reply->element[4]->type != REDIS_REPLY_INTEGER ||
        !scan_read_cursor(reply->element[5], reap->cursor) || ++reap->bites > BITES_MAX)
        return false;
    if (ride && ride->store == reap->store)
        redis_ride_reached(ride, &position);
    if (reply->element[4]->integer > 0)
        reap->found = true;
    metric_add(store_metrics(reap->store)->riders_reaped, reply->element[4]->integer);
    return true;
}

static void bitten(struct reap *reap, const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        store_trouble(reap->store, "cannot reap riders on %s: %s", walk_name(&reap->rides), reply->str);
    if (count_taken(reap, reply) && strcmp(reap->cursor, "0") != 0)
        ask_for_lease(reap, ride_answered);
    else
        walk_next(&reap->rides);
}

static void bite_answered(const struct redisReply *reply, void *arg);

static void bite(struct reap *reap)
{
    struct store *store = reap->store;
    const char *node = walk_name(&reap->nodes), *ride = walk_name(&reap->rides);
    struct call call;

    notes_away(store, ride); /* what is put off waits even where there is no window */
    call_ride(&call, store, SCRIPT_REAP, ride, redis_rides_known(reap->known, ride));
    call_text(&call, node);
    call_text(&call, reap->cursor);
    call_number(&call, BITE);
    if (call_send(&call, bite_answered, reap) != 0)
        end_run(reap);
}

static void deal_with_ride(struct reap *reap)
{
    const char *ride = walk_name(&reap->rides);
    struct store *there = redis_rides_store(reap->known, ride);

    if (there == reap->store)
        bite(reap);
    else
        pass_on(reap, there, ride);
}

static void bite_answered(const struct redisReply *reply, void *arg)
{
    struct reap *reap = arg;

    switch (call_judge(reap->store, SCRIPT_REAP, reply)) {
    case CALL_LOST:
        end_run(reap);
        break;
    case CALL_AGAIN:
        ask_for_lease(reap, ride_answered);
        break;
    case CALL_LATER:
        reap->found = true;
        walk_next(&reap->rides);
        break;
    case CALL_ANSWERED:
        bitten(reap, reply);
        break;
    }
}

/* What is no set would stop every run here. Audits note the rides where a dead node has something once more.
 */
static void rides_failed(void *arg)
{
    struct reap *reap = arg;
    const char *failure = reap->rides.scan.failure;
    struct call call;

    if (failure && strncmp(failure, "WRONGTYPE", strlen("WRONGTYPE")) == 0) {
        call_command(&call, reap->store, "DEL");
        call_node_key(&call, walk_name(&reap->nodes), ":rides");
        call_tell(&call);
    }
    end_run(reap);
}

static void look_at_rides(struct reap *reap)
{
    reap->found = false;
    store_node_key(reap->store, walk_name(&reap->nodes), ":rides", &reap->rides.scan.key);
    walk_begin(&reap->rides);
}

/* --- is this the home? --- */

/*
 * The server may have been given a better home, which this gateway has not heard of: then who has no lease
 * here may have one there. It knows its slots before anybody else does, so it is asked for some key at each
 * home that would be better; where it does not say that another server has that slot, the run ends.
 */
static void ask_about_home(struct reap *reap);

static void home_answered(const struct redisReply *reply, void *arg)
{
    struct reap *reap = arg;

    if (!reply || reply->type == REDIS_REPLY_INTEGER || redis_reply_is_error(reply, "ASK")) {
        end_run(reap);
        return;
    }
    reap->better++;
    ask_about_home(reap);
}

static void ask_about_home(struct reap *reap)
{
    const struct store *store = reap->store;
    char tags[SLOT_CANDIDATES][SLOT_TAG_SIZE];
    struct key_name key;
    struct call call;

    slot_candidates(tags);
    if (!store->home[0] || reap->better == SLOT_CANDIDATES || strcmp(tags[reap->better], store->home) == 0) {
        reap->at_home = true;
        look_at_rides(reap);
        return;
    }
    key_name_make(&key, store->setup->prefix, tags[reap->better], "");
    call_command(&call, reap->store, "EXISTS");
    call_bytes(&call, key.text, key.len);
    if (call_send(&call, home_answered, reap) != 0)
        end_run(reap);
}

/* It has no lease. Whether its turn has come to be looked at. */
static bool is_due(struct reap *reap)
{
    struct dead_node *dead = dead_find(reap, walk_name(&reap->nodes));

    if (reap->lapsed_only && dead && dead->at_first)
        return false;
    if (!dead && HASH_COUNT(reap->dead) >= DEAD_MAX)
        return false;
    return clock_ms() >= dead_get(reap, walk_name(&reap->nodes))->look_ms;
}

/* Where there are too many to be noted, the run does not count. */
static void note(struct reap *reap)
{
    if (HASH_COUNT(reap->dead) >= DEAD_MAX) {
        end_run(reap);
        return;
    }
    dead_get(reap, walk_name(&reap->nodes))->at_first = true;
    walk_next(&reap->nodes);
}

static void node_answered(const struct redisReply *reply, void *arg)
{
    struct reap *reap = arg;

    switch (read_life(reap, reply)) {
    case LIVES:
        node_lives(reap);
        break;
    case DEAD:
        if (reap->looking)
            note(reap);
        else if (is_due(reap) && reap->at_home)
            look_at_rides(reap);
        else if (is_due(reap))
            ask_about_home(reap);
        else
            walk_next(&reap->nodes);
        break;
    case UNKNOWN:
        break;
    }
}

/* --- a run --- */

static void run(struct reap *reap, bool looking, bool lapsed_only)
{
    if (reap->running)
        return;
    reap->running = true;
    reap->looking = looking;
    reap->lapsed_only = lapsed_only;
    reap->at_home = false;
    reap->better = 0;
    store_shared_key(reap->store, "nodes", &reap->nodes.scan.key);
    walk_begin(&reap->nodes);
}

void reap_look(struct reap *reap)
{
    run(reap, true, false);
}

void reap_run(struct reap *reap, bool lapsed_only)
{
    run(reap, false, lapsed_only);
}

/* What was noted is no sweeper's: it is so whoever the sweeper is. */
void reap_forget(struct reap *reap)
{
    struct dead_node *dead, *next;

    if (reap->running)
        return;
    HASH_ITER(hh, reap->dead, dead, next)
    {
        if (!dead->at_first) {
            dead_drop(reap, dead);
            continue;
        }
        dead->counted = false;
        dead->empty_ms = dead->look_ms = 0;
    }
}

void reap_init(struct reap *reap, struct store *store, struct redis_rides *known)
{
    const struct walk walk = {
        .scan = {.store = store,
                 .command = "SSCAN",
                 .complaint = "cannot look after dead nodes",
                 .page_size = PAGE_SIZE},
        .failed = end_run,
        .arg = reap,
    };

    *reap = (struct reap){.store = store, .known = known, .nodes = walk, .rides = walk};
    reap->nodes.parse = record_parse_node;
    reap->nodes.but = store->node;
    reap->nodes.reached = look_at_node;
    reap->rides.parse = record_parse_ride;
    reap->rides.failed = rides_failed;
    reap->rides.reached = look_at_ride;
}

void reap_deinit(struct reap *reap)
{
    end_run(reap);
    while (reap->dead)
        dead_drop(reap, reap->dead);
}
