/*
 * Tables of uthash whose lists no client can make long: names, ids and addresses come from clients, and with
 * uthash's own hash function anybody can compute thousands that fall into one list. Here the function is
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") with a key that the kernel gives
 * each process before main(). Include this header in place of <uthash.h>. Any thread.
 */
#ifndef RIDECAST_COMMON_HASH_H
#define RIDECAST_COMMON_HASH_H

#include "common/alloc.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_FUNCTION(at, len, value) ((value) = hash_of(at, len))
#define uthash_fatal(message)         alloc_failed()

#include <uthash.h> /* IWYU pragma: export */

/* What tables use: another number for the same bytes in each process. */
uint32_t hash_of(const void *at, size_t len);

/* SipHash-1-3 with the 16 bytes of a key, read as two little-endian numbers. */
uint64_t hash_keyed(const uint64_t key[2], const void *at, size_t len);

#endif
