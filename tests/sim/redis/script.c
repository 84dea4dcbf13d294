/*
 * Scripts are compiled once and kept by their digest. While one runs, its calls of commands are answered in
 * RESP, as any client's, and that is converted; so a script sees what Redis would show it. Time stands still
 * meanwhile.
 */
#include "tests/sim/redis/script.h"

#include "common/alloc.h"
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/lua_value.h"
#include "tests/sim/redis/reply.h"
#include "tests/sim/redis/script_engine.h"

#include <lauxlib.h>
#include <lua-cjson.h>
#include <lualib.h>
#include <stdlib.h>

/* Of what a script raises Redis 7 makes a table, and names the script behind the error; 6.2 makes a text with
 * the script in front. */
static const char handler_of_7[] = "local getinfo = debug.getinfo "
                                   "return function(err) "
                                   "local at = getinfo(2, 'nSl') "
                                   "if at and at.what == 'C' then at = getinfo(3, 'nSl') end "
                                   "if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end "
                                   "if at then err.source, err.line = at.source, at.currentline end "
                                   "return err end";
static const char handler_of_6[] = "local getinfo = debug.getinfo "
                                   "return function(err) "
                                   "local at = getinfo(2, 'nSl') "
                                   "if at and at.what == 'C' then at = getinfo(3, 'nSl') end "
                                   "if at then return at.source .. ':' .. at.currentline .. ': ' .. err end "
                                   "return err end";

static void open_libraries(lua_State *lua)
{
    static const struct luaL_Reg libraries[] = {
        {"", luaopen_base},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},
        {LUA_DBLIBNAME, luaopen_debug},
        {"cjson", luaopen_cjson},
    };

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_pushcfunction(lua, libraries[i].func);
        lua_pushstring(lua, libraries[i].name);
        lua_call(lua, 1, 1);
        if (i > 0)
            lua_setglobal(lua, libraries[i].name);
    }
    lua_settop(lua, 0);
}

struct sim_script_engine *sim_script_engine_new(struct sim_redis *redis)
{
    static const char *const removed[] = {"debug", "loadfile", "dofile", "print"};
    struct sim_script_engine *engine = alloc_zeroed(sizeof *engine);
    lua_State *lua = luaL_newstate();

    if (!lua)
        alloc_failed();
    engine->redis = redis;
    engine->lua = lua;
    sim_dict_init(&engine->scripts, redis->setup.seed);
    buf_init(&engine->reply, SIZE_MAX / 2);
    open_libraries(lua);
    if (luaL_dostring(lua, redis->is_7 ? handler_of_7 : handler_of_6) != 0)
        abort();
    engine->error_handler = luaL_ref(lua, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++) {
        lua_pushnil(lua);
        lua_setglobal(lua, removed[i]);
    }
    sim_script_offer(engine);
    return engine;
}

void sim_script_engine_free(struct sim_script_engine *engine)
{
    sim_dict_deinit(&engine->scripts, NULL);
    lua_close(engine->lua);
    buf_deinit(&engine->reply);
    free(engine->args);
    free(engine);
}

void sim_scripts_forget(struct sim_script_engine *engine)
{
    for (const struct sim_entry *entry = engine->scripts.first; entry; entry = entry->next_added)
        luaL_unref(engine->lua, LUA_REGISTRYINDEX, (int)entry->number);
    sim_dict_deinit(&engine->scripts, NULL);
}

/* --- loading and running --- */

/* NULL: it does not compile, and `out` says so. */
static struct sim_entry *load(struct sim_script_engine *engine, struct bytes text, struct buf *out)
{
    char digest[SIM_DIGEST_LEN + 1];

    sim_sha1_hex(digest, text);
    struct sim_entry *entry = sim_dict_find(&engine->scripts, bytes_of(digest));
    if (entry)
        return entry;
    if (luaL_loadbuffer(engine->lua, text.at, text.len, "@user_script") != 0) {
        sim_reply_error(out, "ERR Error compiling script (new function): %s", lua_tostring(engine->lua, -1));
        lua_settop(engine->lua, 0);
        return NULL;
    }
    entry = sim_dict_add(&engine->scripts, bytes_of(digest));
    entry->number = luaL_ref(engine->lua, LUA_REGISTRYINDEX);
    return entry;
}

static void set_global(lua_State *lua, const char *name, const struct bytes *texts, size_t count)
{
    lua_pushstring(lua, name);
    lua_newtable(lua);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(lua, texts[i].at, texts[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
    lua_rawset(lua, LUA_GLOBALSINDEX);
}

/* The error that a script has ended with is on top of the stack. */
static void say_failure(struct sim_call *call, lua_State *lua, const char *digest)
{
    if (!lua_istable(lua, -1)) {
        sim_reply_error(call->out, "ERR Error running script (call to f_%s): %s", digest,
                        lua_tostring(lua, -1));
        return;
    }
    lua_getfield(lua, -1, "err");
    lua_getfield(lua, -2, "source");
    lua_getfield(lua, -3, "line");
    sim_reply_error(call->out, "%s script: %s, on %s:%s.", lua_tostring(lua, -3), digest,
                    lua_tostring(lua, -2), lua_tostring(lua, -1));
}

static void run(struct sim_call *call, const struct sim_entry *script, size_t keys)
{
    enum { FIRST_KEY = 3 };
    struct sim_script_engine *engine = call->redis->engine;
    lua_State *lua = engine->lua;

    lua_rawgeti(lua, LUA_REGISTRYINDEX, engine->error_handler);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, (int)script->number);
    set_global(lua, "KEYS", call->args + FIRST_KEY, keys);
    set_global(lua, "ARGV", call->args + FIRST_KEY + keys, call->count - FIRST_KEY - keys);
    engine->running = call;
    engine->wrote = false;
    if (lua_pcall(lua, 0, 1, 1) == 0)
        sim_lua_say(lua, call->out);
    else
        say_failure(call, lua, script->name);
    engine->running = NULL;
    lua_settop(lua, 0);
}

/* False, and an error answered: it is none that there could be. */
static bool read_key_count(struct sim_call *call, size_t *keys)
{
    long long count;

    if (!sim_arg_number(call, 2, &count))
        return false;
    if (count > (long long)call->count - 3)
        sim_reply_error(call->out, "ERR Number of keys can't be greater than number of args");
    else if (count < 0)
        sim_reply_error(call->out, "ERR Number of keys can't be negative");
    else
        *keys = (size_t)count;
    return count >= 0 && count <= (long long)call->count - 3;
}

void sim_eval(struct sim_call *call)
{
    const struct sim_entry *script;
    size_t keys;

    if (read_key_count(call, &keys) && (script = load(call->redis->engine, call->args[1], call->out)))
        run(call, script, keys);
}

void sim_evalsha(struct sim_call *call)
{
    bool may_be = call->args[1].len == SIM_DIGEST_LEN;
    size_t keys;

    if (may_be && !read_key_count(call, &keys))
        return;
    const struct sim_entry *script =
        may_be ? sim_dict_find(&call->redis->engine->scripts, call->args[1]) : NULL;
    if (script)
        run(call, script, keys);
    else
        sim_reply_error(call->out, "NOSCRIPT No matching script. Please use EVAL.");
}

void sim_script(struct sim_call *call)
{
    if (bytes_say(call->args[1], "LOAD") && call->count == 3) {
        const struct sim_entry *script = load(call->redis->engine, call->args[2], call->out);

        if (script)
            sim_reply_bytes(call->out, sim_entry_name(script));
    } else if (bytes_say(call->args[1], "FLUSH") && call->count == 2) {
        sim_scripts_forget(call->redis->engine);
        sim_reply_status(call->out, "OK");
    } else {
        sim_unsupported(call);
    }
}
