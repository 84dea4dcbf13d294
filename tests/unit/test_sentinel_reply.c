/*
 * What is made of the answers of sentinels and servers, right and wrong ones.
 */
#include "broker/redis/sentinel_reply.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The reply that hiredis makes of what a server sends (RESP2). */
static redisReply *received(const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void expect_primary(const char *bytes, const char *host, int port)
{
    redisReply *reply = received(bytes);
    struct redis_address primary;

    assert_null(sentinel_read_primary(reply, &primary));
    assert_string_equal(primary.host, host);
    assert_int_equal(primary.port, port);
    freeReplyObject(reply);
}

static void expect_no_primary(const char *bytes, const char *word)
{
    redisReply *reply = received(bytes);
    struct redis_address primary;
    const char *why = sentinel_read_primary(reply, &primary);

    assert_non_null(why);
    if (!strstr(why, word))
        fail_msg("\"%s\" does not say \"%s\"", why, word);
    freeReplyObject(reply);
}

static void a_primary_has_a_host_and_a_port(void **state)
{
    (void)state;
    expect_primary("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1", 6379);
    expect_primary("*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "::1", 65535);
    expect_primary("*2\r\n$9\r\nredis.lan\r\n$1\r\n1\r\n", "redis.lan", 1);
}

static void an_unknown_name_and_an_error_are_told_apart(void **state)
{
    (void)state;
    expect_no_primary("*-1\r\n", "knows no primary");
    expect_no_primary("-NOAUTH Authentication required.\r\n", "NOAUTH");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const wrong[] = {
        "*0\r\n",
        "*1\r\n$1\r\na\r\n",
        "*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\na\r\n:6379\r\n",
        "*2\r\n$-1\r\n$1\r\n1\r\n",
        "*2\r\n$0\r\n\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\na\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\na\r\n$0\r\n\r\n",
        "*2\r\n$1\r\na\r\n$2\r\n-1\r\n",
        "*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\na\r\n$2\r\n1x\r\n",
        "*2\r\n$1\r\na\r\n$25\r\n9999999999999999999999999\r\n",
        "*2\r\n$3\r\na\nb\r\n$1\r\n1\r\n",
        "*2\r\n$10\r\n/etc/redis\r\n$1\r\n1\r\n",
        "+OK\r\n",
        ":1\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_no_primary(wrong[i], "other than an address");
}

static void other_sentinels_are_found_by_name_among_their_fields(void **state)
{
    struct redis_address others[4];
    redisReply *reply =
        received("*2\r\n"
                 "*6\r\n$4\r\nname\r\n$2\r\nip\r\n$2\r\nip\r\n$1\r\na\r\n$4\r\nport\r\n$1\r\n1\r\n"
                 "*4\r\n$4\r\nport\r\n$1\r\n2\r\n$2\r\nip\r\n$1\r\nb\r\n");

    (void)state;
    assert_int_equal(sentinel_read_others(reply, others, 4), 2);
    assert_string_equal(others[0].host, "a");
    assert_int_equal(others[0].port, 1);
    assert_string_equal(others[1].host, "b");
    assert_int_equal(others[1].port, 2);
    assert_int_equal(sentinel_read_others(reply, others, 1), 1);
    freeReplyObject(reply);
}

static void spoiled_sentinels_are_left_out_and_the_others_kept(void **state)
{
    struct redis_address others[8];
    redisReply *reply = received("*6\r\n"
                                 "*2\r\n$2\r\nip\r\n$1\r\na\r\n"
                                 "*3\r\n$2\r\nip\r\n$1\r\na\r\n$4\r\nport\r\n"
                                 "*4\r\n:1\r\n$1\r\na\r\n$4\r\nport\r\n$1\r\n1\r\n"
                                 "*4\r\n$2\r\nip\r\n$1\r\na\r\n$4\r\nport\r\n$1\r\nx\r\n"
                                 "$3\r\nfoo\r\n"
                                 "*4\r\n$2\r\nip\r\n$1\r\nz\r\n$4\r\nport\r\n$1\r\n1\r\n");

    (void)state;
    assert_int_equal(sentinel_read_others(reply, others, 8), 1);
    assert_string_equal(others[0].host, "z");
    freeReplyObject(reply);
    reply = received("-NOPERM no\r\n");
    assert_int_equal(sentinel_read_others(reply, others, 8), 0);
    freeReplyObject(reply);
}

static void expect_role(const char *bytes, const char *why)
{
    redisReply *reply = received(bytes);
    const char *actual = sentinel_read_role(reply);

    if (why) {
        assert_non_null(actual);
        assert_string_equal(actual, why);
    } else {
        assert_null(actual);
    }
    freeReplyObject(reply);
}

static void only_a_primary_passes_as_one(void **state)
{
    (void)state;
    expect_role("*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n", NULL);
    expect_role("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n", "it is not a primary");
    expect_role("*2\r\n$8\r\nsentinel\r\n*0\r\n", "it is not a primary");
    expect_role("*0\r\n", "it does not tell its role");
    expect_role("*1\r\n:1\r\n", "it does not tell its role");
    expect_role("$6\r\nmaster\r\n", "it does not tell its role");
    expect_role("-NOPERM no\r\n", "NOPERM no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_has_a_host_and_a_port),
        cmocka_unit_test(an_unknown_name_and_an_error_are_told_apart),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(other_sentinels_are_found_by_name_among_their_fields),
        cmocka_unit_test(spoiled_sentinels_are_left_out_and_the_others_kept),
        cmocka_unit_test(only_a_primary_passes_as_one),
    };

    return cmocka_run_group_tests_name("sentinel_reply", tests, NULL, NULL);
}
