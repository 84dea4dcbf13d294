#include "tests/sim/redis/reply.h"

#include "common/alloc.h"
#include "tests/sim/redis/number.h"

#include <stdarg.h>
#include <stdio.h>

void sim_reply_raw(struct buf *out, struct bytes bytes)
{
    if (bytes.len > 0 && buf_append(out, bytes.at, bytes.len) != 0)
        alloc_failed();
}

static void line(struct buf *out, char kind, long long number)
{
    char text[SIM_NUMBER_SIZE];

    sim_reply_raw(out, (struct bytes){text, (size_t)snprintf(text, sizeof text, "%c%lld\r\n", kind, number)});
}

void sim_reply_status(struct buf *out, const char *text)
{
    sim_reply_raw(out, bytes_of("+"));
    sim_reply_raw(out, bytes_of(text));
    sim_reply_raw(out, bytes_of("\r\n"));
}

void sim_reply_number(struct buf *out, long long number)
{
    line(out, ':', number);
}

void sim_reply_bytes(struct buf *out, struct bytes bytes)
{
    line(out, '$', (long long)bytes.len);
    sim_reply_raw(out, bytes);
    sim_reply_raw(out, bytes_of("\r\n"));
}

void sim_reply_text(struct buf *out, const char *text)
{
    sim_reply_bytes(out, bytes_of(text));
}

void sim_reply_score(struct buf *out, double score)
{
    char text[SIM_NUMBER_SIZE];

    sim_reply_bytes(out, sim_score_write(text, score));
}

void sim_reply_nil(struct buf *out)
{
    line(out, '$', -1);
}

void sim_reply_nil_list(struct buf *out)
{
    line(out, '*', -1);
}

void sim_reply_list(struct buf *out, size_t count)
{
    line(out, '*', (long long)count);
}

void sim_reply_error(struct buf *out, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= (int)sizeof text)
        len = sizeof text - 1;
    while (len > 0 && strchr("\r\n", text[len - 1]))
        len--;
    for (int i = 0; i < len; i++)
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    sim_reply_raw(out, bytes_of("-"));
    sim_reply_raw(out, (struct bytes){text, (size_t)len});
    sim_reply_raw(out, bytes_of("\r\n"));
}

bool sim_arg_number(struct sim_call *call, size_t arg, long long *value)
{
    if (sim_number_parse(call->args[arg], value))
        return true;
    sim_reply_error(call->out, SIM_NO_INTEGER);
    return false;
}
