/*
 * What the measured processes use, seen from outside: CPU time to the nanosecond by their CPU clocks,
 * resident memory by /proc/PID/statm.
 */
#ifndef RIDECAST_BENCH_PROCESS_H
#define RIDECAST_BENCH_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESSES_MAX = 8 };

struct processes {
    pid_t pids[PROCESSES_MAX];
    size_t count;
};

/* Reads "PID[,PID…]"; an empty text is none. 0, or -1 when it is no such list. */
int processes_parse(struct processes *processes, const char *text);

/* Their sums; a process that has ended counts nothing. */
uint64_t processes_cpu_ns(const struct processes *processes);
uint64_t processes_resident_bytes(const struct processes *processes);

#endif
