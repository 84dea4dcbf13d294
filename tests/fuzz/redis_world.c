#include "tests/fuzz/redis_world.h"

#include "broker/redis/redis_address.h"
#include "broker/redis/redis_link.h"
#include "broker/redis/scripts.h"
#include "broker/redis/store.h"
#include "common/buf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/redis_store.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum { LINKS = 4, PENDING_MAX = 4096, ELEMENTS_MAX = 1 << 18 };

/* A command that waits for its answer. */
struct call {
    redis_answer *answer;
    void *arg;
    char *args[REDIS_ARGS_MAX]; /* NUL-terminated copies */
    size_t count;
    struct call *prev, *next;
};

enum link_state { AT_REST, WAITING, READY, BROKEN };

struct redis_link {
    struct redis_link_setup setup;
    enum link_state state;
    struct call *calls;
};

static struct redis_link *links[LINKS]; /* in the order of their making */
static size_t link_count, calls_pending;

/* --- the connections --- */

struct redis_link *redis_link_new(const struct redis_link_setup *setup)
{
    struct redis_link *link = calloc(1, sizeof *link);

    CHECK(link && link_count < LINKS);
    link->setup = *setup;
    links[link_count++] = link;
    return link;
}

static void call_free(struct call *call)
{
    while (call->count > 0)
        free(call->args[--call->count]);
    free(call);
    calls_pending--;
}

static void cut_off(struct redis_link *link)
{
    struct call *calls = link->calls, *call, *next;

    link->calls = NULL;
    DL_FOREACH_SAFE(calls, call, next)
    {
        if (call->answer)
            call->answer(NULL, call->arg);
        call_free(call);
    }
}

void redis_link_open(struct redis_link *link)
{
    if (link->state == AT_REST)
        link->state = WAITING;
}

void redis_link_close(struct redis_link *link)
{
    link->state = AT_REST;
    cut_off(link);
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    redis_link_close(link);
    for (size_t i = 0; i < LINKS; i++)
        if (links[i] == link)
            links[i] = NULL;
    free(link);
}

void redis_link_fail(struct redis_link *link, const char *reason)
{
    CHECK(reason);
    if (link->state == READY)
        link->state = BROKEN;
}

void redis_link_peer(const struct redis_link *link, struct redis_address *peer)
{
    *peer = *link->setup.address;
}

int redis_link_send(struct redis_link *link, redis_answer *answer, void *arg, const struct redis_arg *args,
                    size_t count)
{
    struct call *call = calloc(1, sizeof *call);

    CHECK(call && count > 0 && count <= REDIS_ARGS_MAX && ++calls_pending < PENDING_MAX);
    call->answer = answer;
    call->arg = arg;
    for (; call->count < count; call->count++) {
        const struct redis_arg *from = &args[call->count];
        char *to = call->args[call->count] = calloc(1, from->len + 1);
        CHECK(to);
        memcpy(to, from->at, from->len);
    }
    if (link->state == READY) {
        DL_APPEND(link->calls, call);
        return 0;
    }
    call_free(call);
    return -1;
}

struct redis_arg redis_arg_text(const char *text)
{
    return (struct redis_arg){text, strlen(text)};
}

bool redis_reply_is_error(const struct redisReply *reply, const char *code)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}

/* --- what becomes of them --- */

/* A callback has ended, as at the end of a turn of the loop. */
static void settle(struct redis_link *link)
{
    if (link->setup.settle)
        link->setup.settle(link->setup.arg);
}

struct redis_link *world_link(size_t n)
{
    return links[n % link_count];
}

struct redis_link *world_command_link(size_t n)
{
    return links[n % (link_count - 1)];
}

/* The backend makes it last. */
struct redis_link *world_event_link(void)
{
    return links[link_count - 1];
}

void world_connect(struct redis_link *link)
{
    if (link->state != WAITING)
        return;
    link->state = READY;
    link->setup.ready(link->setup.arg);
    settle(link);
}

void world_disconnect(struct redis_link *link)
{
    if (link->state == READY) {
        redis_link_fail(link, "the input says so");
    } else if (link->state == WAITING) {
        link->setup.lost("the input says so", link->setup.arg);
        settle(link);
    }
}

void world_turn(void)
{
    for (size_t i = 0; i < link_count; i++) {
        struct redis_link *link = links[i];

        if (link->state != BROKEN)
            continue;
        link->state = WAITING;
        cut_off(link);
        link->setup.lost("it was lost", link->setup.arg);
        settle(link);
    }
}

size_t world_pending(void)
{
    return calls_pending;
}

/* --- what Redis says --- */

static void say(struct redis_link *link, const redisReply *reply)
{
    struct call *call = link->calls;

    if (link->state != READY)
        return;
    if (link == world_event_link()) {
        link->setup.pushed(reply, link->setup.arg);
        settle(link);
        return;
    }
    if (!call)
        return;
    DL_DELETE(link->calls, call);
    call->answer(reply, call->arg);
    call_free(call);
    settle(link);
}

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static void *(*make_array)(const redisReadTask *task, element_count count);

/* As redis_link.c does. */
static void *bounded_array(const redisReadTask *task, element_count count)
{
    return (size_t)count > ELEMENTS_MAX ? NULL : make_array(task, count);
}

size_t world_say(struct redis_link *link, const char *text, size_t len)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    size_t used = 0;

    CHECK(reader);
    redisReplyObjectFunctions makers = *reader->fn;
    make_array = makers.createArray;
    makers.createArray = bounded_array;
    reader->fn = &makers;
    if (redisReaderFeed(reader, text, len) == REDIS_OK && redisReaderGetReply(reader, &reply) == REDIS_OK &&
        reply) {
        used = len - (reader->len - reader->pos);
        say(link, reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return used;
}

/* What is published comes on the connection for events. */
static void push(const char *channel, const char *text)
{
    struct buf message;

    buf_init(&message, SIZE_MAX / 2);
    resp_list(&message, 3);
    resp_text(&message, "message");
    resp_text(&message, channel);
    resp_text(&message, text);
    world_say(world_event_link(), message.data, message.len);
    buf_deinit(&message);
}

static char node[128];  /* who joined last: the sweeper */
static bool lease_gone; /* when it is renewed next */

void world_tell_node(const char *text)
{
    char channel[sizeof node + 10];

    snprintf(channel, sizeof channel, "r:node:%s", node);
    push(channel, text);
}

void world_tell_ride(const char *ride, const char *text)
{
    char channel[RIDE_NAME_MAX + 20];

    snprintf(channel, sizeof channel, "r:{%s}:events:1", ride);
    push(channel, text);
}

/* What Redis answers to a command, about. */
static void make_reply(const struct call *call, struct buf *reply)
{
    static const struct {
        const char *word, *reply;
    } usual[] = {
        {"TIME", "*2\r\n$10\r\n1700000000\r\n$1\r\n5\r\n"},
        {"GETRANGE", "$2\r\n{}\r\n"},
        {"SMEMBERS", "*1\r\n$4\r\ndead\r\n"},
        {"SRANDMEMBER", "*1\r\n$1\r\na\r\n"},
        {"SSCAN", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\n/\r\n"},
        {"ZSCAN", "*2\r\n$1\r\n0\r\n*2\r\n$1\r\n/\r\n$1\r\n1\r\n"},
        {"HSCAN", "*2\r\n$1\r\n0\r\n*0\r\n"},
        {"SENTINEL", "*2\r\n$1\r\nh\r\n$4\r\n6379\r\n"},
        {"ROLE", "*1\r\n$6\r\nmaster\r\n"},
        {"TYPE", "+none\r\n"},
        {"SET", "+OK\r\n"},
        {"PTTL", ":-2\r\n"},
    };
    const char *word = call->args[0];
    char digest[SCRIPT_DIGEST_LEN + 1];

    if (strstr(word, "SUBSCRIBE")) {
        resp_list(reply, 3);
        resp_text(reply, word);
        resp_text(reply, call->args[1]);
        resp_number(reply, 1);
    } else if (lease_gone && !strcmp(word, "SET") && !strcmp(call->args[call->count - 1], "XX")) {
        lease_gone = false;
        CHECK(!buf_append_str(reply, "$-1\r\n"));
    } else if (!strcmp(word, "EVALSHA")) {
        store_run(&(struct store_call){call->args, call->count}, reply);
    } else if (!strcmp(word, "SCRIPT")) {
        store_load(call->args[2], digest);
        resp_text(reply, digest);
    } else if (!strcmp(word, "GET")) {
        const char *key = call->args[1];
        resp_text(reply, strstr(key, "sweeper")  ? node
                         : strstr(key, "layout") ? STORE_LAYOUT
                                                 : "0123456789abcdef0123456789abcdef");
    } else {
        if (!strcmp(word, "SADD") && !strcmp(call->args[1], "r:nodes"))
            snprintf(node, sizeof node, "%s", call->args[2]);
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            if (!strcmp(word, usual[i].word))
                CHECK(!buf_append_str(reply, usual[i].reply));
        if (!reply->len)
            CHECK(!buf_append_str(reply, ":1\r\n"));
    }
}

bool world_answer(struct redis_link *link)
{
    struct call *call = link->calls;
    struct buf reply;

    if (link->state != READY || !call)
        return false;
    buf_init(&reply, SIZE_MAX / 2);
    make_reply(call, &reply);
    if (link == world_event_link()) { /* what comes there answers no command, but confirms it */
        DL_DELETE(link->calls, call);
        call_free(call);
    }
    CHECK(world_say(link, reply.data, reply.len));
    buf_deinit(&reply);
    return true;
}

void world_lose_lease(void)
{
    lease_gone = true;
}

void world_begin(void)
{
    link_count = 0;
    node[0] = '\0';
    lease_gone = false;
    store_begin(push);
}
