#include "common/alloc.h"
#include "tests/sim/redis/commands.h"
#include "tests/sim/redis/reply.h"

static struct bytes string_of(const struct sim_object *object)
{
    return (struct bytes){object->string.at, object->string.len};
}

void sim_get(struct sim_call *call)
{
    struct sim_object *object;

    if (!sim_key_of_type(call, call->args[1], SIM_STRING, &object))
        return;
    if (object)
        sim_reply_bytes(call->out, string_of(object));
    else
        sim_reply_nil(call->out);
}

void sim_getrange(struct sim_call *call)
{
    long long start, end;
    struct sim_object *object;

    if (!sim_arg_number(call, 2, &start) || !sim_arg_number(call, 3, &end) ||
        !sim_key_of_type(call, call->args[1], SIM_STRING, &object))
        return;
    struct bytes text = object ? string_of(object) : (struct bytes){"", 0};
    long long len = (long long)text.len;
    bool backwards = start < 0 && end < 0 && start > end;

    start = start >= 0 ? start : start + len > 0 ? start + len : 0;
    end = end >= 0 ? end : end + len > 0 ? end + len : 0;
    if (end >= len)
        end = len - 1;
    if (backwards || len == 0 || start > end)
        sim_reply_text(call->out, "");
    else
        sim_reply_bytes(call->out, (struct bytes){text.at + start, (size_t)(end - start + 1)});
}

struct set_options {
    bool if_missing, if_there, lives;
    long long life_ms;
};

static bool parse_set_options(struct sim_call *call, struct set_options *options)
{
    for (size_t i = 3; i < call->count; i++) {
        if (bytes_say(call->args[i], "NX") && !options->if_there) {
            options->if_missing = true;
        } else if (bytes_say(call->args[i], "XX") && !options->if_missing) {
            options->if_there = true;
        } else if (bytes_say(call->args[i], "PX") && i + 1 < call->count && !options->lives) {
            options->lives = true;
            if (!sim_arg_number(call, ++i, &options->life_ms))
                return false;
        } else {
            sim_unsupported(call);
        }
    }
    if (!options->lives || (options->life_ms > 0 && options->life_ms < INT64_MAX - sim_now_ms(call->redis)))
        return true;
    sim_reply_error(call->out, call->redis->is_7 ? "ERR invalid expire time in 'set' command"
                                                 : "ERR invalid expire time in set");
    return false;
}

void sim_set(struct sim_call *call)
{
    struct set_options options = {.lives = false};

    if (!parse_set_options(call, &options))
        return;
    bool there = sim_key_find(call, call->args[1]);
    if ((options.if_missing && there) || (options.if_there && !there)) {
        sim_reply_nil(call->out);
        return;
    }
    struct sim_object *object = sim_key_make(call, call->args[1], SIM_STRING);
    object->string.at = alloc_text(call->args[2].at, call->args[2].len);
    object->string.len = call->args[2].len;
    if (options.lives)
        object->expires_ms = sim_now_ms(call->redis) + options.life_ms;
    sim_reply_status(call->out, "OK");
}
