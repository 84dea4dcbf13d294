/*
 * Pages.
 */
#include "broker/redis/scan.h"

#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/alloc.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scan_begin(struct scan *scan)
{
    strcpy(scan->cursor, "0");
}

bool scan_at_end(const struct scan *scan)
{
    return strcmp(scan->cursor, "0") == 0;
}

static void answered(const struct redisReply *reply, void *arg)
{
    struct scan *scan = arg;

    if (!reply) {
        scan->page(NULL, scan->arg);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY) {
        store_trouble(scan->store, "%s: %s", scan->complaint, store_complaint(reply));
        scan->page(NULL, scan->arg);
        return;
    }
    snprintf(scan->cursor, sizeof scan->cursor, "%s", reply->element[0]->str);
    scan->page(reply->element[1], scan->arg);
}

void scan_next(struct scan *scan)
{
    struct call call;

    call_command(&call, scan->store, scan->command);
    call_bytes(&call, scan->key.text, scan->key.len);
    call_text(&call, scan->cursor);
    call_text(&call, "COUNT");
    call_number(&call, scan->page_size);
    if (call_send(&call, answered, scan) != 0)
        scan->page(NULL, scan->arg);
}

void names_read(struct names *names, const struct redisReply *elements, size_t size,
                int (*parse)(struct json_slice text, char *name))
{
    names_clear(names);
    names->at = alloc_zeroed((elements->elements + 1) * size);
    names->size = size;
    for (size_t i = 0; i < elements->elements; i++)
        names->count += parse(reply_slice(elements->element[i]), names->at + names->count * size) == 0;
}

const char *names_current(const struct names *names)
{
    return names->next < names->count ? names->at + names->next * names->size : NULL;
}

void names_clear(struct names *names)
{
    free(names->at);
    *names = (struct names){.at = NULL};
}
