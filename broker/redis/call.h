/*
 * A command for Redis in the making, most often the call of a script: argument by argument, then sent.
 *
 *     struct call call;
 *     call_script(&call, store, SCRIPT_SWEEP, ride, "users", "holders");
 *     call_number(&call, BITE);
 *     call_send(&call, answered, arg);
 *
 * Names and numbers are kept in the struct; texts are borrowed until it is sent. How many arguments there are
 * is up to the caller, and asserted. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_CALL_H
#define RIDECAST_BROKER_REDIS_CALL_H

#include "broker/redis/store.h"

enum {
    CALL_KEYS_MAX = 8,
    CALL_NUMBERS_MAX = 8,
    BITE = 100,     /* sockets that one call of a script takes from a dead node, or sweeps */
    LOG_CAP = 4096, /* events that a ride's log keeps, about: what a gateway can miss and still be replayed */
};

struct call {
    struct store *store;
    struct redis_arg args[REDIS_ARGS_MAX];
    size_t count;
    struct key_name names[CALL_KEYS_MAX];
    size_t name_count;
    char numbers[CALL_NUMBERS_MAX][24];
    size_t number_count;
    char key_count[8];             /* of a script */
    char candidate[EPOCH_LEN + 1]; /* for a ride that has no epoch */
};

/* Begins a command. */
void call_command(struct call *call, struct store *store, const char *name);

/* Begins the call of a script about a ride: its keys, each by what it is (key_name_make()). */
#define call_script(call, store, script, ride, ...)                                                          \
    call_script_with((call), (store), (script), (ride), (const char *const[]){__VA_ARGS__, NULL})
void call_script_with(struct call *call, struct store *store, enum script script, const char *ride,
                      const char *const *keys);

void call_shared_key(struct call *call, const char *what);
void call_node_key(struct call *call, const char *node, const char *detail);
void call_channel(struct call *call, const char *ride); /* of its events */
void call_text(struct call *call, const char *text);
void call_bytes(struct call *call, const void *at, size_t len);
void call_number(struct call *call, uint64_t number);

/* A new epoch, then epoch and offset of what is known of the ride: where Redis has an older position than
 * that, or none, the new one begins. NULL: nothing is known. */
void call_position(struct call *call, const struct broker_position *known);

/* Sends it, as redis_link_send() does, on the connection for commands. */
int call_send(struct call *call, redis_answer *answer, void *arg) __attribute__((warn_unused_result));

/* Sends it where the answer matters only if it is an error. */
void call_tell(struct call *call);

/* Sends it on the connection for events, where nothing is answered. */
int call_send_event(struct call *call);

enum call_verdict {
    CALL_ANSWERED, /* the reply is the script's, or an error about this call */
    CALL_AGAIN,    /* Redis had forgotten the script, which is on its way: call again */
    CALL_LOST,     /* there is no connection, or it is given up: the server is away */
};

/* What the answer to the call of a script is whose work must be done: what only reads fails alone. */
enum call_verdict call_judge(struct store *store, enum script script, const struct redisReply *reply);

/* The epoch and offset that a script answers. False when they are not what ours answer. */
bool call_read_position(const struct redisReply *epoch, const struct redisReply *offset,
                        struct broker_position *position);

#endif
