/*
 * Loading and calling the embedded scripts.
 */
#include "broker/redis/scripts.h"

#include "broker/redis/redis_link.h"
#include "common/alloc.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[], script_check[], script_audit[];

/* What stands in front of each for a node of a cluster (scripts/ride.lua). */
#define SHARDED "ARGV.publish = 'SPUBLISH'\n"

/* The same of those that are about several rides. Redis does not let keys be declared of several slots, but a
 * script with this flag may use them: they are the last arguments, in front of their number (operations.c).
 */
#define CROSS_SLOT                                                                                           \
    "#!lua flags=allow-cross-slot-keys\n" SHARDED                                                            \
    "for i = #ARGV - ARGV[#ARGV], #ARGV - 1 do KEYS[#KEYS + 1] = ARGV[i] end\n"

static const struct {
    const char *text, *sharded;
} sources[SCRIPT_COUNT] = {
    [SCRIPT_TRANSITION] = {script_transition, CROSS_SLOT},
    [SCRIPT_SUSPEND] = {script_suspend, CROSS_SLOT},
    [SCRIPT_RESUME] = {script_resume, CROSS_SLOT},
    [SCRIPT_RESTORE] = {script_restore, CROSS_SLOT},
    [SCRIPT_REAP] = {script_reap, SHARDED},
    [SCRIPT_SWEEP] = {script_sweep, SHARDED},
    [SCRIPT_ROSTER] = {script_roster, SHARDED},
    [SCRIPT_REPLAY] = {script_replay, SHARDED},
    [SCRIPT_CHECK] = {script_check, SHARDED},
    [SCRIPT_AUDIT] = {script_audit, SHARDED},
};

void scripts_init(struct scripts *scripts, struct redis_link *link, bool sharded, void (*ready)(void *arg),
                  void *arg)
{
    memset(scripts, 0, sizeof *scripts);
    scripts->link = link;
    scripts->sharded = sharded;
    scripts->ready = ready;
    scripts->arg = arg;
    for (size_t i = 0; i < SCRIPT_COUNT; i++)
        scripts->entries[i].scripts = scripts;
}

static void call_ready_when_loaded(struct scripts *scripts)
{
    for (size_t i = 0; i < SCRIPT_COUNT; i++)
        if (scripts->entries[i].loading)
            return;
    if (!scripts->starting)
        return;
    scripts->starting = false;
    scripts->ready(scripts->arg);
}

static void load_answered(const struct redisReply *reply, void *arg)
{
    struct scripts_entry *entry = arg;

    entry->loading = false;
    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_STRING || reply->len != SCRIPT_DIGEST_LEN) {
        char reason[160];

        snprintf(reason, sizeof reason, "it refuses to load a script%s: %s",
                 entry->scripts->sharded ? " (in a cluster that takes Redis 7.0)" : "",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        redis_link_fail(entry->scripts->link, reason);
        return;
    }
    memcpy(entry->digest, reply->str, SCRIPT_DIGEST_LEN);
    call_ready_when_loaded(entry->scripts);
}

static void load(struct scripts *scripts, enum script script)
{
    struct scripts_entry *entry = &scripts->entries[script];
    const char *front = scripts->sharded ? sources[script].sharded : "", *source = sources[script].text;
    size_t front_len = strlen(front), len = strlen(source);
    char *text;

    if (entry->loading)
        return;
    text = alloc_zeroed(front_len + len);
    memcpy(text, front, front_len);
    memcpy(text + front_len, source, len);
    const struct redis_arg args[] = {
        redis_arg_text("SCRIPT"), redis_arg_text("LOAD"), {text, front_len + len}};
    entry->loading = redis_link_send(scripts->link, load_answered, entry, args, 3) == 0;
    free(text);
}

void scripts_load(struct scripts *scripts)
{
    scripts->starting = true;
    for (size_t i = 0; i < SCRIPT_COUNT; i++)
        load(scripts, i);
}

const char *scripts_digest(const struct scripts *scripts, enum script script)
{
    return scripts->entries[script].digest;
}

bool scripts_missing(struct scripts *scripts, enum script script, const struct redisReply *reply)
{
    if (!redis_reply_is_error(reply, "NOSCRIPT"))
        return false;
    load(scripts, script);
    return true;
}
