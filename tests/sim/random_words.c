#include "tests/sim/random_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const char *const random_ride_keys[RANDOM_RIDE_KEYS] = {"users", "connections", "away", "meta", "log"};

unsigned random_draw(struct random_calls *calls, unsigned below)
{
    calls->random = calls->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(calls->random >> 33) % below;
}

bool random_chance(struct random_calls *calls, unsigned percent)
{
    return random_draw(calls, 100) < percent;
}

void random_begin(struct random_calls *calls)
{
    calls->asked.count = 0;
    calls->asked.unordered = false;
}

void random_add(struct random_calls *calls, const char *format, ...)
{
    size_t at = calls->asked.count++;
    va_list values;

    assert_true(at < ASKED_MAX);
    va_start(values, format);
    vsnprintf(calls->made[at], RANDOM_WORD_SIZE, format, values);
    va_end(values);
    calls->asked.words[at] = calls->made[at];
}

void random_add_socket(struct random_calls *calls)
{
    char socket[21] = "";

    memset(socket, 'a' + (int)random_draw(calls, RANDOM_SOCKETS), 20);
    random_add(calls, "%s", socket);
}

void random_add_key(struct random_calls *calls, unsigned ride, const char *what)
{
    random_add(calls, "p:{/%c}:%s", (int)('a' + ride), what);
}

void random_add_record(struct random_calls *calls, unsigned person)
{
    unsigned version = random_draw(calls, 3);

    if (random_chance(calls, 5))
        random_add(calls, "%s", RANDOM_PICK(calls, "", "no JSON", "{\"id\":", "[1,{}]", "{\"id\":7}"));
    else if (random_chance(calls, 20))
        random_add(calls, "{\"id\":\"u%u\",\"version\":%u,\"about\":\"%0*d\"}", person, version, 400, 7);
    else
        random_add(calls, "{\"id\":\"u%u\",\"version\":%u}", person, version);
}
