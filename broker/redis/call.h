/*
 * A command for Redis in the making, most often the call of a script: argument by argument, then sent.
 *
 *     struct call call;
 *     call_ride(&call, store, SCRIPT_SWEEP, ride, known);
 *     call_number(&call, BITE);
 *     call_send(&call, answered, arg);
 *
 * Names and numbers are kept in the struct; texts, and what is known, are borrowed until it is sent. How many
 * arguments there are is up to the caller, and asserted. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_CALL_H
#define RIDECAST_BROKER_REDIS_CALL_H

#include "broker/redis/store.h"
#include "common/decimal.h"

enum {
    CALL_RIDES_MAX = 16,      /* of one call */
    CALL_OPERATIONS_MAX = 64, /* on these */
    CALL_RIDE_KEYS = 5,       /* of each of these */
    CALL_KEYS_MAX = CALL_RIDES_MAX * (CALL_RIDE_KEYS + 1),
    CALL_NUMBERS_MAX = CALL_RIDES_MAX * 5 + CALL_OPERATIONS_MAX * 4,
    CALL_NUMBER_SIZE = DECIMAL_MAX + 2 * (CHAIN_LEN + 1), /* with what may stand behind it */
    BITE = 100, /* connections that one call of a script looks at, about */
    EPOCHS_LEFT_MAX = 4,
    LOG_CAP = 4096, /* events that a ride's log keeps, about: what a gateway can miss and still be replayed */
};

/* What this node knows of a ride, and scripts are told (scripts/ride.lua). */
struct ride_known {
    struct broker_position at; /* the latest that Redis has answered; an empty epoch: none yet */
    char left[EPOCHS_LEFT_MAX * (EPOCH_LEN + 1)]; /* epochs before that, the latest first, a space between */
};

struct call {
    struct store *store;
    struct redis_arg args[REDIS_ARGS_MAX];
    size_t count;
    struct key_name names[CALL_KEYS_MAX];
    size_t name_count;
    char numbers[CALL_NUMBERS_MAX][CALL_NUMBER_SIZE];
    size_t number_count;
    char candidate[EPOCH_LEN + 1]; /* for a ride that has no epoch */
};

/* Begins a command. */
void call_command(struct call *call, struct store *store, const char *name);

/* Begins the call of a script about a ride, with what every script is told (scripts/ride.lua): keys and
 * channel, a new epoch, and what is known of it. Where Redis has gone back to before that, tells another
 * history, or has lost the ride, the new epoch begins. NULL: nothing is known. */
void call_ride(struct call *call, struct store *store, enum script script, const char *ride,
               const struct ride_known *known);

/* The same in pieces, for scripts that are about several rides (scripts/rides.lua): the beginning, with how
 * many rides there are whose keys are declared; the keys of each; what every script is told, with the channel
 * of the first, and what is known of it; the channel of another, and what is known of that. Where that need
 * not be compared, the chain is left out. */
void call_rides(struct call *call, struct store *store, enum script script, size_t rides);
void call_keys(struct call *call, const char *ride);
void call_first(struct call *call, const char *ride, const struct ride_known *known, bool compared);
void call_another(struct call *call, const char *ride, const struct ride_known *known, bool compared);

void call_shared_key(struct call *call, const char *what);
void call_node_key(struct call *call, const char *node, const char *detail);
void call_common_key(struct call *call, const char *what); /* one that all servers have in common */
void call_node_channel(struct call *call);                 /* this node's */
void call_channel(struct call *call, const char *ride);    /* of its events */
void call_text(struct call *call, const char *text);
void call_bytes(struct call *call, const void *at, size_t len);
void call_number(struct call *call, uint64_t number);
void call_number_and(struct call *call, uint64_t number, const char *text); /* a short one, in one argument */

/* Sends it, as redis_link_send() does, on the connection for commands. */
int call_send(struct call *call, redis_answer *answer, void *arg) __attribute__((warn_unused_result));

/* Sends it where the answer matters only if it is an error. */
void call_tell(struct call *call);

/* Sends it on the connection for events, where nothing is answered. */
int call_send_event(struct call *call);

enum call_verdict {
    CALL_ANSWERED, /* the reply is the script's, or an error about this call */
    CALL_AGAIN,    /* Redis had forgotten the script, which is on its way: call again */
    CALL_LATER,    /* the ride's slot is on its way, or with another server: not done, to be called again */
    CALL_LOST,     /* there is no connection, or it is given up: the server is away */
};

/* What the answer to the call of a script is whose work must be done: what only reads fails alone. */
enum call_verdict call_judge(struct store *store, enum script script, const struct redisReply *reply);

/* What PTTL answers: of no key at all, and whether one outlives what it was given. Then Redis' clock has been
 * put back since, or somebody has made it so. */
enum { NO_SUCH_KEY = -2 };
bool call_lives_too_long(const struct redisReply *reply, uint64_t given_ms);

/* The word that a script answers first; NULL when it is not an answer of ours. */
const char *call_read_word(const struct redisReply *reply);

/* The position that a script answers behind the word: the elements 1 to 3. False when there is none. */
bool call_read_position(const struct redisReply *reply, struct broker_position *position);

#endif
