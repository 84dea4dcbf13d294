/* An array of strings: see resp.h. */
#include "broker/redis/resp.h"

#include "common/decimal.h"

#include <string.h>

enum { HEADER_MAX = 1 + DECIMAL_MAX + 2, END_LEN = 2 };

static char *write_header(char *at, char type, size_t number)
{
    *at++ = type;
    at += decimal_write(at, number);
    return mempcpy(at, "\r\n", END_LEN);
}

int resp_append(struct buf *out, const struct redis_arg *args, size_t count)
{
    size_t size = HEADER_MAX;

    for (size_t i = 0; i < count; i++)
        size += HEADER_MAX + args[i].len + END_LEN;
    char *begin = buf_reserve(out, size);
    if (!begin)
        return -1;
    char *at = write_header(begin, '*', count);
    for (size_t i = 0; i < count; i++) {
        at = write_header(at, '$', args[i].len);
        at = mempcpy(at, args[i].at, args[i].len);
        at = mempcpy(at, "\r\n", END_LEN);
    }
    buf_added(out, (size_t)(at - begin));
    return 0;
}
