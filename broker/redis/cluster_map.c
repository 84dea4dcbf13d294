/*
 * The map: a new one is made of the former one and a view, and takes its place.
 */
#include "broker/redis/cluster_map.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

/* What becomes of the nodes: those of the view come first, at its own indices. */
struct merger {
    const struct cluster_map *map;
    const struct cluster_view *view;
    int16_t *known;   /* of each of the view: its index in the map, or CLUSTER_NOBODY */
    int16_t *renamed; /* of each of the map: its index in `next`, or CLUSTER_NOBODY */
    struct cluster_map next;
};

static int16_t find(const struct cluster_map *map, const char *id)
{
    for (size_t i = 0; i < map->node_count; i++)
        if (strcmp(map->nodes[i].id, id) == 0)
            return (int16_t)i;
    return CLUSTER_NOBODY;
}

static bool owns_anything(const struct cluster_map *map)
{
    return cluster_map_unowned(map) < SLOTS;
}

/* True: some of them are known to the map. */
static bool compare_nodes(struct merger *merger)
{
    bool some = false;

    for (size_t i = 0; i < merger->map->node_count; i++)
        merger->renamed[i] = CLUSTER_NOBODY;
    for (size_t i = 0; i < merger->view->count; i++) {
        int16_t index = find(merger->map, merger->view->members[i].id);

        merger->known[i] = index;
        if (index == CLUSTER_NOBODY)
            continue;
        merger->renamed[index] = (int16_t)i;
        some = true;
    }
    return some;
}

/* --- slots --- */

/* Whether what the map says of the slot is of an owner who has gone back behind it. */
static bool is_undone(const struct merger *merger, size_t slot)
{
    const struct cluster_view *view = merger->view;
    int16_t owner = merger->map->owners[slot];

    return owner != CLUSTER_NOBODY && owner == merger->known[view->self] &&
           view->members[view->self].epoch < merger->map->epochs[slot];
}

/* The owner in `next`; one that the view does not have gets its place there. */
static int16_t keep_owner(struct merger *merger, int16_t owner)
{
    int16_t *index = &merger->renamed[owner];

    if (*index == CLUSTER_NOBODY) {
        *index = (int16_t)merger->next.node_count++;
        merger->next.nodes[*index] = merger->map->nodes[owner];
    }
    return *index;
}

/* Whether the owner itself says that it does not have the slot. */
static bool is_given_up(const struct merger *merger, size_t slot)
{
    const struct cluster_view *view = merger->view;
    int16_t owner = merger->map->owners[slot];

    return owner != CLUSTER_NOBODY && owner == merger->known[view->self] &&
           view->owners[slot] != (int16_t)view->self;
}

/* Who has given it up still has it for those that have not heard of that. */
static bool may_be_late(const struct merger *merger, size_t slot, uint64_t told_epoch)
{
    return merger->view->owners[slot] != (int16_t)merger->view->self && !is_given_up(merger, slot) &&
           told_epoch < merger->map->given_up[slot];
}

static void decide_slot(struct merger *merger, size_t slot)
{
    const struct cluster_view *view = merger->view;
    int16_t told = view->owners[slot], owner = merger->map->owners[slot];
    uint64_t told_epoch = told != CLUSTER_NOBODY ? view->members[told].epoch : 0;
    uint64_t epoch = merger->map->epochs[slot];

    merger->next.given_up[slot] = merger->map->given_up[slot];
    if (is_given_up(merger, slot))
        merger->next.given_up[slot] = view->members[view->self].epoch + 1;
    if (is_undone(merger, slot) || is_given_up(merger, slot))
        owner = CLUSTER_NOBODY;
    if (told != CLUSTER_NOBODY && (owner == CLUSTER_NOBODY || told_epoch > epoch) &&
        !may_be_late(merger, slot, told_epoch)) {
        merger->next.owners[slot] = told;
        merger->next.epochs[slot] = told_epoch;
    } else if (owner != CLUSTER_NOBODY) {
        merger->next.owners[slot] = keep_owner(merger, owner);
        merger->next.epochs[slot] = epoch;
    }
}

static bool has_another_owner(const struct merger *merger, size_t slot)
{
    int16_t before = merger->map->owners[slot];

    return merger->next.owners[slot] != (before == CLUSTER_NOBODY ? CLUSTER_NOBODY : merger->renamed[before]);
}

/* True: one of them has another owner. */
static bool decide_slots(struct merger *merger)
{
    bool changed = false;

    for (size_t slot = 0; slot < SLOTS; slot++) {
        decide_slot(merger, slot);
        changed = changed || has_another_owner(merger, slot);
    }
    return changed;
}

/* --- nodes --- */

/* Nodes need not agree on where one is: what it says itself counts, and others' word while it is not found
 * where it was. */
static bool is_believed(const struct cluster_member *member, const struct cluster_node *known, bool itself)
{
    return member->certain && (itself || !known->found);
}

static void take_members(struct merger *merger)
{
    for (size_t i = 0; i < merger->view->count; i++) {
        const struct cluster_member *member = &merger->view->members[i];
        struct cluster_node *node = &merger->next.nodes[merger->next.node_count++];
        int16_t known = merger->known[i];

        strcpy(node->id, member->id);
        node->failed = member->failed;
        node->address = member->address;
        node->found = member->certain;
        if (known != CLUSTER_NOBODY &&
            !is_believed(member, &merger->map->nodes[known], i == merger->view->self)) {
            node->address = merger->map->nodes[known].address;
            node->found = merger->map->nodes[known].found;
        }
    }
}

static void count_slots(struct cluster_map *map)
{
    for (size_t i = 0; i < map->node_count; i++) {
        map->nodes[i].slots = (struct slot_set){0};
        map->nodes[i].slot_count = 0;
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        if (map->owners[slot] != CLUSTER_NOBODY) {
            struct cluster_node *owner = &map->nodes[map->owners[slot]];

            slot_set_add(&owner->slots, slot);
            owner->slot_count++;
        }
}

/* True: an owner has another address. */
static bool has_moved(const struct merger *merger)
{
    for (size_t i = 0; i < merger->view->count; i++) {
        const struct cluster_node *node = &merger->next.nodes[i];
        int16_t known = merger->known[i];

        if (node->slot_count > 0 && known != CLUSTER_NOBODY &&
            !redis_address_equal(&node->address, &merger->map->nodes[known].address))
            return true;
    }
    return false;
}

static void begin(struct merger *merger, const struct cluster_map *map, const struct cluster_view *view)
{
    merger->map = map;
    merger->view = view;
    merger->known = alloc_zeroed(view->count * sizeof *merger->known);
    merger->renamed = alloc_zeroed((map->node_count + 1) * sizeof *merger->renamed);
    cluster_map_init(&merger->next);
    merger->next.nodes = alloc_zeroed((view->count + map->node_count) * sizeof *merger->next.nodes);
}

static void end(struct merger *merger)
{
    free(merger->known);
    free(merger->renamed);
    cluster_map_clear(&merger->next);
}

static enum cluster_learnt merge(struct merger *merger)
{
    if (!compare_nodes(merger) && owns_anything(merger->map))
        return CLUSTER_FOREIGN;
    take_members(merger);
    bool changed = decide_slots(merger);
    if (merger->next.node_count > CLUSTER_NODES_MAX)
        return CLUSTER_CROWDED;
    count_slots(&merger->next);
    return changed || has_moved(merger) ? CLUSTER_CHANGED : CLUSTER_SAME;
}

enum cluster_learnt cluster_map_learn(struct cluster_map *map, const struct cluster_view *view)
{
    struct merger merger;

    if (view->owned == 0)
        return CLUSTER_EMPTY;
    begin(&merger, map, view);
    enum cluster_learnt learnt = merge(&merger);
    if (learnt == CLUSTER_SAME || learnt == CLUSTER_CHANGED) {
        const struct cluster_map former = *map;

        *map = merger.next;
        merger.next = former;
    }
    end(&merger);
    return learnt;
}

/* --- */

void cluster_map_init(struct cluster_map *map)
{
    map->nodes = NULL;
    map->node_count = 0;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        map->owners[slot] = CLUSTER_NOBODY;
        map->epochs[slot] = map->given_up[slot] = 0;
    }
}

void cluster_map_clear(struct cluster_map *map)
{
    free(map->nodes);
    cluster_map_init(map);
}

void cluster_map_doubt(struct cluster_map *map, const struct redis_address *address)
{
    for (size_t i = 0; i < map->node_count; i++)
        if (redis_address_equal(&map->nodes[i].address, address))
            map->nodes[i].found = false;
}

const struct cluster_node *cluster_map_owner(const struct cluster_map *map, unsigned slot)
{
    return map->owners[slot] == CLUSTER_NOBODY ? NULL : &map->nodes[map->owners[slot]];
}

const struct cluster_node *cluster_map_find(const struct cluster_map *map, const char *id)
{
    int16_t index = find(map, id);

    return index == CLUSTER_NOBODY ? NULL : &map->nodes[index];
}

size_t cluster_map_unowned(const struct cluster_map *map)
{
    size_t count = 0;

    for (size_t slot = 0; slot < SLOTS; slot++)
        count += map->owners[slot] == CLUSTER_NOBODY;
    return count;
}
