/*
 * Numbers as text, where printf would be most of the work. Pure; any thread.
 */
#ifndef RIDECAST_COMMON_DECIMAL_H
#define RIDECAST_COMMON_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_MAX = 20 }; /* digits of the largest number */

/* Writes the digits to `out` (at most DECIMAL_MAX), without a NUL. How many there are. */
size_t decimal_write(char *out, uint64_t number);

#endif
