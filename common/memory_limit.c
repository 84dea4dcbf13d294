/*
 * The machine's memory and the limits of cgroups: of version 2 that of the process' group and of each above
 * it, of version 1 the one that is mounted.
 */
#include "common/memory_limit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = PATH_MAX };

/* A number alone in a file; UINT64_MAX: there is none, as in "max". */
static uint64_t read_number(const char *path)
{
    unsigned long long number = UINT64_MAX;
    FILE *file = fopen(path, "re");

    if (!file)
        return UINT64_MAX;
    if (fscanf(file, "%llu", &number) != 1)
        number = UINT64_MAX;
    fclose(file);
    return number;
}

/* The line `0::/path` of the process' group of version 2, its path; "": there is none. */
static void find_group(const char *root, char group[LINE_SIZE])
{
    char line[LINE_SIZE];
    FILE *file;

    group[0] = '\0';
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    file = fopen(line, "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            memcpy(group, line + 3, strlen(line + 3) + 1);
        }
    fclose(file);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t of_groups(const char *root)
{
    char group[LINE_SIZE], path[2 * LINE_SIZE];
    uint64_t limit = UINT64_MAX;

    find_group(root, group);
    for (char *end = group + strlen(group);; end = strrchr(group, '/')) {
        if (!end)
            break;
        *end = '\0';
        snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/memory.max", root, group);
        limit = least(limit, read_number(path));
    }
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/memory/memory.limit_in_bytes", root);
    return least(limit, read_number(path));
}

static uint64_t of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

uint64_t memory_limit(const char *root)
{
    uint64_t limit = least(of_machine(), of_groups(root));

    return limit == UINT64_MAX ? 0 : limit;
}
