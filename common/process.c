/* What this process uses: see process.h. */
#include "common/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t process_resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Since Linux 6.2 the folder's size is their number; before they have to be listed. */
static uint64_t open_files(void)
{
    static const char path[] = "/proc/self/fd";
    struct stat info;
    uint64_t count = 0;

    if (!stat(path, &info) && info.st_size > 0)
        return (uint64_t)info.st_size;
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count > 0 ? count - 1 : 0; /* that of the folder */
}

void process_usage(struct process_usage *usage)
{
    struct timespec cpu = {0};
    struct rlimit files = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    getrlimit(RLIMIT_NOFILE, &files);
    *usage = (struct process_usage){
        .resident_bytes = process_resident_bytes(),
        .cpu_us = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000,
        .open_files = open_files(),
        .max_files = (uint64_t)files.rlim_cur,
    };
}
