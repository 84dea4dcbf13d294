/*
 * The Redis backend's roof: what belongs to the gateway as a whole, and the servers that it keeps its rides
 * on.
 *
 *   roof    redis        this file, the only one that knows struct redis
 *           shard        one server, and what this gateway does there; the parts marked * are each server's
 * own floor   transitions  the gateway's transitions: submitted, answered replay       events from the log
 * for one client watch        watched rides: subscription, order of events, results that wait for their event
 *           catchup      one ride brought up to date: from the log, else by a roster
 *           checkup *    whether the server will do
 *           lease *      this node's lease, the beat
 *           reap, sweep* for all nodes: the riders of dead nodes; suspended riders whose window has passed
 *           audit *      rides gone through for what nobody has told of: what is lost, spoiled, too old
 *           node_channel what is said to this node: sockets taken over, sockets it is said to hold
 *           survey       what the gateways say of themselves
 *   below   lane *       the way of transitions to one server: waiting, in flight
 *           held, stream, notes, rides, scan, call   books and tools
 *   ground  store *, scripts, redis_link, sentinel, record …
 *
 * Calls go downward; what a part has to say upward goes through functions given to it here and in shard.c.
 * Whatever calls back, a connection, a timer or the gateway, is followed by one settle(): there transitions
 * are sent, replays started, lost riders put back, and unused rides freed, and nowhere else.
 *
 * A part that is about a ride asks the server that has it (redis_ride.store). There is one, which the URL
 * names or sentinels do.
 */
#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/exits.h"
#include "broker/redis/held.h"
#include "broker/redis/redis_password.h"
#include "broker/redis/redis_tls.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/replay.h"
#include "broker/redis/sentinel.h"
#include "broker/redis/shard.h"
#include "broker/redis/survey.h"
#include "broker/redis/transitions.h"
#include "broker/redis/watch.h"
#include "common/alloc.h"
#include "common/id.h"

#include <stdio.h>
#include <stdlib.h>

/* At riders that are to be put back and must wait, after one callback. */
enum { LOOKS_MAX = 100 };

struct redis {
    struct backend backend; /* first */
    struct redis_url url;
    struct redis_tls *tls;     /* NULL: none */
    struct sentinel *sentinel; /* finds the server; NULL: the URL says which it is */
    struct shard_setup common; /* of the servers */
    struct shard *shard;       /* the server */
    struct redis_rides rides;
    struct holding holding;
    struct watches watches;
    struct transitions transitions;
    struct replays replays;
};

static struct redis *redis_of(struct backend *backend)
{
    return (struct redis *)backend;
}

/* Its server is there. Both: else it might bring back who has exited, or with an older record. */
static bool is_caught_up(const struct redis_ride *ride)
{
    return ride->store->up && (!ride->watch || watch_is_live(ride));
}

static bool is_not_exiting(const struct held *held)
{
    return !exits_has(held->ride, held->person->id);
}

static const struct held_ready ready = {.ride = is_caught_up, .socket = is_not_exiting};

/* The end of every callback. */
static void settle(void *arg)
{
    struct redis *redis = arg;
    unsigned looks = redis->shard->store.up ? LOOKS_MAX : 0;
    struct held *held;

    while ((held = held_take_due(&redis->holding, &ready, &looks)))
        transitions_restore(&redis->transitions, held);
    lane_send(&redis->shard->lane);
    replays_settle(&redis->replays);
    redis_rides_settle(&redis->rides);
}

/* --- rides --- */

static struct store *store_of(const char *ride, void *arg)
{
    const struct redis *redis = arg;

    (void)ride;
    return &redis->shard->store;
}

static void ride_begun(struct redis_ride *ride, void *arg)
{
    (void)arg;
    audit_begin(&shard_of(ride)->audit, ride);
}

static void ride_renumbered(struct redis_ride *ride, void *arg)
{
    (void)arg;
    ride->notes = (struct notes){.ride = false};
    audit_ride(&shard_of(ride)->audit, ride);
    held_restore_epoch(ride);
    watch_renumbered(ride);
}

static void ride_ended(struct redis_ride *ride, void *arg)
{
    (void)arg;
    audit_end(&shard_of(ride)->audit, ride);
    notes_strike(&ride->notes, ride->store, ride->name);
}

static void ride_to_check(struct redis_ride *ride, void *arg)
{
    (void)arg;
    audit_check(&shard_of(ride)->audit, ride);
}

static void ride_to_audit(struct redis_ride *ride, void *arg)
{
    (void)arg;
    audit_ride(&shard_of(ride)->audit, ride);
}

/* --- the server --- */

static void shard_changed(struct shard *shard, void *arg)
{
    const struct redis *redis = arg;

    outbox_tell(redis->backend.setup.outbox, message_state(shard->store.up));
}

static void shard_lost(struct shard *shard, void *arg)
{
    const struct redis *redis = arg;

    if (!redis->sentinel)
        return;
    shard_close(shard);
    sentinel_seek(redis->sentinel);
}

static void primary_found(const struct redis_address *primary, void *arg)
{
    struct redis *redis = arg;

    shard_close(redis->shard);
    shard_open(redis->shard, primary);
    settle(redis);
}

/* --- life --- */

static void make_sentinel(struct redis *redis)
{
    const struct sentinel_setup setup = {
        .base = redis->backend.setup.base,
        .url = &redis->url,
        .tls = redis->tls,
        .found = primary_found,
        .arg = redis,
    };

    redis->sentinel = sentinel_new(&setup);
}

static void make_shard(struct redis *redis)
{
    redis->common = (struct shard_setup){
        .backend = &redis->backend.setup,
        .url = &redis->url,
        .tls = redis->tls,
        .told = redis->sentinel,
        .rides = &redis->rides,
        .watches = &redis->watches,
        .transitions = &redis->transitions,
        .changed = shard_changed,
        .lost = shard_lost,
        .settle = settle,
        .arg = redis,
    };
    id_make(redis->common.run, EPOCH_LEN);
    redis->shard = shard_new(&redis->common);
}

static void make_parts(struct redis *redis)
{
    const struct backend_setup *setup = &redis->backend.setup;

    redis->rides.store_of = store_of;
    redis->rides.begun = ride_begun;
    redis->rides.renumbered = ride_renumbered;
    redis->rides.ended = ride_ended;
    redis->rides.arg = redis;
    redis->holding.aboard = setup->metrics->riders_held;
    redis->holding.window_ms = setup->recovery_window_ms;
    redis->watches.setup = setup;
    redis->watches.rides = &redis->rides;
    redis->watches.check = ride_to_check;
    redis->watches.audit = ride_to_audit;
    redis->watches.arg = redis;
    redis->transitions.setup = setup;
    redis->transitions.rides = &redis->rides;
    redis->transitions.holding = &redis->holding;
    redis->transitions.watches = &redis->watches;
    redis->transitions.spoiled = ride_to_audit;
    redis->transitions.arg = redis;
    redis->replays.setup = setup;
    redis->replays.watches = &redis->watches;
}

static struct backend *redis_open(const struct backend_setup *setup, char *error, size_t error_size)
{
    struct redis_url url;
    struct redis_tls *tls = NULL;

    if (redis_url_parse(setup->url, &url, error, error_size) != 0)
        return NULL;
    if (url.cluster) {
        snprintf(error, error_size,
                 "bad broker URL: Redis Cluster is not supported yet; give a server of its own, "
                 "or redis+sentinel://");
        redis_url_deinit(&url);
        return NULL;
    }
    if (redis_password_read(&url.login, error, error_size) != 0 ||
        redis_password_read(&url.sentinel_login, error, error_size) != 0) {
        redis_url_deinit(&url);
        return NULL;
    }
    if (url.tls.on) {
        tls = redis_tls_new(&url.tls, error, error_size);
        if (!tls) {
            redis_url_deinit(&url);
            return NULL;
        }
    }
    struct redis *redis = alloc_zeroed(sizeof *redis);
    redis->backend.row = &backend_redis;
    redis->backend.setup = *setup;
    redis->url = url;
    redis->tls = tls;
    if (url.primary)
        make_sentinel(redis);
    make_parts(redis);
    make_shard(redis);
    return &redis->backend;
}

static void redis_start(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->sentinel)
        sentinel_seek(redis->sentinel);
    else
        shard_open(redis->shard, &redis->url.addresses[0]);
}

static void redis_watch(struct backend *backend, const char *ride)
{
    watch_begin(&redis_of(backend)->watches, ride);
}

static void redis_unwatch(struct backend *backend, const char *ride)
{
    watch_end(&redis_of(backend)->watches, ride);
}

static void redis_submit(struct backend *backend, struct order *order)
{
    transitions_submit(&redis_of(backend)->transitions, order);
}

static void redis_replay(struct backend *backend, struct order *order)
{
    replays_add(&redis_of(backend)->replays, order);
}

static void redis_forget(struct backend *backend, uint64_t ticket)
{
    replays_forget(&redis_of(backend)->replays, ticket);
}

/* A gateway has another number aboard than a TALLY told. */
static void redis_reread(struct backend *backend, const char *ride)
{
    watch_reread(&redis_of(backend)->watches, ride);
}

static void redis_about(struct backend *backend, struct blob *json)
{
    lease_about(&redis_of(backend)->shard->lease, json);
}

static void redis_survey(struct backend *backend)
{
    survey_run(&redis_of(backend)->shard->store);
}

static void redis_settle(struct backend *backend)
{
    settle(redis_of(backend));
}

static bool redis_busy(const struct backend *backend)
{
    const struct shard *shard = ((const struct redis *)backend)->shard;

    return shard->store.up && lane_busy(&shard->lane);
}

static bool redis_finish(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->transitions.all || redis->watches.results_held > 0 || redis->replays.waiting ||
        redis->replays.under_way > 0)
        return false;
    return shard_leave(redis->shard);
}

/* The connections go first: that cuts off every command, so nothing refers to rides and transitions any more.
 */
static void redis_stop(struct backend *backend, const char *error)
{
    struct redis *redis = redis_of(backend);

    sentinel_close(redis->sentinel);
    shard_close(redis->shard);
    watch_end_all(&redis->watches);
    transitions_refuse_all(&redis->transitions, error);
    settle(redis); /* replays fail now, and rides that hold nothing are freed */
}

static void redis_free(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    sentinel_free(redis->sentinel);
    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        held_clear(ride);
    held_deinit(&redis->holding);
    redis_rides_settle(&redis->rides);
    shard_free(redis->shard);
    redis_tls_free(redis->tls);
    redis_url_deinit(&redis->url);
    free(redis);
}

const struct backend_row backend_redis = {
    .open = redis_open,
    .start = redis_start,
    .watch = redis_watch,
    .unwatch = redis_unwatch,
    .submit = redis_submit,
    .replay = redis_replay,
    .forget = redis_forget,
    .reread = redis_reread,
    .about = redis_about,
    .survey = redis_survey,
    .settle = redis_settle,
    .busy = redis_busy,
    .finish = redis_finish,
    .stop = redis_stop,
    .free = redis_free,
};
