/*
 * Inside a script Redis 7 gives the error of a command as it is, with the script's digest behind it:
 *
 *     OOM command not allowed when used memory > 'maxmemory'. script: 62e6…, on @user_script:1.
 *
 * Redis 6.2 puts the script in front, in one of two ways:
 *
 *     ERR Error running script (call to f_62e6…): @user_script:1: @user_script: 1: -OOM command not allowed …
 *     ERR Error running script (call to f_62e6…): @user_script:1: OOM command not allowed …
 *
 * The code counts only where one can be: behind it comes text that may quote what a client has sent.
 */
#include "broker/redis/server_error.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Moves on past the text. False: that is not what comes. */
static bool skip(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

/* The same for as many of these characters as come, which may be none. */
static bool skip_any(const char **at, const char *characters)
{
    *at += strspn(*at, characters);
    return true;
}

/* What comes behind the script in the wording of Redis 6.2, or the text itself. */
static const char *without_script(const char *text)
{
    const char *at = text;

    if (!skip(&at, "ERR Error running script (call to f_") || !skip_any(&at, "0123456789abcdef") ||
        !skip(&at, "): @user_script:") || !skip_any(&at, "0123456789") || !skip(&at, ": "))
        return text;
    const char *inner = at;

    if (!skip(&inner, "@user_script: ") || !skip_any(&inner, "0123456789") || !skip(&inner, ": "))
        return at;
    skip(&inner, "-");
    return inner;
}

/* What a user of Redis may not do has a code only outside of scripts. */
static bool is_about_permission(const char *text)
{
    skip(&text, "ERR ");
    return skip(&text, "The user executing the script can't ") || skip(&text, "ACL failure in script: ");
}

/* So do keys that are elsewhere, on their way or nobody's, once a script has begun. */
static bool is_about_slots(const char *text)
{
    skip(&text, "ERR ");
    return skip(&text, "Script attempted to access a non local key in a cluster node") ||
           skip(&text, "Script attempted to access a slot not served") ||
           (skip(&text, "Script attempted to execute a ") &&
            (skip(&text, "command while the cluster is down") ||
             skip(&text, "write command while the cluster is down")));
}

bool slot_error_in_script(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR && is_about_slots(without_script(reply->str));
}

static bool has_code(const char *text, const char *code)
{
    size_t len = strlen(code);

    return strncmp(text, code, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

static bool has_code_of(const char *text, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_code(text, codes[i]))
            return true;
    return false;
}

const char *server_error(const struct redisReply *reply)
{
    static const char *const codes[] = {"READONLY",    "LOADING",    "BUSY",    "MASTERDOWN",
                                        "CLUSTERDOWN", "NOAUTH",     "NOPERM",  "OOM",
                                        "MISCONF",     "NOREPLICAS", "TRYAGAIN"};

    if (reply->type != REDIS_REPLY_ERROR)
        return NULL;
    const char *text = without_script(reply->str);

    return has_code_of(text, codes, sizeof codes / sizeof *codes) || is_about_permission(text) ? text : NULL;
}

/* Moves on past the next word and the space behind it. */
static void skip_word(const char **at)
{
    *at += strcspn(*at, " ");
    *at += **at == ' ';
}

/* `MOVED 3999 127.0.0.1:6381`: IPv6 addresses come without brackets; of a host that is not known nothing
 * comes, or `?`. */
static void read_owner(const char *text, const struct redis_address *from, struct redis_address *owner)
{
    const char *host = text;
    char *end;

    skip_word(&host);
    skip_word(&host);
    size_t len = strcspn(host, " ");
    const char *colon = memrchr(host, ':', len);
    if (!colon)
        return;
    size_t host_len = (size_t)(colon - host);
    long port = strtol(colon + 1, &end, 10);
    if (end != host + len)
        return;
    if (host_len == 0 || (host_len == 1 && *host == '?'))
        redis_address_set(owner, from->host, strlen(from->host), port);
    else
        redis_address_set(owner, host, host_len, port);
}

enum slot_error slot_error(const struct redisReply *reply, const struct redis_address *from,
                           struct redis_address *owner)
{
    static const char *const later[] = {"ASK", "TRYAGAIN", "CLUSTERDOWN"};

    owner->port = 0;
    if (reply->type != REDIS_REPLY_ERROR)
        return SLOT_ERROR_NONE;
    const char *text = without_script(reply->str);

    if (has_code(text, "MOVED")) {
        read_owner(text, from, owner);
        return SLOT_ERROR_MOVED;
    }
    if (has_code(text, "READONLY"))
        return SLOT_ERROR_MOVED;
    return has_code_of(text, later, sizeof later / sizeof *later) || is_about_slots(text) ? SLOT_ERROR_LATER
                                                                                          : SLOT_ERROR_NONE;
}
