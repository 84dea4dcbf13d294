/*
 * How much memory there is for this process: the machine's, or less where a cgroup allows less. Any thread.
 */
#ifndef RIDECAST_COMMON_MEMORY_LIMIT_H
#define RIDECAST_COMMON_MEMORY_LIMIT_H

#include <stdint.h>

/* In bytes; 0: it cannot be told. `root` is what the paths /proc and /sys are under: "" but in tests. */
uint64_t memory_limit(const char *root);

#endif
