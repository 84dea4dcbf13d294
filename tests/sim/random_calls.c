#include "tests/sim/random_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[], script_check[], script_audit[];

static const char *const scripts[RANDOM_SCRIPTS] = {
    script_transition, script_suspend, script_resume, script_restore, script_reap,
    script_sweep,      script_roster,  script_replay, script_check,   script_audit};

static void note_place(struct random_calls *calls, unsigned ride)
{
    struct place place;

    random_begin(calls);
    random_add(calls, "%s", "HMGET");
    random_add_key(calls, ride, "meta");
    random_add(calls, "%s", "epoch");
    random_add(calls, "%s", "offset");
    random_add(calls, "%s", "chain");
    const char *answer = ask_both(calls->both, &calls->asked);
    if (sscanf(answer, "[ '%15[^']' '%23[^']' '%15[^']'", place.epoch, place.offset, place.chain) != 3)
        return;
    memmove(calls->places[ride] + 1, calls->places[ride], (RANDOM_PLACES - 1) * sizeof place);
    calls->places[ride][0] = place;
}

/* `ok epoch offset chain tenure …` */
static void note_tenure(struct random_calls *calls, const char *answer)
{
    char tenure[24];

    if (sscanf(answer, "[ 'ok %*s %*s %*s %23[0-9]", tenure) == 1)
        snprintf(calls->tenures[random_draw(calls, RANDOM_PLACES)], sizeof tenure, "%s", tenure);
}

static void load_scripts(struct random_calls *calls)
{
    for (size_t i = 0; i < RANDOM_SCRIPTS; i++) {
        const struct asked load = {.words = {"SCRIPT", "LOAD", scripts[i]}, .count = 3};
        const char *answer = ask_both(calls->both, &load);

        assert_int_equal(strspn(answer + 2, "0123456789abcdef"), DIGEST_SIZE - 1);
        snprintf(calls->digests[i], DIGEST_SIZE, "%.40s", answer + 2);
    }
}

struct random_calls *random_calls_new(struct side_by_side *both, uint64_t seed, bool ordered)
{
    struct random_calls *calls = calloc(1, sizeof *calls);

    assert_non_null(calls);
    calls->both = both;
    calls->random = seed;
    calls->ordered = ordered;
    calls->sequence = 100;
    for (unsigned ride = 0; ride < RANDOM_RIDES; ride++)
        for (unsigned i = 0; i < RANDOM_PLACES; i++)
            calls->places[ride][i] = (struct place){"00000000", "0", "00000000"};
    for (unsigned i = 0; i < RANDOM_PLACES; i++)
        strcpy(calls->tenures[i], "0");
    load_scripts(calls);
    return calls;
}

void random_calls_free(struct random_calls *calls)
{
    free(calls);
}

/* A real server ends what is over when it comes to it: here at the latest, as it would be there again. */
static void put_clocks_back(struct random_calls *calls)
{
    RANDOM_LINE(calls, "EXISTS", RANDOM_SHARED_KEYS);
    for (unsigned ride = 0; ride < RANDOM_RIDES; ride++)
        for (unsigned key = 0; key < RANDOM_RIDE_KEYS; key++)
            random_add_key(calls, ride, random_ride_keys[key]);
    ask_both(calls->both, &calls->asked);
    move_clocks(calls->both, -(int64_t)random_draw(calls, 60000000));
}

/* The last millisecond of a key, and the one behind it. */
static void see_key_end(struct random_calls *calls)
{
    unsigned ride = random_draw(calls, RANDOM_RIDES);
    const char *what = random_ride_keys[random_draw(calls, RANDOM_RIDE_KEYS)];
    long long left_ms;

    random_begin(calls);
    random_add(calls, "%s", "PTTL");
    random_add_key(calls, ride, what);
    if (sscanf(ask_both(calls->both, &calls->asked), " :%lld", &left_ms) != 1 || left_ms < 0)
        return;
    move_clocks(calls->both, left_ms * 1000);
    ask_both(calls->both, &calls->asked);
    move_clocks(calls->both, 1000);
    ask_both(calls->both, &calls->asked);
}

static void have_something_happen(struct random_calls *calls)
{
    switch (random_draw(calls, 8)) {
    case 0:
        ask_both_line(calls->both, "SCRIPT FLUSH");
        random_script(calls);
        ask_both(calls->both, &calls->asked);
        load_scripts(calls);
        break;
    case 1:
        calls->full = !calls->full && random_chance(calls, 20);
        fill_both(calls->both, calls->full);
        break;
    case 2:
        if (random_chance(calls, 20))
            ask_both_line(calls->both, "FLUSHALL");
        break;
    case 3:
        put_clocks_back(calls);
        break;
    case 4:
    case 5:
        see_key_end(calls);
        break;
    default:
        move_clocks(calls->both, (int64_t)random_draw(calls, 100000000));
    }
}

void random_calls_step(struct random_calls *calls)
{
    unsigned kind = random_draw(calls, 100);

    if (random_chance(calls, 50))
        move_clocks(calls->both, 1 + random_draw(calls, 200000));
    if (kind < 5) {
        have_something_happen(calls);
        return;
    }
    if (kind < 8) {
        random_listening(calls);
        compare_heard(calls->both);
        tell_both_listeners(calls->both, &calls->asked);
        compare_heard(calls->both);
        return;
    }
    if (kind < 18)
        random_command(calls);
    else if (kind < 26)
        random_spoiling(calls);
    else
        random_script(calls);
    note_tenure(calls, ask_both(calls->both, &calls->asked));
    for (unsigned ride = 0; ride < RANDOM_RIDES; ride++)
        if (random_chance(calls, 40))
            note_place(calls, ride);
}

void random_calls_log(struct random_calls *calls)
{
    random_logging(calls);
    ask_both(calls->both, &calls->asked);
    ask_both_line(calls->both, "XLEN long-log");
}
