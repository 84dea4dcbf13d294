/*
 * Allocations that cannot be refused: a process without memory for a session, a rider or one message could
 * neither carry out what it was asked nor say that it did not, so it logs a line and ends; its clients come
 * back to another gateway. Where refusing one client is possible (a large buffer), a struct buf with a
 * ceiling does that instead. Any thread.
 */
#ifndef RIDECAST_COMMON_ALLOC_H
#define RIDECAST_COMMON_ALLOC_H

#include "common/blob.h"

#include <stddef.h>

void alloc_failed(void) __attribute__((noreturn));

/* `size` zeroed bytes for free(). */
void *alloc_zeroed(size_t size);

/* A copy of `len` bytes of `text` and a NUL, for free(). */
char *alloc_text(const char *text, size_t len);

/* blob_new() that never returns NULL. */
struct blob *alloc_blob(const void *data, size_t len);

#endif
