/*
 * Finding the servers, and moving rides.
 */
#include "broker/redis/shards.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/cluster_map.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/sentinel.h"
#include "broker/redis/slot.h"
#include "broker/redis/topology.h"
#include "broker/redis/transitions.h"
#include "broker/redis/watch.h"
#include "common/buf.h"
#include "common/id.h"
#include "common/log.h"
#include "common/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { AWAY_MAX = 4096 }; /* bytes of their names */

unsigned shards_slot(const struct shards *shards, const char *ride)
{
    return shards->topology ? slot_of_ride(shards->setup.backend->prefix, ride) : 0;
}

struct shard *shards_owner(const struct shards *shards, unsigned slot)
{
    return shards->topology ? shards->owners[slot] : shards->all;
}

struct shard *shards_have(const struct shards *shards, const char *ride)
{
    return shards_owner(shards, shards_slot(shards, ride));
}

struct shard *shards_any(const struct shards *shards)
{
    struct shard *shard;

    DL_SEARCH_SCALAR(shards->all, shard, store.up, true);
    return shard;
}

bool shards_busy(const struct shards *shards)
{
    const struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (shard->store.up && !lane_busy(&shard->lane))
            return false;
    }
    return shards_any(shards);
}

void shards_about(struct shards *shards, struct blob *json)
{
    struct shard *shard;

    blob_unref(shards->about);
    shards->about = blob_ref(json);
    DL_FOREACH(shards->all, shard)
    {
        lease_about(&shard->lease, json);
    }
}

bool shards_leave(struct shards *shards)
{
    struct shard *shard;
    bool done = true;

    DL_FOREACH(shards->all, shard)
    {
        done = shard->lane.load == 0 && !replays_busy(&shard->replays) && shard_leave(shard) && done;
    }
    return done;
}

/* --- what the gateway is told --- */

/* Whether one is not up yet, but about to be. */
static bool is_one_coming(const struct shards *shards)
{
    const struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (shard->open && !shard->store.up && !shard_is_away(shard))
            return true;
    }
    return false;
}

/* The server that keeps the secret is away, and none of the others has a copy. */
static void make_do_with_own_secret(struct shards *shards)
{
    struct lease_secret *secret = shards->setup.secret;

    log_warn("broker", "the server that keeps the secret is away; recovery ids are worth nothing elsewhere");
    secret->known = true;
    outbox_tell(shards->setup.backend->outbox, message_secret(secret->bytes));
}

/* Without the secret a gateway is not up. A server that only begins anew, as its home has changed, is not
 * away: that it was the only one is no reason to be down. */
static bool is_up(const struct shards *shards)
{
    return shards->setup.secret->known && (shards_any(shards) || (shards->up && is_one_coming(shards)));
}

/* The addresses of those that are away; NULL: none. */
static char *name_away(const struct shards *shards)
{
    char text[REDIS_ADDRESS_TEXT_SIZE];
    struct shard *shard;
    struct buf names;

    buf_init(&names, AWAY_MAX);
    DL_FOREACH(shards->all, shard)
    {
        if (!shard_is_away(shard))
            continue;
        buf_appendf(&names, "%s%s", names.len > 0 ? ", " : "", redis_address_text(&shard->server, text));
    }
    if (slot_set_count(&shards->nobody->slots) > 0)
        buf_appendf(&names, "%sslots that nobody owns", names.len > 0 ? ", " : "");
    char *away = names.len > 0 ? alloc_text(names.data, names.len) : NULL;
    buf_deinit(&names);
    return away;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void count_servers(const struct shards *shards)
{
    const struct broker_metrics *metrics = shards->setup.backend->metrics;
    int64_t up = 0, all = 0;
    const struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        up += shard->store.up;
        all++;
    }
    metric_set(metrics->servers_up, up);
    metric_set(metrics->servers_away, all - up);
}

static void tell_state(struct shards *shards)
{
    if (shards->moving)
        return;
    if (!shards->setup.secret->known && shards_any(shards) && !is_one_coming(shards))
        make_do_with_own_secret(shards);
    bool up = is_up(shards);
    char *away = up && shards->topology ? name_away(shards) : NULL;

    count_servers(shards);
    if (up == shards->up && same_text(away, shards->away)) {
        free(away);
        return;
    }
    shards->up = up;
    free(shards->away);
    shards->away = away;
    outbox_tell(shards->setup.backend->outbox, message_state(up, away));
}

/* The secret has become known to a server whose own state has not changed. */
void shards_settle(struct shards *shards)
{
    if (!shards->up && shards->setup.secret->known && shards_any(shards))
        tell_state(shards);
}

/* --- moving --- */

/* It stays on the list of its former server, too, from where whoever reaps passes it on: the new one may not
 * be up, or not take it yet. */
static void move_notes(struct redis_ride *ride)
{
    bool was_noted = ride->notes.ride;

    ride->notes = (struct notes){.ride = false};
    if (was_noted && ride->store->up)
        notes_hold(&ride->notes, ride->store, ride->name);
}

static void move_ride(struct redis_ride *ride, struct shard *to)
{
    struct shard *from = shard_of(ride);

    watch_leave(ride);
    transitions_leave(ride);
    audit_end(&from->audit, ride);
    ride->store = &to->store;
    ride->compared_ms = 0;
    move_notes(ride);
    audit_begin(&to->audit, ride);
    audit_ride(&to->audit, ride);
    transitions_arrive(ride);
    watch_arrive(ride);
}

static void move_replays(struct shards *shards)
{
    struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        replays_move(&shard->replays);
    }
    replays_move(&shards->nobody->replays);
}

static void move_rides(struct shards *shards)
{
    for (struct redis_ride *ride = shards->setup.rides->by_name; ride; ride = ride->hh.next) {
        struct shard *to = shards_owner(shards, ride->slot);

        if (shard_of(ride) != to)
            move_ride(ride, to);
    }
}

/* --- a cluster's map --- */

static struct shard *shard_get(struct shards *shards, const struct cluster_node *node)
{
    struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (strcmp(shard->id, node->id) == 0)
            return shard;
    }
    shard = shard_new(&shards->setup);
    memcpy(shard->id, node->id, sizeof shard->id);
    shard->missed = shard->disturbed = shards->up; /* others have had its rides until now */
    if (shards->about)
        lease_about(&shard->lease, shards->about);
    DL_APPEND(shards->all, shard);
    shards->count++;
    return shard;
}

/* Who has the slots of one that has none any more, as after a failover, is that one come back. */
static void follow(struct shard *shard, const struct shard *former)
{
    if (!shard->was_up && former->was_up && slot_set_count(&former->slots) == 0)
        shard->was_up = true;
}

static void share_out_slots(struct shards *shards, const struct cluster_map *map)
{
    struct shard **by_node = alloc_zeroed((map->node_count + 1) * sizeof(struct shard *)), *shard;

    DL_FOREACH(shards->all, shard)
    {
        shard->slots = (struct slot_set){.bits = {0}};
    }
    shards->nobody->slots = (struct slot_set){.bits = {0}};
    for (size_t i = 0; i < map->node_count; i++) {
        if (map->nodes[i].slot_count == 0)
            continue;
        by_node[i] = shard_get(shards, &map->nodes[i]);
        by_node[i]->slots = map->nodes[i].slots;
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        int16_t owner = map->owners[slot];
        const struct shard *former = shards->owners[slot];

        shards->owners[slot] = owner == CLUSTER_NOBODY ? shards->nobody : by_node[owner];
        follow(shards->owners[slot], former);
        if (owner == CLUSTER_NOBODY)
            slot_set_add(&shards->nobody->slots, slot);
    }
    free(by_node);
}

static struct shard *keeper_of(const struct shards *shards, const char *what)
{
    struct key_name key;

    key_name_make_shared(&key, shards->setup.backend->prefix, what);
    return shards->owners[slot_of_key(key.text, key.len)];
}

/* Those that have no slots any more are closed before their rides leave, so that nothing of these is under
 * way there. */
static void close_unused(struct shards *shards)
{
    struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (slot_set_count(&shard->slots) == 0)
            shard_close(shard);
    }
}

static void free_unused(struct shards *shards)
{
    struct shard *shard, *next;

    DL_FOREACH_SAFE(shards->all, shard, next)
    {
        if (slot_set_count(&shard->slots) > 0)
            continue;
        DL_DELETE(shards->all, shard);
        shards->count--;
        shard_free(shard);
    }
}

static void open_all(struct shards *shards, const struct cluster_map *map)
{
    const struct shard *keeper = keeper_of(shards, "secret"), *layouts = keeper_of(shards, "layout");
    char home[SLOT_TAG_SIZE];
    struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (slot_set_count(&shard->slots) == 0)
            continue;
        shard->store.keeps_secret = shard == keeper;
        shard->store.keeps_layout = shard == layouts;
        slot_home(&shard->slots, home);
        shard_open(shard, &cluster_map_find(map, shard->id)->address, home);
    }
}

static void map_changed(const struct cluster_map *map, void *arg)
{
    struct shards *shards = arg;

    shards->moving = true;
    share_out_slots(shards, map);
    close_unused(shards);
    open_all(shards, map);
    move_rides(shards);
    move_replays(shards);
    free_unused(shards);
    shards->moving = false;
    tell_state(shards);
    shards->setup.settle(shards->setup.settle_arg);
}

/* --- reports of the servers --- */

static void shard_changed(struct shard *shard, void *arg)
{
    (void)shard;
    tell_state(arg);
}

static void shard_lost(struct shard *shard, void *arg)
{
    struct shards *shards = arg;

    if (shards->topology)
        topology_lost(shards->topology, &shard->server);
    if (shards->sentinel) {
        shard_close(shard);
        sentinel_seek(shards->sentinel);
    }
    tell_state(shards);
}

static void slot_moved(const struct redis_address *owner, void *arg)
{
    struct shards *shards = arg;

    topology_seek(shards->topology, owner);
}

static void primary_found(const struct redis_address *primary, void *arg)
{
    struct shards *shards = arg;

    shard_close(shards->all);
    shard_open(shards->all, primary, "");
    shards->setup.settle(shards->setup.settle_arg);
}

/* --- life --- */

static void make_sentinel(struct shards *shards)
{
    const struct sentinel_setup setup = {
        .base = shards->setup.backend->base,
        .url = shards->setup.url,
        .tls = shards->setup.tls,
        .found = primary_found,
        .arg = shards,
    };

    shards->sentinel = sentinel_new(&setup);
}

static void make_topology(struct shards *shards)
{
    const struct topology_setup setup = {
        .base = shards->setup.backend->base,
        .url = shards->setup.url,
        .tls = shards->setup.tls,
        .changed = map_changed,
        .arg = shards,
    };

    shards->topology = topology_new(&setup);
    shards->owners = alloc_zeroed(SLOTS * sizeof(struct shard *));
    shards->nobody = shard_new(&shards->setup);
    slot_set_fill(&shards->nobody->slots);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        shards->owners[slot] = shards->nobody;
}

void shards_init(struct shards *shards, const struct shard_setup *setup)
{
    *shards = (struct shards){.setup = *setup};
    shards->setup.changed = shard_changed;
    shards->setup.lost = shard_lost;
    shards->setup.moved = slot_moved;
    shards->setup.arg = shards;
    id_make(shards->setup.run, EPOCH_LEN);
    if (setup->url->cluster) {
        make_topology(shards);
        return;
    }
    if (setup->url->primary)
        make_sentinel(shards);
    shards->all = shard_new(&shards->setup);
    shards->all->prev = shards->all;
    shards->count = 1;
    slot_set_fill(&shards->all->slots);
}

void shards_open(struct shards *shards)
{
    if (shards->topology)
        topology_seek(shards->topology, NULL);
    else if (shards->sentinel)
        sentinel_seek(shards->sentinel);
    else
        shard_open(shards->all, &shards->setup.url->addresses[0], "");
}

void shards_close(struct shards *shards)
{
    struct shard *shard;

    topology_close(shards->topology);
    sentinel_close(shards->sentinel);
    shards->moving = true; /* told once, of all */
    DL_FOREACH(shards->all, shard)
    {
        shard_close(shard);
        replays_refuse_all(&shard->replays);
    }
    if (shards->nobody) {
        shard_close(shards->nobody);
        replays_refuse_all(&shards->nobody->replays);
    }
    shards->moving = false;
    tell_state(shards);
}

void shards_forget_replay(struct shards *shards, uint64_t ticket)
{
    struct shard *shard;

    DL_FOREACH(shards->all, shard)
    {
        if (replays_forget(&shard->replays, ticket))
            return;
    }
    if (shards->nobody)
        replays_forget(&shards->nobody->replays, ticket);
}

void shards_deinit(struct shards *shards)
{
    struct shard *shard, *next;

    topology_free(shards->topology);
    sentinel_free(shards->sentinel);
    DL_FOREACH_SAFE(shards->all, shard, next)
    {
        shard_free(shard);
    }
    if (shards->nobody)
        shard_free(shards->nobody);
    free(shards->owners);
    free(shards->away);
    blob_unref(shards->about);
}
