/*
 * The Redis backend's roof: what belongs to the gateway as a whole.
 *
 *   roof    redis        this file, the only one that knows struct redis
 *           former       for all nodes, in a cluster: notes that are left at former homes, passed on
 *           shards       which server has which ride; moving rides
 *           shard *      one server, and what this gateway does there; * is what each server has of its own
 *   floor   transitions  the gateway's transitions: submitted, answered
 *           replay *     events from the log for one client
 *           watch        watched rides: subscription, order of events, results that wait for their event
 *           catchup      one ride brought up to date: from the log, else by a roster
 *           checkup *    whether the server will do
 *           lease *      this node's lease, the beat
 *           reap *       for all nodes: the riders of dead nodes
 *           sweep *      for all nodes: suspended riders whose window has passed
 *           audit *      rides gone through for what nobody has told of: what is lost, spoiled, too old
 *           node_channel what is said to this node: sockets taken over, sockets it is said to hold
 *           survey       what the gateways say of themselves
 *   below   lane *       the way of transitions to one server: waiting, in flight
 *           held, stream, notes, rides, scan, call   books and tools
 *   ground  store *, scripts, redis_link, sentinel, topology, record
 *
 * Calls go downward; what a part has to say upward goes through functions given to it here and in shard.c.
 * Whatever calls back, a connection, a timer or the gateway, is followed by one settle(): there transitions
 * are sent, replays started, lost riders put back, and unused rides freed, and nowhere else.
 *
 * A part that is about a ride asks the server that has it (redis_ride.store); which one that is shards.h
 * says.
 */
#include "broker/broker_metrics.h"
#include "broker/redis/exits.h"
#include "broker/redis/former.h"
#include "broker/redis/held.h"
#include "broker/redis/redis_password.h"
#include "broker/redis/redis_tls.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/replay.h"
#include "broker/redis/shards.h"
#include "broker/redis/survey.h"
#include "broker/redis/transitions.h"
#include "broker/redis/watch.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/id.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    LOOKS_MAX = 100,   /* at riders that are to be put back and must wait, after one callback */
    DEFERRED_MS = 500, /* for so long riders are not put back on a ride whose slot is on its way */
};

struct redis {
    struct backend backend; /* first */
    struct redis_url url;
    struct redis_tls *tls; /* NULL: none */
    struct lease_secret secret;
    struct shards shards;
    struct former former;
    struct redis_rides rides;
    struct holding holding;
    struct watches watches;
    struct transitions transitions;
};

static struct redis *redis_of(struct backend *backend)
{
    return (struct redis *)backend;
}

/* Both: else it might bring back who has exited, or with an older record. */
static bool is_caught_up(const struct redis_ride *ride)
{
    return !ride->watch || watch_is_live(ride);
}

/* Its slot was on its way just now. */
static bool is_deferred(const struct redis_ride *ride)
{
    return ride->deferred_ms > 0 && clock_ms() - ride->deferred_ms < DEFERRED_MS;
}

static bool is_ready(const struct redis_ride *ride)
{
    return ride->store->lane->restoring < HELD_UNDER_WAY_MAX && !is_deferred(ride) && is_caught_up(ride);
}

static bool is_not_exiting(const struct held *held)
{
    return !exits_has(held->ride, held->person->id);
}

static bool is_away(const struct redis_ride *ride)
{
    return !ride->store->up;
}

static const struct held_ready ready = {.ride = is_ready, .socket = is_not_exiting, .away = is_away};

/* The end of every callback. */
static void settle(void *arg)
{
    struct redis *redis = arg;
    unsigned looks = shards_any(&redis->shards) ? LOOKS_MAX : 0;
    struct shard *shard;
    struct held *held;

    redis->holding.most = redis->shards.count * HELD_UNDER_WAY_MAX;
    while ((held = held_take_due(&redis->holding, &ready, &looks)))
        transitions_restore(&redis->transitions, held);
    DL_FOREACH(redis->shards.all, shard)
    {
        lane_send(&shard->lane);
        replays_settle(&shard->replays);
    }
    redis_rides_settle(&redis->rides);
    shards_settle(&redis->shards);
    former_settle(&redis->former);
}

/* --- rides --- */

static struct store *store_of(const char *ride, void *arg)
{
    const struct redis *redis = arg;

    return &shards_have(&redis->shards, ride)->store;
}

static void ride_begun(struct redis_ride *ride, void *arg)
{
    const struct redis *redis = arg;

    ride->slot = shards_slot(&redis->shards, ride->name);
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

/* --- life --- */

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
    id_fill(redis->secret.bytes, SECRET_LEN);
    shards_init(&redis->shards, &(struct shard_setup){
                                    .backend = setup,
                                    .url = &redis->url,
                                    .tls = redis->tls,
                                    .told = redis->url.primary || redis->url.cluster,
                                    .secret = &redis->secret,
                                    .rides = &redis->rides,
                                    .watches = &redis->watches,
                                    .transitions = &redis->transitions,
                                    .settle = settle,
                                    .settle_arg = redis,
                                });
    former_init(&redis->former, &redis->shards);
}

static struct backend *redis_open(const struct backend_setup *setup, char *error, size_t error_size)
{
    struct redis_url url;
    struct redis_tls *tls = NULL;

    if (redis_url_parse(setup->url, &url, error, error_size) != 0)
        return NULL;
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
    make_parts(redis);
    return &redis->backend;
}

static void redis_start(struct backend *backend)
{
    shards_open(&redis_of(backend)->shards);
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
    struct shards *shards = &redis_of(backend)->shards;

    replays_add(&shards_have(shards, order->ride)->replays, order);
}

static void redis_forget(struct backend *backend, uint64_t ticket)
{
    shards_forget_replay(&redis_of(backend)->shards, ticket);
}

/* A gateway has another number aboard than a TALLY told. */
static void redis_reread(struct backend *backend, const char *ride)
{
    watch_reread(&redis_of(backend)->watches, ride);
}

static void redis_about(struct backend *backend, struct blob *json)
{
    shards_about(&redis_of(backend)->shards, json);
}

static void redis_survey(struct backend *backend)
{
    struct shards *shards = &redis_of(backend)->shards;
    struct shard *shard = shards_any(shards);

    survey_run(&(shard ? shard : shards_have(shards, "/"))->store); /* all gateways that reach it */
}

static void redis_settle(struct backend *backend)
{
    settle(redis_of(backend));
}

static bool redis_busy(const struct backend *backend)
{
    return shards_busy(&((const struct redis *)backend)->shards);
}

static bool results_are_due(const struct redis *redis)
{
    if (redis->watches.results_held == 0)
        return false;
    for (const struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        if (watch_waits(ride))
            return true;
    return false;
}

/* A server that is away keeps no lease at another. */
static bool redis_finish(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (results_are_due(redis))
        return false;
    return shards_leave(&redis->shards);
}

/* The connections go first: that cuts off every command, so nothing refers to rides and transitions any more.
 */
static void redis_stop(struct backend *backend, const char *error)
{
    struct redis *redis = redis_of(backend);

    shards_close(&redis->shards);
    watch_end_all(&redis->watches);
    transitions_refuse_all(&redis->transitions, error);
    settle(redis); /* rides that hold nothing are freed */
}

static void redis_free(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        held_clear(ride);
    held_deinit(&redis->holding);
    redis_rides_settle(&redis->rides);
    former_deinit(&redis->former);
    shards_deinit(&redis->shards);
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
