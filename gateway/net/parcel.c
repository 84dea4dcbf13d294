/* A parcel: see parcel.h. */
#include "gateway/net/parcel.h"

#include "common/blob.h"
#include "common/budget.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct parcel {
    struct budget *budget;
    struct blob *shared;
    size_t head_len, tail_len;
    size_t sent;
    char own[]; /* the head, then the tail */
};

static size_t own_bytes(const struct parcel *parcel)
{
    return sizeof *parcel + parcel->head_len + parcel->tail_len;
}

struct parcel *parcel_new(struct budget *budget, const void *head, size_t head_len, struct blob *shared,
                          const void *tail, size_t tail_len)
{
    struct parcel *parcel = malloc(sizeof *parcel + head_len + tail_len);

    if (!parcel)
        return NULL;
    *parcel = (struct parcel){.budget = budget, .head_len = head_len, .tail_len = tail_len};
    budget_move(budget, BUDGET_ANSWERS, 0, own_bytes(parcel));
    parcel->shared = shared ? blob_ref(shared) : NULL;
    if (shared)
        budget_share(budget, shared);
    if (head_len)
        memcpy(parcel->own, head, head_len);
    if (tail_len)
        memcpy(parcel->own + head_len, tail, tail_len);
    return parcel;
}

void parcel_free(struct parcel *parcel)
{
    if (!parcel)
        return;
    budget_move(parcel->budget, BUDGET_ANSWERS, own_bytes(parcel), 0);
    if (parcel->shared)
        budget_unshare(parcel->budget, parcel->shared);
    blob_unref(parcel->shared);
    free(parcel);
}

size_t parcel_cost(const struct parcel *parcel)
{
    return own_bytes(parcel) + (parcel->shared ? budget_part(parcel->budget, parcel->shared) : 0);
}

static size_t shared_len(const struct parcel *parcel)
{
    return parcel->shared ? parcel->shared->len : 0;
}

size_t parcel_len(const struct parcel *parcel)
{
    return parcel->head_len + shared_len(parcel) + parcel->tail_len;
}

size_t parcel_left(const struct parcel *parcel)
{
    return parcel_len(parcel) - parcel->sent;
}

const char *parcel_next(const struct parcel *parcel, size_t max, size_t *n)
{
    size_t at = parcel->sent, end = parcel->head_len;
    const char *bytes = parcel->own + at;

    if (at >= end) {
        at -= end;
        end = shared_len(parcel);
        bytes = parcel->shared ? parcel->shared->data + at : NULL;
    }
    if (at >= end) {
        at -= end;
        end = parcel->tail_len;
        bytes = parcel->own + parcel->head_len + at;
    }
    *n = end - at < max ? end - at : max;
    return bytes;
}

void parcel_sent(struct parcel *parcel, size_t n)
{
    assert(n <= parcel_left(parcel));
    parcel->sent += n;
}
