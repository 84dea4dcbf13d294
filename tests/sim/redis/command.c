#include "tests/sim/redis/command.h"

#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* By name. */
static const struct sim_command commands[] = {
    {"auth", -2, SIM_NOT_IN_SCRIPT | SIM_BEFORE_AUTH, sim_auth},
    {"config", -2, SIM_NOT_IN_SCRIPT, sim_config},
    {"del", -2, SIM_WRITES, sim_del},
    {"eval", -3, SIM_NOT_IN_SCRIPT, sim_eval},
    {"evalsha", -3, SIM_NOT_IN_SCRIPT, sim_evalsha},
    {"exists", -2, 0, sim_exists},
    {"flushall", -1, SIM_WRITES, sim_flushall},
    {"get", 2, 0, sim_get},
    {"getrange", 4, 0, sim_getrange},
    {"hdel", -3, SIM_WRITES, sim_hdel},
    {"hexists", 3, 0, sim_hexists},
    {"hget", 3, 0, sim_hget},
    {"hgetall", 2, 0, sim_hgetall},
    {"hlen", 2, 0, sim_hlen},
    {"hmget", -3, 0, sim_hmget},
    {"hscan", -3, 0, sim_hscan},
    {"hset", -4, SIM_WRITES | SIM_NEEDS_MEMORY, sim_hset},
    {"info", -1, 0, sim_info},
    {"keys", 2, 0, sim_keys},
    {"persist", 2, SIM_WRITES, sim_persist},
    {"pexpire", -3, SIM_WRITES, sim_pexpire},
    {"ping", -1, SIM_WHILE_SUBSCRIBED, sim_ping},
    {"pttl", 2, 0, sim_pttl},
    {"publish", 3, 0, sim_publish_command},
    {"role", 1, SIM_NOT_IN_SCRIPT, sim_role},
    {"sadd", -3, SIM_WRITES | SIM_NEEDS_MEMORY, sim_sadd},
    {"script", -2, SIM_NOT_IN_SCRIPT, sim_script},
    {"select", 2, 0, sim_select},
    {"set", -3, SIM_WRITES | SIM_NEEDS_MEMORY, sim_set},
    {"smembers", 2, 0, sim_smembers},
    {"spublish", 3, SIM_SINCE_7, sim_spublish},
    {"srandmember", -2, 0, sim_srandmember},
    {"srem", -3, SIM_WRITES, sim_srem},
    {"sscan", -3, 0, sim_sscan},
    {"ssubscribe", -2, SIM_NOT_IN_SCRIPT | SIM_WHILE_SUBSCRIBED | SIM_SINCE_7, sim_ssubscribe},
    {"subscribe", -2, SIM_NOT_IN_SCRIPT | SIM_WHILE_SUBSCRIBED, sim_subscribe},
    {"sunsubscribe", -1, SIM_NOT_IN_SCRIPT | SIM_WHILE_SUBSCRIBED | SIM_SINCE_7, sim_sunsubscribe},
    {"time", 1, 0, sim_time},
    {"type", 2, 0, sim_type},
    {"unsubscribe", -1, SIM_NOT_IN_SCRIPT | SIM_WHILE_SUBSCRIBED, sim_unsubscribe},
    {"xadd", -5, SIM_WRITES | SIM_NEEDS_MEMORY, sim_xadd},
    {"xlen", 2, 0, sim_xlen},
    {"xrange", -4, 0, sim_xrange},
    {"xrevrange", -4, 0, sim_xrevrange},
    {"zadd", -4, SIM_WRITES | SIM_NEEDS_MEMORY, sim_zadd},
    {"zcard", 2, 0, sim_zcard},
    {"zrangebyscore", -4, 0, sim_zrangebyscore},
    {"zrem", -3, SIM_WRITES, sim_zrem},
    {"zremrangebyscore", 4, SIM_WRITES, sim_zremrangebyscore},
    {"zscan", -3, 0, sim_zscan},
    {"zscore", 3, 0, sim_zscore},
};

enum { NAME_MAX_LEN = 20 };

static int compare_name(const void *name, const void *command)
{
    return strcmp(name, ((const struct sim_command *)command)->name);
}

const struct sim_command *sim_command_find(const struct sim_redis *redis, struct bytes name)
{
    char small[NAME_MAX_LEN + 1];

    if (name.len > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i < name.len; i++)
        small[i] = (char)tolower((unsigned char)name.at[i]);
    small[name.len] = '\0';
    const struct sim_command *command =
        bsearch(small, commands, sizeof commands / sizeof *commands, sizeof *commands, compare_name);
    return command && (command->flags & SIM_SINCE_7) && !redis->is_7 ? NULL : command;
}

bool sim_command_takes(const struct sim_command *command, size_t count)
{
    return command->arity < 0 ? count >= (size_t)-command->arity : count == (size_t)command->arity;
}

static void say_unknown(const struct sim_call *call)
{
    enum { SHOWN = 128 };
    const char *left = call->redis->is_7 ? "'" : "`", *between = call->redis->is_7 ? "" : ",";
    const char *right = left;
    char args[512] = "";
    size_t len = 0;

    for (size_t i = 1; i < call->count && len < SHOWN; i++)
        len += (size_t)snprintf(args + len, sizeof args - len, "%s%.*s%s%s ", left,
                                (int)(SHOWN - len < call->args[i].len ? SHOWN - len : call->args[i].len),
                                call->args[i].at, right, between);
    sim_reply_error(call->out, "ERR unknown command %s%.*s%s, with args beginning with: %s", left,
                    (int)(call->args[0].len < SHOWN ? call->args[0].len : SHOWN), call->args[0].at, right,
                    args);
}

/* In RESP 2 a connection that has subscriptions hears nothing else. */
static bool is_subscribed(const struct sim_redis_connection *connection)
{
    return connection->subscriptions[SIM_CHANNEL] + connection->subscriptions[SIM_SHARD_CHANNEL] > 0;
}

void sim_command_run(struct sim_call *call)
{
    const struct sim_command *command = sim_command_find(call->redis, call->args[0]);

    if (!command)
        say_unknown(call);
    else if (!sim_command_takes(command, call->count))
        sim_reply_error(call->out, "ERR wrong number of arguments for '%s' command", command->name);
    else if (!call->connection->authenticated && !(command->flags & SIM_BEFORE_AUTH))
        sim_reply_error(call->out, "NOAUTH Authentication required.");
    else if (call->redis->full && (command->flags & SIM_NEEDS_MEMORY))
        sim_reply_error(call->out, "OOM command not allowed when used memory > 'maxmemory'.");
    else if (is_subscribed(call->connection) && !(command->flags & SIM_WHILE_SUBSCRIBED))
        sim_reply_error(
            call->out,
            "ERR Can't execute '%s': only (P%s)SUBSCRIBE / (P%s)UNSUBSCRIBE / PING / QUIT / RESET are "
            "allowed in this context",
            command->name, call->redis->is_7 ? "|S" : "", call->redis->is_7 ? "|S" : "");
    else
        command->run(call);
}

void sim_unsupported(const struct sim_call *call)
{
    fprintf(stderr, "the simulated Redis does not know all of:");
    for (size_t i = 0; i < call->count && i < 12; i++)
        fprintf(stderr, " %.*s", (int)call->args[i].len, call->args[i].at);
    fprintf(stderr, "\n");
    abort();
}
