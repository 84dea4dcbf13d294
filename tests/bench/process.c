/*
 * CPU time and memory of other processes.
 */
#include "bench/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int processes_parse(struct processes *processes, const char *text)
{
    processes->count = 0;
    while (*text) {
        char *end;
        long pid = strtol(text, &end, 10);

        if (end == text || pid <= 0 || (*end && *end != ',') || processes->count == PROCESSES_MAX)
            return -1;
        processes->pids[processes->count++] = (pid_t)pid;
        text = *end ? end + 1 : end;
    }
    return 0;
}

uint64_t processes_cpu_ns(const struct processes *processes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < processes->count; i++) {
        clockid_t clock;
        struct timespec used;

        if (clock_getcpuclockid(processes->pids[i], &clock) == 0 && clock_gettime(clock, &used) == 0)
            sum += (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
    }
    return sum;
}

uint64_t processes_resident_bytes(const struct processes *processes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < processes->count; i++) {
        char path[64];
        unsigned long long size, resident;

        snprintf(path, sizeof path, "/proc/%d/statm", (int)processes->pids[i]);
        FILE *file = fopen(path, "r");

        if (!file)
            continue;
        if (fscanf(file, "%llu %llu", &size, &resident) == 2)
            sum += resident * (uint64_t)sysconf(_SC_PAGESIZE);
        fclose(file);
    }
    return sum;
}
