#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/number.h"
#include "tests/sim/redis/reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool parse_part(const char *text, const char *end, uint64_t *value)
{
    char *stop;

    errno = 0;
    *value = strtoull(text, &stop, 10);
    return text < end && *text >= '0' && *text <= '9' && errno == 0 && stop == end;
}

/* `<ms>-<seq>`, or `<ms>` alone with the second part given. */
static bool parse_id(struct bytes text, uint64_t seq, struct sim_stream_id *id)
{
    char copy[64];
    const char *dash;

    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    dash = strchr(copy, '-');
    id->seq = seq;
    if (!dash)
        return parse_part(copy, copy + text.len, &id->ms);
    return parse_part(copy, dash, &id->ms) && parse_part(dash + 1, copy + text.len, &id->seq);
}

static const char INVALID_ID[] = "ERR Invalid stream ID specified as stream command argument";

static void say_id(struct sim_call *call, struct sim_stream_id id)
{
    char text[64];

    snprintf(text, sizeof text, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
    sim_reply_text(call->out, text);
}

/* XADD key MAXLEN ~ n id field value… */
void sim_xadd(struct sim_call *call)
{
    enum { MAX = 4, ID = 5, WORDS = 6 };
    struct sim_stream_id id;
    struct sim_object *object;
    long long max;

    if (call->count < WORDS || !bytes_say(call->args[2], "MAXLEN") || !bytes_say(call->args[3], "~") ||
        bytes_say(call->args[ID], "*"))
        sim_unsupported(call);
    if (!sim_arg_number(call, MAX, &max))
        return;
    if (max < 0) {
        sim_reply_error(call->out, "ERR The MAXLEN argument must be >= 0.");
        return;
    }
    if (!parse_id(call->args[ID], 0, &id)) {
        sim_reply_error(call->out, INVALID_ID);
        return;
    }
    if (call->count == WORDS || call->count % 2 != 0) {
        sim_reply_error(call->out, "ERR wrong number of arguments for 'xadd' command");
        return;
    }
    if (id.ms == 0 && id.seq == 0) {
        sim_reply_error(call->out, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    if (!sim_key_of_type(call, call->args[1], SIM_STREAM, &object))
        return;
    if (!object)
        object = sim_key_make(call, call->args[1], SIM_STREAM);
    if (sim_stream_add(&object->stream, id, call->args + WORDS, call->count - WORDS) != 0) {
        sim_reply_error(call->out,
                        "ERR The ID specified in XADD is equal or smaller than the target stream top item");
        return;
    }
    say_id(call, id);
    sim_stream_trim(&object->stream, (size_t)max);
}

void sim_xlen(struct sim_call *call)
{
    struct sim_object *object;

    if (sim_key_of_type(call, call->args[1], SIM_STREAM, &object))
        sim_reply_number(call->out, object ? (long long)sim_stream_length(&object->stream) : 0);
}

static bool parse_bound(struct sim_call *call, size_t arg, uint64_t seq, struct sim_stream_id *id)
{
    if (bytes_say(call->args[arg], "-"))
        *id = (struct sim_stream_id){0, 0};
    else if (bytes_say(call->args[arg], "+"))
        *id = (struct sim_stream_id){UINT64_MAX, UINT64_MAX};
    else if (call->args[arg].len > 0 && *call->args[arg].at == '(')
        sim_unsupported(call);
    else if (!parse_id(call->args[arg], seq, id)) {
        sim_reply_error(call->out, INVALID_ID);
        return false;
    }
    return true;
}

static void say_entry(struct sim_call *call, const struct sim_stream_entry *entry)
{
    sim_reply_list(call->out, 2);
    say_id(call, entry->id);
    sim_reply_list(call->out, entry->count);
    for (size_t i = 0; i < entry->count; i++)
        sim_reply_bytes(call->out, entry->words[i]);
}

static void say_range(struct sim_call *call, size_t start_arg, size_t end_arg, bool backwards)
{
    struct sim_stream_id start, end;
    struct sim_object *object;
    long long limit = -1;

    if (!parse_bound(call, start_arg, 0, &start) || !parse_bound(call, end_arg, UINT64_MAX, &end))
        return;
    if (call->count != 4 && (call->count != 6 || !bytes_say(call->args[4], "COUNT")))
        sim_unsupported(call);
    if (call->count == 6 && !sim_arg_number(call, 5, &limit))
        return;
    if (!sim_key_of_type(call, call->args[1], SIM_STREAM, &object))
        return;
    if (!object) {
        sim_reply_list(call->out, 0);
        return;
    }
    if (call->count == 6 && limit <= 0) {
        sim_reply_nil_list(call->out);
        return;
    }
    const struct sim_stream *stream = &object->stream;
    size_t from = sim_stream_from(stream, start), to = from;
    while (to < stream->end && sim_stream_id_compare(stream->entries[to].id, end) <= 0)
        to++;
    size_t count = limit >= 0 && (size_t)limit < to - from ? (size_t)limit : to - from;
    sim_reply_list(call->out, count);
    for (size_t i = 0; i < count; i++)
        say_entry(call, &stream->entries[backwards ? to - 1 - i : from + i]);
}

void sim_xrange(struct sim_call *call)
{
    say_range(call, 2, 3, false);
}

void sim_xrevrange(struct sim_call *call)
{
    say_range(call, 3, 2, true);
}
