/*
 * Looking for the primary. Whatever goes wrong with a sentinel fails the link to it, whatever is wrong with
 * the server it names fails the probe, and the loss of either leads to the next sentinel.
 */
#include "broker/redis/sentinel.h"

#include "broker/redis/backoff.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/sentinel_list.h"
#include "broker/redis/sentinel_reply.h"
#include "broker/redis/timer.h"
#include "broker/redis/trouble.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#include <stdlib.h>

enum { LIMIT_MS = 1000, ASK_EVERY_MS = 1000 };

enum sentinel_state {
    SENTINEL_IDLE,    /* closed */
    SENTINEL_PAUSING, /* the timer starts the next round */
    SENTINEL_ASKING,  /* the sentinel at `turn` is asked */
    SENTINEL_PROBING, /* it has named `candidate`, which is asked for its role */
    SENTINEL_PROVED,  /* the candidate is a primary; the rest is done on the next turn of the loop */
    SENTINEL_SETTLED, /* `primary` is in use; the timer asks again */
};

/* Why a round has found nothing: the one that tells most comes last. */
enum {
    TROUBLE_SILENCE = 1, /* no sentinel answers */
    TROUBLE_NO_NAME,     /* those that answer name no server */
    TROUBLE_NO_PROOF,    /* the server they name is not a primary that takes us */
};

struct sentinel {
    struct sentinel_setup setup;
    enum sentinel_state state;
    struct sentinel_list list;
    size_t turn; /* of the round: whose answer is awaited, or who named the primary */
    struct redis_link *teller, *probe;
    struct redis_address teller_address, candidate;
    struct redis_address rejected; /* in this round, hence not probed again; port 0: none */
    struct redis_address primary;  /* the last one found; port 0: none */
    bool sought;                   /* `found` has to be called, even if the primary is the same */
    bool useless;                  /* the sentinel has answered, but named no server */
    struct event *timer;
    struct backoff backoff;
    struct trouble trouble;
};

static void tell_trouble(struct sentinel *sentinel)
{
    const char *name = sentinel->setup.url->primary;

    if (!trouble_is_news(&sentinel->trouble, clock_ms()))
        return;
    if (sentinel->sought)
        log_error("broker", "no primary %s: %s", name, sentinel->trouble.text);
    else
        log_warn("broker", "no sentinel confirms the primary %s: %s", name, sentinel->trouble.text);
}

static void wait_for_round(struct sentinel *sentinel, unsigned ms)
{
    redis_link_close(sentinel->teller);
    redis_link_close(sentinel->probe);
    sentinel->state = SENTINEL_PAUSING;
    timer_set(sentinel->timer, ms);
}

static void ask(struct sentinel *sentinel)
{
    sentinel->state = SENTINEL_ASKING;
    sentinel->useless = false;
    sentinel->teller_address = sentinel->list.entries[sentinel->turn].address;
    redis_link_open(sentinel->teller);
}

static void begin_round(struct sentinel *sentinel)
{
    sentinel->turn = 0;
    trouble_begin(&sentinel->trouble);
    sentinel->rejected.port = 0;
    ask(sentinel);
}

static void ask_next(struct sentinel *sentinel)
{
    event_del(sentinel->timer);
    redis_link_close(sentinel->teller);
    redis_link_close(sentinel->probe);
    if (++sentinel->turn < sentinel->list.count) {
        ask(sentinel);
        return;
    }
    tell_trouble(sentinel);
    wait_for_round(sentinel, backoff_pause(&sentinel->backoff));
}

static void settle(struct sentinel *sentinel)
{
    char primary[REDIS_ADDRESS_TEXT_SIZE], teller[REDIS_ADDRESS_TEXT_SIZE];

    if (trouble_is_over(&sentinel->trouble) || !redis_address_equal(&sentinel->primary, &sentinel->candidate))
        log_info("broker", "the primary %s is at %s, says the sentinel at %s", sentinel->setup.url->primary,
                 redis_address_text(&sentinel->candidate, primary),
                 redis_address_text(&sentinel->teller_address, teller));
    sentinel->primary = sentinel->candidate;
    sentinel->rejected.port = 0;
    sentinel_list_promote(&sentinel->list, sentinel->turn);
    sentinel->turn = 0;
    sentinel->state = SENTINEL_SETTLED;
    timer_set(sentinel->timer, ASK_EVERY_MS);
}

static void candidate_proved(struct sentinel *sentinel)
{
    redis_link_close(sentinel->probe);
    settle(sentinel);
    sentinel->sought = false;
    sentinel->setup.found(&sentinel->primary, sentinel->setup.arg);
}

/* --- the probe --- */

static void role_answered(const struct redisReply *reply, void *arg)
{
    struct sentinel *sentinel = arg;
    const char *wrong = reply ? sentinel_read_role(reply) : NULL;

    if (!reply)
        return;
    if (wrong) {
        redis_link_fail(sentinel->probe, wrong);
        return;
    }
    sentinel->state = SENTINEL_PROVED;
    timer_set(sentinel->timer, 0);
}

static void probe_ready(void *arg)
{
    struct sentinel *sentinel = arg;
    const struct redis_arg role = redis_arg_text("ROLE");

    redis_link_send(sentinel->probe, role_answered, sentinel, &role, 1);
}

static void probe_lost(const char *reason, void *arg)
{
    struct sentinel *sentinel = arg;

    trouble_note(&sentinel->trouble, TROUBLE_NO_PROOF, "the server", &sentinel->candidate, reason);
    sentinel->rejected = sentinel->candidate;
    ask_next(sentinel);
}

/* --- the sentinel whose turn it is --- */

static void others_answered(const struct redisReply *reply, void *arg)
{
    struct redis_address others[SENTINELS_MAX];
    struct sentinel *sentinel = arg;

    if (reply) {
        size_t count = sentinel_read_others(reply, others, SENTINELS_MAX);

        sentinel_list_learn(&sentinel->list, sentinel->turn, others, count);
    }
}

/* A primary in use is not probed again only because another sentinel has been asked. */
static void primary_named(struct sentinel *sentinel, const struct redis_address *named)
{
    bool same = !sentinel->sought && redis_address_equal(named, &sentinel->primary);

    if (sentinel->state == SENTINEL_SETTLED && same) {
        backoff_reset(&sentinel->backoff);
    } else if (redis_address_equal(named, &sentinel->rejected)) {
        redis_link_fail(sentinel->teller, "it names the same server as another one");
    } else {
        sentinel->candidate = *named;
        if (same) {
            settle(sentinel);
        } else {
            event_del(sentinel->timer);
            sentinel->state = SENTINEL_PROBING;
            redis_link_open(sentinel->probe);
        }
    }
}

static void primary_answered(const struct redisReply *reply, void *arg)
{
    struct sentinel *sentinel = arg;
    struct redis_address named;

    if (!reply || (sentinel->state != SENTINEL_ASKING && sentinel->state != SENTINEL_SETTLED))
        return;
    const char *wrong = sentinel_read_primary(reply, &named);
    sentinel->useless = wrong != NULL;
    if (wrong)
        redis_link_fail(sentinel->teller, wrong);
    else
        primary_named(sentinel, &named);
}

static void send_questions(struct sentinel *sentinel)
{
    const struct redis_arg name = redis_arg_text(sentinel->setup.url->primary);
    const struct redis_arg others[] = {redis_arg_text("SENTINEL"), redis_arg_text("SENTINELS"), name};
    const struct redis_arg primary[] = {redis_arg_text("SENTINEL"), redis_arg_text("GET-MASTER-ADDR-BY-NAME"),
                                        name};

    redis_link_send(sentinel->teller, others_answered, sentinel, others, 3);
    redis_link_send(sentinel->teller, primary_answered, sentinel, primary, 3);
}

static void teller_ready(void *arg)
{
    send_questions(arg);
}

static void teller_lost(const char *reason, void *arg)
{
    struct sentinel *sentinel = arg;

    trouble_note(&sentinel->trouble, sentinel->useless ? TROUBLE_NO_NAME : TROUBLE_SILENCE, "the sentinel",
                 &sentinel->teller_address, reason);
    ask_next(sentinel);
}

/* --- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct sentinel *sentinel = arg;

    (void)fd, (void)what;
    switch (sentinel->state) {
    case SENTINEL_IDLE:
    case SENTINEL_ASKING:
    case SENTINEL_PROBING:
        break;
    case SENTINEL_PAUSING:
        begin_round(sentinel);
        break;
    case SENTINEL_PROVED:
        candidate_proved(sentinel);
        break;
    case SENTINEL_SETTLED:
        send_questions(sentinel);
        timer_set(sentinel->timer, ASK_EVERY_MS);
        break;
    }
}

static void make_links(struct sentinel *sentinel)
{
    struct redis_link_setup setup = {
        .base = sentinel->setup.base,
        .address = &sentinel->teller_address,
        .login = &sentinel->setup.url->sentinel_login,
        .tls = sentinel->setup.tls,
        .limit_ms = LIMIT_MS,
        .ready = teller_ready,
        .lost = teller_lost,
        .arg = sentinel,
    };

    sentinel->teller = redis_link_new(&setup);
    setup.address = &sentinel->candidate;
    setup.login = &sentinel->setup.url->login;
    setup.ready = probe_ready;
    setup.lost = probe_lost;
    sentinel->probe = redis_link_new(&setup);
}

struct sentinel *sentinel_new(const struct sentinel_setup *setup)
{
    struct sentinel *sentinel = alloc_zeroed(sizeof *sentinel);

    sentinel->setup = *setup;
    sentinel_list_init(&sentinel->list, setup->url->addresses, setup->url->address_count);
    backoff_reset(&sentinel->backoff);
    sentinel->timer = timer_new(setup->base, on_timer, sentinel);
    make_links(sentinel);
    return sentinel;
}

void sentinel_free(struct sentinel *sentinel)
{
    if (!sentinel)
        return;
    redis_link_free(sentinel->teller);
    redis_link_free(sentinel->probe);
    event_free(sentinel->timer);
    free(sentinel);
}

void sentinel_seek(struct sentinel *sentinel)
{
    sentinel->sought = true;
    wait_for_round(sentinel, sentinel->state == SENTINEL_IDLE ? 0 : backoff_pause(&sentinel->backoff));
}

void sentinel_close(struct sentinel *sentinel)
{
    if (!sentinel)
        return;
    event_del(sentinel->timer);
    redis_link_close(sentinel->teller);
    redis_link_close(sentinel->probe);
    sentinel->state = SENTINEL_IDLE;
}
