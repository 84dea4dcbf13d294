/*
 * Unguessable bytes and identifiers from the kernel's random number generator (getrandom(2)). Letters are
 * A-Z a-z 0-9 _ - (6 bits each): 20 of them carry 120 bits. All abort if the kernel gives none. Any thread.
 */
#ifndef RIDECAST_COMMON_ID_H
#define RIDECAST_COMMON_ID_H

#include <stddef.h>
#include <stdint.h>

enum { ID_LEN = 20 };

/* `letters` random letters and a NUL, to `out` (letters + 1 bytes). */
void id_make(char *out, size_t letters);

/* `n` random bytes. */
void id_fill(void *out, size_t n);

/* A uniformly random number below `bound` (> 0), for jitter. */
uint32_t id_random_below(uint32_t bound);

#endif
