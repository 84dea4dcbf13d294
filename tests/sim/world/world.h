/*
 * A simulation from its beginning to its end: gateways, visitors, and what befalls them, all by one seed. It
 * checks all the time what visitor.h says; in the end the faults cease and the visitors rest, and then all
 * who are on a ride must be told the same: who is there and has boarded, and nobody else.
 *
 * One at a time. What must never be ends the process, with the seed (trace_fail()).
 */
#ifndef RIDECAST_TESTS_SIM_WORLD_WORLD_H
#define RIDECAST_TESTS_SIM_WORLD_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { NODES_MAX = 8 };

struct world_options {
    uint64_t seed;
    unsigned nodes, visitors, rides;
    unsigned seconds;  /* of virtual time before the rest */
    bool evicts;       /* Redis loses single keys as well; README.md says why not always */
    bool memory;       /* each gateway keeps its riders to itself, else they share a Redis */
    unsigned fault_ms; /* about so much is between two faults; 0: there are none */
    FILE *trace;       /* NULL: only summed up */
};

struct world_result {
    uint64_t happenings, sum; /* schedule.h */
    uint64_t virtual_us;
};

struct world_result world_run(const struct world_options *options);

#endif
