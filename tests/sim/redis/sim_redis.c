/*
 * The server as a whole, and what happens to it.
 */
#include "tests/sim/redis/sim_redis.h"

#include "common/alloc.h"
#include "tests/sim/redis/script.h"
#include "tests/sim/redis/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { LISTED_MAX = 64 };

struct sim_redis_copy {
    struct sim_dict databases[SIM_DATABASES];
};

uint64_t sim_random(struct sim_redis *redis)
{
    uint64_t mixed = redis->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

struct sim_redis *sim_redis_new(const struct sim_redis_setup *setup)
{
    struct sim_redis *redis = alloc_zeroed(sizeof *redis);
    int major = 0, minor = 0;

    sscanf(setup->version, "%d.%d", &major, &minor);
    redis->setup = *setup;
    redis->setup.listed_max = setup->listed_max ? setup->listed_max : LISTED_MAX;
    redis->is_7 = major >= 7;
    redis->is_7_2 = major > 7 || (major == 7 && minor >= 2);
    redis->now_us = redis->started_us = setup->now_us;
    redis->random = setup->seed;
    for (size_t i = 0; i < SIM_DATABASES; i++)
        sim_dict_init(&redis->databases[i], setup->seed);
    for (size_t i = 0; i < SIM_CHANNEL_KINDS; i++)
        sim_dict_init(&redis->channels[i], setup->seed);
    redis->engine = sim_script_engine_new(redis);
    return redis;
}

void sim_redis_free(struct sim_redis *redis)
{
    if (!redis)
        return;
    while (redis->connections)
        sim_redis_disconnect(redis->connections);
    sim_keyspace_clear(redis);
    for (size_t i = 0; i < SIM_CHANNEL_KINDS; i++)
        sim_dict_deinit(&redis->channels[i], NULL);
    sim_script_engine_free(redis->engine);
    free(redis);
}

/* What has expired is found when it is looked for; but it does not come back with the time before. */
void sim_redis_set_clock(struct sim_redis *redis, int64_t now_us)
{
    if (now_us < redis->now_us)
        sim_keyspace_expire(redis);
    redis->now_us = now_us;
}

void sim_redis_fill(struct sim_redis *redis, bool full)
{
    redis->full = full;
}

/* --- data that come back --- */

static void copy_database(struct sim_dict *copy, const struct sim_dict *from)
{
    sim_dict_init(copy, from->seed);
    for (const struct sim_entry *entry = from->first; entry; entry = entry->next_added)
        sim_dict_add(copy, sim_entry_name(entry))->object = sim_object_copy(entry->object, from->seed);
}

struct sim_redis_copy *sim_redis_save(const struct sim_redis *redis)
{
    struct sim_redis_copy *copy = alloc_zeroed(sizeof *copy);

    for (size_t i = 0; i < SIM_DATABASES; i++)
        copy_database(&copy->databases[i], &redis->databases[i]);
    return copy;
}

static void drop_object(struct sim_entry *entry)
{
    sim_object_free(entry->object);
}

void sim_redis_copy_free(struct sim_redis_copy *copy)
{
    for (size_t i = 0; copy && i < SIM_DATABASES; i++)
        sim_dict_deinit(&copy->databases[i], drop_object);
    free(copy);
}

void sim_redis_restart(struct sim_redis *redis, const struct sim_redis_copy *copy)
{
    sim_keyspace_clear(redis);
    sim_scripts_forget(redis->engine);
    for (size_t i = 0; copy && i < SIM_DATABASES; i++)
        copy_database(&redis->databases[i], &copy->databases[i]);
    redis->started_us = redis->now_us;
    while (redis->connections) {
        struct sim_redis_client client = redis->connections->client;

        sim_redis_disconnect(redis->connections);
        client.closed(client.arg);
    }
}

/* --- keys that go --- */

bool sim_redis_evict(struct sim_redis *redis)
{
    size_t total = 0;

    for (size_t i = 0; i < SIM_DATABASES; i++)
        total += redis->databases[i].count;
    if (total == 0)
        return false;
    size_t at = sim_random(redis) % total;
    struct sim_dict *db = redis->databases;
    while (at >= db->count)
        at -= db++->count;
    struct sim_entry *entry = db->first;
    while (at-- > 0)
        entry = entry->next_added;
    sim_object_free(entry->object);
    sim_dict_remove(db, entry);
    return true;
}
