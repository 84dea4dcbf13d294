/*
 * HSCAN, SSCAN and ZSCAN. What is small comes at once; of what is large, bucket after bucket until there are
 * as many as wanted.
 */
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/number.h"
#include "tests/sim/redis/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct page {
    struct buf elements;
    size_t count; /* of what is in it */
    enum sim_type type;
};

static void add(struct sim_entry *entry, void *arg)
{
    struct page *page = arg;

    sim_reply_bytes(&page->elements, sim_entry_name(entry));
    page->count++;
    if (page->type == SIM_HASH)
        sim_reply_bytes(&page->elements, sim_entry_value(entry));
    else if (page->type == SIM_ZSET)
        sim_reply_score(&page->elements, entry->score);
    else
        return;
    page->count++;
}

static uint64_t fill(struct page *page, const struct sim_object *object, uint64_t cursor, size_t count)
{
    const struct sim_dict *dict = object->type == SIM_ZSET ? &object->zset.members : &object->dict;
    size_t turns = count * 10; /* buckets may be empty */

    if (object->listed && object->type == SIM_ZSET) {
        for (size_t i = 0; i < dict->count; i++)
            add(object->zset.sorted[i], page);
        return 0;
    }
    if (object->listed) {
        for (struct sim_entry *entry = dict->first; entry; entry = entry->next_added)
            add(entry, page);
        return 0;
    }
    do
        cursor = sim_dict_scan(dict, cursor, add, page);
    while (cursor != 0 && turns-- > 0 && page->count < count);
    return cursor;
}

static bool parse_cursor(struct bytes text, uint64_t *cursor)
{
    char copy[SIM_NUMBER_SIZE], *end;

    if (text.len == 0 || text.len >= sizeof copy || *text.at < '0' || *text.at > '9')
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *cursor = strtoull(copy, &end, 10);
    return errno == 0 && end == copy + text.len;
}

static void scan(struct sim_call *call, enum sim_type type)
{
    uint64_t cursor;
    struct sim_object *object;
    struct page page = {.type = type};
    char text[SIM_NUMBER_SIZE];
    long long count = 10;

    if (!parse_cursor(call->args[2], &cursor)) {
        sim_reply_error(call->out, "ERR invalid cursor");
        return;
    }
    if (!sim_key_of_type(call, call->args[1], type, &object))
        return;
    if (call->count != 3 && (call->count != 5 || !bytes_say(call->args[3], "COUNT")))
        sim_unsupported(call);
    buf_init(&page.elements, SIZE_MAX / 2);
    if (!object) {
        cursor = 0; /* Redis does not look at the count */
    } else {
        if (call->count == 5 && !sim_arg_number(call, 4, &count))
            return;
        if (count < 1) {
            sim_reply_error(call->out, SIM_SYNTAX);
            return;
        }
        cursor = fill(&page, object, cursor, (size_t)count);
    }
    snprintf(text, sizeof text, "%" PRIu64, cursor);
    sim_reply_list(call->out, 2);
    sim_reply_text(call->out, text);
    sim_reply_list(call->out, page.count);
    sim_reply_raw(call->out, (struct bytes){page.elements.data, page.elements.len});
    buf_deinit(&page.elements);
}

void sim_hscan(struct sim_call *call)
{
    scan(call, SIM_HASH);
}

void sim_sscan(struct sim_call *call)
{
    scan(call, SIM_SET);
}

void sim_zscan(struct sim_call *call)
{
    scan(call, SIM_ZSET);
}
