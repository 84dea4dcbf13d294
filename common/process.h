/*
 * What this process uses, as the kernel says (/proc/self). Any thread.
 */
#ifndef RIDECAST_COMMON_PROCESS_H
#define RIDECAST_COMMON_PROCESS_H

#include <stdint.h>

/* 0 where the kernel does not say. */
struct process_usage {
    uint64_t resident_bytes;
    uint64_t cpu_us; /* user and system, all threads */
    uint64_t open_files;
    uint64_t max_files;
};

/* The first of them alone, for callers that ask often: the files may have to be counted one by one. */
uint64_t process_resident_bytes(void);

void process_usage(struct process_usage *usage);

#endif
