/*
 * Reading the answers.
 */
#include "broker/redis/sentinel_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_text(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static int read_address(const struct redisReply *host, const struct redisReply *port,
                        struct redis_address *address)
{
    char *end;

    if (!host || !port || !is_text(host) || !is_text(port))
        return -1;
    long number = strtol(port->str, &end, 10);
    return *end == '\0' ? redis_address_set(address, host->str, host->len, number) : -1;
}

const char *sentinel_read_primary(const struct redisReply *reply, struct redis_address *primary)
{
    if (reply->type == REDIS_REPLY_NIL)
        return "it knows no primary of that name";
    if (reply->type == REDIS_REPLY_ERROR)
        return reply->str;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        read_address(reply->element[0], reply->element[1], primary) == 0)
        return NULL;
    return "it answers something other than an address";
}

/* The value of a field in a list of names and values. */
static const struct redisReply *field_of(const struct redisReply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2)
        if (is_text(list->element[i]) && strcmp(list->element[i]->str, name) == 0)
            return list->element[i + 1];
    return NULL;
}

size_t sentinel_read_others(const struct redisReply *reply, struct redis_address *others, size_t max)
{
    size_t count = 0;

    if (reply->type != REDIS_REPLY_ARRAY)
        return 0;
    for (size_t i = 0; i < reply->elements && count < max; i++) {
        const struct redisReply *one = reply->element[i];

        if (one->type == REDIS_REPLY_ARRAY &&
            read_address(field_of(one, "ip"), field_of(one, "port"), &others[count]) == 0)
            count++;
    }
    return count;
}

const char *sentinel_read_role(const struct redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return reply->str;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || !is_text(reply->element[0]))
        return "it does not tell its role";
    return strcasecmp(reply->element[0]->str, "master") == 0 ? NULL : "it is not a primary";
}
