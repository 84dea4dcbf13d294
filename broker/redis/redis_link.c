/*
 * The life cycle of a connection to Redis. One timer serves every state: the pause while WAITING, the
 * deadlines from RESOLVING to GREETING, the ping each second while READY, and the turn of the loop on which
 * a BROKEN connection is taken down.
 *
 * A host's addresses are looked up for a round, in which each has its turn. The round is over when the last
 * has failed or one has held for a second; what fails then is said, and the next attempt begins a new one.
 */
#include "broker/redis/redis_link.h"

#include "broker/redis/backoff.h"
#include "broker/redis/redis_tls.h"
#include "broker/redis/redis_url.h"
#include "broker/redis/resolve.h"
#include "broker/redis/timer.h"
#include "broker/redis/trouble.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
    COMMAND_MAX = 1024 * 1024, /* bytes: more than any that there is */
    PING_EVERY_MS = 1000,
    PINGS_LOST_MAX = 3,
    RESOLVE_LIMIT_MS = 15000, /* the resolver asks three DNS servers for five seconds each */
    /* A page of records of the largest size fits; nothing that is asked for is larger. */
    REPLY_MAX = 64 * 1024 * 1024,        /* bytes of one reply */
    REPLY_STRING_MAX = 16 * 1024 * 1024, /* of one string in it */
    REPLY_ELEMENTS_MAX = 1 << 18,        /* of all its arrays: each takes more memory than bytes */
};

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

enum link_state {
    LINK_IDLE,       /* closed; nothing happens until redis_link_open() */
    LINK_WAITING,    /* no connection; the timer tells when to try again */
    LINK_RESOLVING,  /* the host's name is being looked up */
    LINK_CONNECTING, /* connect(2) is under way */
    LINK_SECURING,   /* connected; the TLS handshake is under way */
    LINK_GREETING,   /* connected; AUTH, SELECT and a first PING are on their way */
    LINK_READY,      /* in use */
    LINK_BROKEN,     /* given up; the connection still exists but is not read or written any more */
};

/* A command whose answer is awaited; answers come in the order of the commands. */
struct call {
    redis_answer *answer;
    void *arg;
    struct call *prev, *next;
};

struct redis_link {
    struct redis_link_setup setup;
    enum link_state state;
    redisContext *context;
    struct ssl_st *session;           /* the context's; NULL: no TLS */
    redisReplyObjectFunctions makers; /* hiredis' own, but for bounded_array() */
    void *(*make_array)(const redisReadTask *task, element_count count); /* hiredis' own */
    size_t reply_bytes, reply_elements;                                  /* of the reply that is being read */
    struct event *readable, *writable;                                   /* exist together with the context */
    struct event *timer;
    struct buf command; /* that is being sent: hiredis takes a copy */
    struct call *calls;
    unsigned silent_pings; /* sent since anything was heard */
    struct backoff backoff;
    struct resolve *resolve;                  /* RESOLVING */
    struct redis_address resolved;            /* the host that was looked up last */
    struct redis_address former[RESOLVE_MAX]; /* that it had then */
    size_t former_count;
    bool stale; /* this round goes by them: it could not be looked up again */
    struct redis_address addresses[RESOLVE_MAX]; /* of this round */
    size_t address_count, turn;                  /* the one that is tried or in use */
    struct redis_address best;                   /* which held for a second last, hence tried first */
    uint64_t until_ms;                           /* when the last of the round has to be ready */
    char failures[TROUBLE_SIZE];                 /* of this round */
    bool served;      /* BROKEN: it had been ready, so that `lost` is called before anything else */
    struct told told; /* cleared after a good second */
};

static bool connected(const struct redis_link *link)
{
    return link->state >= LINK_CONNECTING && link->state != LINK_BROKEN;
}

static void complain(struct redis_link *link)
{
    char address[REDIS_ADDRESS_TEXT_SIZE];

    if (link->setup.purpose && told_is_news(&link->told, link->failures, clock_ms()))
        log_error("broker", "no connection to Redis at %s for %s: %s",
                  redis_address_text(link->setup.address, address), link->setup.purpose, link->failures);
}

/* With the address, where it is not the one that the log names anyway. */
static void note_failure(struct redis_link *link, const char *reason)
{
    size_t len = strlen(link->failures);
    const char *comma = len > 0 ? ", " : "";
    const struct redis_address *address = &link->addresses[link->turn];

    if (link->turn >= link->address_count || redis_address_equal(address, link->setup.address))
        snprintf(link->failures + len, sizeof link->failures - len, "%s%s", comma, reason);
    else
        snprintf(link->failures + len, sizeof link->failures - len, "%s%s: %s", comma, address->host, reason);
}

/* The state is changed first: an answer that is cut off finds no connection to send on. */
static void drop_connection(struct redis_link *link)
{
    struct call *calls = link->calls, *call, *next;

    if (link->context) {
        event_free(link->readable);
        event_free(link->writable);
        redisFree(link->context);
        link->context = NULL;
        link->session = NULL;
    }
    link->calls = NULL;
    DL_FOREACH_SAFE(calls, call, next)
    {
        call->answer(NULL, call->arg);
        free(call);
    }
}

static void give_up(struct redis_link *link, const char *reason)
{
    note_failure(link, reason);
    if (link->turn + 1 >= link->address_count)
        complain(link);
    link->served = link->state == LINK_READY;
    link->state = LINK_BROKEN;
    timer_set(link->timer, 0);
}

void redis_link_fail(struct redis_link *link, const char *reason)
{
    if (connected(link))
        give_up(link, reason);
}

/*
 * After an error in the context; hiredis leaves the cause of an I/O error in errno's words. With TLS 1.3 a
 * server that does not like our certificate says so after the handshake, and may or may not be heard before
 * it hangs up.
 */
static void fail_with_context(struct redis_link *link)
{
    char reason[160];
    bool known = link->session && redis_tls_complains(reason, sizeof reason);

    if (link->session && link->state == LINK_GREETING)
        redis_link_fail(link,
                        "it hangs up after the TLS handshake; it may want a certificate (cert and key)");
    else
        redis_link_fail(link, known ? reason : link->context->errstr);
}

int redis_link_send(struct redis_link *link, redis_answer *answer, void *arg, const struct redis_arg *args,
                    size_t count)
{
    if (link->state != LINK_GREETING && link->state != LINK_READY)
        return -1;
    buf_clear(&link->command);
    if (resp_append(&link->command, args, count) != 0 ||
        redisAppendFormattedCommand(link->context, link->command.data, link->command.len) != REDIS_OK)
        alloc_failed();
    if (answer) {
        struct call *call = alloc_zeroed(sizeof *call);

        call->answer = answer;
        call->arg = arg;
        DL_APPEND(link->calls, call);
    }
    event_add(link->writable, NULL);
    return 0;
}

static void answer_ignored(const struct redisReply *reply, void *arg)
{
    (void)reply, (void)arg;
}

static void send_ping(struct redis_link *link)
{
    static const struct redis_arg ping = {"PING", 4};

    redis_link_send(link, link->setup.pushed ? NULL : answer_ignored, NULL, &ping, 1);
}

/* Redis has refused a step of the greeting: most often a wrong password, or one that is missing. */
static bool greeting_refused(struct redis_link *link, const struct redisReply *reply)
{
    char reason[160];

    if (!reply)
        return true;
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    snprintf(reason, sizeof reason, "it refuses this gateway: %s", reply->str);
    redis_link_fail(link, reason);
    return true;
}

static void step_answered(const struct redisReply *reply, void *arg)
{
    greeting_refused(arg, reply);
}

static void greeting_answered(const struct redisReply *reply, void *arg)
{
    struct redis_link *link = arg;

    if (greeting_refused(link, reply) || link->state != LINK_GREETING)
        return;
    link->state = LINK_READY;
    link->silent_pings = 0;
    timer_set(link->timer, PING_EVERY_MS);
    link->setup.ready(link->setup.arg);
}

static void greet(struct redis_link *link)
{
    const struct redis_login *login = link->setup.login;
    char db[16];

    link->state = LINK_GREETING;
    if (login->password) {
        struct redis_arg auth[3] = {redis_arg_text("AUTH")};
        size_t count = 1;

        if (login->user)
            auth[count++] = redis_arg_text(login->user);
        auth[count++] = redis_arg_text(login->password);
        redis_link_send(link, step_answered, link, auth, count);
    }
    if (link->setup.db > 0) {
        snprintf(db, sizeof db, "%u", link->setup.db);
        const struct redis_arg select[2] = {redis_arg_text("SELECT"), redis_arg_text(db)};
        redis_link_send(link, step_answered, link, select, 2);
    }
    const struct redis_arg ping = redis_arg_text("PING");
    redis_link_send(link, greeting_answered, link, &ping, 1);
}

static void give_reply(struct redis_link *link, const redisReply *reply)
{
    struct call *call = link->calls;

    link->silent_pings = 0;
    if (reply->type == REDIS_REPLY_ERROR && link->setup.refused)
        link->setup.refused(reply, link->setup.arg);
    if (call) {
        DL_DELETE(link->calls, call);
        call->answer(reply, call->arg);
        free(call);
    } else if (link->setup.pushed) {
        link->setup.pushed(reply, link->setup.arg);
    } else {
        redis_link_fail(link, "it sent a reply that answers nothing");
    }
}

static const char TOO_LARGE[] = "it sent a reply that is too large";

/* hiredis makes room for as many elements as a reply announces, before there is any. */
static void *bounded_array(const redisReadTask *task, element_count count)
{
    struct redis_link *link = task->privdata;

    if ((size_t)count > REPLY_ELEMENTS_MAX - link->reply_elements)
        return NULL; /* REDIS_ERR_OOM */
    link->reply_elements += (size_t)count;
    return link->make_array(task, count);
}

static void bound_replies(struct redis_link *link)
{
    redisReader *reader = link->context->reader;

    link->makers = *reader->fn;
    link->make_array = link->makers.createArray;
    link->makers.createArray = bounded_array;
    reader->fn = &link->makers;
    reader->privdata = link;
    link->reply_bytes = link->reply_elements = 0;
}

static size_t unread_bytes(const struct redis_link *link)
{
    return link->context->reader->len - link->context->reader->pos;
}

static void read_replies(struct redis_link *link)
{
    size_t before = unread_bytes(link);

    if (redisBufferRead(link->context) != REDIS_OK) {
        fail_with_context(link);
        return;
    }
    link->reply_bytes += unread_bytes(link) - before;
    while (connected(link)) {
        void *reply = NULL;

        if (redisGetReplyFromReader(link->context, &reply) != REDIS_OK) {
            if (link->context->err == REDIS_ERR_OOM)
                redis_link_fail(link, TOO_LARGE);
            else
                fail_with_context(link);
            return;
        }
        if (!reply)
            break;
        link->reply_bytes = unread_bytes(link);
        link->reply_elements = 0;
        give_reply(link, reply);
        freeReplyObject(reply);
    }
    if (link->reply_bytes > REPLY_MAX || unread_bytes(link) > REPLY_STRING_MAX)
        redis_link_fail(link, TOO_LARGE);
}

static void shake_hands(struct redis_link *link)
{
    char reason[160];

    switch (redis_tls_handshake(link->session, reason, sizeof reason)) {
    case REDIS_TLS_DONE:
        greet(link);
        break;
    case REDIS_TLS_READ:
        break; /* always awaited */
    case REDIS_TLS_WRITE:
        event_add(link->writable, NULL);
        break;
    case REDIS_TLS_FAILED:
        redis_link_fail(link, reason);
        break;
    }
}

static void secure(struct redis_link *link)
{
    char reason[160];

    link->session =
        redis_tls_begin(link->setup.tls, link->context, link->setup.address->host, reason, sizeof reason);
    if (!link->session) {
        redis_link_fail(link, reason);
        return;
    }
    link->state = LINK_SECURING;
    shake_hands(link);
}

static void on_connected(struct redis_link *link)
{
    int failure = 0;
    socklen_t size = sizeof failure;

    if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (failure != 0) {
        redis_link_fail(link, strerror(failure));
        return;
    }
    event_add(link->readable, NULL);
    if (link->setup.tls)
        secure(link);
    else
        greet(link);
}

static void settle(struct redis_link *link)
{
    if (link->setup.settle)
        link->setup.settle(link->setup.arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;

    (void)fd, (void)what;
    if (link->state == LINK_SECURING)
        shake_hands(link);
    else if (connected(link))
        read_replies(link);
    settle(link);
}

static void write_commands(struct redis_link *link)
{
    int done = 0;

    if (redisBufferWrite(link->context, &done) != REDIS_OK)
        fail_with_context(link);
    else if (!done)
        event_add(link->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;

    (void)fd, (void)what;
    if (link->state == LINK_CONNECTING)
        on_connected(link);
    else if (link->state == LINK_SECURING)
        shake_hands(link);
    else if (connected(link))
        write_commands(link);
}

static redisContext *begin_connecting(const struct redis_address *address)
{
    redisContext *context = redis_address_is_socket(address)
                                ? redisConnectUnixNonBlock(address->host)
                                : redisConnectNonBlock(address->host, address->port);

    if (!context)
        alloc_failed();
    return context;
}

static void connect_in_turn(struct redis_link *link)
{
    redisContext *context = begin_connecting(&link->addresses[link->turn]);
    uint64_t now_ms = clock_ms(), left_ms = link->until_ms > now_ms ? link->until_ms - now_ms : 0;

    if (context->err) {
        give_up(link, context->errstr);
        redisFree(context);
        return;
    }
    link->context = context;
    bound_replies(link);
    link->readable = event_new(link->setup.base, context->fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(link->setup.base, context->fd, EV_WRITE, on_writable, link);
    if (!link->readable || !link->writable)
        alloc_failed();
    link->state = LINK_CONNECTING;
    event_add(link->writable, NULL);
    timer_set(link->timer, (unsigned)(left_ms / (link->address_count - link->turn)));
}

static void put_best_first(struct redis_link *link)
{
    struct redis_address *all = link->addresses;

    for (size_t i = 1; i < link->address_count; i++) {
        if (redis_address_equal(&all[i], &link->best)) {
            memmove(&all[1], &all[0], i * sizeof *all);
            all[0] = link->best;
        }
    }
}

static void try_addresses(struct redis_link *link)
{
    link->until_ms = clock_ms() + link->setup.limit_ms;
    connect_in_turn(link);
}

static void use_addresses(struct redis_link *link, const struct redis_address *addresses, size_t count)
{
    memcpy(link->addresses, addresses, count * sizeof *addresses);
    link->address_count = count;
    put_best_first(link);
    try_addresses(link);
}

static bool has_former(const struct redis_link *link)
{
    return link->former_count > 0 && redis_address_equal(&link->resolved, link->setup.address);
}

static void use_former(struct redis_link *link, const char *why)
{
    if (!has_former(link)) {
        give_up(link, why);
        return;
    }
    note_failure(link, why);
    link->stale = true;
    use_addresses(link, link->former, link->former_count);
}

static void address_resolved(const struct resolved *resolved, void *arg)
{
    struct redis_link *link = arg;

    link->resolve = NULL;
    if (resolved->count == 0) {
        use_former(link, resolved->error);
        return;
    }
    link->stale = false;
    link->resolved = *link->setup.address;
    memcpy(link->former, resolved->addresses, sizeof link->former);
    link->former_count = resolved->count;
    use_addresses(link, resolved->addresses, resolved->count);
}

static void stop_resolving(struct redis_link *link)
{
    resolve_cancel(link->resolve);
    link->resolve = NULL;
}

/* Where those of before have not helped, it waits for the resolver for longer. */
static void begin_round(struct redis_link *link)
{
    const struct redis_address *address = link->setup.address;
    bool can_do_without = has_former(link) && !link->stale;

    link->turn = link->address_count = 0;
    link->failures[0] = '\0';
    if (redis_address_is_socket(address) || redis_address_is_ip(address)) {
        use_addresses(link, address, 1);
        return;
    }
    link->state = LINK_RESOLVING;
    link->resolve = resolve_begin(link->setup.base, address, address_resolved, link);
    timer_set(link->timer, can_do_without ? link->setup.limit_ms / 2 : RESOLVE_LIMIT_MS);
}

static void start_connecting(struct redis_link *link)
{
    if (link->turn >= link->address_count)
        begin_round(link);
    else
        try_addresses(link);
}

static void take_down(struct redis_link *link)
{
    if (++link->turn < link->address_count && !link->served) {
        drop_connection(link);
        connect_in_turn(link);
        return;
    }
    link->state = LINK_WAITING;
    timer_set(link->timer, backoff_pause(&link->backoff));
    drop_connection(link);
    link->setup.lost(link->failures, link->setup.arg); /* last: it may close the link */
}

/* A connection that has held for a second is a good one: the next loss begins with the shortest pause again.
 */
static void check_alive(struct redis_link *link)
{
    if (link->silent_pings >= PINGS_LOST_MAX) {
        redis_link_fail(link, "it does not answer pings");
        return;
    }
    backoff_reset(&link->backoff);
    link->best = link->addresses[link->turn];
    link->address_count = link->turn + 1;
    link->failures[0] = '\0';
    told_clear(&link->told);
    link->silent_pings++;
    send_ping(link);
    timer_set(link->timer, PING_EVERY_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *link = arg;

    (void)fd, (void)what;
    switch (link->state) {
    case LINK_IDLE:
        break;
    case LINK_WAITING:
        start_connecting(link);
        break;
    case LINK_RESOLVING:
        stop_resolving(link);
        use_former(link, "the resolver does not answer");
        break;
    case LINK_CONNECTING:
    case LINK_SECURING:
    case LINK_GREETING:
        redis_link_fail(link, "it does not answer");
        break;
    case LINK_READY:
        check_alive(link);
        break;
    case LINK_BROKEN:
        take_down(link);
        break;
    }
    settle(link);
}

struct redis_link *redis_link_new(const struct redis_link_setup *setup)
{
    struct redis_link *link = alloc_zeroed(sizeof *link);

    link->setup = *setup;
    buf_init(&link->command, COMMAND_MAX);
    backoff_reset(&link->backoff);
    link->timer = timer_new(setup->base, on_timer, link);
    return link;
}

void redis_link_open(struct redis_link *link)
{
    if (link->state == LINK_IDLE)
        start_connecting(link);
}

void redis_link_close(struct redis_link *link)
{
    event_del(link->timer);
    stop_resolving(link);
    link->state = LINK_IDLE;
    link->turn = link->address_count = 0;
    drop_connection(link);
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    redis_link_close(link);
    event_free(link->timer);
    buf_deinit(&link->command);
    free(link);
}

void redis_link_peer(const struct redis_link *link, struct redis_address *peer)
{
    *peer = link->addresses[link->turn];
}

struct redis_arg redis_arg_text(const char *text)
{
    return (struct redis_arg){text, strlen(text)};
}

bool redis_reply_is_error(const struct redisReply *reply, const char *code)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}
