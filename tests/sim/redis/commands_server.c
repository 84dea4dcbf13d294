#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/number.h"
#include "tests/sim/redis/reply.h"
#include "tests/sim/redis/script.h"

#include <inttypes.h>
#include <stdio.h>

void sim_auth(struct sim_call *call)
{
    const char *password = call->redis->setup.password;

    if (call->count > 3) {
        sim_reply_error(call->out, SIM_SYNTAX);
    } else if (!password && call->count == 2) {
        sim_reply_error(call->out,
                        "ERR AUTH <password> called without any password configured for the default user. "
                        "Are you sure your configuration is correct?");
    } else if ((call->count == 3 && !bytes_equal(call->args[1], bytes_of("default"))) ||
               (password && !bytes_equal(call->args[call->count - 1], bytes_of(password)))) {
        sim_reply_error(call->out, "WRONGPASS invalid username-password pair or user is disabled.");
    } else {
        call->connection->authenticated = true;
        sim_reply_status(call->out, "OK");
    }
}

void sim_config(struct sim_call *call)
{
    const char *save = call->redis->setup.save;

    if (call->count != 3 || !bytes_say(call->args[1], "GET") || !bytes_say(call->args[2], "save"))
        sim_unsupported(call);
    sim_reply_list(call->out, 2);
    sim_reply_text(call->out, "save");
    sim_reply_text(call->out, save ? save : "");
}

void sim_flushall(struct sim_call *call)
{
    if (call->count != 1)
        sim_unsupported(call);
    sim_keyspace_clear(call->redis);
    sim_reply_status(call->out, "OK");
}

/* What the gateway looks for, and no more. */
void sim_info(struct sim_call *call)
{
    const struct sim_redis *redis = call->redis;
    char text[512];

    if (call->count != 1)
        sim_unsupported(call);
    snprintf(text, sizeof text,
             "# Server\r\nredis_version:%s\r\nredis_mode:standalone\r\nuptime_in_seconds:%" PRId64 "\r\n\r\n"
             "# Memory\r\nmaxmemory:%d\r\nmaxmemory_policy:noeviction\r\n\r\n"
             "# Persistence\r\nloading:0\r\naof_enabled:%d\r\n\r\n"
             "# Replication\r\nrole:master\r\n\r\n"
             "# Cluster\r\ncluster_enabled:0\r\n",
             redis->setup.version, (redis->now_us - redis->started_us) / 1000000, redis->full,
             redis->setup.appends);
    sim_reply_text(call->out, text);
}

void sim_ping(struct sim_call *call)
{
    const struct sim_redis_connection *connection = call->connection;

    if (call->count > 2) {
        sim_reply_error(call->out, "ERR wrong number of arguments for 'ping' command");
    } else if (connection->subscriptions[SIM_CHANNEL] + connection->subscriptions[SIM_SHARD_CHANNEL] > 0) {
        sim_reply_list(call->out, 2);
        sim_reply_text(call->out, "pong");
        sim_reply_bytes(call->out, call->count == 2 ? call->args[1] : (struct bytes){"", 0});
    } else if (call->count == 2) {
        sim_reply_bytes(call->out, call->args[1]);
    } else {
        sim_reply_status(call->out, "PONG");
    }
}

void sim_role(struct sim_call *call)
{
    sim_reply_list(call->out, 3);
    sim_reply_text(call->out, "master");
    sim_reply_number(call->out, 0);
    sim_reply_list(call->out, 0);
}

void sim_select(struct sim_call *call)
{
    long long db;

    if (call->in_script)
        sim_unsupported(call);
    if (!sim_number_parse(call->args[1], &db))
        sim_reply_error(call->out, call->redis->is_7 ? SIM_NO_INTEGER : "ERR invalid DB index");
    else if (db < 0 || db >= SIM_DATABASES)
        sim_reply_error(call->out, "ERR DB index is out of range");
    else {
        call->connection->db = (unsigned)db;
        sim_reply_status(call->out, "OK");
    }
}

void sim_time(struct sim_call *call)
{
    char text[SIM_NUMBER_SIZE];

    sim_reply_list(call->out, 2);
    snprintf(text, sizeof text, "%" PRId64, call->redis->now_us / 1000000);
    sim_reply_text(call->out, text);
    snprintf(text, sizeof text, "%" PRId64, call->redis->now_us % 1000000);
    sim_reply_text(call->out, text);
}
