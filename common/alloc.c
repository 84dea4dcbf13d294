/*
 * Allocations that succeed or end the process.
 */
#include "common/alloc.h"

#include "common/log.h"

#include <stdlib.h>
#include <string.h>

void alloc_failed(void)
{
    log_error("memory", "out of memory");
    abort();
}

void *alloc_zeroed(size_t size)
{
    void *memory = calloc(1, size);

    if (!memory)
        alloc_failed();
    return memory;
}

char *alloc_text(const char *text, size_t len)
{
    char *copy = alloc_zeroed(len + 1);

    memcpy(copy, text, len);
    return copy;
}

struct blob *alloc_blob(const void *data, size_t len)
{
    struct blob *blob = blob_new(data, len);

    if (!blob)
        alloc_failed();
    return blob;
}
