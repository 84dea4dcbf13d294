/*
 * Immutable bytes with a reference count.
 */
#include "common/blob.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct blob *blob_new(const void *data, size_t len)
{
    if (len > SIZE_MAX - sizeof(struct blob) - 1)
        return NULL;
    struct blob *blob = malloc(sizeof *blob + len + 1);

    if (!blob)
        return NULL;
    atomic_init(&blob->refs, 1);
    atomic_init(&blob->found, 0);
    blob->len = len;
    if (len > 0)
        memcpy(blob->data, data, len);
    blob->data[len] = '\0';
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    /* Relaxed: whoever adds a reference already holds one, so the bytes are visible to it. */
    unsigned before = atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (!blob)
        return;
    /* Release orders this holder's reads before the count; acquire makes the last one see them all done. */
    unsigned before = atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel);

    assert(before > 0);
    if (before == 1)
        free(blob);
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}
