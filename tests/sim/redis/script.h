/*
 * The server's Lua, and the scripts that it has loaded.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_SCRIPT_H
#define RIDECAST_TESTS_SIM_REDIS_SCRIPT_H

#include "tests/sim/redis/server.h"

struct sim_script_engine *sim_script_engine_new(struct sim_redis *redis);
void sim_script_engine_free(struct sim_script_engine *engine);

/* No script is loaded any more. */
void sim_scripts_forget(struct sim_script_engine *engine);

#endif
