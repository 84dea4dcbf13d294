/*
 * The Redis backend's roof: its parts, how they hang together, and what they have in common with one server.
 *
 *   roof    redis        this file, the only one that knows struct redis
 *   floor   transitions  the gateway's transitions: waiting, in flight, answered
 *           replay       events from the log for one client
 *           watch        watched rides: subscription, order of events, results that wait for their event
 *           catchup      one ride brought up to date: from the log, else by a roster
 *           checkup      whether the server will do
 *           lease        this node's lease, the beat
 *           reap, sweep  for all nodes: the riders of dead nodes; suspended riders whose window has passed
 *           audit        rides gone through for what nobody has told of: what is lost, spoiled, too old
 *           node_channel what is said to this node: sockets taken over, sockets it is said to hold
 *           survey       what the gateways say of themselves
 *   below   held, stream, notes, rides, scan, call   books and tools
 *   ground  store, scripts, redis_link, sentinel, record …
 *
 * Calls go downward; what a part has to say upward goes through functions given to it here. Whatever calls
 * back, a connection, a timer or the gateway, is followed by one settle(): there transitions are sent,
 * replays started, lost riders put back, and unused rides freed, and nowhere else.
 *
 *   commands: connect, load scripts, checkup, first beat ─▶ events: connect ─▶ up: subscribe, send what waits
 *   either lost ─▶ down, both closed ─▶ from the start
 *
 * Whichever connection is lost, both are made anew: after a failover they must not end up on different
 * servers. Going down cuts off every command, so nothing of the old connections reaches the new ones.
 */
#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/audit.h"
#include "broker/redis/checkup.h"
#include "broker/redis/exits.h"
#include "broker/redis/held.h"
#include "broker/redis/lease.h"
#include "broker/redis/node_channel.h"
#include "broker/redis/reap.h"
#include "broker/redis/redis_password.h"
#include "broker/redis/redis_tls.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/replay.h"
#include "broker/redis/sentinel.h"
#include "broker/redis/survey.h"
#include "broker/redis/sweep.h"
#include "broker/redis/transitions.h"
#include "broker/redis/watch.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/id.h"
#include "common/log.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

/* Nodes that this one has found without a lease are judged after two: if there was an outage, they come back.
 * One whose lease was there, and lapsed since, was silent for all of it, though Redis could be reached: if it
 * is sure that there was no outage, one is enough. */
enum { CONNECT_LIMIT_MS = 3000, LEASES_BEFORE_JUDGING = 2, LEASES_BEFORE_JUDGING_THE_LAPSED = 1 };

/* At riders that are to be put back and must wait, after one callback. */
enum { LOOKS_MAX = 100 };

struct redis {
    struct backend backend; /* first */
    struct redis_url url;
    struct redis_tls *tls;       /* NULL: none */
    struct sentinel *sentinel;   /* finds the server; NULL: the URL says which it is */
    struct redis_address server; /* where commands go */
    struct redis_address peer; /* where they arrive: the same server for events, even if its name moves on */
    bool was_up;
    bool had_lease; /* this process has had one */
    bool disturbed; /* a connection or the lease was lost since the process began, or Redis had just begun */
    bool restore_due; /* it was gone: all riders are put back on the next beat */
    struct store store;
    struct redis_rides rides;
    struct holding holding;
    struct watches watches;
    struct transitions transitions;
    struct replays replays;
    struct checkup checkup;
    struct lease lease;
    struct audit audit;
    struct reap reap;
    struct sweep sweep;
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

static bool is_not_exiting(const struct held *held)
{
    return !exits_has(held->ride, held->person->id);
}

static const struct held_ready ready = {.ride = is_caught_up, .socket = is_not_exiting};

/* The end of every callback. */
static void settle(void *arg)
{
    struct redis *redis = arg;
    unsigned looks = LOOKS_MAX;
    struct held *held;

    while (redis->store.up && (held = held_take_due(&redis->holding, &ready, &looks)))
        transitions_restore(&redis->transitions, held);
    transitions_send(&redis->transitions);
    replays_settle(&redis->replays);
    redis_rides_settle(&redis->rides);
}

/* --- rides --- */

static void ride_renumbered(struct redis_ride *ride, void *arg)
{
    struct redis *redis = arg;

    ride->notes = (struct notes){.ride = false};
    audit_ride(&redis->audit, ride);
    held_restore_epoch(ride);
    watch_renumbered(ride);
}

static void ride_ended(struct redis_ride *ride, void *arg)
{
    struct redis *redis = arg;

    audit_forget(&redis->audit, ride);
    notes_strike(&ride->notes, &redis->store, ride->name);
}

static void ride_to_check(struct redis_ride *ride, void *arg)
{
    struct redis *redis = arg;

    audit_check(&redis->audit, ride);
}

static void ride_to_audit(struct redis_ride *ride, void *arg)
{
    struct redis *redis = arg;

    audit_ride(&redis->audit, ride);
}

/* This Redis may be another one, or have taken this node for dead: all is to be looked at anew. */
static void audit_all(struct redis *redis)
{
    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        audit_ride(&redis->audit, ride);
}

static void forget_notes(struct redis *redis)
{
    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        ride->notes = (struct notes){.ride = false};
}

/* --- up and down --- */

static void go_up(struct redis *redis)
{
    char address[REDIS_ADDRESS_TEXT_SIZE];

    log_info("broker", "connected to Redis at %s", redis_address_text(&redis->server, address));
    if (redis->was_up)
        metric_add(store_metrics(&redis->store)->reconnects, 1);
    redis->store.up = true;
    redis->was_up = true;
    store_tell_gateway(&redis->store, message_state(true));
    node_channel_listen(&redis->store);
    watch_resume_all(&redis->watches);
    transitions_resume(&redis->transitions);
}

static void go_down(struct redis *redis)
{
    if (!redis->store.up)
        return;
    redis->store.up = false;
    store_tell_gateway(&redis->store, message_state(false));
    watch_suspend_all(&redis->watches);
}

/* --- the beat --- */

/* This node's lease is there and the clock known: the connection for commands is ready for use. */
static void registered(void *arg)
{
    struct redis *redis = arg;

    /* A name that sentinels tell is one server's, and with TLS the one that its certificate has. */
    if (redis->sentinel)
        redis->peer = redis->server;
    else
        redis_link_peer(redis->store.commands, &redis->peer);
    redis_link_open(redis->store.events);
}

/*
 * A lease that is gone when it should be renewed means that others may have reaped this node: all riders are
 * put back, one beat later, so that no reaping that was already on its way follows the restorations.
 */
static void lease_lost(void *arg)
{
    struct redis *redis = arg;

    if (redis->had_lease) {
        metric_add(store_metrics(&redis->store)->leases_lost, 1);
        log_warn("broker", "the lease of this node was gone; its riders are restored");
    }
    redis->restore_due = redis->had_lease;
    redis->disturbed = redis->disturbed || redis->had_lease;
    redis->had_lease = true;
    audit_all(redis);
    forget_notes(redis);
}

/* Noted once more: whoever took this node for dead may have struck its rides off just now. */
static void restore_all(struct redis *redis)
{
    redis->restore_due = false;
    forget_notes(redis);
    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        held_restore_ride(ride);
}

/* Redis' clock has leapt over the deadlines of those who are suspended: they get a window from then on. */
static bool leapt_lately(const struct redis *redis)
{
    uint64_t leapt_ms = redis->store.leapt_ms;

    return leapt_ms > 0 && clock_ms() - leapt_ms < redis->backend.setup.recovery_window_ms;
}

/* After an outage everybody renews before anybody judges. */
static void judge(struct redis *redis)
{
    uint64_t steady_ms = clock_ms() - redis->lease.steady_ms;
    uint64_t lease_ms = redis->backend.setup.node_lease_ms;

    if (steady_ms >= LEASES_BEFORE_JUDGING * lease_ms)
        reap_run(&redis->reap, false);
    else if (redis->reap.looked && !redis->disturbed &&
             steady_ms >= LEASES_BEFORE_JUDGING_THE_LAPSED * lease_ms)
        reap_run(&redis->reap, true);
}

static void do_the_sweepers_work(struct redis *redis)
{
    if (!leapt_lately(redis))
        sweep_run(&redis->sweep);
    judge(redis);
}

static void beaten(void *arg)
{
    struct redis *redis = arg;
    bool up = redis->store.up;

    if (up && !redis->lease.gone && redis->restore_due)
        restore_all(redis);
    else if (up && !redis->lease.gone)
        audit_beat(&redis->audit);
    checkup_repeat(&redis->checkup);
    if (up && !redis->reap.looked && !redis->disturbed)
        reap_look(&redis->reap);
    if (up && redis->lease.sweeper)
        do_the_sweepers_work(redis);
    else
        reap_forget(&redis->reap);
}

static const struct lease_reports lease_reports = {
    .ready = registered,
    .beaten = beaten,
    .lost = lease_lost,
};

/* --- connections --- */

static void commands_ready(void *arg)
{
    struct redis *redis = arg;

    scripts_load(&redis->store.scripts);
}

static void scripts_ready(void *arg)
{
    struct redis *redis = arg;

    checkup_begin(&redis->checkup);
}

static void checkup_passed(void *arg)
{
    struct redis *redis = arg;

    audit_all(redis);
    forget_notes(redis);
    if (redis->checkup.server_up_ms < LEASES_BEFORE_JUDGING * redis->backend.setup.node_lease_ms)
        redis->disturbed = true; /* what leases there are may be of before it began */
    lease_begin(&redis->lease);
}

static void commands_lost(const char *reason, void *arg)
{
    struct redis *redis = arg;

    (void)reason;
    redis->disturbed = redis->disturbed || redis->had_lease;
    lease_end(&redis->lease);
    go_down(redis);
    redis_link_close(redis->store.events);
    if (redis->sentinel) {
        redis_link_close(redis->store.commands);
        sentinel_seek(redis->sentinel);
    }
}

static void events_ready(void *arg)
{
    go_up(arg);
}

static void events_lost(const char *reason, void *arg)
{
    struct redis *redis = arg;

    (void)reason;
    go_down(redis);
    redis_link_fail(redis->store.commands, "the connection for events was lost");
}

static void events_heard(const struct redisReply *reply, void *arg)
{
    struct redis *redis = arg;

    if (reply->type == REDIS_REPLY_ERROR) {
        redis_link_fail(redis->store.events, reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return; /* the answer to a ping */
    if (!node_channel_heard(&redis->transitions, reply->element[1], reply->element[2]))
        watch_heard(&redis->watches, reply->element[0], reply->element[1], reply->element[2]);
}

static void primary_found(const struct redis_address *primary, void *arg)
{
    struct redis *redis = arg;

    lease_end(&redis->lease);
    go_down(redis);
    redis_link_close(redis->store.events);
    redis_link_close(redis->store.commands);
    redis->server = *primary;
    redis_link_open(redis->store.commands);
    settle(redis);
}

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

static void make_links(struct redis *redis)
{
    struct redis_link_setup setup = {
        .base = redis->backend.setup.base,
        .address = &redis->server,
        .login = &redis->url.login,
        .tls = redis->tls,
        .db = redis->url.db,
        .limit_ms = CONNECT_LIMIT_MS,
        .purpose = "commands",
        .ready = commands_ready,
        .lost = commands_lost,
        .settle = settle,
        .arg = redis,
    };

    redis->store.commands = redis_link_new(&setup);
    setup.address = &redis->peer;
    setup.purpose = "events";
    setup.ready = events_ready;
    setup.lost = events_lost;
    setup.pushed = events_heard;
    redis->store.events = redis_link_new(&setup);
    scripts_init(&redis->store.scripts, redis->store.commands, scripts_ready, redis);
}

/* The parts, from the ground up. */
static void make_parts(struct redis *redis)
{
    redis->store.setup = &redis->backend.setup;
    redis->store.db = redis->url.db;
    redis->store.settle = settle;
    redis->store.settle_arg = redis;
    id_make(redis->store.run, EPOCH_LEN);
    snprintf(redis->store.node, sizeof redis->store.node, "%s.%s", redis->backend.setup.node_id,
             redis->store.run);
    make_links(redis);
    redis->rides.renumbered = ride_renumbered;
    redis->rides.ended = ride_ended;
    redis->rides.arg = redis;
    redis->holding.aboard = store_metrics(&redis->store)->riders_held;
    redis->watches.store = &redis->store;
    redis->holding.window_ms = redis->backend.setup.recovery_window_ms;
    redis->watches.rides = &redis->rides;
    redis->watches.check = ride_to_check;
    redis->watches.audit = ride_to_audit;
    redis->watches.arg = redis;
    redis->transitions.store = &redis->store;
    redis->transitions.rides = &redis->rides;
    redis->transitions.holding = &redis->holding;
    redis->transitions.watches = &redis->watches;
    redis->transitions.spoiled = ride_to_audit;
    redis->transitions.arg = redis;
    transitions_init(&redis->transitions);
    redis->replays.store = &redis->store;
    redis->replays.watches = &redis->watches;
    checkup_init(&redis->checkup, &redis->store, checkup_passed, redis);
    lease_init(&redis->lease, &redis->store, &lease_reports, redis);
    redis->audit.store = &redis->store;
    redis->audit.rides = &redis->rides;
    reap_init(&redis->reap, &redis->store, &redis->rides);
    sweep_init(&redis->sweep, &redis->store, &redis->rides);
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
    else
        redis->server = url.addresses[0];
    make_parts(redis);
    return &redis->backend;
}

static void redis_start(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->sentinel)
        sentinel_seek(redis->sentinel);
    else
        redis_link_open(redis->store.commands);
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
    lease_about(&redis_of(backend)->lease, json);
}

static void redis_survey(struct backend *backend)
{
    survey_run(&redis_of(backend)->store);
}

static void redis_settle(struct backend *backend)
{
    settle(redis_of(backend));
}

static bool redis_busy(const struct backend *backend)
{
    return transitions_busy(&((const struct redis *)backend)->transitions);
}

static bool redis_finish(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    if (redis->transitions.all || redis->watches.results_held > 0 || redis->replays.waiting ||
        redis->replays.under_way > 0)
        return false;
    return lease_give_back(&redis->lease);
}

/* The links go first: that cuts off every command, so nothing refers to rides and transitions any more. */
static void redis_stop(struct backend *backend, const char *error)
{
    struct redis *redis = redis_of(backend);

    sentinel_close(redis->sentinel);
    lease_end(&redis->lease);
    redis_link_close(redis->store.events);
    redis_link_close(redis->store.commands);
    go_down(redis);
    watch_end_all(&redis->watches);
    transitions_refuse_all(&redis->transitions, error);
    settle(redis); /* replays fail now, and rides that hold nothing are freed */
}

static void redis_free(struct backend *backend)
{
    struct redis *redis = redis_of(backend);

    redis_link_free(redis->store.events);
    redis_link_free(redis->store.commands);
    sentinel_free(redis->sentinel);
    redis_tls_free(redis->tls);
    lease_deinit(&redis->lease);
    reap_deinit(&redis->reap);
    sweep_deinit(&redis->sweep);
    for (struct redis_ride *ride = redis->rides.by_name; ride; ride = ride->hh.next)
        held_clear(ride);
    held_deinit(&redis->holding);
    transitions_deinit(&redis->transitions);
    redis_rides_settle(&redis->rides);
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
