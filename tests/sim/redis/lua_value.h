/*
 * Answers between RESP and Lua, as Redis converts them.
 */
#ifndef RIDECAST_TESTS_SIM_REDIS_LUA_VALUE_H
#define RIDECAST_TESTS_SIM_REDIS_LUA_VALUE_H

#include "common/buf.h"

struct lua_State;

/* Pushes one answer, which is whole. What is behind it. */
const char *sim_lua_push_reply(struct lua_State *lua, const char *reply);

/* Appends what is on top of the stack, and takes it off. */
void sim_lua_say(struct lua_State *lua, struct buf *out);

#endif
