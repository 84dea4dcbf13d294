/*
 * The commands: which there are, and that one is carried out.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_COMMAND_H
#define RIDECAST_TESTS_SIM_REDIS_COMMAND_H

#include "tests/sim/redis/server.h"

enum {
    SIM_NEEDS_MEMORY = 1, /* refused when memory is full */
    SIM_NOT_IN_SCRIPT = 2,
    SIM_WHILE_SUBSCRIBED = 4, /* a connection that has subscriptions may use it */
    SIM_BEFORE_AUTH = 8,
    SIM_SINCE_7 = 16,
    SIM_WRITES = 32,
};

struct sim_command {
    const char *name; /* in small letters */
    int arity;        /* how many words it has, itself among them; negative: at least as many */
    unsigned flags;
    void (*run)(struct sim_call *call);
};

/* NULL: this server has no such command. */
const struct sim_command *sim_command_find(const struct sim_redis *redis, struct bytes name);
bool sim_command_takes(const struct sim_command *command, size_t count);

/* A client's: answers something in any case, but for a subscription, which may have several answers. */
void sim_command_run(struct sim_call *call);

#endif
