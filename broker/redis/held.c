/*
 * Keeping track of what is held, and of what was lost.
 */
#include "broker/redis/held.h"

#include "common/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { UNDER_WAY_MAX = 256 }; /* the gateway's transitions go between them */

static struct held *find(const struct redis_ride *ride, const char *socket_id)
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

bool held_here(const struct redis_ride *ride, const char *socket_id)
{
    return find(ride, socket_id) != NULL;
}

uint64_t held_tenure(const struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    return held ? held->tenure : 0;
}

static void set_aboard(struct held *held, struct blob *user, uint64_t tenure)
{
    metric_add(held->holding->aboard, (user != NULL) - (held->user != NULL));
    if (user)
        blob_ref(user);
    blob_unref(held->user);
    held->user = user;
    held->tenure = tenure;
}

static void set_due(struct held *held, bool due)
{
    if (held->due == due)
        return;
    held->due = due;
    if (due)
        DL_APPEND(held->holding->due, held);
    else
        DL_DELETE(held->holding->due, held);
}

static void drop(struct held *held)
{
    set_due(held, false);
    set_aboard(held, NULL, 0);
    HASH_DEL(held->ride->held, held);
    if (!held->ride->held)
        redis_ride_let_go(held->ride);
    free(held);
}

static void drop_if_idle(struct held *held)
{
    if (!held->user)
        set_due(held, false);
    if (!held->user && held->unanswered == 0)
        drop(held);
}

uint64_t held_claim(struct holding *holding, struct redis_ride *ride, const char *socket_id)
{
    struct held *held = find(ride, socket_id);

    if (!held) {
        held = alloc_zeroed(sizeof *held);
        memcpy(held->socket_id, socket_id, SOCKET_ID_LEN);
        held->ride = ride;
        held->holding = holding;
        held->claim = ++holding->last_claim;
        HASH_ADD_STR(ride->held, socket_id, held);
    }
    if (held->due) {
        set_due(held, false);
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
        set_due(held, true);
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

bool held_refused(struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find(ride, socket_id);

    if ((held ? held->claim : 0) != claim)
        return false;
    if (held)
        drop(held);
    return true;
}

bool held_taken_over(struct redis_ride *ride, const char *socket_id, uint64_t tenure)
{
    struct held *held = find(ride, socket_id);

    if (!held || !held->user || held->unanswered > 0 || held->tenure >= tenure)
        return false;
    drop(held);
    return true;
}

/* --- restoring --- */

struct held *held_take_due(struct holding *holding)
{
    struct held *held = holding->due;

    if (!held || holding->under_way >= UNDER_WAY_MAX)
        return NULL;
    set_due(held, false);
    held->restoring = true;
    holding->under_way++;
    return held;
}

void held_restored(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim,
                   uint64_t offset)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    holding->under_way--;
    if (!held)
        return;
    held->restoring = false;
    if (offset > 0)
        held->offset = offset;
    lose_again(held);
}

void held_withdrawn(struct holding *holding, struct redis_ride *ride, const char *socket_id, uint64_t claim)
{
    struct held *held = find_claimed(ride, socket_id, claim);

    if (held)
        held->again = true;
    held_restored(holding, ride, socket_id, claim, 0);
}

void held_heard(struct redis_ride *ride, const char *socket_id, enum broker_event_kind kind, uint64_t offset)
{
    struct held *held = find(ride, socket_id);

    if (!held || offset <= held->offset)
        return;
    if (kind == BROKER_DISCONNECTED) {
        lose(held);
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
}

void held_restore_epoch(struct redis_ride *ride)
{
    for (struct held *held = ride->held; held; held = held->hh.next)
        held->offset = 0;
    held_restore_ride(ride);
}

void held_restore_ride(struct redis_ride *ride)
{
    for (struct held *held = ride->held; held; held = held->hh.next)
        lose(held);
}

void held_clear(struct redis_ride *ride)
{
    while (ride->held)
        drop(ride->held);
}
