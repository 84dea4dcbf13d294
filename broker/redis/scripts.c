/*
 * Loading and calling the embedded scripts.
 */
#include "broker/redis/scripts.h"

#include "broker/redis/record.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Made at build time from broker/redis/scripts/. */
extern const char script_transition[], script_suspend[], script_resume[], script_restore[], script_reap[],
    script_sweep[], script_roster[], script_replay[];

static const char *const sources[SCRIPT_COUNT] = {
    [SCRIPT_TRANSITION] = script_transition,
    [SCRIPT_SUSPEND] = script_suspend,
    [SCRIPT_RESUME] = script_resume,
    [SCRIPT_RESTORE] = script_restore,
    [SCRIPT_REAP] = script_reap,
    [SCRIPT_SWEEP] = script_sweep,
    [SCRIPT_ROSTER] = script_roster,
    [SCRIPT_REPLAY] = script_replay,
};

void scripts_init(struct scripts *scripts, struct redis_link *link, void (*ready)(void *arg), void *arg)
{
    memset(scripts, 0, sizeof *scripts);
    scripts->link = link;
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

static void load(struct scripts_entry *entry, const char *source)
{
    const struct redis_arg args[] = {redis_arg_text("SCRIPT"), redis_arg_text("LOAD"),
                                     redis_arg_text(source)};

    if (!entry->loading)
        entry->loading = redis_link_send(entry->scripts->link, load_answered, entry, args, 3) == 0;
}

void scripts_load(struct scripts *scripts)
{
    scripts->starting = true;
    for (size_t i = 0; i < SCRIPT_COUNT; i++)
        load(&scripts->entries[i], sources[i]);
}

int scripts_call(struct scripts *scripts, enum script script, size_t key_count, const struct redis_arg *args,
                 size_t count, redis_answer *answer, void *arg)
{
    struct redis_arg all[REDIS_ARGS_MAX];
    char key_count_text[8];

    assert(count + 3 <= REDIS_ARGS_MAX);
    snprintf(key_count_text, sizeof key_count_text, "%zu", key_count);
    all[0] = redis_arg_text("EVALSHA");
    all[1] = redis_arg_text(scripts->entries[script].digest);
    all[2] = redis_arg_text(key_count_text);
    memcpy(all + 3, args, count * sizeof *args);
    return redis_link_send(scripts->link, answer, arg, all, count + 3);
}

bool scripts_missing(struct scripts *scripts, enum script script, const struct redisReply *reply)
{
    if (!redis_reply_is_error(reply, "NOSCRIPT"))
        return false;
    load(&scripts->entries[script], sources[script]);
    return true;
}

bool scripts_read_position(const struct redisReply *epoch, const struct redisReply *offset,
                           struct broker_position *position)
{
    return epoch->type == REDIS_REPLY_STRING && offset->type == REDIS_REPLY_STRING &&
           record_parse_epoch((struct json_slice){epoch->str, epoch->len}, position->epoch) == 0 &&
           record_parse_offset((struct json_slice){offset->str, offset->len}, &position->offset) == 0;
}

static void key_name_print(struct key_name *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void key_name_print(struct key_name *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(key->text, sizeof key->text, format, args);
    va_end(args);
    assert(len > 0 && (size_t)len < sizeof key->text);
    key->len = (size_t)len;
}

void key_name_make(struct key_name *key, const char *prefix, const char *ride, const char *what)
{
    key_name_print(key, "%s{%s}:%s", prefix, ride, what);
}

void key_name_make_shared(struct key_name *key, const char *prefix, const char *what)
{
    key_name_print(key, "%s%s", prefix, what);
}

void key_name_make_node(struct key_name *key, const char *prefix, const char *node, const char *detail)
{
    key_name_print(key, "%snode:%s%s", prefix, node, detail);
}

struct redis_arg key_name_arg(const struct key_name *key)
{
    return (struct redis_arg){key->text, key->len};
}
