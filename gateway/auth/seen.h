/*
 * Tokens whose signatures were found good lately, so that whoever shows one again costs no check of it: the
 * latest SEEN_MAX or so, as HMAC-SHA256 under a key that each process makes. A token has one place, which the
 * next one with that place takes; nobody can compute which two have the same. What a token says is not kept,
 * nor whether it was taken: its claims are read and judged anew each time. Aborts when out of memory. Gateway
 * thread.
 */
#ifndef RIDECAST_GATEWAY_AUTH_SEEN_H
#define RIDECAST_GATEWAY_AUTH_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_MAX = 16384, SEEN_MARK_BYTES = 32 };

struct seen;

/* What stands for a token. */
struct seen_mark {
    uint8_t bytes[SEEN_MARK_BYTES];
};

struct seen *seen_new(void);
/* NULL is harmless. */
void seen_free(struct seen *seen);

struct seen_mark seen_mark(const struct seen *seen, const char *token, size_t len);
bool seen_has(const struct seen *seen, const struct seen_mark *mark);
void seen_add(struct seen *seen, const struct seen_mark *mark);

/* Forgets all: the keys are others. */
void seen_forget(struct seen *seen);

#endif
