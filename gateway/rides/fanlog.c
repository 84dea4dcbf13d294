/* The fan-out log: see fanlog.h. */
#include "gateway/rides/fanlog.h"

#include <assert.h>

/* What is kept allocated while nobody is behind. */
enum { IDLE_SIZE_MAX = 65536 };

void fanlog_init(struct fanlog *log, size_t max)
{
    buf_init(&log->bytes, max);
    log->base = 0;
}

void fanlog_deinit(struct fanlog *log)
{
    buf_deinit(&log->bytes);
}

uint64_t fanlog_head(const struct fanlog *log)
{
    return log->base + log->bytes.len;
}

struct buf *fanlog_bytes(struct fanlog *log)
{
    return &log->bytes;
}

const char *fanlog_stretch(const struct fanlog_reader *reader, size_t *n)
{
    const struct fanlog *log = reader->log;
    uint64_t cursor = reader->cursor;

    assert(cursor >= log->base && cursor <= fanlog_head(log));
    *n = (size_t)(fanlog_head(log) - cursor);
    return *n ? log->bytes.data + (cursor - log->base) : NULL;
}

size_t fanlog_cost(const struct fanlog_reader *reader)
{
    size_t n, behind = reader->log->behind;

    fanlog_stretch(reader, &n);
    return behind ? n / behind : n;
}

void fanlog_advance(struct fanlog_reader *reader, size_t n)
{
    reader->cursor += n;
}

void fanlog_skip(struct fanlog_reader *reader)
{
    reader->cursor = fanlog_head(reader->log);
}

void fanlog_trim(struct fanlog *log, uint64_t cursor)
{
    assert(cursor >= log->base && cursor <= fanlog_head(log));
    size_t dead = (size_t)(cursor - log->base);

    if (dead == log->bytes.len) {
        log->base = cursor;
        if (log->bytes.size > IDLE_SIZE_MAX)
            buf_deinit(&log->bytes);
        else
            buf_clear(&log->bytes);
    } else if (dead > log->bytes.len / 2) {
        /* Moving the rest only when it is the smaller part keeps appending amortised linear. */
        buf_consume(&log->bytes, dead);
        log->base = cursor;
    }
}

void fanlog_shed(struct fanlog *log)
{
    if (!log->bytes.len)
        buf_deinit(&log->bytes);
}
