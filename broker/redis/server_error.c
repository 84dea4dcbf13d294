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
#include <stdbool.h>
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

static bool has_code(const char *text)
{
    static const char *const codes[] = {"READONLY",    "LOADING",    "BUSY",    "MASTERDOWN",
                                        "CLUSTERDOWN", "NOAUTH",     "NOPERM",  "OOM",
                                        "MISCONF",     "NOREPLICAS", "TRYAGAIN"};
    size_t len = strcspn(text, " ");

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strlen(codes[i]) == len && memcmp(text, codes[i], len) == 0)
            return true;
    return false;
}

const char *server_error(const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return NULL;
    const char *text = without_script(reply->str);

    return has_code(text) || is_about_permission(text) ? text : NULL;
}
