/*
 * Keeping track of what is held, and putting back what was lost.
 */
#include "broker/redis/held.h"

#include "broker/message.h"
#include "broker/redis/redis.h"
#include "common/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { UNDER_WAY_MAX = 256 }; /* the gateway's transitions go between them */

static struct held *find(struct redis_ride *ride, const char *socket_id)
{
    struct held *held;

    HASH_FIND_STR(ride->held, socket_id, held);
    return held;
}

/* The entry, if it is the one that was claimed; else NULL. */
static struct held *find_claimed(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find(ride, socket_id);

    return held && held->claim == claim ? held : NULL;
}

bool held_here(struct redis_ride *ride, const char *socket_id)
{
    return find(ride, socket_id) != NULL;
}

uint64_t held_tenure(struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    return held ? held->tenure : 0;
}

static void count_aboard(const struct redis_ride *ride, int difference)
{
    metric_add(ride->redis->backend.setup.metrics->riders_held, difference);
}

static void set_aboard(struct held *held, struct blob *user, uint64_t tenure)
{
    count_aboard(held->ride, (user != NULL) - (held->user != NULL));
    if (user)
        blob_ref(user);
    blob_unref(held->user);
    held->user = user;
    held->tenure = tenure;
}

static void set_lost(struct held *held, bool lost)
{
    struct restoring *restoring = &held->ride->redis->restoring;

    if (held->lost == lost)
        return;
    held->lost = lost;
    if (lost)
        DL_APPEND(restoring->lost, held);
    else
        DL_DELETE(restoring->lost, held);
}

static void drop(struct held *held)
{
    set_lost(held, false);
    set_aboard(held, NULL, 0);
    HASH_DEL(held->ride->held, held);
    free(held);
}

static void drop_if_idle(struct held *held)
{
    if (!held->user)
        set_lost(held, false);
    if (!held->user && held->unanswered == 0)
        drop(held);
}

uint64_t held_claim(struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (!held) {
        held = alloc_zeroed(sizeof *held);
        memcpy(held->socket_id, socket_id, SOCKET_ID_LEN);
        held->ride = ride;
        held->claim = ++ride->redis->restoring.last_claim;
        HASH_ADD_STR(ride->held, socket_id, held);
    }
    if (held->lost) {
        set_lost(held, false);
        held->again = true;
    }
    held->unanswered++;
    return held->claim;
}

void held_forget(struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (held)
        drop(held);
}

/* What is under way of the socket may bring another record than the one known here: restored before its
 * answer, the older record would stay where Redis has lost both. */
static void lose(struct held *held)
{
    if (held->restoring || held->unanswered > 0)
        held->again = true;
    else if (held->user)
        set_lost(held, true);
}

static void lose_again(struct held *held)
{
    if (!held->again || held->restoring || held->unanswered > 0)
        return;
    held->again = false;
    lose(held);
}

static void answered(struct held *held)
{
    assert(held->unanswered > 0);
    held->unanswered--;
    lose_again(held);
    drop_if_idle(held);
}

void held_settled(struct redis_ride *ride, const char *socket_id, uint64_t claim, struct blob *user,
                  uint64_t tenure, uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (!held)
        return;
    set_aboard(held, user, user ? tenure : 0);
    held->offset = offset;
    answered(held);
}

void held_failed(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (held)
        answered(held);
}

void held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find(ride, socket_id);

    if ((held ? held->claim : 0) != claim)
        return;
    if (held)
        drop(held);
    broker_tell(ride->redis->backend.setup.broker, message_evicted(ride->name, socket_id));
}

void held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure)
{
    struct held *held = find(ride, socket_id);

    if (!held || !held->user || held->unanswered > 0 || held->tenure >= tenure)
        return;
    held_refused(ride, socket_id, held->claim);
    redis_ride_drop_if_unused(ride);
}

/* --- restoring --- */

bool held_feed(struct redis *redis)
{
    struct restoring *restoring = &redis->restoring;
    bool fed = false;

    while (redis->up && restoring->lost && restoring->under_way < UNDER_WAY_MAX) {
        struct held *held = restoring->lost;
        set_lost(held, false);
        held->restoring = true;
        restoring->under_way++;
        transitions_restore(held);
        fed = true;
    }
    return fed;
}

void held_restored(struct redis_ride *ride, const char *socket_id, uint64_t claim, uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    ride->redis->restoring.under_way--;
    if (!held)
        return;
    held->restoring = false;
    if (offset > 0)
        held->offset = offset;
    lose_again(held);
}

void held_withdrawn(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (held)
        held->again = true;
    held_restored(ride, socket_id, claim, 0);
}

void held_heard(struct redis_ride *ride, const char *socket_id, enum broker_event_kind kind, uint64_t offset)
{
    struct held *held = find(ride, socket_id);

    if (!held || offset <= held->offset)
        return;
    if (kind == BROKER_DISCONNECTED) {
        lose(held);
        transitions_send(ride->redis);
    } else if (kind == BROKER_EXITED) {
        /* By another node that has the client now. */
        set_aboard(held, NULL, 0);
        drop_if_idle(held);
    }
}

void held_compare(struct redis_ride *ride, const struct broker_rider *riders, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        struct held *held = find(ride, riders[i].socket_id);
        if (held)
            held->listed = true;
    }
    for (struct held *held = ride->held; held; held = held->hh.next) {
        if (!held->listed && offset > held->offset)
            lose(held);
        held->listed = false;
    }
    transitions_send(ride->redis);
}

void held_restore_ride(struct redis_ride *ride)
{
    for (struct held *held = ride->held; held; held = held->hh.next) {
        held->offset = 0;
        lose(held);
    }
    transitions_send(ride->redis);
}

void held_restore_all(struct redis *redis)
{
    for (struct redis_ride *ride = redis->rides; ride; ride = ride->hh.next)
        for (struct held *held = ride->held; held; held = held->hh.next)
            lose(held);
    transitions_send(redis);
}

void held_deinit(struct redis_ride *ride)
{
    while (ride->held)
        drop(ride->held);
}
