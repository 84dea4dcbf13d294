#include "tests/sim/random_words.h"

#include <stdio.h>
#include <stdlib.h>

void random_spoiling(struct random_calls *calls)
{
    unsigned ride = random_draw(calls, RANDOM_RIDES);
    char id[24];

    random_begin(calls);
    switch (random_draw(calls, 9)) {
    case 0:
        random_add(calls, "%s", "DEL");
        random_add_key(calls, ride, random_ride_keys[random_draw(calls, RANDOM_RIDE_KEYS)]);
        break;
    case 1:
        if (random_chance(calls, 75)) {
            RANDOM_LINE(calls, "PING");
            break;
        }
        random_add(calls, "%s", "SET");
        random_add_key(calls, ride, random_ride_keys[random_draw(calls, RANDOM_RIDE_KEYS)]);
        random_add(calls, "%s", "spoiled");
        break;
    case 2:
        random_add(calls, "%s", "HSET");
        random_add_key(calls, ride, "connections");
        random_add_socket(calls);
        random_add(calls, "%s",
                   RANDOM_PICK(calls, "garbage", "- 5 u1", "n0 99999999999999999 u1", "n1 7 ", "- 1 "));
        break;
    case 3:
        random_add(calls, "%s", "HDEL");
        random_add_key(calls, ride, RANDOM_PICK(calls, "users", "connections"));
        random_add(
            calls, "%s",
            RANDOM_PICK(calls, "u0", "u1", "@u0", "@u1", "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"));
        break;
    case 4:
        random_add(calls, "%s", "ZADD");
        random_add_key(calls, ride, "away");
        random_add(calls, "%s", RANDOM_PICK(calls, "1", "1700000010000", "1800000000000", "-inf", "1.5"));
        random_add_socket(calls);
        break;
    case 5:
        snprintf(id, sizeof id, "%u-0", random_draw(calls, 200));
        random_add(calls, "%s", "XADD");
        random_add_key(calls, ride, "log");
        random_add(calls, "%s", "MAXLEN");
        random_add(calls, "%s", "~");
        random_add(calls, "%s", "50");
        random_add(calls, "%s", id);
        random_add(calls, "%s", RANDOM_PICK(calls, "chain", "other"));
        random_add(calls, "%s", RANDOM_PICK(calls, "01234567", "-12", "70000"));
        break;
    case 6:
        random_add(calls, "%s", "HSET");
        random_add_key(calls, ride, "meta");
        random_add(calls, "%s", RANDOM_PICK(calls, "epoch", "offset", "chain", "done:run1", "audited"));
        random_add(calls, "%s", RANDOM_PICK(calls, "00000000", "7", "nonsense", "99999999999999999999"));
        break;
    case 7:
        random_add(calls, "%s", "PEXPIRE");
        random_add_key(calls, ride, random_ride_keys[random_draw(calls, RANDOM_RIDE_KEYS)]);
        random_add(calls, "%s", RANDOM_PICK(calls, "1", "5000", "0", "-1", "x"));
        break;
    default:
        random_add(calls, "%s", "HSET");
        random_add_key(calls, ride, "users");
        random_add(calls, "%s", RANDOM_PICK(calls, "u0", "u3", "", "somebody"));
        random_add_record(calls, random_draw(calls, RANDOM_PERSONS));
    }
}

/* What gateways ask besides, each as it is or with something wrong in it. */
void random_command(struct random_calls *calls)
{
    const char *node = RANDOM_PICK(calls, "n0", "n1", "n2"),
               *until = RANDOM_PICK(calls, "(5", "(70", "-inf", "x");
    const char *key = RANDOM_PICK(calls, RANDOM_SHARED_KEYS);
    const char *number = RANDOM_PICK(calls, "100", "2", "3000", "-1", "0", "01", "", "1e3");

    switch (random_draw(calls, 30)) {
    case 0:
        RANDOM_LINE(calls, "SET", key, node, "PX", number, RANDOM_PICK(calls, "NX", "XX"));
        break;
    case 1:
        RANDOM_LINE(calls, "SET", key, node, RANDOM_PICK(calls, "NX", "XX", "nx"));
        break;
    case 2:
        RANDOM_LINE(calls, "SET", key, node);
        break;
    case 3:
        RANDOM_LINE(calls, "SADD", RANDOM_PICK(calls, "p:nodes", "p:n0:rides", key), node, "other");
        break;
    case 4:
        RANDOM_LINE(calls, "SREM", RANDOM_PICK(calls, "p:nodes", "p:n0:rides", key), node);
        break;
    case 5:
        RANDOM_LINE(calls, "ZADD", "p:away", "GT", number, node);
        break;
    case 6:
        RANDOM_LINE(calls, "ZADD", key, RANDOM_PICK(calls, "1", "2.5", "inf", "nan", "1700000000123"), node);
        break;
    case 7:
        RANDOM_LINE(calls, "ZREM", RANDOM_PICK(calls, "p:away", key), node);
        break;
    case 8:
        RANDOM_LINE(calls, "ZREMRANGEBYSCORE", RANDOM_PICK(calls, "p:away", key), "-inf", until);
        break;
    case 9:
        RANDOM_LINE(calls, "PEXPIRE", key, number);
        break;
    case 10:
        RANDOM_LINE(
            calls,
            RANDOM_PICK(calls, "GET", "PTTL", "TYPE", "EXISTS", "DEL", "HLEN", "PERSIST", "ZCARD", "XLEN"),
            key);
        break;
    case 29:
        RANDOM_LINE(calls, "HEXISTS", RANDOM_PICK(calls, "p:{/a}:users", key),
                    RANDOM_PICK(calls, "u0", "u3"));
        break;
    case 11:
        RANDOM_LINE(calls, "GETRANGE", key, number, RANDOM_PICK(calls, "0", "1", "2048", "-1", "-5"));
        break;
    case 12:
        RANDOM_LINE(calls, "SRANDMEMBER", key, "100");
        calls->asked.unordered = true;
        break;
    case 13:
        RANDOM_LINE(calls, RANDOM_PICK(calls, "SSCAN", "ZSCAN", "HSCAN"), key,
                    RANDOM_PICK(calls, "0", "0", "x"), "COUNT", RANDOM_PICK(calls, "100", "0"));
        calls->asked.unordered = true;
        break;
    case 14:
        RANDOM_LINE(calls, "TIME");
        break;
    case 15:
        RANDOM_LINE(calls, "PUBLISH", RANDOM_PICK(calls, "p:{/a}:events", "p:node:n0"), node);
        break;
    case 16:
        RANDOM_LINE(calls, "SPUBLISH", RANDOM_PICK(calls, "p:{/a}:events", "p:node:n0"), node);
        break;
    case 17:
        RANDOM_LINE(calls, RANDOM_PICK(calls, "XRANGE", "XREVRANGE"), RANDOM_PICK(calls, "p:{/a}:log", key),
                    RANDOM_PICK(calls, "-", "+", "3-0", "4", "x"), RANDOM_PICK(calls, "-", "+", "9-0", "7"),
                    "COUNT", number);
        break;
    case 18:
        RANDOM_LINE(calls, "ZRANGEBYSCORE", RANDOM_PICK(calls, "p:{/a}:away", key),
                    RANDOM_PICK(calls, "-inf", "(5", "1700000000000"), RANDOM_PICK(calls, "+inf", "5", "("),
                    "LIMIT", "0", RANDOM_PICK(calls, "2", "100"));
        break;
    case 19:
        RANDOM_LINE(calls, RANDOM_PICK(calls, "FOO", "SENTINEL", "GET", "HSET", "XADD", "EVALSHA", "HMGET"),
                    "p:x");
        break;
    case 20:
        RANDOM_LINE(calls, "EVALSHA", RANDOM_PICK(calls, "0123", "0123456789012345678901234567890123456789"),
                    number, "key");
        break;
    case 21:
    case 22:
    case 23:
    case 24:
    case 25:
    case 26:
        RANDOM_LINE(
            calls, "EVAL",
            RANDOM_PICK(
                calls, "return redis.call('HGET', 'p:layout', 'x')", "\nlocal x = nil\nreturn x.y",
                "return {1, 'a', {2.9, true, false}, nil, 3}", "foo = 1", "return foo", "return {1, 2",
                "return redis.call('FOO')", "return redis.call('GET')", "return redis.call('SUBSCRIBE', 'a')",
                "return redis.call({})", "error('x')", "return redis.call('TYPE', 'p:nodes')",
                "return redis.sha1hex('a')", "local t = {} for i = 1, 300 do t[i] = i end return t",
                "return redis.call('TIME')",
                "local ok, e = pcall(redis.call, 'GET', 'p:{/a}:users') return ok and 1 or type(e)",
                "return redis.call('SET', 'p:none', 12345678901234567) and redis.call('GET', 'p:none')"),
            RANDOM_PICK(calls, "0", "0", "0", "0", "1", "-1"));
        break;
    case 27:
        RANDOM_LINE(calls, "HMGET", RANDOM_PICK(calls, "p:{/a}:meta", key), "epoch", "offset", "chain");
        break;
    default:
        RANDOM_LINE(calls, RANDOM_PICK(calls, "PING", "ROLE"));
    }
}

void random_logging(struct random_calls *calls)
{
    bool large = calls->sequence % 1000 < 500 && random_chance(calls, 30); /* else nodes have many entries */
    unsigned fields = random_chance(calls, 90) ? 2 : 1 + random_draw(calls, 3);

    RANDOM_LINE(calls, "XADD", "long-log", "MAXLEN", "~",
                random_chance(calls, 1) ? "0" : RANDOM_PICK(calls, "4096", "300", "200", "120"));
    random_add(calls, "%u-%u", calls->sequence += random_draw(calls, 3), random_draw(calls, 400));
    for (unsigned i = 0; i < fields; i++) {
        random_add(calls, "%s", random_chance(calls, 90) ? "field" : RANDOM_PICK(calls, "other", "12"));
        if (random_chance(calls, 30))
            random_add(calls, "%d", (int)random_draw(calls, 1U << random_draw(calls, 31)) - 5000);
        else
            random_add(calls, "%0*d", 1 + (int)random_draw(calls, large ? 600 : 8), 0);
    }
}

void random_listening(struct random_calls *calls)
{
    bool is_7 = strtol(side_by_side_version(calls->both), NULL, 10) >= 7;

    RANDOM_LINE(
        calls,
        is_7 ? RANDOM_PICK(calls, "SUBSCRIBE", "UNSUBSCRIBE", "SSUBSCRIBE", "SUNSUBSCRIBE", "SUBSCRIBE",
                           "GET", "PING")
             : RANDOM_PICK(calls, "SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE", "GET"),
        RANDOM_PICK(calls, "p:{/a}:events", "p:{/b}:events", "p:{/c}:events", "p:node:n0", "p:node:n1"));
}
