/*
 * What happened in a test, line by line: each test checks the journal and so empties it.
 */
#ifndef RIDECAST_TESTS_UNIT_JOURNAL_H
#define RIDECAST_TESTS_UNIT_JOURNAL_H

#include "common/buf.h"

/* A buffer of the world that keeps it, from journal_init() to buf_deinit(). */
void journal_init(struct buf *journal);

/* Adds a line. 0x1e, which ends packets in a payload, is written as '~'. */
void journal_note(struct buf *journal, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Everything since the last check is `expected`, each line with its end. */
void journal_check(struct buf *journal, const char *expected);

#endif
