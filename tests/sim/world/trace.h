/*
 * What has happened, line by line: the time in seconds since the beginning, who, and what. The same seed
 * gives the same lines. The product's log goes there too, in the place of common/log.c.
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_TRACE_H
#define RIDECAST_TESTS_SIM_WORLD_TRACE_H

#include <stdint.h>
#include <stdio.h>

/* From now on to this stream, which is borrowed; NULL: nowhere. */
void trace_begin(FILE *out, uint64_t seed);

void trace_write(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whose log is being written; NULL: nobody's. */
extern const char *trace_log_of;

/* Something that must never be: says so, with the seed and the time, and ends the process. */
void trace_fail(const char *who, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

#endif
