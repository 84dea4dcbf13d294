/*
 * Calling scripts, and looking at what they answer and leave behind.
 */
#include "tests/cluster/script_world.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 700 };

static int last_sequence;

int script_setup(void **state)
{
    last_sequence = 0;
    *state = redis_server_start(REDIS_SERVER, NOTHING_KEPT);
    return 0;
}

int script_teardown(void **state)
{
    redis_server_free(*state);
    return 0;
}

/* --- calling --- */

static const char * or (const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

redisReply *run(struct redis_server *server, struct call call)
{
    static const struct place nowhere = {.offset = "0"};
    const struct place *known = call.known ? call.known : &nowhere;
    const char *args[ARGS_MAX] = {"EVAL",
                                  call.script,
                                  "5",
                                  "p:{/x}:users",
                                  "p:{/x}:connections",
                                  "p:{/x}:away",
                                  "p:{/x}:meta",
                                  "p:{/x}:log",
                                  "channel",
                                  or (call.window, "60000"),
                                  "100",
                                  or (call.epoch, "epochXXX"),
                                  known->epoch,
                                  known->offset,
                                  known->chain,
                                  or (call.left, "")};
    int count = 16;

    for (int i = 0; call.args[i]; i++)
        args[count++] = call.args[i];
    redisReply *reply = redisCommandArgv(server->control, count, args, NULL);
    assert_non_null(reply);
    return reply;
}

const char *socket_of(char letter)
{
    static char id[21];

    memset(id, letter, 20);
    return id;
}

/* The arguments of a call for several operations, with the texts that are made for it. */
struct arguments {
    const char *at[ARGS_MAX];
    char made[ARGS_MAX][64];
    int count;
};

static void add(struct arguments *arguments, const char *text)
{
    assert_true(arguments->count < ARGS_MAX);
    arguments->at[arguments->count++] = text;
}

static void add_made(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_made(struct arguments *arguments, const char *format, ...)
{
    va_list values;
    char *text = arguments->made[arguments->count];

    va_start(values, format);
    vsnprintf(text, sizeof arguments->made[0], format, values);
    va_end(values);
    add(arguments, text);
}

static char ride_of(const struct operation *operation)
{
    return operation->ride ? operation->ride : 'x';
}

/* Those of one ride stand one behind the other. */
static size_t count_run(const struct operation *first, const struct operation *end)
{
    size_t count = 1;

    while (first + count < end && ride_of(first + count) == ride_of(first))
        count++;
    return count;
}

static void add_keys(struct arguments *arguments, char ride)
{
    static const char *const keys[] = {"users", "connections", "away", "meta", "log"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add_made(arguments, "p:{/%c}:%s", ride, keys[i]);
}

static void add_known(struct arguments *arguments, const struct operation *operation)
{
    static const struct place nowhere = {.offset = "0"};
    const struct place *known = operation->known ? operation->known : &nowhere;

    add(arguments, known->epoch);
    add(arguments, known->offset);
    add(arguments, known->chain);
    add(arguments, or (operation->left, ""));
}

static void add_channel(struct arguments *arguments, char ride)
{
    if (ride == 'x')
        add(arguments, "channel");
    else
        add_made(arguments, "channel-%c", ride);
}

static void add_operation(struct arguments *arguments, const struct operation *operation)
{
    bool suspends = strcmp(operation->script, script_suspend) == 0;

    add(arguments, or (operation->kind, ""));
    add_made(arguments, "%s", socket_of(operation->socket ? operation->socket : 'a'));
    add(arguments, or (operation->id, ""));
    add(arguments, or (operation->user, or (operation->id, "")));
    add(arguments, or (operation->tenure, "0"));
    add_made(arguments, "%d", operation->sequence ? operation->sequence : ++last_sequence);
    add(arguments, or (operation->limit, suspends ? "0" : "16"));
}

static void add_run(struct arguments *arguments, const struct operation *first, size_t count)
{
    add_made(arguments, "%zu", count);
    add_made(arguments, "%d", first->before);
    for (size_t i = 0; i < count; i++)
        add_operation(arguments, first + i);
}

redisReply *operate_all(struct redis_server *server, const struct operation *operations, size_t count)
{
    const struct operation *end = operations + count, *at;
    struct arguments *arguments = calloc(1, sizeof *arguments);
    size_t rides = 0, run;

    assert_non_null(arguments);
    for (at = operations; at < end; at += count_run(at, end))
        rides++;
    add(arguments, "EVAL");
    add(arguments, operations->script);
    add_made(arguments, "%zu", 5 * rides);
    for (at = operations; at < end; at += count_run(at, end))
        add_keys(arguments, ride_of(at));
    add_channel(arguments, ride_of(operations));
    add(arguments, or (operations->window, "60000"));
    add(arguments, "100");
    add(arguments, or (operations->epoch, "epochXXX"));
    add_known(arguments, operations);
    add(arguments, or (operations->node, "n"));
    add(arguments, or (operations->node, "n"));
    for (at = operations; at < end; at += run) {
        run = count_run(at, end);
        if (at > operations) {
            add_channel(arguments, ride_of(at));
            add_known(arguments, at);
        }
        add_run(arguments, at, run);
    }
    redisReply *reply = redisCommandArgv(server->control, arguments->count, arguments->at, NULL);
    free(arguments);
    assert_non_null(reply);
    return reply;
}

redisReply *answer_of(redisReply *reply, size_t n)
{
    expect_array(reply);
    assert_true(n < reply->elements && reply->element[n]);
    redisReply *answer = reply->element[n];
    reply->element[n] = NULL;
    return answer;
}

redisReply *operate(struct redis_server *server, struct operation operation)
{
    redisReply *reply = operate_all(server, &operation, 1);

    if (reply->type == REDIS_REPLY_ERROR)
        return reply;
    redisReply *answer = answer_of(reply, 0);
    freeReplyObject(reply);
    return answer;
}

/* --- answers --- */

void expect_array(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
}

enum { WORDS_MAX = 6, WORD_SIZE = 256 };

/* Those of an answer that is a text; the last one is all that is left. */
static void take_words(const redisReply *reply, size_t count, char words[WORDS_MAX][WORD_SIZE])
{
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    const char *at = reply->str;
    for (size_t i = 0; i < count; i++) {
        size_t len = i + 1 < count ? strcspn(at, " ") : strlen(at);

        assert_true(len < WORD_SIZE);
        memcpy(words[i], at, len);
        words[i][len] = '\0';
        if (i + 1 < count)
            assert_int_equal(at[len], ' ');
        at += len + 1;
    }
}

void expect_word(redisReply *reply, const char *word)
{
    if (reply->type == REDIS_REPLY_STRING) {
        assert_string_equal(reply->str, word);
    } else {
        expect_array(reply);
        assert_string_equal(reply->element[0]->str, word);
    }
    freeReplyObject(reply);
}

static void expect_position(const char *epoch, const char *offset, const char *chain,
                            const char *expected_epoch, const char *expected_offset)
{
    assert_string_equal(epoch, expected_epoch);
    assert_string_equal(offset, expected_offset);
    assert_int_equal(strspn(chain, "0123456789abcdef"), 8);
    assert_int_equal(strlen(chain), 8);
}

void expect_place(const redisReply *reply, const char *epoch, const char *offset)
{
    expect_position(reply->element[1]->str, reply->element[2]->str, reply->element[3]->str, epoch, offset);
}

static void expect_answer(redisReply *reply, const char *word, const char *epoch, const char *offset,
                          const char *detail)
{
    char words[WORDS_MAX][WORD_SIZE];

    take_words(reply, 6, words);
    assert_string_equal(words[0], word);
    expect_position(words[1], words[2], words[3], epoch, offset);
    if (detail)
        assert_string_equal(words[5], detail);
    freeReplyObject(reply);
}

void expect_ok_in(redisReply *reply, const char *epoch, const char *offset, const char *detail)
{
    expect_answer(reply, "ok", epoch, offset, detail);
}

void expect_ok(redisReply *reply, const char *offset, const char *detail)
{
    expect_ok_in(reply, EPOCH, offset, detail);
}

void expect_done(redisReply *reply, const char *offset, const char *detail)
{
    expect_answer(reply, "done", EPOCH, offset, detail);
}

/* The words of an answer that it was done, now or before. */
static void take_good(redisReply *reply, char words[WORDS_MAX][WORD_SIZE])
{
    take_words(reply, 6, words);
    if (strcmp(words[0], "done") != 0)
        assert_string_equal(words[0], "ok");
    freeReplyObject(reply);
}

void expect_moved(redisReply *reply, const char *epoch, const char *offset)
{
    char words[WORDS_MAX][WORD_SIZE];

    take_words(reply, 4, words);
    assert_string_equal(words[0], "moved");
    expect_position(words[1], words[2], words[3], epoch, offset);
    freeReplyObject(reply);
}

void expect_error(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

struct place place_in(redisReply *reply)
{
    char words[WORDS_MAX][WORD_SIZE];
    struct place place;

    take_good(reply, words);
    snprintf(place.epoch, sizeof place.epoch, "%.8s", words[1]);
    snprintf(place.offset, sizeof place.offset, "%.15s", words[2]);
    snprintf(place.chain, sizeof place.chain, "%.8s", words[3]);
    return place;
}

uint64_t tenure_in(redisReply *reply)
{
    char words[WORDS_MAX][WORD_SIZE];

    take_good(reply, words);
    return strtoull(words[4], NULL, 10);
}

/* --- what is in Redis --- */

/* `log` is as "boarded a ann, exited a ann"; `users` as "ann=ann"; `connections` as "@ann=a b, a=n ann, b=-
 * ann" without tenures; `away` as "a b". */
static const char LOOK[] =
    "local what, key = ARGV[1], 'p:{/x}:' .. ARGV[1] "
    "local function short(text) return (string.gsub(text, '(%w)(%w*)', function(first, rest) "
    "  return #rest == 19 and rest == string.rep(first, 19) and first or first .. rest end)) end "
    "local found = {} "
    "if what == 'log' then "
    "  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do local f = entry[2] "
    "    found[#found + 1] = f[6] .. ' ' .. short(f[8]) .. ' ' .. f[10] end "
    "  return table.concat(found, ', ') end "
    "if what == 'away' then found = redis.call('ZRANGE', key, 0, -1) "
    "  for i, socket in ipairs(found) do found[i] = short(socket) end "
    "  table.sort(found) return table.concat(found, ' ') end "
    "local all = redis.call('HGETALL', key) "
    "for i = 1, #all, 2 do "
    "  local value = what == 'connections' and string.gsub(short(all[i + 1]), '^(%S+) %d+ ', '%1 ') or all[i "
    "+ 1] "
    "  found[#found + 1] = short(all[i]) .. '=' .. value end "
    "table.sort(found) return table.concat(found, ', ')";

void expect_seen(struct redis_server *server, const char *what, const char *wanted)
{
    redisReply *reply = redis_ask(server, "EVAL %s 0 %s", LOOK, what);

    if (reply->type != REDIS_REPLY_STRING)
        fail_msg("%s: %s", what, reply->str);
    if (strcmp(reply->str, wanted) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", what, reply->str, wanted);
    freeReplyObject(reply);
}

struct place place_of(struct redis_server *server)
{
    redisReply *reply = redis_ask(server, "HMGET p:{/x}:meta epoch offset chain");
    struct place place;

    for (int i = 0; i < 3; i++)
        assert_int_equal(reply->element[i]->type, REDIS_REPLY_STRING);
    snprintf(place.epoch, sizeof place.epoch, "%s", reply->element[0]->str);
    snprintf(place.offset, sizeof place.offset, "%s", reply->element[1]->str);
    snprintf(place.chain, sizeof place.chain, "%s", reply->element[2]->str);
    freeReplyObject(reply);
    return place;
}

long long deadline_in_ms(struct redis_server *server)
{
    return count(server, "EVAL %s 0",
                 "local t = redis.call('TIME') "
                 "return redis.call('ZRANGE', 'p:{/x}:away', 0, 0, 'WITHSCORES')[2] "
                 "- math.floor(t[1] * 1000 + t[2] / 1000)");
}

void expect_life(struct redis_server *server, long long min_ms, long long max_ms)
{
    assert_in_range(count(server, "PTTL p:{/x}:meta"), min_ms, max_ms);
    assert_in_range(count(server, "PTTL p:{/x}:log"), min_ms, max_ms);
}

void clear(struct redis_server *server)
{
    redis_run(server, "DEL " KEYS);
    last_sequence = 0;
}

void put_connection(struct redis_server *server, char socket, const char *text)
{
    redis_run(server, "HSET p:{/x}:connections %s %s", socket_of(socket), text);
}

/* --- what is told --- */

redisContext *listen_on(struct redis_server *server, const char *channel)
{
    const struct timeval limit = {.tv_sec = 20};
    redisContext *context = redisConnect("127.0.0.1", server->port);

    assert_non_null(context);
    redisSetTimeout(context, limit);
    freeReplyObject(redisCommand(context, "SUBSCRIBE %s", channel));
    return context;
}

void expect_heard(redisContext *context, const char *beginning, const char *end)
{
    void *reply;

    assert_int_equal(redisGetReply(context, &reply), REDIS_OK);
    const char *text = ((redisReply *)reply)->element[2]->str;
    size_t len = strlen(text), end_len = strlen(end);
    if (strncmp(text, beginning, strlen(beginning)) != 0 || len < end_len ||
        strcmp(text + len - end_len, end) != 0)
        fail_msg("heard: %s", text);
    freeReplyObject(reply);
}

/* --- what was there before --- */

void hold_many(struct redis_server *server, const char *node, int riders)
{
    static const char script[] =
        "for i = 0, ARGV[2] - 1 do local socket = string.format('%020d', i) "
        "redis.call('HSET', 'p:{/x}:users', 'u' .. i, 'u' .. i) "
        "redis.call('HSET', 'p:{/x}:connections', socket, ARGV[1] .. ' 1 u' .. i, '@u' .. i, socket) end";
    char count[16];

    snprintf(count, sizeof count, "%d", riders);
    redis_run(server, "EVAL %s 0 %s %s", script, node, count);
}

void make_ride(struct redis_server *server)
{
    clear(server);
    freeReplyObject(board(server, .id = "cem", .socket = 'd', .node = "m"));
    freeReplyObject(leave(server, .id = "cem", .socket = 'e'));
    freeReplyObject(board(server, .id = "ann"));
    freeReplyObject(board(server, .id = "ann", .socket = 'b'));
    freeReplyObject(board(server, .id = "bob", .socket = 'c', .node = "m"));
    freeReplyObject(suspend(server, .socket = 'b'));
}

uint64_t put_off(struct redis_server *server)
{
    expect_ok(board(server, .id = "ann"), "1", "");
    uint64_t tenure = tenure_in(board(server, .id = "ann", .socket = 'b', .node = "m"));
    expect_ok(leave(server, .id = "ann"), "3", "");
    expect_connections(server, "b=m ");
    return tenure;
}

/* --- what nodes do for others --- */

long long reap(struct redis_server *server, const char *node, const char *window, unsigned *pages)
{
    char cursor[24] = "0";
    long long taken = 0;

    *pages = 0;
    do {
        redisReply *reply =
            run(server, (struct call){.script = script_reap, .window = window, .args = {node, cursor, "10"}});
        expect_array(reply);
        assert_string_equal(reply->element[0]->str, "ok");
        assert_int_equal(reply->elements, 6);
        taken += reply->element[4]->integer;
        snprintf(cursor, sizeof cursor, "%s", reply->element[5]->str);
        freeReplyObject(reply);
        ++*pages;
    } while (strcmp(cursor, "0") != 0);
    return taken;
}

void expect_swept(redisReply *reply, long long taken, long long left)
{
    expect_array(reply);
    assert_string_equal(reply->element[0]->str, "ok");
    assert_int_equal(reply->elements, 6);
    assert_int_equal(reply->element[4]->integer, taken);
    assert_int_equal(reply->element[5]->integer, left);
    freeReplyObject(reply);
}
