/*
 * A growing run of bytes with a ceiling: doubling, then capped.
 */
#include "common/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_deinit(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

/* The allocation for `need` bytes: at least twice the last one, so that appending stays linear overall. */
static size_t grown_size(const struct buf *buf, size_t need)
{
    size_t size = buf->size > SMALLEST / 2 ? buf->size : SMALLEST / 2;

    size = size > SIZE_MAX / 2 ? SIZE_MAX : size * 2;
    if (size > buf->max)
        size = buf->max;
    return size > need ? size : need;
}

char *buf_reserve(struct buf *buf, size_t n)
{
    /* One byte is kept in hand: vsnprintf() ends with a NUL that the ceiling does not count. */
    if (n > buf->max - buf->len || n >= SIZE_MAX - buf->len)
        return NULL;
    size_t need = buf->len + n + 1;

    if (need > buf->size) {
        size_t size = grown_size(buf, need);
        char *data = realloc(buf->data, size);

        if (!data)
            return NULL;
        buf->data = data;
        buf->size = size;
    }
    return buf->data + buf->len;
}

void buf_added(struct buf *buf, size_t n)
{
    assert(n <= buf->size - buf->len && n <= buf->max - buf->len);
    buf->len += n;
}

int buf_append(struct buf *buf, const void *data, size_t n)
{
    if (n == 0)
        return 0;
    char *to = buf_reserve(buf, n);

    if (!to)
        return -1;
    memcpy(to, data, n);
    buf->len += n;
    return 0;
}

int buf_append_str(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_appendf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return -1;

    char *to = buf_reserve(buf, (size_t)n);
    if (!to)
        return -1;
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return 0;
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf->len);
    if (n == 0)
        return;
    buf->len -= n;
    memmove(buf->data, buf->data + n, buf->len);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}
