/*
 * A Redis made of plain tables, for tests that decide everything: bytes in, bytes out, no thread, no socket,
 * no clock, no randomness but the seed's. The same calls give the same bytes.
 *
 * It has the commands that gateways and their scripts use (the table in command.c), and runs the scripts in a
 * Lua 5.1 of its own. What it answers and keeps is what a real server does, errors to the letter;
 * test_fidelity.c holds it to that. An option of a command that no gateway uses ends the process with a line
 * that names it.
 *
 * There is no cluster and no replica in it so far, and it never runs out of memory by itself.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_SIM_REDIS_H
#define RIDECAST_TESTS_SIM_REDIS_SIM_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_redis;
struct sim_redis_connection;
struct sim_redis_copy;

struct sim_redis_setup {
    const char *version;  /* such as 7.0.15, whose wording it uses; from 6.2 on */
    const char *password; /* of the user `default`; NULL: none */
    const char *save;     /* what CONFIG GET save answers; NULL: nothing is written to disk */
    bool appends;         /* INFO says that there is an append-only file */
    uint64_t seed;        /* of the order of large hashes and sets, and of what is picked at random */
    size_t listed_max;    /* up to how many bytes the fields and values of a small hash have; 0: Redis' 64 */
    int64_t now_us;       /* the wall clock as it begins */
};

/* Borrows the setup's texts as long as it lives. */
struct sim_redis *sim_redis_new(const struct sim_redis_setup *setup);

/* Connections are freed with it, without a word. NULL is harmless. */
void sim_redis_free(struct sim_redis *redis);

/* Its wall clock, in microseconds since 1970. It may step, ahead and back; what has expired by then is gone.
 */
void sim_redis_set_clock(struct sim_redis *redis, int64_t now_us);

/* --- connections --- */

/* What a client hears. It may not call the server from there. */
struct sim_redis_client {
    void (*output)(const char *bytes, size_t len, void *arg);
    /* The server has closed it and does not know it any more. Not called for those that the client closes. */
    void (*closed)(void *arg);
    void *arg;
};

struct sim_redis_connection *sim_redis_connect(struct sim_redis *redis, struct sim_redis_client client);

/* What the client sends, in pieces of any size. All that follows from it, for this and other connections, is
 * said before it returns. */
void sim_redis_input(struct sim_redis_connection *connection, const char *bytes, size_t len);

/* The client has closed it. */
void sim_redis_disconnect(struct sim_redis_connection *connection);

/* --- what happens to it --- */

/* All data as they are. For sim_redis_copy_free(). */
struct sim_redis_copy *sim_redis_save(const struct sim_redis *redis);
void sim_redis_copy_free(struct sim_redis_copy *copy);

/* It ends and runs again with this copy, which it does not take; NULL: with nothing. Connections are closed,
 * and scripts are forgotten. */
void sim_redis_restart(struct sim_redis *redis, const struct sim_redis_copy *copy);

/* A key that the seed chooses is gone. False: there is none. */
bool sim_redis_evict(struct sim_redis *redis);

/* As long as its memory is full it refuses commands that would need more. */
void sim_redis_fill(struct sim_redis *redis, bool full);

#endif
