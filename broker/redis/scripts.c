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

static const char *const sources[SCRIPT_COUNT] = {
    [SCRIPT_TRANSITION] = script_transition,
    [SCRIPT_SUSPEND] = script_suspend,
    [SCRIPT_RESUME] = script_resume,
    [SCRIPT_RESTORE] = script_restore,
    [SCRIPT_REAP] = script_reap,
    [SCRIPT_SWEEP] = script_sweep,
    [SCRIPT_ROSTER] = script_roster,
    [SCRIPT_REPLAY] = script_replay,
    [SCRIPT_CHECK] = script_check,
    [SCRIPT_AUDIT] = script_audit,
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

        snprintf(reason, sizeof reason, "it refuses to load a script: %s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "strange answer");
        redis_link_fail(entry->scripts->link, reason);
        return;
    }
    memcpy(entry->digest, reply->str, SCRIPT_DIGEST_LEN);
    call_ready_when_loaded(entry->scripts);
}

/* What stands in front of all for a node of a cluster (scripts/ride.lua). */
static const char SHARDED[] = "ARGV.publish = 'SPUBLISH'\n";

static void load(struct scripts_entry *entry, const char *source)
{
    size_t front = entry->scripts->sharded ? sizeof SHARDED - 1 : 0, len = strlen(source);
    char *text;

    if (entry->loading)
        return;
    text = alloc_zeroed(front + len);
    memcpy(text, SHARDED, front);
    memcpy(text + front, source, len);
    const struct redis_arg args[] = {redis_arg_text("SCRIPT"), redis_arg_text("LOAD"), {text, front + len}};
    entry->loading = redis_link_send(entry->scripts->link, load_answered, entry, args, 3) == 0;
    free(text);
}

void scripts_load(struct scripts *scripts)
{
    scripts->starting = true;
    for (size_t i = 0; i < SCRIPT_COUNT; i++)
        load(&scripts->entries[i], sources[i]);
}

const char *scripts_digest(const struct scripts *scripts, enum script script)
{
    return scripts->entries[script].digest;
}

bool scripts_missing(struct scripts *scripts, enum script script, const struct redisReply *reply)
{
    if (!redis_reply_is_error(reply, "NOSCRIPT"))
        return false;
    load(&scripts->entries[script], sources[script]);
    return true;
}
