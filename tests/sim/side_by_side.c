#include "tests/sim/side_by_side.h"

#include "common/buf.h"
#include "tests/cluster/redis_server.h"
#include "tests/sim/redis/sim_redis.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* As cluster/shifted_clock.c reads it. */
struct setting {
    int64_t shift_s, still_us;
};

struct side {
    redisContext *real;
    struct sim_redis_connection *simulated;
    redisReader *heard; /* what the simulated one has said */
};

struct side_by_side {
    struct redis_server *server;
    struct sim_redis *redis;
    struct side asking, listening;
    char folder[FOLDER_SIZE], version[32];
    struct setting *clock;
    struct buf real_text, simulated_text;
    uint64_t seed;
    bool tables; /* large hashes, and each has its order of them */
    size_t asked;
};

enum { START_S = 1700000000, LISTED_MAX = 64 };

/* --- answers as texts --- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void append(struct buf *buf, const char *text, size_t len)
{
    assert_int_equal(len > 0 ? buf_append(buf, text, len) : 0, 0);
}

static void write_reply(struct buf *text, const redisReply *reply, bool unordered);

static void write_sorted(struct buf *text, const redisReply *reply)
{
    char **parts = calloc(reply->elements + 1, sizeof *parts);

    assert_non_null(parts);
    for (size_t i = 0; i < reply->elements; i++) {
        struct buf part;

        buf_init(&part, SIZE_MAX / 2);
        write_reply(&part, reply->element[i], true);
        append(&part, "", 1);
        parts[i] = part.data;
    }
    qsort(parts, reply->elements, sizeof *parts, compare_texts);
    for (size_t i = 0; i < reply->elements; i++) {
        append(text, parts[i], strlen(parts[i]));
        free(parts[i]);
    }
    free(parts);
}

static void write_reply(struct buf *text, const redisReply *reply, bool unordered)
{
    switch (reply->type) {
    case REDIS_REPLY_ARRAY:
        append(text, "[", 1);
        if (unordered)
            write_sorted(text, reply);
        for (size_t i = 0; !unordered && i < reply->elements; i++)
            write_reply(text, reply->element[i], false);
        append(text, "]", 1);
        break;
    case REDIS_REPLY_INTEGER:
        assert_int_equal(buf_appendf(text, " :%lld", reply->integer), 0);
        break;
    case REDIS_REPLY_NIL:
        append(text, " nil", 4);
        break;
    default:
        append(text,
               reply->type == REDIS_REPLY_ERROR    ? " -"
               : reply->type == REDIS_REPLY_STATUS ? " +"
                                                   : " '",
               2);
        append(text, reply->str, reply->len);
        append(text, "'", reply->type == REDIS_REPLY_STRING);
    }
}

static void write_asked(char *line, size_t size, const struct asked *asked)
{
    size_t len = 0;

    for (size_t i = 0; i < asked->count && len < size; i++)
        len += (size_t)snprintf(line + len, size - len, "%s\"%s\"", i > 0 ? " " : "", asked->words[i]);
}

static void compare_texts_of(struct side_by_side *both, const struct asked *asked)
{
    char line[8192] = "";

    append(&both->real_text, "", 1);
    append(&both->simulated_text, "", 1);
    if (strcmp(both->real_text.data, both->simulated_text.data) == 0)
        return;
    if (asked)
        write_asked(line, sizeof line, asked);
    fail_msg("seed %" PRIu64 ", command %zu, Redis %s: %s\n  real      %s\n  simulated %s", both->seed,
             both->asked, both->version, line, both->real_text.data, both->simulated_text.data);
}

/* --- the two --- */

static void heard(const char *bytes, size_t len, void *arg)
{
    const struct side *side = arg;

    assert_int_equal(redisReaderFeed(side->heard, bytes, len), REDIS_OK);
}

static void closed(void *arg)
{
    (void)arg;
    fail_msg("the simulated Redis has closed a connection");
}

static void connect_side(struct side_by_side *both, struct side *side)
{
    const struct timeval limit = {.tv_sec = 20};

    side->real = redisConnect("127.0.0.1", both->server->port);
    assert_true(side->real && !side->real->err);
    redisSetTimeout(side->real, limit);
    side->heard = redisReaderCreate();
    side->simulated = sim_redis_connect(
        both->redis, (struct sim_redis_client){.output = heard, .closed = closed, .arg = side});
}

static void deinit_side(struct side *side)
{
    redisFree(side->real);
    redisReaderFree(side->heard);
}

static void start_server(struct side_by_side *both, size_t listed_max)
{
    char file[FOLDER_SIZE + 16], conf[200];

    folder_make(both->folder, "clock");
    snprintf(file, sizeof file, "%s/setting", both->folder);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, sizeof *both->clock) == 0);
    both->clock = mmap(NULL, sizeof *both->clock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(both->clock != MAP_FAILED);
    close(fd);
    both->clock->still_us = INT64_C(1000000) * START_S;
    setenv("SHIFTED_CLOCK", file, 1);
    setenv("LD_PRELOAD", SHIFTED_CLOCK_LIBRARY, 1);
    snprintf(conf, sizeof conf, NOTHING_KEPT "hash-max-ziplist-value %zu\n", listed_max);
    both->server = redis_server_start(REDIS_SERVER, conf);
    unsetenv("LD_PRELOAD");
}

static void read_version(struct side_by_side *both)
{
    redisReply *info = redis_ask(both->server, "INFO server");
    const char *version = strstr(info->str, "redis_version:");

    assert_non_null(version);
    version += strlen("redis_version:");
    snprintf(both->version, sizeof both->version, "%.*s", (int)strcspn(version, "\r"), version);
    freeReplyObject(info);
}

struct side_by_side *side_by_side_new(uint64_t seed, size_t listed_max)
{
    struct side_by_side *both = calloc(1, sizeof *both);

    assert_non_null(both);
    both->seed = seed;
    both->tables = listed_max <= LISTED_MAX;
    start_server(both, listed_max);
    read_version(both);
    both->redis = sim_redis_new(&(struct sim_redis_setup){
        .version = both->version, .seed = seed, .listed_max = listed_max, .now_us = both->clock->still_us});
    connect_side(both, &both->asking);
    connect_side(both, &both->listening);
    buf_init(&both->real_text, SIZE_MAX / 2);
    buf_init(&both->simulated_text, SIZE_MAX / 2);
    return both;
}

void side_by_side_free(struct side_by_side *both)
{
    deinit_side(&both->asking);
    deinit_side(&both->listening);
    redis_server_free(both->server);
    sim_redis_free(both->redis);
    munmap(both->clock, sizeof *both->clock);
    folder_remove(both->folder);
    buf_deinit(&both->real_text);
    buf_deinit(&both->simulated_text);
    free(both);
}

const char *side_by_side_version(const struct side_by_side *both)
{
    return both->version;
}

/* --- asking --- */

static void send_to_simulated(struct side *side, const struct asked *asked)
{
    char *bytes;
    int len = redisFormatCommandArgv(&bytes, (int)asked->count, (const char **)asked->words, NULL);

    assert_true(len > 0);
    sim_redis_input(side->simulated, bytes, (size_t)len / 2); /* in two pieces */
    sim_redis_input(side->simulated, bytes + len / 2, (size_t)len - (size_t)len / 2);
    redisFreeCommand(bytes);
}

/* Not NULL. */
static redisReply *simulated_reply(struct side *side)
{
    void *reply = NULL;

    assert_int_equal(redisReaderGetReply(side->heard, &reply), REDIS_OK);
    if (!reply)
        fail_msg("the simulated Redis says nothing");
    return reply;
}

static void start_texts(struct side_by_side *both)
{
    buf_clear(&both->real_text);
    buf_clear(&both->simulated_text);
}

/* Of the next answer. */
static redisReply *take_answers(struct side_by_side *both, struct side *side, bool unordered)
{
    void *real;
    redisReply *simulated = simulated_reply(side);

    if (redisGetReply(side->real, &real) != REDIS_OK)
        fail_msg("Redis does not answer: %s", side->real->errstr);
    write_reply(&both->real_text, real, unordered);
    write_reply(&both->simulated_text, simulated, unordered);
    freeReplyObject(simulated);
    return real;
}

const char *ask_both(struct side_by_side *both, const struct asked *asked)
{
    both->asked++;
    start_texts(both);
    assert_int_equal(
        redisAppendCommandArgv(both->asking.real, (int)asked->count, (const char **)asked->words, NULL),
        REDIS_OK);
    send_to_simulated(&both->asking, asked);
    freeReplyObject(take_answers(both, &both->asking, asked->unordered));
    compare_texts_of(both, asked);
    return both->real_text.data;
}

const char *ask_both_line(struct side_by_side *both, const char *line)
{
    char copy[512], *rest = copy, *word;
    struct asked asked = {.count = 0};

    snprintf(copy, sizeof copy, "%s", line);
    while ((word = strsep(&rest, " ")))
        asked.words[asked.count++] = word;
    return ask_both(both, &asked);
}

void tell_both_listeners(struct side_by_side *both, const struct asked *asked)
{
    assert_int_equal(
        redisAppendCommandArgv(both->listening.real, (int)asked->count, (const char **)asked->words, NULL),
        REDIS_OK);
    send_to_simulated(&both->listening, asked);
}

void compare_heard(struct side_by_side *both)
{
    static const struct asked end = {.words = {"PING", "end"}, .count = 2};
    bool ended = false;

    tell_both_listeners(both, &end);
    while (!ended) {
        start_texts(both);
        redisReply *reply = take_answers(both, &both->listening, false);
        ended = (reply->type == REDIS_REPLY_ARRAY && strcmp(reply->element[1]->str, "end") == 0) ||
                (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "end") == 0);
        freeReplyObject(reply);
        compare_texts_of(both, NULL);
    }
}

static void compare_key(struct side_by_side *both, const char *key)
{
    static const struct {
        const char *type;
        const char *words[4];
    } readings[] = {
        {"string", {"GET", NULL}},
        {"hash", {"HGETALL", NULL}},
        {"set", {"SMEMBERS", NULL}},
        {"zset", {"ZRANGEBYSCORE", "-inf", "+inf", "WITHSCORES"}},
        {"stream", {"XRANGE", "-", "+", NULL}},
    };
    const char *type = ask_both(both, &(struct asked){.words = {"TYPE", key}, .count = 2});

    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        struct asked asked = {.words = {readings[i].words[0], key}, .count = 2};

        if (strcmp(type + 2, readings[i].type) != 0)
            continue;
        for (int word = 1; word < 4 && readings[i].words[word]; word++)
            asked.words[asked.count++] = readings[i].words[word];
        asked.unordered =
            strcmp(readings[i].type, "set") == 0 || (both->tables && strcmp(type + 2, "hash") == 0);
        ask_both(both, &asked);
        break;
    }
    ask_both(both, &(struct asked){.words = {"PTTL", key}, .count = 2});
}

void compare_keys(struct side_by_side *both)
{
    redisReply *keys = redis_ask(both->server, "KEYS *");

    ask_both(both, &(struct asked){.words = {"KEYS", "*"}, .count = 2, .unordered = true});
    for (size_t i = 0; i < keys->elements; i++)
        compare_key(both, keys->element[i]->str);
    freeReplyObject(keys);
}

/* --- what happens to both --- */

void move_clocks(struct side_by_side *both, int64_t by_us)
{
    both->clock->still_us += by_us;
    sim_redis_set_clock(both->redis, both->clock->still_us);
}

int64_t clock_of_both_us(const struct side_by_side *both)
{
    return both->clock->still_us;
}

void fill_both(struct side_by_side *both, bool full)
{
    redis_run(both->server, "CONFIG SET maxmemory %d", full);
    sim_redis_fill(both->redis, full);
}
