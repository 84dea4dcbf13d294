/*
 * What Redis keeps for a few rides, and does with it when a script is called, about: the scripts'
 * answers (broker/redis/scripts/) and the messages that they publish. Rides have a log, persons and
 * connections; nothing expires.
 */
#ifndef RIDECAST_TESTS_FUZZ_REDIS_STORE_H
#define RIDECAST_TESTS_FUZZ_REDIS_STORE_H

#include "common/buf.h"

/* The epoch of all rides, until one begins anew. */
#define STORE_EPOCH "epoch_-1"

/* What a script is called with: all words of the command, each followed by a NUL. */
struct store_call {
    char *const *args;
    size_t count;
};

/* Takes what is published; the connection that it goes to is the caller's. */
typedef void store_publish(const char *channel, const char *text);

/* Nobody is aboard anywhere. */
void store_begin(store_publish *publish);

/* The text of a script is loaded. What EVALSHA calls it by, SCRIPT_DIGEST_LEN letters. */
void store_load(const char *text, char *digest);

/* Appends what the script answers. */
void store_run(const struct store_call *call, struct buf *reply);

/* What happens to the store: all rides lose what they have; they lose their persons, but no position; they go
 * back to their first event; the next event is told to nobody. */
void store_lose_all(void);
void store_lose_persons(void);
void store_go_back(void);
void store_be_silent(void);

/* RESP. */
void resp_list(struct buf *out, size_t count);
void resp_text(struct buf *out, const char *text);
void resp_number(struct buf *out, unsigned long long number);

#endif
