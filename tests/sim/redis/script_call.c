/*
 * What a script may call. Where Redis 7 and 6.2 word errors differently, each has its way: 7 raises a
 * table, 6.2 a text with the script in front.
 */
#include "common/alloc.h"
#include "tests/sim/redis/command.h"
#include "tests/sim/redis/lua_value.h"
#include "tests/sim/redis/reply.h"
#include "tests/sim/redis/script_engine.h"

#include <lauxlib.h>
#include <lua.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void sim_sha1_hex(char digest[SIM_DIGEST_LEN + 1], struct bytes text)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(text.at, text.len, bytes, NULL, EVP_sha1(), NULL))
        alloc_failed();
    for (int i = 0; i < SIM_DIGEST_LEN / 2; i++)
        snprintf(digest + i * 2, 3, "%02x", bytes[i]);
}

static struct sim_script_engine *engine_of(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

/* What is on top of the stack is {err = …}; Redis 6.2 raises the text alone. */
static int raise(lua_State *lua)
{
    if (!engine_of(lua)->redis->is_7)
        lua_getfield(lua, -1, "err");
    return lua_error(lua);
}

/* An error of the call itself, in the wording of 7 or 6.2, which says where the script is. */
static int refuse(lua_State *lua, bool raises, const char *in_7, const char *in_6)
{
    lua_newtable(lua);
    if (engine_of(lua)->redis->is_7) {
        lua_pushstring(lua, in_7);
    } else {
        lua_Debug at;

        lua_getstack(lua, 1, &at);
        lua_getinfo(lua, "Sl", &at);
        lua_pushfstring(lua, "%s: %d: %s", at.source, at.currentline, in_6);
    }
    lua_setfield(lua, -2, "err");
    return raises ? raise(lua) : 1;
}

/* The arguments as texts; false: one of them is none. */
static bool read_args(lua_State *lua, struct sim_script_engine *engine, size_t count)
{
    if (count > engine->room) {
        free(engine->args);
        engine->args = alloc_zeroed(count * sizeof *engine->args);
        engine->room = count;
    }
    for (size_t i = 0; i < count; i++) {
        int at = (int)i + 1;

        if (lua_type(lua, at) == LUA_TNUMBER) {
            char text[64];

            snprintf(text, sizeof text, "%.17g", lua_tonumber(lua, at));
            lua_pushstring(lua, text);
            lua_replace(lua, at);
        }
        if (lua_type(lua, at) != LUA_TSTRING)
            return false;
        engine->args[i].at = lua_tolstring(lua, at, &engine->args[i].len);
    }
    return true;
}

static const char OOM[] = "OOM command not allowed when used memory > 'maxmemory'.";
static const char OOM_IN_6[] = "-OOM command not allowed when used memory > 'maxmemory'.";

static int call_command(lua_State *lua, bool raises)
{
    struct sim_script_engine *engine = engine_of(lua);
    size_t count = (size_t)lua_gettop(lua);

    if (count == 0)
        return refuse(lua, raises, "ERR Please specify at least one argument for this redis.call call",
                      "Please specify at least one argument for redis.call()");
    if (!read_args(lua, engine, count))
        return refuse(lua, raises, "ERR Lua redis lib command arguments must be strings or integers",
                      "Lua redis() command arguments must be strings or integers");
    const struct sim_command *command = sim_command_find(engine->redis, engine->args[0]);
    if (!command)
        return refuse(lua, raises, "ERR Unknown Redis command called from script",
                      "Unknown Redis command called from Lua script");
    if (!sim_command_takes(command, count))
        return refuse(lua, raises, "ERR Wrong number of args calling Redis command from script",
                      "Wrong number of args calling Redis command From Lua script");
    if (command->flags & SIM_NOT_IN_SCRIPT)
        return refuse(lua, raises, "ERR This Redis command is not allowed from script",
                      "This Redis command is not allowed from scripts");
    if (engine->redis->full && !engine->wrote && (command->flags & SIM_NEEDS_MEMORY))
        return refuse(lua, raises, OOM, OOM_IN_6);
    engine->wrote = engine->wrote || (command->flags & SIM_WRITES);

    struct sim_call call = {.redis = engine->redis,
                            .connection = engine->running->connection,
                            .args = engine->args,
                            .count = count,
                            .out = &engine->reply,
                            .in_script = true};
    buf_clear(&engine->reply);
    command->run(&call);
    sim_reply_raw(&engine->reply, (struct bytes){"", 1});
    sim_lua_push_reply(lua, engine->reply.data);
    return raises && *engine->reply.data == '-' ? raise(lua) : 1;
}

static int redis_call(lua_State *lua)
{
    return call_command(lua, true);
}

static int redis_pcall(lua_State *lua)
{
    return call_command(lua, false);
}

static int redis_sha1hex(lua_State *lua)
{
    char digest[SIM_DIGEST_LEN + 1];
    struct bytes text;

    text.at = luaL_checklstring(lua, 1, &text.len);
    sim_sha1_hex(digest, text);
    lua_pushstring(lua, digest);
    return 1;
}

/* In Redis 7 the errors of commands are texts when they have been caught. */
static int caught_call(lua_State *lua)
{
    lua_pushboolean(lua, true);
    lua_insert(lua, 1);
    if (lua_pcall(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0) == 0)
        return lua_gettop(lua);
    if (lua_istable(lua, -1))
        lua_getfield(lua, -1, "err");
    lua_pushboolean(lua, false);
    lua_insert(lua, -2);
    return 2;
}

/* Nothing is global but what Redis has put there. */
static int global_missing(lua_State *lua)
{
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(lua, 2));
}

static int global_made(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

static void add_function(struct sim_script_engine *engine, const char *name, lua_CFunction function)
{
    lua_pushlightuserdata(engine->lua, engine);
    lua_pushcclosure(engine->lua, function, 1);
    lua_setfield(engine->lua, -2, name);
}

void sim_script_offer(struct sim_script_engine *engine)
{
    lua_State *lua = engine->lua;

    if (engine->redis->is_7) {
        lua_pushcfunction(lua, caught_call);
        lua_setglobal(lua, "pcall");
    }
    lua_newtable(lua);
    add_function(engine, "call", redis_call);
    add_function(engine, "pcall", redis_pcall);
    add_function(engine, "sha1hex", redis_sha1hex);
    lua_setglobal(lua, "redis");
    lua_newtable(lua);
    add_function(engine, "__index", global_missing);
    add_function(engine, "__newindex", global_made);
    lua_setmetatable(lua, LUA_GLOBALSINDEX);
}
