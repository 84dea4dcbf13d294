/*
 * sim [--seed N] [--count N | --for SECONDS] [--nodes N] [--visitors N] [--rides N] [--seconds N] [--fault-ms
 * N] [--evict] [--memory]
 * [--trace]
 *
 * Runs as many simulations as are counted, with one seed after the other, or, with --for SECONDS, as many as
 * it has so many seconds of a core for. Says how fast.
 */
#include "tests/sim/world/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct options {
    unsigned long seed, count, nodes, visitors, rides, seconds, fault_ms, spend;
};

static unsigned long *option_of(struct options *options, const char *name)
{
    const struct {
        const char *name;
        unsigned long *value;
    } rows[] = {
        {"--seed", &options->seed},         {"--count", &options->count}, {"--nodes", &options->nodes},
        {"--visitors", &options->visitors}, {"--rides", &options->rides}, {"--seconds", &options->seconds},
        {"--fault-ms", &options->fault_ms}, {"--for", &options->spend},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    fprintf(stderr, "sim: %s is no option\n", name);
    exit(EXIT_FAILURE);
}

/* Of the process: the clocks are the simulation's. */
static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    struct options options = {1, 1, 3, 100, 4, 600, 10000, 0};
    FILE *trace = NULL;
    bool memory = false, evicts = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            trace = stdout;
        else if (strcmp(argv[i], "--evict") == 0)
            evicts = true;
        else if (strcmp(argv[i], "--memory") == 0)
            memory = true;
        else if (i + 1 < argc)
            *option_of(&options, argv[i]) = strtoul(argv[i + 1], NULL, 10), i++;
    }
    setlinebuf(stdout);
    double begun = cpu_seconds(), simulated = 0;

    for (unsigned long i = 0; options.spend ? cpu_seconds() < (double)options.spend : i < options.count;
         i++) {
        const struct world_options world = {
            .seed = options.seed + i,
            .nodes = (unsigned)options.nodes,
            .visitors = (unsigned)options.visitors,
            .rides = (unsigned)options.rides,
            .seconds = (unsigned)options.seconds,
            .evicts = evicts,
            .memory = memory,
            .fault_ms = (unsigned)options.fault_ms,
            .trace = trace,
        };
        struct world_result result = world_run(&world);

        simulated += (double)result.virtual_us / 1e6;
        printf("seed %lu: %llu happenings, sum %016llx\n", options.seed + i,
               (unsigned long long)result.happenings, (unsigned long long)result.sum);
    }
    double spent = cpu_seconds() - begun;

    printf("%lu gateways, %lu clients: %.0f s in %.2f s of one core, %.0f times real time\n", options.nodes,
           options.visitors, simulated, spent, simulated / spent);
    return EXIT_SUCCESS;
}
