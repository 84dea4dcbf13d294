/*
 * One run over all places, a step with each answer:
 *
 *   place ─▶ AWAY, the rides there are passed on ─▶ NODES ─▶ one of them: has it a lease? ─ no ─▶ RIDES
 *     ▲                                               │  ▲          └─ yes ─┐                        │
 *     └───────────────── none is left ────────────────┘  └──────────────────┴── all are passed on ───┘
 *
 * Nothing is struck off before its server has answered that it is noted there. Keys without a tag lie
 * anywhere, so each is asked for where it is, and by slot each time: the server may be another one by then.
 */
#include "broker/redis/former.h"

#include "broker/redis/call.h"
#include "broker/redis/notes.h"
#include "common/clock.h"

#include <hiredis/hiredis.h>
#include <string.h>

enum { PAGE_SIZE = 100, LEASES_BETWEEN_RUNS = 4 };

/* --- where it is --- */

static struct key_name name_front(const struct former *former)
{
    const char *prefix = former->shards->setup.backend->prefix, *home = former->homes[former->place];
    struct key_name front;

    if (home[0])
        key_name_make(&front, prefix, home, "");
    else
        key_name_make_shared(&front, prefix, "");
    return front;
}

static struct key_name name_shared(const struct former *former, const char *what)
{
    struct key_name front = name_front(former), key;

    key_name_make_shared(&key, front.text, what);
    return key;
}

/* Of the node whose turn it is. */
static struct key_name name_nodes(const struct former *former, const char *detail)
{
    struct key_name front = name_front(former), key;

    key_name_make_node(&key, front.text, walk_name(&former->nodes), detail);
    return key;
}

static struct shard *owner(const struct former *former, const struct key_name *key)
{
    return shards_owner(former->shards, slot_of_key(key->text, key->len));
}

static void command(const struct former *former, struct call *call, const char *name,
                    const struct key_name *key)
{
    call_command(call, &owner(former, key)->store, name);
    call_bytes(call, key->text, key->len);
}

static void strike(const struct former *former, const char *how, const struct key_name *key, const char *what)
{
    struct call call;

    command(former, &call, how, key);
    call_text(&call, what);
    call_tell(&call);
}

/* --- from place to place --- */

/* Meanwhile its server may have gone. */
static void next(const struct former *former, struct walk *walk)
{
    walk->scan.store = &owner(former, &walk->scan.key)->store;
    walk_next(walk);
}

static void walk(struct former *former, struct walk *walk, const struct key_name *key)
{
    walk->scan.store = &owner(former, key)->store;
    walk->scan.key = *key;
    walk_begin(walk);
}

static bool is_ours(const struct former *former)
{
    struct key_name key = name_shared(former, "away");
    const struct shard *shard = owner(former, &key);

    return shard->store.up && shard->lease.sweeper &&
           strcmp(former->homes[former->place], shard->store.home) != 0;
}

/* A place is left at once where the connection has just been lost, and so may be all of them: that comes back
 * to here, and is no call in a call. */
static void look(struct former *former)
{
    unsigned place;

    if (former->looking)
        return;
    former->looking = true;
    do {
        while (former->place < FORMER_PLACES && !is_ours(former))
            former->place++;
        place = former->place;
        former->running = place < FORMER_PLACES;
        if (former->running) {
            struct key_name key = name_shared(former, "away");
            walk(former, &former->away, &key);
        }
    } while (former->place != place);
    former->looking = false;
}

static void leave_place(void *arg)
{
    struct former *former = arg;

    walk_end(&former->away);
    walk_end(&former->nodes);
    walk_end(&former->rides);
    former->place++;
    look(former);
}

/* The server that has the ride, and where its notes are not in this place; NULL: by now it is that server's
 * home. */
static struct store *find_store(const struct former *former, const char *ride)
{
    struct store *store = &shards_have(former->shards, ride)->store;

    return strcmp(store->home, former->homes[former->place]) != 0 ? store : NULL;
}

/* --- who has suspended riders --- */

static void away_noted(const struct redisReply *reply, void *arg)
{
    struct former *former = arg;
    struct key_name key = name_shared(former, "away");

    if (reply && reply->type == REDIS_REPLY_INTEGER)
        strike(former, "ZREM", &key, walk_name(&former->away));
    next(former, &former->away);
}

static void look_at_nodes(struct former *former)
{
    struct key_name key = name_shared(former, "nodes");

    walk(former, &former->nodes, &key);
}

static void look_at_away(const char *ride, void *arg)
{
    struct former *former = arg;
    struct store *store = ride ? find_store(former, ride) : NULL;

    if (!ride)
        look_at_nodes(former);
    else if (!store || notes_pass_away(store, ride, away_noted, former) != 0)
        next(former, &former->away);
}

/* --- whom dead nodes have held --- */

static void ride_noted(const struct redisReply *reply, void *arg)
{
    struct former *former = arg;
    struct key_name key = name_nodes(former, ":rides");

    if (reply && reply->type == REDIS_REPLY_INTEGER)
        strike(former, "SREM", &key, walk_name(&former->rides));
    else
        former->kept = true;
    next(former, &former->rides);
}

static void node_done(struct former *former)
{
    struct key_name key = name_shared(former, "nodes");

    if (!former->kept)
        strike(former, "SREM", &key, walk_name(&former->nodes));
    next(former, &former->nodes);
}

static void look_at_ride(const char *ride, void *arg)
{
    struct former *former = arg;
    struct store *store = ride ? find_store(former, ride) : NULL;
    const char *node = walk_name(&former->nodes);

    if (!ride) {
        node_done(former);
    } else if (!store || notes_pass_node(store, node, ride, ride_noted, former) != 0) {
        former->kept = true;
        next(former, &former->rides);
    }
}

/* One that has a lease there has not heard yet that the home is another one, and notes its rides when it has.
 */
static void lease_came(const struct redisReply *reply, void *arg)
{
    struct former *former = arg;

    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != NO_SUCH_KEY) {
        next(former, &former->nodes);
        return;
    }
    struct key_name key = name_nodes(former, ":rides");
    former->kept = false;
    walk(former, &former->rides, &key);
}

static void look_at_node(const char *node, void *arg)
{
    struct former *former = arg;
    struct call call;

    if (!node) {
        leave_place(former);
        return;
    }
    struct key_name key = name_nodes(former, "");
    command(former, &call, "PTTL", &key);
    if (call_send(&call, lease_came, former) != 0)
        next(former, &former->nodes);
}

/* --- a run --- */

void former_settle(struct former *former)
{
    const struct backend_setup *setup = former->shards->setup.backend;
    uint64_t now = clock_ms();

    if (!former->shards->topology || former->running)
        return;
    if (now - former->begun_ms < LEASES_BETWEEN_RUNS * setup->node_lease_ms)
        return;
    former->begun_ms = now;
    former->place = 0;
    look(former);
}

void former_init(struct former *former, struct shards *shards)
{
    const struct walk walk = {
        .scan = {.command = "SSCAN",
                 .complaint = "cannot pass on what was noted before",
                 .page_size = PAGE_SIZE},
        .failed = leave_place,
        .arg = former,
    };

    *former = (struct former){.shards = shards, .away = walk, .nodes = walk, .rides = walk};
    slot_candidates(former->homes);      /* the last one stays empty */
    former->away.scan.command = "ZSCAN"; /* deadlines are no rides, and are left out with what else is none */
    former->away.parse = record_parse_ride;
    former->away.reached = look_at_away;
    former->nodes.parse = record_parse_node;
    former->nodes.reached = look_at_node;
    former->rides.parse = record_parse_ride;
    former->rides.reached = look_at_ride;
}

void former_deinit(struct former *former)
{
    walk_end(&former->away);
    walk_end(&former->nodes);
    walk_end(&former->rides);
}
