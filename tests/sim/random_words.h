/*
 * What random calls are made of: numbers from a seed, and the words of a command that is being put together.
 */
#ifndef RIDECAST_TESTS_SIM_RANDOM_WORDS_H
#define RIDECAST_TESTS_SIM_RANDOM_WORDS_H

#include "tests/sim/random_calls.h"

enum {
    RANDOM_RIDES = 3,
    RANDOM_SOCKETS = 7,
    RANDOM_PERSONS = 4,
    RANDOM_NODES = 3,
    RANDOM_PLACES = 8,
    RANDOM_SCRIPTS = 10,
    DIGEST_SIZE = 41,
    RANDOM_RIDE_KEYS = 5,
    RANDOM_WORD_SIZE = 700,
};

/* Where a ride was at some time. */
struct place {
    char epoch[16], offset[24], chain[16];
};

struct random_calls {
    struct side_by_side *both;
    uint64_t random;
    bool ordered, full;
    char digests[RANDOM_SCRIPTS][DIGEST_SIZE];
    struct place places[RANDOM_RIDES][RANDOM_PLACES]; /* the latest first */
    char tenures[RANDOM_PLACES][24];
    unsigned sequence, epochs;
    struct asked asked; /* that is being put together */
    char made[ASKED_MAX][RANDOM_WORD_SIZE];
};

unsigned random_draw(struct random_calls *calls, unsigned below);
bool random_chance(struct random_calls *calls, unsigned percent);

/* One of these texts. */
#define RANDOM_PICK(calls, ...)                                                                              \
    ((const char *const[]){                                                                                  \
        __VA_ARGS__})[random_draw(calls, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

/* Begins a command, and adds a word, of which a copy is kept. */
void random_begin(struct random_calls *calls);
void random_add(struct random_calls *calls, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A command of these words. They are all chosen before the first is added. */
#define RANDOM_LINE(calls, ...)                                                                              \
    do {                                                                                                     \
        const char *const words_[] = {__VA_ARGS__};                                                          \
        random_begin(calls);                                                                                 \
        for (size_t i_ = 0; i_ < sizeof words_ / sizeof *words_; i_++)                                       \
            random_add(calls, "%s", words_[i_]);                                                             \
    } while (0)

void random_add_socket(struct random_calls *calls);

/* A ride's key: what it holds is one of these. */
extern const char *const random_ride_keys[RANDOM_RIDE_KEYS];
void random_add_key(struct random_calls *calls, unsigned ride, const char *what);

/* The others. */
#define RANDOM_SHARED_KEYS "p:nodes", "p:away", "p:sweeper", "p:secret", "p:layout", "p:n0:rides", "p:none"

/* A person's record, which may be large, or none at all. */
void random_add_record(struct random_calls *calls, unsigned person);

/* --- commands, whole --- */

void random_script(struct random_calls *calls);    /* random_scripts.c: the call of a script */
void random_command(struct random_calls *calls);   /* random_commands.c: what gateways ask besides */
void random_spoiling(struct random_calls *calls);  /* something that no script has done */
void random_logging(struct random_calls *calls);   /* a long log's next entry, of any size */
void random_listening(struct random_calls *calls); /* a subscription, or what may not be said beside one */

#endif
