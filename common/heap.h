/*
 * What is in use of this process' heap. Any thread.
 */
#ifndef RIDECAST_COMMON_HEAP_H
#define RIDECAST_COMMON_HEAP_H

#include <stdint.h>

/* Bytes that were allocated and not freed. What is resident beyond them is the program, and what fragments.
 */
uint64_t heap_allocated_bytes(void);

#endif
