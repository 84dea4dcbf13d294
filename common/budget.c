/* Bytes, and what they are: see budget.h. */
#include "common/budget.h"

#include "common/alloc.h"
#include "common/blob.h"
#include "common/hash.h"

#include <assert.h>
#include <stdlib.h>

struct budget_share {
    const struct blob *blob;
    size_t holders;
    UT_hash_handle hh;
};

const char *budget_kind_name(enum budget_kind kind)
{
    static const char *const names[BUDGET_KINDS] = {
        [BUDGET_QUEUES] = "queues",   [BUDGET_EVENTS] = "events", [BUDGET_SNAPSHOTS] = "snapshots",
        [BUDGET_ANSWERS] = "answers", [BUDGET_INPUT] = "input",   [BUDGET_BROKER] = "broker",
    };

    return names[kind];
}

void budget_move(struct budget *budget, enum budget_kind kind, size_t before, size_t now)
{
    if (!budget || before == now)
        return;
    assert(budget->used[kind] >= before);
    budget->used[kind] += now - before;
    budget->total += now - before;
}

static struct budget_share *find(const struct budget *budget, const struct blob *blob)
{
    struct budget_share *share;

    HASH_FIND_PTR(budget->shares, &blob, share);
    return share;
}

void budget_share(struct budget *budget, struct blob *blob)
{
    if (!budget)
        return;
    struct budget_share *share = find(budget, blob);

    if (!share) {
        share = alloc_zeroed(sizeof *share);
        share->blob = blob;
        HASH_ADD_PTR(budget->shares, blob, share);
        budget_move(budget, BUDGET_SNAPSHOTS, 0, blob->len);
    }
    share->holders++;
}

void budget_unshare(struct budget *budget, struct blob *blob)
{
    if (!budget)
        return;
    struct budget_share *share = find(budget, blob);

    if (--share->holders)
        return;
    budget_move(budget, BUDGET_SNAPSHOTS, blob->len, 0);
    HASH_DEL(budget->shares, share);
    free(share);
}

size_t budget_part(const struct budget *budget, const struct blob *blob)
{
    const struct budget_share *share = budget ? find(budget, blob) : NULL;

    return share ? blob->len / share->holders : 0;
}

bool budget_is_over(const struct budget *budget)
{
    return budget && budget->limit && budget->total > budget->limit;
}

bool budget_is_tight(const struct budget *budget)
{
    return budget && budget->limit && budget->total > budget->limit - budget->limit / 8;
}

size_t budget_excess(const struct budget *budget)
{
    size_t clients = budget->total - budget->used[BUDGET_BROKER], goal = budget->limit - budget->limit / 4;

    return clients > goal ? clients - goal : 0;
}

size_t budget_share_of_one(const struct budget *budget)
{
    return budget->limit / 8;
}
