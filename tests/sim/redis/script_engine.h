/*
 * What the files of scripts share: the server's Lua, and what a script that runs may call.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_SCRIPT_ENGINE_H
#define RIDECAST_TESTS_SIM_REDIS_SCRIPT_ENGINE_H

#include "tests/sim/redis/server.h"

struct lua_State;

enum { SIM_DIGEST_LEN = 40 };

struct sim_script_engine {
    struct sim_redis *redis;
    struct lua_State *lua;
    int error_handler;              /* its reference in Lua's registry, as those of the scripts are */
    struct sim_dict scripts;        /* by digest */
    const struct sim_call *running; /* the call of a script; NULL: none */
    bool wrote;         /* it has, so that it is not stopped half-way any more when memory is full */
    struct bytes *args; /* of the command that a script calls */
    size_t room;
    struct buf reply;
};

void sim_sha1_hex(char digest[SIM_DIGEST_LEN + 1], struct bytes text);

/* Makes `redis` and its functions, and keeps scripts from making anything global. */
void sim_script_offer(struct sim_script_engine *engine);

#endif
