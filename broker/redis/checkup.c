/*
 * INFO, CONFIG GET save, a script that changes nothing, and the layout of what is there.
 */
#include "broker/redis/checkup.h"

#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "broker/redis/shared_keys.h"
#include "common/clock.h"
#include "common/log.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_MS = 10000, VALUE_SIZE = 32 };

/* In a cluster channels are in slots, as keys are. */
static const struct version {
    long major, minor;
} needs = {6, 2}, needs_in_cluster = {7, 0};

static void give_up(struct checkup *checkup, const char *reason)
{
    checkup->failed = true;
    redis_link_fail(checkup->store->commands, reason);
}

/* Logs it unless that is what was logged last; NULL: there is nothing to say any more. */
static void say_once(const char **told, const char *warning)
{
    if (warning && warning != *told)
        log_warn("broker", "%s", warning);
    *told = warning;
}

static void answer_came(struct checkup *checkup)
{
    if (--checkup->awaited > 0 || checkup->failed || !checkup->starting)
        return;
    checkup->starting = false;
    checkup->has_passed = true;
    checkup->passed(checkup->arg);
}

/* --- INFO --- */

/* The value of a field, empty when there is none. */
static const char *field(const char *info, const char *name, char value[VALUE_SIZE])
{
    size_t name_len = strlen(name);

    value[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, name_len) == 0 && line[name_len] == ':') {
            snprintf(value, VALUE_SIZE, "%.*s", (int)strcspn(line + name_len + 1, "\r\n"),
                     line + name_len + 1);
            break;
        }
    }
    return value;
}

static bool is_too_old(const char *version, struct version needed)
{
    char *end;
    long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

    return major > 0 && (major < needed.major || (major == needed.major && minor < needed.minor));
}

/* Why it will not do, in `reason`. False: it will. */
static bool is_unfit(const struct store *store, const char *info, char *reason, size_t reason_size)
{
    struct version needed = store->cluster ? needs_in_cluster : needs;
    char value[VALUE_SIZE];

    if (is_too_old(field(info, "redis_version", value), needed)) {
        snprintf(reason, reason_size, "it is Redis %s; %ld.%ld or later is needed", value, needed.major,
                 needed.minor);
        return true;
    }
    if (!store->cluster && strcmp(field(info, "cluster_enabled", value), "1") == 0) {
        snprintf(reason, reason_size,
                 "it is a node of a Redis Cluster; give redis+cluster://, with some of its nodes");
        return true;
    }
    if (strcmp(field(info, "role", value), "slave") == 0) {
        snprintf(reason, reason_size, "it is a replica; give its primary, or redis+sentinel://");
        return true;
    }
    return false;
}

static const char *eviction_warning(const char *info)
{
    char maxmemory[VALUE_SIZE], policy[VALUE_SIZE];

    field(info, "maxmemory", maxmemory);
    field(info, "maxmemory_policy", policy);
    if (!maxmemory[0] || strcmp(maxmemory, "0") == 0 || !policy[0] || strcmp(policy, "noeviction") == 0)
        return NULL;
    return "Redis may evict riders, as its memory is bounded; set its maxmemory-policy to noeviction";
}

static void info_came(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;
    char reason[128], value[VALUE_SIZE];

    if (!reply) {
        checkup->failed = true;
    } else if (reply->type == REDIS_REPLY_STRING) {
        checkup->appends = strcmp(field(reply->str, "aof_enabled", value), "1") == 0;
        checkup->server_up_ms = strtoull(field(reply->str, "uptime_in_seconds", value), NULL, 10) * 1000;
        say_once(&checkup->policy_told, eviction_warning(reply->str));
        if (is_unfit(checkup->store, reply->str, reason, sizeof reason))
            give_up(checkup, reason);
    }
    answer_came(checkup);
}

/* --- CONFIG GET save --- */

static void save_came(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;
    const char *warning = NULL;

    if (!reply)
        checkup->failed = true;
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && !checkup->appends &&
             reply_slice(reply->element[1]).len == 0)
        warning =
            "Redis writes nothing to disk: if it ends together with all gateways, nobody is aboard any more";
    if (reply)
        say_once(&checkup->disk_told, warning);
    answer_came(checkup);
}

/* --- a script --- */

static void script_ran(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;
    bool is_down = reply && redis_reply_is_error(reply, "CLUSTERDOWN"); /* nor anything else */
    char reason[160];

    if (!reply) {
        checkup->failed = true;
    } else if (reply->type == REDIS_REPLY_ERROR && !redis_reply_is_error(reply, "NOSCRIPT") &&
               !store_defers(checkup->store, reply)) {
        snprintf(reason, sizeof reason, "%s%s", is_down ? "" : "it runs no scripts: ", reply->str);
        give_up(checkup, reason);
    }
    answer_came(checkup);
}

/* Of a ride that nobody can be on, and that would be on this server. */
static int ask_script(struct checkup *checkup)
{
    struct call call;

    call_ride(&call, checkup->store, SCRIPT_REPLAY, checkup->store->home, NULL);
    call_number(&call, 1);
    return call_send(&call, script_ran, checkup);
}

/* --- the layout --- */

static void secret_came(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;

    if (reply)
        checkup->has_data = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    else
        checkup->failed = true;
    answer_came(checkup);
}

/* Whether it is another one than this gateway's. */
static bool layout_differs(struct checkup *checkup, const struct redisReply *reply)
{
    char reason[160];

    if (!reply || reply->type != REDIS_REPLY_STRING || strcmp(reply->str, STORE_LAYOUT) == 0)
        return false;
    snprintf(reason, sizeof reason,
             "what is there has ridecast's layout %.20s, this gateway's is " STORE_LAYOUT
             "; update all gateways, or give another --prefix",
             reply->str);
    give_up(checkup, reason);
    return true;
}

/* In a cluster: of a server that was alone once, and of all that have been somebody's home. */
static void common_layout_came(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;

    if (!reply)
        checkup->failed = true;
    layout_differs(checkup, reply);
    answer_came(checkup);
}

/* The first to come names the layout; where there are data without one, they are older. Gateways that run
 * know theirs, and name it again where it was deleted. */
static void layout_came(const struct redisReply *reply, void *arg)
{
    struct checkup *checkup = arg;

    if (!reply) {
        checkup->failed = true;
    } else if (!layout_differs(checkup, reply) && reply->type == REDIS_REPLY_NIL && checkup->has_data &&
               !checkup->has_passed) {
        give_up(checkup, "what is there was written by an older ridecast; stop its gateways and delete "
                         "their keys, or give another --prefix");
    }
    answer_came(checkup);
}

/* --- asking --- */

static void ask(struct checkup *checkup)
{
    struct call info, save, secret, layout;

    checkup->begun_ms = clock_ms();
    checkup->failed = false;
    checkup->appends = false;
    call_command(&info, checkup->store, "INFO");
    call_command(&save, checkup->store, "CONFIG");
    call_text(&save, "GET");
    call_text(&save, "save");
    checkup->awaited += call_send(&info, info_came, checkup) == 0;
    checkup->awaited += call_send(&save, save_came, checkup) == 0;
    checkup->awaited += ask_script(checkup) == 0;
    call_command(&secret, checkup->store, "EXISTS");
    call_shared_key(&secret, "secret");
    call_command(&layout, checkup->store, "GET");
    call_shared_key(&layout, "layout");
    checkup->awaited += call_send(&secret, secret_came, checkup) == 0;
    checkup->awaited += call_send(&layout, layout_came, checkup) == 0;
    if (checkup->store->keeps_layout) {
        call_command(&layout, checkup->store, "GET");
        call_common_key(&layout, "layout");
        checkup->awaited += call_send(&layout, common_layout_came, checkup) == 0;
    }
    shared_keys_check(checkup->store);
}

void checkup_init(struct checkup *checkup, struct store *store, void (*passed)(void *arg), void *arg)
{
    *checkup = (struct checkup){.store = store, .passed = passed, .arg = arg};
}

void checkup_begin(struct checkup *checkup)
{
    checkup->starting = true;
    ask(checkup);
}

void checkup_repeat(struct checkup *checkup)
{
    if (checkup->awaited == 0 && clock_ms() - checkup->begun_ms >= EVERY_MS)
        ask(checkup);
}
