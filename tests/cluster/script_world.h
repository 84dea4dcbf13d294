/*
 * The scripts by themselves on a real Redis: calling them, and what they answer and leave behind. All is
 * about the ride /x. Nodes are n and m, sockets have one letter twenty times, and a person's record is its
 * name unless a test says otherwise. What is not as expected fails the test.
 */
#ifndef RIDECAST_TESTS_CLUSTER_SCRIPT_WORLD_H
#define RIDECAST_TESTS_CLUSTER_SCRIPT_WORLD_H

#include "tests/cluster/redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[], script_check[], script_audit[];

#define KEYS     "p:{/x}:users p:{/x}:connections p:{/x}:away p:{/x}:meta p:{/x}:log"
#define EPOCH    "00000000" /* the first of every ride */
#define NO_CHAIN "00000000"
#define LATER    "9000000000000000" /* than any tenure that a test makes */

/* Each test has a server of its own, with nothing in it, as its state. */
#define on_redis(test) cmocka_unit_test_setup_teardown(test, script_setup, script_teardown)
int script_setup(void **state);
int script_teardown(void **state);

/* --- calling --- */

/* Where a ride is, as a script answers and is told. */
struct place {
    char epoch[9], offset[24], chain[9];
};

struct call {
    const char *script, *window, *epoch; /* by default none, 60000 and epochXXX */
    const struct place *known;           /* NULL: nothing is */
    const char *left;
    const char *args[12];
};

/* The answer, for freeReplyObject(). */
redisReply *run(struct redis_server *server, struct call call);

/* A socket's name, until the next call. */
const char *socket_of(char letter);

/* What a node calls for one of its connections; by default node n for socket a, with the next sequence. */
struct operation {
    const char *script, *kind;
    char socket;
    const char *node, *id, *user, *tenure;
    int sequence, before;
    const char *limit, *window, *epoch;
    const struct place *known;
    const char *left;
    char ride; /* a letter behind the slash; by default x */
};

/* Several in one call, of one script, those of each ride together; what is the same for all is of the first.
 * A list with their answers. */
redisReply *operate_all(struct redis_server *server, const struct operation *operations, size_t count);

/* Takes one of these out of the list. */
redisReply *answer_of(redisReply *reply, size_t n);

redisReply *operate(struct redis_server *server, struct operation operation);

#define operation_of(...)                                                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define board(server, ...)                                                                                   \
    operate(server, (struct operation)operation_of(.script = script_transition, .kind = "board", __VA_ARGS__))
#define leave(server, ...)                                                                                   \
    operate(server, (struct operation)operation_of(.script = script_transition, .kind = "exit", __VA_ARGS__))
#define disconnect(server, ...)                                                                              \
    operate(server,                                                                                          \
            (struct operation)operation_of(.script = script_transition, .kind = "disconnect", __VA_ARGS__))
#define suspend(server, ...)                                                                                 \
    operate(server, (struct operation)operation_of(.script = script_suspend, __VA_ARGS__))
#define resume(server, ...)                                                                                  \
    operate(server, (struct operation)operation_of(.script = script_resume, __VA_ARGS__))
#define restore(server, ...)                                                                                 \
    operate(server, (struct operation)operation_of(.script = script_restore, __VA_ARGS__))

/* --- answers; one that is not const is freed --- */

void expect_array(const redisReply *reply);

/* A list whose first element is this word, or the word alone. */
void expect_word(redisReply *reply, const char *word);

void expect_place(const redisReply *reply, const char *epoch, const char *offset);

/* A good answer of an operation at this place; `detail` NULL: whatever it says. */
void expect_ok_in(redisReply *reply, const char *epoch, const char *offset, const char *detail);

/* The same, in the first epoch. */
void expect_ok(redisReply *reply, const char *offset, const char *detail);

/* The same of one that was done before. */
void expect_done(redisReply *reply, const char *offset, const char *detail);

void expect_moved(redisReply *reply, const char *epoch, const char *offset);
void expect_error(redisReply *reply);

/* The position of a good answer of an operation, and its tenure. */
struct place place_in(redisReply *reply);
uint64_t tenure_in(redisReply *reply);

/* --- what is in Redis --- */

#define count(server, ...) redis_integer(redis_ask(server, __VA_ARGS__))

/* `log` is as "boarded a ann, exited a ann"; `users` as "ann=ann"; `connections` as "@ann=a b, a=n ann, b=-
 * ann" without tenures; `away` as "a b". */
void expect_seen(struct redis_server *server, const char *what, const char *wanted);
#define expect_log(server, wanted)         expect_seen(server, "log", wanted)
#define expect_users(server, wanted)       expect_seen(server, "users", wanted)
#define expect_connections(server, wanted) expect_seen(server, "connections", wanted)
#define expect_away(server, wanted)        expect_seen(server, "away", wanted)

struct place place_of(struct redis_server *server);

/* How far away that of whoever is due first is. */
long long deadline_in_ms(struct redis_server *server);

/* What is left of an empty ride outlives the window. */
void expect_life(struct redis_server *server, long long min_ms, long long max_ms);

/* The ride is gone, and sequences begin anew. */
void clear(struct redis_server *server);

void put_connection(struct redis_server *server, char socket, const char *text);

/* --- what is told --- */

/* Subscribed; for redisFree(). */
redisContext *listen_on(struct redis_server *server, const char *channel);

/* The next message. */
void expect_heard(redisContext *context, const char *beginning, const char *end);

/* --- what was there before --- */

/* Connections and persons by number, from 0 on. */
void hold_many(struct redis_server *server, const char *node, int riders);

/* a and b are ann's, at n and suspended; c is bob's, at m; d was put off at m. */
void make_ride(struct redis_server *server);

/* Boards a as ann at n and b as ann at m, exits through a: b is put off. Its tenure before that. */
uint64_t put_off(struct redis_server *server);

/* --- what nodes do for others --- */

/* Goes through all pages. How many were taken. */
long long reap(struct redis_server *server, const char *node, const char *window, unsigned *pages);

void expect_swept(redisReply *reply, long long taken, long long left);

#endif
