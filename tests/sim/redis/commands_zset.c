#include "common/alloc.h"
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/number.h"
#include "tests/sim/redis/reply.h"

#include <math.h>
#include <stdlib.h>

enum { LISTED_ENTRIES_MAX = 128, LISTED_BYTES_MAX = 64 };

static bool find_zset(struct sim_call *call, struct sim_zset **zset)
{
    struct sim_object *object;

    *zset = NULL;
    if (!sim_key_of_type(call, call->args[1], SIM_ZSET, &object))
        return false;
    if (object)
        *zset = &object->zset;
    return true;
}

static void put_all(struct sim_call *call, size_t first, bool greater)
{
    struct sim_object *object;
    long long added = 0;
    double score;

    if (!sim_key_of_type(call, call->args[1], SIM_ZSET, &object))
        return;
    if (!object)
        object = sim_key_make(call, call->args[1], SIM_ZSET);
    for (size_t i = first; i < call->count; i += 2) {
        const struct sim_entry *entry = sim_dict_find(&object->zset.members, call->args[i + 1]);

        sim_score_parse(call->args[i], &score);
        added += !entry;
        if (!entry || !greater || score > entry->score)
            sim_zset_put(&object->zset, call->args[i + 1], score);
        if (call->args[i + 1].len > LISTED_BYTES_MAX || object->zset.members.count > LISTED_ENTRIES_MAX)
            object->listed = false;
    }
    sim_reply_number(call->out, added);
}

/* With GT as the only option. */
void sim_zadd(struct sim_call *call)
{
    bool greater = bytes_say(call->args[2], "GT");
    size_t first = greater ? 3 : 2;
    double score;

    for (size_t i = first; i < call->count; i++)
        if (bytes_say(call->args[i], "NX") || bytes_say(call->args[i], "XX") ||
            bytes_say(call->args[i], "LT") || bytes_say(call->args[i], "CH") ||
            bytes_say(call->args[i], "INCR"))
            sim_unsupported(call);
    if (first == call->count || (call->count - first) % 2 != 0) {
        sim_reply_error(call->out, SIM_SYNTAX);
        return;
    }
    for (size_t i = first; i < call->count; i += 2)
        if (!sim_score_parse(call->args[i], &score)) {
            sim_reply_error(call->out, "ERR value is not a valid float");
            return;
        }
    put_all(call, first, greater);
}

void sim_zrem(struct sim_call *call)
{
    struct sim_zset *zset;
    long long removed = 0;

    if (!find_zset(call, &zset))
        return;
    for (size_t i = 2; zset && i < call->count; i++)
        removed += sim_zset_remove(zset, call->args[i]);
    sim_key_settle(call, call->args[1]);
    sim_reply_number(call->out, removed);
}

void sim_zcard(struct sim_call *call)
{
    struct sim_zset *zset;

    if (find_zset(call, &zset))
        sim_reply_number(call->out, zset ? (long long)zset->members.count : 0);
}

void sim_zscore(struct sim_call *call)
{
    struct sim_zset *zset;

    if (!find_zset(call, &zset))
        return;
    const struct sim_entry *entry = zset ? sim_dict_find(&zset->members, call->args[2]) : NULL;
    if (entry)
        sim_reply_score(call->out, entry->score);
    else
        sim_reply_nil(call->out);
}

/* --- ranges of scores --- */

/* What strtod() takes, so nothing at all is 0. */
static bool parse_bound(struct bytes text, struct sim_bound *bound)
{
    char copy[128], *end;

    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    bound->open = *copy == '(';
    bound->score = strtod(copy + bound->open, &end);
    return *end == '\0' && !isnan(bound->score);
}

static bool parse_bounds(struct sim_call *call, struct sim_bound *min, struct sim_bound *max)
{
    if (parse_bound(call->args[2], min) && parse_bound(call->args[3], max))
        return true;
    sim_reply_error(call->out, "ERR min or max is not a float");
    return false;
}

/* Those of a range. The place of the first; 0 and none where there is nothing. */
static size_t find_range(const struct sim_zset *zset, struct sim_bound min, struct sim_bound max,
                         size_t *count)
{
    size_t from = zset ? sim_zset_from(zset, min) : 0, end = from;

    while (zset && end < zset->members.count && sim_bound_allows(max, zset->sorted[end]->score))
        end++;
    *count = end - from;
    return from;
}

struct range_options {
    bool with_scores;
    long long skip, limit; /* a negative limit: none */
};

static bool parse_range_options(struct sim_call *call, struct range_options *options)
{
    for (size_t i = 4; i < call->count; i++) {
        if (bytes_say(call->args[i], "WITHSCORES")) {
            options->with_scores = true;
        } else if (bytes_say(call->args[i], "LIMIT") && i + 2 < call->count) {
            if (!sim_arg_number(call, i + 1, &options->skip) || !sim_arg_number(call, i + 2, &options->limit))
                return false;
            i += 2;
        } else {
            sim_unsupported(call);
        }
    }
    return true;
}

void sim_zrangebyscore(struct sim_call *call)
{
    struct range_options options = {.limit = -1};
    struct sim_bound min, max;
    struct sim_zset *zset;
    size_t count;

    if (!parse_range_options(call, &options) || !parse_bounds(call, &min, &max) || !find_zset(call, &zset))
        return;
    if (options.skip != 0)
        sim_unsupported(call);
    size_t from = find_range(zset, min, max, &count);
    if (options.limit >= 0 && count > (size_t)options.limit)
        count = (size_t)options.limit;
    sim_reply_list(call->out, options.with_scores ? 2 * count : count);
    for (size_t i = from; i < from + count; i++) {
        sim_reply_bytes(call->out, sim_entry_name(zset->sorted[i]));
        if (options.with_scores)
            sim_reply_score(call->out, zset->sorted[i]->score);
    }
}

void sim_zremrangebyscore(struct sim_call *call)
{
    struct sim_bound min, max;
    struct sim_zset *zset;
    size_t count;

    if (!parse_bounds(call, &min, &max) || !find_zset(call, &zset))
        return;
    size_t from = find_range(zset, min, max, &count);
    for (size_t i = 0; i < count; i++)
        sim_zset_remove(zset, sim_entry_name(zset->sorted[from]));
    sim_key_settle(call, call->args[1]);
    sim_reply_number(call->out, (long long)count);
}
