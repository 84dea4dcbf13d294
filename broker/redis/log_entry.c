/*
 * [ "<offset>-0", [ "chain", …, "op", …, "kind", …, "socket", …, "user", … ] ]
 */
#include "broker/redis/log_entry.h"

#include <hiredis/hiredis.h>
#include <string.h>

struct json_slice reply_slice(const struct redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING)
        return (struct json_slice){"", 0};
    return (struct json_slice){reply->str, reply->len};
}

int log_entry_read(const struct redisReply *entry, struct record_event *event)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[1]->elements != 10)
        return -1;
    struct redisReply *const *fields = entry->element[1]->element;
    struct json_slice id = reply_slice(entry->element[0]);
    if (id.len < 3 || memcmp(id.at + id.len - 2, "-0", 2) != 0)
        return -1;
    id.len -= 2;
    event->user = reply_slice(fields[9]);
    if (record_parse_offset(id, &event->position.offset) != 0 ||
        record_parse_chain(reply_slice(fields[1]), event->position.chain) != 0 ||
        record_parse_kind(reply_slice(fields[5]), &event->kind) != 0 ||
        record_parse_socket_id(reply_slice(fields[7]), event->socket_id) != 0 ||
        !record_user_valid(event->user))
        return -1;
    return 0;
}
