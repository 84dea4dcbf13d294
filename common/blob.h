/*
 * Immutable bytes with a reference count, the only thing the gateway and broker threads share besides the
 * mailboxes. Any thread may hold, add and drop references.
 */
#ifndef RIDECAST_COMMON_BLOB_H
#define RIDECAST_COMMON_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct blob {
    atomic_uint refs;
    atomic_uint found; /* where something in the bytes is, as common/user.c has found; 0: not yet */
    size_t len;
    char data[]; /* len bytes, then a NUL that len does not count */
};

/* A copy of `len` bytes with one reference, owned by the caller. NULL: no memory. */
struct blob *blob_new(const void *data, size_t len);

/* Adds a reference and returns the same blob. */
struct blob *blob_ref(struct blob *blob);

/* Drops a reference; the last one frees. NULL is harmless. */
void blob_unref(struct blob *blob);

/* Whether two blobs hold the same bytes. */
bool blob_equal(const struct blob *a, const struct blob *b);

#endif
