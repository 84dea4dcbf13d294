/*
 * What test_fidelity.c cannot ask a real Redis: that the same calls give the same bytes, data that come back,
 * keys that are evicted, and what a scan of a large hash promises.
 */
#include "common/buf.h"
#include "tests/sim/redis/sim_redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { START_S = 1700000000 };

struct client {
    struct sim_redis *redis;
    struct sim_redis_connection *connection; /* NULL: the server has closed it */
    struct buf heard;
};

static void take(const char *bytes, size_t len, void *arg)
{
    struct client *client = arg;

    assert_int_equal(buf_append(&client->heard, bytes, len), 0);
}

static void lose(void *arg)
{
    struct client *client = arg;

    client->connection = NULL;
}

static void connect_client(struct client *client)
{
    client->connection = sim_redis_connect(client->redis, (struct sim_redis_client){take, lose, client});
}

static void begin(struct client *client, uint64_t seed)
{
    const struct sim_redis_setup setup = {
        .version = "7.0.15", .seed = seed, .now_us = INT64_C(1000000) * START_S};

    client->redis = sim_redis_new(&setup);
    buf_init(&client->heard, SIZE_MAX / 2);
    connect_client(client);
}

static void end(struct client *client)
{
    sim_redis_free(client->redis);
    buf_deinit(&client->heard);
}

/* All that has been said since the last call. */
static const char *heard(struct client *client)
{
    assert_int_equal(buf_append(&client->heard, "", 1), 0);
    client->heard.len = 0;
    return client->heard.data;
}

/* The answer to a command whose words spaces part. */
static const char *ask(struct client *client, const char *line)
{
    char copy[512], *rest = copy, *word, request[1024];
    int words = 1, len;

    for (const char *at = line; *at; at++)
        words += *at == ' ';
    snprintf(copy, sizeof copy, "%s", line);
    len = snprintf(request, sizeof request, "*%d\r\n", words);
    while ((word = strsep(&rest, " ")))
        len += snprintf(request + len, sizeof request - (size_t)len, "$%zu\r\n%s\r\n", strlen(word), word);
    for (int i = 0; i < len; i++) /* a byte at a time */
        sim_redis_input(client->connection, request + i, 1);
    return heard(client);
}

/* --- what is the same, and what is not --- */

static void fill_hash(struct client *client, int from, int to)
{
    char line[100];

    for (int i = from; i < to; i++) {
        snprintf(line, sizeof line, "HSET h f%d %d", i, i);
        ask(client, line);
    }
}

static char *order_of_hash(uint64_t seed)
{
    struct client client;

    begin(&client, seed);
    fill_hash(&client, 0, 600);
    char *order = strdup(ask(&client, "HGETALL h"));
    end(&client);
    return order;
}

static void test_same_seed(void **state)
{
    char *one = order_of_hash(1), *again = order_of_hash(1), *other = order_of_hash(2);

    (void)state;
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    free(one);
    free(again);
    free(other);
}

/* --- scans --- */

enum { FIELDS = 200, KEPT = 20 };

struct met {
    unsigned times[FIELDS];
};

/* One page. Whether there is another. */
static bool read_page(struct client *client, char cursor[32], struct met *met)
{
    char line[100];

    snprintf(line, sizeof line, "HSCAN h %s COUNT 1", cursor);
    const char *at = ask(client, line);
    assert_int_equal(sscanf(at, "*2\r\n$%*d\r\n%31[0-9]", cursor), 1);
    while ((at = strstr(at, "\r\nf"))) {
        at += strlen("\r\nf");
        met->times[strtol(at, NULL, 10)]++;
    }
    return strcmp(cursor, "0") != 0;
}

static void shrink_hash(struct client *client)
{
    char line[100];

    for (int i = KEPT; i < FIELDS; i++) {
        snprintf(line, sizeof line, "HDEL h f%d", i);
        ask(client, line);
    }
}

/* How many are met twice, of those that are there all the time: each is met. */
static unsigned scan_while_it_shrinks(uint64_t seed)
{
    struct client client;
    struct met met = {{0}};
    char cursor[32] = "0";
    unsigned twice = 0;
    int pages = 0;

    begin(&client, seed);
    ask(&client, "HSET h large 0123456789012345678901234567890123456789012345678901234567890123456789");
    fill_hash(&client, 0, FIELDS);
    while (read_page(&client, cursor, &met))
        if (++pages == 21)
            shrink_hash(&client);
    for (int i = 0; i < KEPT; i++) {
        assert_true(met.times[i] >= 1);
        twice += met.times[i] > 1;
    }
    assert_true(pages > 21);
    end(&client);
    return twice;
}

static void test_scan(void **state)
{
    unsigned twice = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        twice += scan_while_it_shrinks(seed);
    assert_true(twice > 0);
}

/* --- what happens to it --- */

static void test_restart(void **state)
{
    struct client client;

    (void)state;
    begin(&client, 4);
    ask(&client, "HSET h a 1 b 2");
    ask(&client, "ZADD z 2 b 1 a");
    ask(&client, "XADD s MAXLEN ~ 5 1-0 f v");
    ask(&client, "SADD m x y");
    ask(&client, "SET k v PX 1000");
    ask(&client, "SCRIPT LOAD return");
    struct sim_redis_copy *copy = sim_redis_save(client.redis);
    ask(&client, "HSET h a 3");
    ask(&client, "FLUSHALL");
    ask(&client, "SET later v");

    sim_redis_restart(client.redis, copy);
    sim_redis_copy_free(copy);
    assert_null(client.connection);
    connect_client(&client);
    assert_string_equal(ask(&client, "HGETALL h"), "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
    assert_string_equal(ask(&client, "ZRANGEBYSCORE z -inf +inf"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_string_equal(
        ask(&client, "XADD s MAXLEN ~ 5 1-0 f v"),
        "-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n");
    assert_string_equal(ask(&client, "SREM m x y z"), ":2\r\n");
    assert_string_equal(ask(&client, "PTTL k"), ":1000\r\n");
    assert_string_equal(ask(&client, "EXISTS later"), ":0\r\n");
    assert_string_equal(ask(&client, "EVALSHA 63143b6f8007b98c53ca2149822777b3566f9241 0"),
                        "-NOSCRIPT No matching script. Please use EVAL.\r\n");

    sim_redis_restart(client.redis, NULL);
    connect_client(&client);
    assert_string_equal(ask(&client, "KEYS *"), "*0\r\n");
    end(&client);
}

static void test_eviction(void **state)
{
    struct client client;

    (void)state;
    begin(&client, 5);
    ask(&client, "SET a 1");
    ask(&client, "SET b 1");
    assert_true(sim_redis_evict(client.redis));
    assert_string_equal(ask(&client, "EXISTS a b"), ":1\r\n");
    assert_true(sim_redis_evict(client.redis));
    assert_false(sim_redis_evict(client.redis));
    end(&client);
}

static void test_closing(void **state)
{
    struct client client, other = {0};

    (void)state;
    begin(&client, 6);
    other.redis = client.redis;
    buf_init(&other.heard, SIZE_MAX / 2);
    connect_client(&other);
    ask(&other, "SUBSCRIBE c");
    assert_string_equal(ask(&client, "PUBLISH c text"), ":1\r\n");
    assert_string_equal(heard(&other), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\ntext\r\n");
    sim_redis_input(other.connection, "GET x\r\n", 7); /* none of its protocol */
    assert_null(other.connection);
    assert_string_equal(ask(&client, "PUBLISH c text"), ":0\r\n");
    buf_deinit(&other.heard);
    end(&client);
}

static void test_password(void **state)
{
    const struct sim_redis_setup setup = {.version = "7.0.15", .password = "right"};
    struct client client = {.redis = sim_redis_new(&setup)};

    (void)state;
    buf_init(&client.heard, SIZE_MAX / 2);
    connect_client(&client);
    assert_string_equal(ask(&client, "PING"), "-NOAUTH Authentication required.\r\n");
    assert_string_equal(ask(&client, "AUTH wrong"),
                        "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_string_equal(ask(&client, "AUTH default right"), "+OK\r\n");
    assert_string_equal(ask(&client, "PING"), "+PONG\r\n");
    end(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed), cmocka_unit_test(test_scan),    cmocka_unit_test(test_restart),
        cmocka_unit_test(test_eviction),  cmocka_unit_test(test_closing), cmocka_unit_test(test_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
