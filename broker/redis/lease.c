/*
 * Beats.
 */
#include "broker/redis/lease.h"

#include "broker/broker_metrics.h"
#include "broker/message.h"
#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#include <assert.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <string.h>

/* A killed gateway's riders are gone a lease, the window and two beats later at most: its lease is found
 * expired by one beat, and the window by another. */
enum {
    PERIOD_MAX_MS = 500,
    LEAP_MS = 2000, /* less is taken for a clock that is set right little by little */
};

/* With the first beat's answers, if Redis has said that the lease is there. */
static void become_ready(struct lease *lease)
{
    if (lease->ready || lease->beating || lease->there_ms == 0)
        return;
    lease->ready = true;
    lease->reports->ready(lease->arg);
}

static void beat_done(struct lease *lease)
{
    uint64_t now = clock_ms();

    lease->beating = false;
    if (now - lease->beat_ms > lease->period_ms)
        lease->steady_ms = now; /* Redis was slow: others may have taken this node for dead */
    if (lease->ready)
        lease->reports->beaten(lease->arg);
    else
        become_ready(lease);
}

/* Without a connection nothing is asked, and the next connection begins with a beat. */
static void ask(struct call *call, redis_answer *answer, struct lease *lease)
{
    if (call_send(call, answer, lease) != 0)
        lease->beating = false;
}

static void add_about(const struct lease *lease, struct call *call)
{
    if (lease->about)
        call_bytes(call, lease->about->data, lease->about->len);
    else
        call_text(call, "{}");
}

/* SET <lease> <about> PX <ms>, to which more may be added. */
static void make_lease(const struct lease *lease, struct call *call)
{
    call_command(call, lease->store, "SET");
    call_node_key(call, lease->store->node, "");
    add_about(lease, call);
    call_text(call, "PX");
    call_number(call, lease->store->setup->node_lease_ms);
}

static void lease_is_there(struct lease *lease)
{
    lease->there_ms = clock_ms();
    lease->told = false;
    become_ready(lease);
}

/* In a cluster: the slot of this server's own keys is on its way. */
static void lease_deferred(struct lease *lease)
{
    uint64_t since_ms = lease->there_ms ? lease->there_ms : lease->begun_ms;

    if (lease->told || clock_ms() - since_ms < lease->store->setup->node_lease_ms)
        return;
    lease->told = true;
    lease->reports->late(lease->arg);
}

static void lease_made(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;

    if (!store_failed(lease->store, reply))
        lease_is_there(lease);
    else if (reply && store_defers(lease->store, reply))
        lease_deferred(lease);
}

/* Whether there was a lease to renew. */
static void lease_answered(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;
    struct call call;

    lease->gone = reply && reply->type == REDIS_REPLY_NIL;
    if (!lease->gone) {
        lease_made(reply, lease);
        return;
    }
    make_lease(lease, &call);
    ask(&call, lease_made, lease);
    lease->steady_ms = clock_ms();
    lease->reports->lost(lease->arg);
}

/* Somewhere between the beat and now the server's clock said this. */
static void clock_read(struct lease *lease, int64_t redis_ms)
{
    struct store *store = lease->store;
    int64_t now = (int64_t)clock_ms(), at_least = redis_ms - now;

    if (lease->knows_clock && at_least > lease->ahead_at_most_ms + LEAP_MS) {
        store->leapt_ms = (uint64_t)now;
        log_warn("broker", "the clock of Redis has leapt ahead by %lld s",
                 (long long)(at_least - lease->ahead_at_most_ms) / 1000);
    }
    store->clock_ahead_ms = at_least;
    lease->ahead_at_most_ms = redis_ms - (int64_t)lease->beat_ms;
    lease->knows_clock = true;
}

static void time_answered(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;
    uint64_t seconds, micros;

    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        record_parse_offset(reply_slice(reply->element[0]), &seconds) != 0 ||
        record_parse_offset(reply_slice(reply->element[1]), &micros) != 0) {
        redis_link_fail(lease->store->commands, "it does not tell the time");
        return;
    }
    clock_read(lease, (int64_t)(seconds * 1000 + micros / 1000));
}

/* What others have, or what this process makes do with. */
static void adopt(struct lease *lease, const void *bytes, bool certain)
{
    struct lease_secret *secret = lease->secret;
    bool news = !secret->known || memcmp(secret->bytes, bytes, SECRET_LEN) != 0;

    memmove(secret->bytes, bytes, SECRET_LEN);
    secret->known = true;
    secret->certain = certain;
    if (news)
        store_tell_gateway(lease->store, message_secret(secret->bytes));
}

static void store_secret(struct lease *lease, bool replace)
{
    struct call call;

    call_command(&call, lease->store, "SET");
    call_common_key(&call, "secret");
    call_bytes(&call, lease->secret->bytes, SECRET_LEN);
    if (!replace)
        call_text(&call, "NX");
    call_tell(&call);
}

static bool is_secret(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && reply->len == SECRET_LEN;
}

static void secret_answered(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;

    if (!reply || store_defers(lease->store, reply))
        return;
    if (!is_secret(reply)) {
        store_trouble(lease->store, "what Redis keeps as the secret is none; it is replaced");
        store_secret(lease, true);
    }
    adopt(lease, is_secret(reply) ? (const void *)reply->str : lease->secret->bytes, true);
}

static void copy_answered(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;

    if (!reply || !is_secret(reply) || lease->secret->certain || lease->secret->copied)
        return;
    lease->secret->copied = true;
    adopt(lease, reply->str, false);
}

static void sweeper_answered(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;
    const char *node = lease->store->node;

    if (!reply) {
        lease->beating = false;
        return;
    }
    struct json_slice sweeper = reply_slice(reply);
    lease->sweeper = sweeper.len == strlen(node) && memcmp(sweeper.at, node, sweeper.len) == 0;
    beat_done(lease);
}

/* Renewing makes no lease: if that were done and its answer lost, the loss of the lease would go unnoticed.
 */
static void renew_lease(struct lease *lease)
{
    struct call call;

    call_command(&call, lease->store, "SADD");
    call_shared_key(&call, "nodes");
    call_text(&call, lease->store->node);
    call_tell(&call);
    make_lease(lease, &call);
    call_text(&call, "XX");
    ask(&call, lease_answered, lease);
}

static void ask_for_time(struct lease *lease)
{
    struct call call;

    call_command(&call, lease->store, "TIME");
    ask(&call, time_answered, lease);
}

/* The layout before anything else: whoever finds data without one takes them for those of an older ridecast.
 */
static void name_layout(struct lease *lease)
{
    struct call call;

    call_command(&call, lease->store, "SET");
    call_shared_key(&call, "layout");
    call_text(&call, STORE_LAYOUT);
    call_text(&call, "NX");
    call_tell(&call);
    if (!lease->store->keeps_layout)
        return;
    call_command(&call, lease->store, "SET");
    call_common_key(&call, "layout");
    call_text(&call, STORE_LAYOUT);
    call_text(&call, "NX");
    call_tell(&call);
}

static void agree_on_secret(struct lease *lease)
{
    struct call call;

    store_secret(lease, false);
    call_command(&call, lease->store, "GET");
    call_common_key(&call, "secret");
    ask(&call, secret_answered, lease);
}

/* Another server keeps it. */
static void copy_secret(struct lease *lease)
{
    struct call call;

    call_command(&call, lease->store, lease->secret->certain ? "SET" : "GET");
    call_shared_key(&call, "secret");
    if (!lease->secret->certain) {
        ask(&call, copy_answered, lease);
        return;
    }
    call_bytes(&call, lease->secret->bytes, SECRET_LEN);
    call_tell(&call);
}

static void keep_sweeper(const struct lease *lease)
{
    struct call call;

    call_command(&call, lease->store, "PEXPIRE");
    call_shared_key(&call, "sweeper");
    call_number(&call, lease->store->setup->node_lease_ms);
    call_tell(&call);
}

/* It was taken before Redis' clock was put back, and whoever has it may be dead. */
static void sweeper_expiry_answered(const struct redisReply *reply, void *arg)
{
    const struct lease *lease = arg;

    if (reply && call_lives_too_long(reply, lease->store->setup->node_lease_ms))
        keep_sweeper(lease);
}

/* Two sweepers at once, where one takes over just as the other renews, only do the same work twice. */
static void compete_for_sweeper(struct lease *lease)
{
    uint64_t lease_ms = lease->store->setup->node_lease_ms;
    struct call call;

    if (lease->sweeper) {
        keep_sweeper(lease);
    } else {
        call_command(&call, lease->store, "PTTL");
        call_shared_key(&call, "sweeper");
        ask(&call, sweeper_expiry_answered, lease);
    }
    call_command(&call, lease->store, "SET");
    call_shared_key(&call, "sweeper");
    call_text(&call, lease->store->node);
    call_text(&call, "PX");
    call_number(&call, lease_ms);
    call_text(&call, "NX");
    call_tell(&call);
    call_command(&call, lease->store, "GET");
    call_shared_key(&call, "sweeper");
    ask(&call, sweeper_answered, lease);
}

static void beat(struct lease *lease)
{
    if (lease->beating)
        return;
    lease->beating = true;
    lease->beat_ms = clock_ms();
    lease->gone = false;
    name_layout(lease);
    renew_lease(lease);
    ask_for_time(lease);
    if (lease->store->keeps_secret)
        agree_on_secret(lease);
    else
        copy_secret(lease);
    compete_for_sweeper(lease);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct lease *lease = arg;

    (void)fd, (void)what;
    beat(lease);
    lease->store->settle(lease->store->settle_arg);
}

/* --- life --- */

void lease_init(struct lease *lease, struct store *store, struct lease_secret *secret,
                const struct lease_reports *reports, void *arg)
{
    *lease = (struct lease){.store = store, .secret = secret, .reports = reports, .arg = arg};
    assert(store->setup->node_lease_ms > 0);
    lease->period_ms = store->setup->node_lease_ms / 3;
    if (lease->period_ms > PERIOD_MAX_MS)
        lease->period_ms = PERIOD_MAX_MS;
    if (lease->period_ms == 0)
        lease->period_ms = 1;
    lease->timer = event_new(store->setup->base, -1, EV_PERSIST, on_timer, lease);
    if (!lease->timer)
        alloc_failed();
}

void lease_deinit(struct lease *lease)
{
    if (lease->timer)
        event_free(lease->timer);
    blob_unref(lease->about);
}

void lease_about(struct lease *lease, struct blob *json)
{
    blob_unref(lease->about);
    lease->about = blob_ref(json);
}

void lease_begin(struct lease *lease)
{
    const struct timeval period = {.tv_sec = (time_t)(lease->period_ms / 1000),
                                   .tv_usec = (suseconds_t)(lease->period_ms % 1000) * 1000};

    if (lease->leaving)
        return;
    lease->ready = false;
    lease->beating = false;
    lease->sweeper = false;
    lease->there_ms = 0;
    lease->told = false;
    lease->begun_ms = lease->steady_ms = clock_ms();
    beat(lease);
    event_add(lease->timer, &period);
}

void lease_end(struct lease *lease)
{
    event_del(lease->timer);
}

static void given_back(const struct redisReply *reply, void *arg)
{
    struct lease *lease = arg;

    (void)reply; /* if it did not get there, the lease ends by itself */
    lease->left = true;
    outbox_progress(lease->store->setup->outbox);
}

static void send_goodbye(struct lease *lease)
{
    struct call call;

    if (lease->sweeper) {
        call_command(&call, lease->store, "DEL");
        call_shared_key(&call, "sweeper");
        call_tell(&call);
    }
    call_command(&call, lease->store, "DEL");
    call_node_key(&call, lease->store->node, "");
    if (call_send(&call, given_back, lease) != 0)
        lease->left = true;
}

bool lease_give_back(struct lease *lease)
{
    if (!lease->store->up || lease->left)
        return true;
    if (!lease->leaving) {
        lease->leaving = true;
        lease_end(lease);
        send_goodbye(lease);
    }
    return lease->left;
}
