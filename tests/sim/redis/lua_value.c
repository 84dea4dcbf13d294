#include "tests/sim/redis/lua_value.h"

#include "tests/sim/redis/reply.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

/* {ok = …} or {err = …} */
static void push_word(lua_State *lua, const char *name, const char *text, size_t len)
{
    lua_newtable(lua);
    lua_pushstring(lua, name);
    lua_pushlstring(lua, text, len);
    lua_settable(lua, -3);
}

static const char *push_list(lua_State *lua, long long count, const char *at)
{
    luaL_checkstack(lua, 4, "an answer that is too deep");
    lua_newtable(lua);
    for (int i = 1; i <= count; i++) {
        at = sim_lua_push_reply(lua, at);
        lua_rawseti(lua, -2, i);
    }
    return at;
}

const char *sim_lua_push_reply(lua_State *lua, const char *reply)
{
    const char *text = reply + 1, *end = strstr(text, "\r\n"), *next = end + 2;
    long long number = *reply == '+' || *reply == '-' ? 0 : strtoll(text, NULL, 10);

    switch (*reply) {
    case ':':
        lua_pushnumber(lua, (lua_Number)number);
        return next;
    case '+':
        push_word(lua, "ok", text, (size_t)(end - text));
        return next;
    case '-':
        push_word(lua, "err", text, (size_t)(end - text));
        return next;
    case '*':
        if (number >= 0)
            return push_list(lua, number, next);
        lua_pushboolean(lua, false);
        return next;
    default:
        if (number < 0) {
            lua_pushboolean(lua, false);
            return next;
        }
        lua_pushlstring(lua, next, (size_t)number);
        return next + number + 2;
    }
}

/* Whether the table has a text under that name; pushes it then. */
static bool get_word(lua_State *lua, const char *name)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == LUA_TSTRING)
        return true;
    lua_pop(lua, 1);
    return false;
}

/* Up to the first that is nil. */
static void say_list(lua_State *lua, struct buf *out)
{
    int count = 0;

    for (bool more = true; more;) {
        lua_rawgeti(lua, -1, count + 1);
        more = !lua_isnil(lua, -1);
        count += more;
        lua_pop(lua, 1);
    }
    sim_reply_list(out, (size_t)count);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, -1, i);
        sim_lua_say(lua, out);
    }
}

static void say_table(lua_State *lua, struct buf *out)
{
    if (get_word(lua, "err")) {
        sim_reply_error(out, "%s", lua_tostring(lua, -1));
        lua_pop(lua, 1);
    } else if (get_word(lua, "ok")) {
        sim_reply_status(out, lua_tostring(lua, -1));
        lua_pop(lua, 1);
    } else {
        say_list(lua, out);
    }
}

void sim_lua_say(lua_State *lua, struct buf *out)
{
    luaL_checkstack(lua, 4, "an answer that is too deep");
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING: {
        size_t len;
        const char *text = lua_tolstring(lua, -1, &len);

        sim_reply_bytes(out, (struct bytes){text, len});
        break;
    }
    case LUA_TNUMBER:
        sim_reply_number(out, (long long)lua_tonumber(lua, -1));
        break;
    case LUA_TTABLE:
        say_table(lua, out);
        break;
    default:
        if (lua_type(lua, -1) == LUA_TBOOLEAN && lua_toboolean(lua, -1))
            sim_reply_number(out, 1);
        else
            sim_reply_nil(out);
    }
    lua_pop(lua, 1);
}
