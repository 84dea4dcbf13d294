/*
 * What the nodes of a Redis Cluster tell of their slots. The input is texts, each but the last ended by an
 * empty line, which one map learns one after the other. What the map says of slots, nodes and owners agrees
 * at all times; no slot goes to a lower epoch unless its owner itself has gone back; whatever nobody has
 * changed is told as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "broker/redis/cluster_map.h"

static const struct redis_address asked = {.host = "asked", .port = 7};

static void check_address(const struct redis_address *address)
{
    struct redis_address again;

    CHECK(!redis_address_set(&again, address->host, strlen(address->host), address->port));
    CHECK(redis_address_equal(address, &again));
}

static void check_view(const struct cluster_view *view)
{
    size_t owned = 0;

    CHECK(view->count >= 1 && view->count <= CLUSTER_NODES_MAX && view->self < view->count);
    for (size_t i = 0; i < view->count; i++) {
        CHECK(strlen(view->members[i].id) == CLUSTER_ID_LEN);
        check_address(&view->members[i].address);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        int16_t owner = view->owners[slot];

        CHECK(owner >= CLUSTER_NOBODY && owner < (int)view->count);
        owned += owner != CLUSTER_NOBODY;
    }
    CHECK(owned == view->owned);
}

static void check_map(const struct cluster_map *map)
{
    size_t owned = 0;

    CHECK(map->node_count <= CLUSTER_NODES_MAX);
    for (size_t i = 0; i < map->node_count; i++) {
        const struct cluster_node *node = &map->nodes[i];

        CHECK(cluster_map_find(map, node->id) == node);
        CHECK(slot_set_count(&node->slots) == node->slot_count);
        check_address(&node->address);
        owned += node->slot_count;
    }
    CHECK(owned == SLOTS - cluster_map_unowned(map));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct cluster_node *owner = cluster_map_owner(map, slot);

        CHECK(owner ? slot_set_has(&owner->slots, slot) : map->epochs[slot] == 0);
    }
}

/* What a map knew. */
struct memory {
    char ids[CLUSTER_NODES_MAX][CLUSTER_ID_LEN + 1];
    int16_t owners[SLOTS];
    uint64_t epochs[SLOTS];
};

static void remember(struct memory *memory, const struct cluster_map *map)
{
    for (size_t i = 0; i < map->node_count; i++)
        strcpy(memory->ids[i], map->nodes[i].id);
    memcpy(memory->owners, map->owners, sizeof memory->owners);
    memcpy(memory->epochs, map->epochs, sizeof memory->epochs);
}

static void compare(const struct memory *before, const struct cluster_map *map, enum cluster_learnt learnt,
                    const struct cluster_view *view)
{
    const char *self = view->members[view->self].id;
    bool same = true;

    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const struct cluster_node *owner = cluster_map_owner(map, slot);
        const char *former = before->owners[slot] == CLUSTER_NOBODY ? "" : before->ids[before->owners[slot]];

        same = same && !strcmp(former, owner ? owner->id : "");
        CHECK(map->epochs[slot] >= before->epochs[slot] || !strcmp(former, self));
    }
    CHECK(same || learnt == CLUSTER_CHANGED);
}

static void learn(struct cluster_map *map, const char *text, size_t len, bool by_name)
{
    static struct memory before;
    struct cluster_view *view = cluster_view_read(text, len, &asked, by_name);

    if (!view)
        return;
    check_view(view);
    remember(&before, map);
    enum cluster_learnt learnt = cluster_map_learn(map, view);
    check_map(map);
    compare(&before, map, learnt, view);
    if (learnt == CLUSTER_FOREIGN) {
        cluster_map_clear(map);
        CHECK(cluster_map_learn(map, view) == CLUSTER_CHANGED);
        check_map(map);
    } else {
        CHECK(cluster_map_learn(map, view) == (learnt == CLUSTER_CHANGED ? CLUSTER_SAME : learnt));
    }
    cluster_view_free(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct cluster_map map;
    struct buf text;
    size_t len;

    cluster_map_init(&map);
    buf_init(&text, SIZE_MAX / 2);
    for (char *line; (line = fuzz_line(&input, &len)); free(line)) {
        if (len > 0) {
            CHECK(!buf_append(&text, line, len) && !buf_append(&text, "\n", 1));
        }
        if (len == 0 || input.left == 0) {
            char *copy = fuzz_copy(text.data, text.len);

            learn(&map, copy, text.len, size % 2);
            free(copy);
            buf_clear(&text);
        }
    }
    buf_deinit(&text);
    cluster_map_clear(&map);
    return 0;
}
