/*
 * A growing run of bytes with a ceiling.
 *
 * Embedded by value. Every buffer has its ceiling from birth: an append that would pass it fails and leaves
 * the buffer as it was, and so does one that finds no memory. Not thread-safe.
 */
#ifndef RIDECAST_COMMON_BUF_H
#define RIDECAST_COMMON_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data;  /* NULL while nothing was ever appended; not NUL-terminated */
    size_t len;  /* bytes in use */
    size_t size; /* bytes allocated; one more than `max` at most */
    size_t max;  /* ceiling on len, bytes */
};

/* Makes an empty buffer that will hold at most `max` bytes. Allocates nothing. */
void buf_init(struct buf *buf, size_t max);

/* Frees the bytes; the buffer is empty again and may be used again. */
void buf_deinit(struct buf *buf);

/*
 * Room for `n` more bytes: where to write them, or NULL (ceiling, memory). Commit what was written with
 * buf_added(), at most `n`.
 */
char *buf_reserve(struct buf *buf, size_t n);
void buf_added(struct buf *buf, size_t n);

/*
 * 0, or -1 (ceiling or memory) with the buffer unchanged. What is appended must not lie in the buffer
 * itself.
 */
int buf_append(struct buf *buf, const void *data, size_t n);
int buf_append_str(struct buf *buf, const char *text);
int buf_appendf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops `n` bytes, at most len, from the front (moves the rest). */
void buf_consume(struct buf *buf, size_t n);

/* Forgets the bytes and keeps the allocation. */
void buf_clear(struct buf *buf);

#endif
