/*
 * Up and down, and what follows from a beat.
 */
#include "broker/redis/shard.h"

#include "broker/broker_metrics.h"
#include "broker/redis/held.h"
#include "broker/redis/node_channel.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/server_error.h"
#include "broker/redis/watch.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes that this one has found without a lease are judged after two: if there was an outage, they come back.
 * One whose lease was there, and lapsed since, was silent for all of it, though Redis could be reached: if it
 * is sure that there was no outage, one is enough. */
enum { CONNECT_LIMIT_MS = 3000, LEASES_BEFORE_JUDGING = 2, LEASES_BEFORE_JUDGING_THE_LAPSED = 1 };

struct shard *shard_of(const struct redis_ride *ride)
{
    return (struct shard *)ride->store;
}

static void forget_notes(struct shard *shard)
{
    for (struct redis_ride *ride = shard->setup->rides->by_name; ride; ride = ride->hh.next)
        if (shard_of(ride) == shard)
            ride->notes = (struct notes){.ride = false};
}

/* --- up and down --- */

static void go_up(struct shard *shard)
{
    char address[REDIS_ADDRESS_TEXT_SIZE];

    log_info("broker", "connected to Redis at %s", redis_address_text(&shard->server, address));
    if (shard->was_up)
        metric_add(store_metrics(&shard->store)->reconnects, 1);
    shard->store.up = true;
    shard->was_up = shard->missed = true;
    shard->setup->changed(shard, shard->setup->arg);
    node_channel_listen(&shard->store);
    watch_resume_all(shard->setup->watches, &shard->store);
    transitions_resume(shard->setup->transitions, &shard->store);
}

static void go_down(struct shard *shard)
{
    if (!shard->store.up)
        return;
    shard->store.up = false;
    shard->setup->changed(shard, shard->setup->arg);
    watch_suspend_all(shard->setup->watches, &shard->store);
}

/* --- the beat --- */

/* This node's lease is there and the clock known: the connection for commands is ready for use. */
static void registered(void *arg)
{
    struct shard *shard = arg;

    if (shard->setup->told)
        shard->peer = shard->server;
    else
        redis_link_peer(shard->store.commands, &shard->peer);
    redis_link_open(shard->store.events);
}

/*
 * A lease that is gone when it should be renewed means that others may have reaped this node: all riders are
 * put back, one beat later, so that no reaping that was already on its way follows the restorations.
 */
static void lease_lost(void *arg)
{
    struct shard *shard = arg;

    if (shard->had_lease) {
        metric_add(store_metrics(&shard->store)->leases_lost, 1);
        log_warn("broker", "the lease of this node was gone; its riders are restored");
    }
    shard->restore_due = shard->had_lease;
    shard->disturbed = shard->disturbed || shard->had_lease;
    shard->had_lease = true;
    audit_all(&shard->audit);
    forget_notes(shard);
}

/* Before it is up it stays so, and counts as away. */
static void lease_late(void *arg)
{
    struct shard *shard = arg;
    char address[REDIS_ADDRESS_TEXT_SIZE];

    log_warn("broker",
             "no lease at Redis at %s, as slot %u is on its way: let its move come to an end (redis-cli "
             "--cluster fix)",
             redis_address_text(&shard->server, address),
             slot_of_key(shard->store.home, strlen(shard->store.home)));
    shard->missed = true;
    shard->setup->changed(shard, shard->setup->arg);
}

/* Noted once more: whoever took this node for dead may have struck its rides off just now. */
static void restore_all(struct shard *shard)
{
    shard->restore_due = false;
    forget_notes(shard);
    for (struct redis_ride *ride = shard->setup->rides->by_name; ride; ride = ride->hh.next)
        if (shard_of(ride) == shard)
            held_restore_ride(ride);
}

/* Redis' clock has leapt over the deadlines of those who are suspended: they get a window from then on. */
static bool leapt_lately(const struct shard *shard)
{
    uint64_t leapt_ms = shard->store.leapt_ms;

    return leapt_ms > 0 && clock_ms() - leapt_ms < shard->store.setup->recovery_window_ms;
}

/* After an outage everybody renews before anybody judges. */
static void judge(struct shard *shard)
{
    uint64_t steady_ms = clock_ms() - shard->lease.steady_ms;
    uint64_t lease_ms = shard->store.setup->node_lease_ms;

    if (steady_ms >= LEASES_BEFORE_JUDGING * lease_ms)
        reap_run(&shard->reap, false);
    else if (shard->reap.looked && !shard->disturbed &&
             steady_ms >= LEASES_BEFORE_JUDGING_THE_LAPSED * lease_ms)
        reap_run(&shard->reap, true);
}

static void do_the_sweepers_work(struct shard *shard)
{
    if (!leapt_lately(shard))
        sweep_run(&shard->sweep);
    judge(shard);
}

static void beaten(void *arg)
{
    struct shard *shard = arg;
    bool up = shard->store.up;

    if (up && !shard->lease.gone && shard->restore_due)
        restore_all(shard);
    else if (up && !shard->lease.gone)
        audit_beat(&shard->audit);
    checkup_repeat(&shard->checkup);
    replays_beat(&shard->replays);
    if (up && !shard->reap.looked && !shard->disturbed)
        reap_look(&shard->reap);
    if (up && shard->lease.sweeper)
        do_the_sweepers_work(shard);
    else
        reap_forget(&shard->reap);
}

static const struct lease_reports lease_reports = {
    .ready = registered,
    .beaten = beaten,
    .lost = lease_lost,
    .late = lease_late,
};

/* --- connections --- */

static void settle(void *arg)
{
    const struct shard *shard = arg;

    shard->setup->settle(shard->setup->settle_arg);
}

static void commands_ready(void *arg)
{
    struct shard *shard = arg;

    scripts_load(&shard->store.scripts);
}

static void scripts_ready(void *arg)
{
    struct shard *shard = arg;

    checkup_begin(&shard->checkup);
}

/* This server may be another one, or have taken this node for dead: all is to be looked at anew. */
static void checkup_passed(void *arg)
{
    struct shard *shard = arg;

    audit_all(&shard->audit);
    forget_notes(shard);
    if (shard->checkup.server_up_ms < LEASES_BEFORE_JUDGING * shard->store.setup->node_lease_ms)
        shard->disturbed = true; /* what leases there are may be of before it began */
    lease_begin(&shard->lease);
}

static void commands_lost(const char *reason, void *arg)
{
    struct shard *shard = arg;

    (void)reason;
    shard->missed = true;
    shard->disturbed = shard->disturbed || shard->had_lease;
    lease_end(&shard->lease);
    go_down(shard);
    redis_link_close(shard->store.events);
    transitions_cut_off(shard->setup->transitions, &shard->store);
    shard->setup->lost(shard, shard->setup->arg);
}

static void events_ready(void *arg)
{
    go_up(arg);
}

static void events_lost(const char *reason, void *arg)
{
    struct shard *shard = arg;

    (void)reason;
    go_down(shard);
    redis_link_fail(shard->store.commands, "the connection for events was lost");
}

/* In a cluster: an error has come, whatever was asked. */
static void refused(const struct redisReply *reply, void *arg)
{
    const struct shard *shard = arg;
    struct redis_address owner;

    if (slot_error(reply, &shard->server, &owner) == SLOT_ERROR_MOVED)
        shard->setup->moved(owner.port ? &owner : NULL, shard->setup->arg);
}

static void events_heard(const struct redisReply *reply, void *arg)
{
    struct shard *shard = arg;

    if (reply->type == REDIS_REPLY_ERROR && store_defers(&shard->store, reply)) {
        refused(reply, shard); /* it is asked for once more (watch.h) */
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_link_fail(shard->store.events, reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->type != REDIS_REPLY_STRING)
        return; /* the answer to a ping */
    if (!node_channel_heard(&shard->store, shard->setup->transitions, reply->element[1], reply->element[2]))
        watch_heard(shard->setup->watches, &shard->store, reply->element[0], reply->element[1],
                    reply->element[2]);
}

/* Another server, or the keys of nodes elsewhere: what this process has seen there is worth nothing here. */
static void begin_anew(struct shard *shard)
{
    shard_close(shard);
    shard->was_up = shard->missed = false;
    shard->had_lease = shard->restore_due = false;
    shard->disturbed = true;
    reap_deinit(&shard->reap);
    reap_init(&shard->reap, &shard->store, shard->setup->rides);
}

void shard_open(struct shard *shard, const struct redis_address *server, const char *home)
{
    struct store *store = &shard->store;

    if (shard->open && redis_address_equal(&shard->server, server) && strcmp(store->home, home) == 0)
        return;
    if (shard->open)
        begin_anew(shard);
    shard->open = true;
    shard->server = *server;
    snprintf(store->home, sizeof store->home, "%s", home);
    redis_link_open(store->commands);
}

bool shard_is_away(const struct shard *shard)
{
    return !shard->store.up && shard->missed;
}

void shard_close(struct shard *shard)
{
    shard->open = false;
    lease_end(&shard->lease);
    go_down(shard);
    redis_link_close(shard->store.events);
    redis_link_close(shard->store.commands);
    transitions_cut_off(shard->setup->transitions, &shard->store);
}

bool shard_leave(struct shard *shard)
{
    return lease_give_back(&shard->lease);
}

/* --- life --- */

static void make_links(struct shard *shard)
{
    const struct shard_setup *common = shard->setup;
    struct redis_link_setup setup = {
        .base = common->backend->base,
        .address = &shard->server,
        .login = &common->url->login,
        .tls = common->tls,
        .db = common->url->db,
        .limit_ms = CONNECT_LIMIT_MS,
        .purpose = "commands",
        .ready = commands_ready,
        .lost = commands_lost,
        .refused = common->url->cluster ? refused : NULL,
        .settle = settle,
        .arg = shard,
    };

    shard->store.commands = redis_link_new(&setup);
    setup.address = &shard->peer;
    setup.purpose = "events";
    setup.ready = events_ready;
    setup.lost = events_lost;
    setup.pushed = events_heard;
    setup.refused = NULL;
    shard->store.events = redis_link_new(&setup);
    scripts_init(&shard->store.scripts, shard->store.commands, common->url->cluster, scripts_ready, shard);
}

/* The parts, from the ground up. */
struct shard *shard_new(const struct shard_setup *setup)
{
    struct shard *shard = alloc_zeroed(sizeof *shard);
    struct store *store = &shard->store;

    shard->setup = setup;
    store->setup = setup->backend;
    store->db = setup->url->db;
    store->settle = setup->settle;
    store->settle_arg = setup->settle_arg;
    store->cluster = setup->url->cluster;
    store->keeps_secret = !store->cluster;
    memcpy(store->run, setup->run, sizeof store->run);
    snprintf(store->node, sizeof store->node, "%s.%s", setup->backend->node_id, setup->run);
    make_links(shard);
    lane_init(&shard->lane, store, transitions_answered);
    store->lane = &shard->lane;
    checkup_init(&shard->checkup, store, checkup_passed, shard);
    lease_init(&shard->lease, store, setup->secret, &lease_reports, shard);
    shard->replays.store = store;
    shard->replays.watches = setup->watches;
    store->replays = &shard->replays;
    shard->audit.store = store;
    shard->audit.rides = setup->rides;
    reap_init(&shard->reap, store, setup->rides);
    sweep_init(&shard->sweep, store, setup->rides);
    return shard;
}

void shard_free(struct shard *shard)
{
    redis_link_free(shard->store.events);
    redis_link_free(shard->store.commands);
    lease_deinit(&shard->lease);
    reap_deinit(&shard->reap);
    sweep_deinit(&shard->sweep);
    lane_deinit(&shard->lane);
    free(shard);
}
