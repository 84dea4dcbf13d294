#include "tests/sim/random_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRANSITION, SUSPEND, RESUME, RESTORE, REAP, SWEEP, ROSTER, REPLAY, CHECK, AUDIT };

static void add_tenure(struct random_calls *calls)
{
    int64_t now = clock_of_both_us(calls->both);

    if (random_chance(calls, 50))
        random_add(calls, "%s", calls->tenures[random_draw(calls, RANDOM_PLACES)]);
    else
        random_add(calls, "%s", "0");
    if (random_chance(calls, 10))
        snprintf(calls->made[calls->asked.count - 1], RANDOM_WORD_SIZE, "%" PRId64,
                 now - 5000 + random_draw(calls, 10000));
}

static const struct place *random_place(struct random_calls *calls, unsigned ride)
{
    return &calls->places[ride][random_chance(calls, 70) ? 0 : random_draw(calls, RANDOM_PLACES)];
}

/* known_epoch known_offset known_chain left */
static void add_known(struct random_calls *calls, unsigned ride)
{
    const struct place *place = random_place(calls, ride),
                       *left = &calls->places[ride][random_draw(calls, RANDOM_PLACES)];

    if (random_chance(calls, 10)) {
        random_add(calls, "%s", "");
        random_add(calls, "%s", "0");
        random_add(calls, "%s", "");
    } else if (random_chance(calls, 5)) {
        random_add(calls, "%s", RANDOM_PICK(calls, "00000000", "other--1"));
        random_add(calls, "%u", random_draw(calls, 40));
        random_add(calls, "%s", "01234567");
    } else {
        random_add(calls, "%s", place->epoch);
        random_add(calls, "%s", place->offset);
        random_add(calls, "%s", random_chance(calls, 20) ? "" : place->chain);
    }
    random_add(calls, "%s", random_chance(calls, 5) ? left->epoch : "");
}

static void begin_script(struct random_calls *calls, unsigned script, unsigned rides, unsigned first)
{
    random_begin(calls);
    random_add(calls, "%s", "EVALSHA");
    random_add(calls, "%s", calls->digests[script]);
    random_add(calls, "%u", rides * RANDOM_RIDE_KEYS);
    for (unsigned ride = 0; ride < rides; ride++)
        for (unsigned key = 0; key < RANDOM_RIDE_KEYS; key++)
            random_add_key(calls, (first + ride) % RANDOM_RIDES, random_ride_keys[key]);
    random_add(calls, "p:{/%c}:events", (int)('a' + first));
    random_add(calls, "%s", RANDOM_PICK(calls, "60000", "60000", "2000", "0"));
    random_add(calls, "%s", RANDOM_PICK(calls, "4096", "20", "5"));
    random_add(calls, "epoch%03u", calls->epochs++ % 1000);
    add_known(calls, first);
}

static void add_operation(struct random_calls *calls, unsigned script, unsigned ride)
{
    unsigned person = random_draw(calls, RANDOM_PERSONS);

    if (script == TRANSITION)
        random_add(calls, "%s", RANDOM_PICK(calls, "board", "board", "board", "exit", "disconnect"));
    else
        random_add(calls, "%s", random_chance(calls, 80) ? random_place(calls, ride)->offset : "");
    const char *kind = calls->asked.words[calls->asked.count - 1];
    random_add_socket(calls);
    if (random_chance(calls, 90))
        random_add(calls, "u%u", person);
    else
        random_add(calls, "%s", "");
    random_add_record(calls, person);
    add_tenure(calls);
    random_add(calls, "%u",
               random_chance(calls, 90) ? ++calls->sequence : calls->sequence - random_draw(calls, 8));
    if (script == SUSPEND)
        random_add(calls, "%s", RANDOM_PICK(calls, "0", "500"));
    else if (strcmp(kind, "board") == 0)
        random_add(calls, "%s", RANDOM_PICK(calls, "16", "2", "1"));
    else
        random_add(calls, "%s", RANDOM_PICK(calls, "0", "1"));
}

static void call_operations(struct random_calls *calls, unsigned script)
{
    unsigned rides = random_chance(calls, 70) ? 1 : 2, first = random_draw(calls, RANDOM_RIDES),
             node = random_draw(calls, RANDOM_NODES);

    begin_script(calls, script, rides, first);
    random_add(calls, "n%u", node);
    random_add(calls, "run%u", node);
    for (unsigned i = 0; i < rides; i++) {
        unsigned ride = (first + i) % RANDOM_RIDES,
                 count = 1 + (random_chance(calls, 40) ? random_draw(calls, 5) : 0);

        if (i > 0) {
            random_add(calls, "p:{/%c}:events", (int)('a' + ride));
            add_known(calls, ride);
        }
        random_add(calls, "%u", count);
        random_add(calls, "%u", random_chance(calls, 10) ? calls->sequence : 0);
        while (count-- > 0)
            add_operation(calls, script, ride);
    }
}

static void call_roster(struct random_calls *calls, unsigned ride)
{
    const struct place *place = random_place(calls, ride);

    random_add(calls, "%s", RANDOM_PICK(calls, "100", "2"));
    random_add(calls, "%s", random_chance(calls, 20) ? "" : place->epoch);
    random_add(calls, "%s", place->offset);
    random_add(calls, "%s", place->chain);
    random_add(calls, "%s", random_chance(calls, 5) ? "1" : "0");
}

static void call_replay(struct random_calls *calls)
{
    random_add(calls, "%s", RANDOM_PICK(calls, "100", "3"));
    if (random_chance(calls, 50))
        random_add_socket(calls);
    else
        random_add(calls, "%s", "");
    random_add(calls, "%s", RANDOM_PICK(calls, "128", "2"));
}

static void call_check(struct random_calls *calls)
{
    char held[28 * 4 + 1] = "";

    random_add(calls, "n%u", random_draw(calls, RANDOM_NODES));
    for (unsigned i = 0, count = 1 + random_draw(calls, 4); i < count; i++) {
        memset(held + 28 * i, 'a' + (int)random_draw(calls, RANDOM_SOCKETS), 20);
        memcpy(held + 28 * i + 20, "01234567", 8);
    }
    random_add(calls, "%s", held);
}

static void call_audit(struct random_calls *calls)
{
    random_add(calls, "%s", RANDOM_PICK(calls, "connections", "users"));
    random_add(calls, "%s", "0");
    random_add(calls, "%s", RANDOM_PICK(calls, "100", "5"));
    random_add(calls, "%s", RANDOM_PICK(calls, "0", "2500"));
    random_add(calls, "%s", "12");
}

void random_script(struct random_calls *calls)
{
    /* Some oftener than others. */
    static const unsigned which[] = {TRANSITION, TRANSITION, TRANSITION, SUSPEND, RESUME, RESTORE, RESTORE,
                                     SWEEP,      ROSTER,     REPLAY,     CHECK,   REAP,   AUDIT};
    unsigned script = which[random_draw(calls, sizeof which / sizeof *which - (calls->ordered ? 0 : 2))];
    unsigned ride = random_draw(calls, RANDOM_RIDES);

    if (script <= RESTORE) {
        call_operations(calls, script);
        return;
    }
    begin_script(calls, script, 1, ride);
    switch (script) {
    case REAP:
        random_add(calls, "n%u", random_draw(calls, RANDOM_NODES));
        random_add(calls, "%s", "0");
        random_add(calls, "%s", RANDOM_PICK(calls, "100", "2"));
        break;
    case SWEEP:
        random_add(calls, "%s", RANDOM_PICK(calls, "100", "2"));
        break;
    case ROSTER:
        calls->asked.unordered = !calls->ordered;
        call_roster(calls, ride);
        break;
    case REPLAY:
        call_replay(calls);
        break;
    case CHECK:
        call_check(calls);
        break;
    default:
        call_audit(calls);
    }
}
