/*
 * The fan-out log: finished bytes of a ride's latest events in one wire form, written once and read by every
 * member from its own cursor. Pure.
 *
 * A position counts bytes since the log was made, so it never goes back. The log keeps what the slowest
 * reader still needs; the owner decides who is too slow and trims. Appending is amortised O(bytes); reading
 * is a pointer.
 *
 *        base          a cursor            head
 *          |  trimmed?  |   its stretch     |
 *          ▼────────────▼───────────────────▼
 */
#ifndef RIDECAST_GATEWAY_RIDES_FANLOG_H
#define RIDECAST_GATEWAY_RIDES_FANLOG_H

#include "common/buf.h"

#include <stdint.h>

/* Embedded by value. */
struct fanlog {
    struct buf bytes; /* what is kept */
    uint64_t base;    /* position of bytes.data[0] */
    size_t behind;    /* readers that had not had everything when the owner counted last */
};

/* Who reads a log, and how far. Embedded by value. */
struct fanlog_reader {
    const struct fanlog *log;
    uint64_t cursor;                   /* what it has had */
    struct fanlog_reader *prev, *next; /* for its owner: of the same client, in other logs */
};

/* `max` bounds the bytes kept. */
void fanlog_init(struct fanlog *log, size_t max);
void fanlog_deinit(struct fanlog *log);

/* The position behind the last byte. */
uint64_t fanlog_head(const struct fanlog *log);

/* The buffer to append to; nothing but appends may be done with it. */
struct buf *fanlog_bytes(struct fanlog *log);

/* What the reader, whose cursor lies between base and head, has not had yet; `*n` may be 0. Valid until the
 * next append or trim. */
const char *fanlog_stretch(const struct fanlog_reader *reader, size_t *n);
/* What it costs to keep that for it: a part of it, as others are behind as well. */
size_t fanlog_cost(const struct fanlog_reader *reader);
/* It has had `n` more bytes, or is not to have what is left. */
void fanlog_advance(struct fanlog_reader *reader, size_t n);
void fanlog_skip(struct fanlog_reader *reader);

/* Nobody needs what lies before `cursor` any more. */
void fanlog_trim(struct fanlog *log, uint64_t cursor);

/* An empty log's memory is given back. */
void fanlog_shed(struct fanlog *log);

#endif
