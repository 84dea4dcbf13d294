/*
 * Shares: see shares.h. The rule is that of switches whose ports share one buffer (Choudhury and Hahne,
 * "Dynamic queue length thresholds in a shared memory packet switch"): a queue may be as long as what is
 * free.
 */
#include "gateway/net/shares.h"

#include "common/hash.h"
#include "gateway/net/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

enum { ONE = 1000000, PER_MS = ONE / 1000, SWEPT_PER_CALL = 2 };

struct share {
    struct ip network;
    struct taken taken;
    struct share *prev, *next;
    UT_hash_handle hh;
};

static void forget(struct shares *shares, struct share *share)
{
    DL_DELETE(shares->oldest, share);
    HASH_DEL(shares->by_network, share);
    free(share);
}

void shares_deinit(struct shares *shares)
{
    while (shares->oldest)
        forget(shares, shares->oldest);
}

/* What has come back since then, to one of so many. */
static void give_back(struct taken *taken, uint64_t per_second, size_t among, uint64_t now_ms)
{
    assert(among > 0);
    uint64_t back = (now_ms - taken->at_ms) * per_second * PER_MS / among;

    if (!back)
        return; /* what is less than a millionth waits for more */
    taken->millionths -= back < taken->millionths ? back : taken->millionths;
    taken->at_ms = now_ms;
}

static void sweep(struct shares *shares, const struct bucket_rate *rate, uint64_t now_ms)
{
    for (int i = 0; i < SWEPT_PER_CALL && shares->oldest; i++) {
        give_back(&shares->oldest->taken, rate->per_second, shares_count(shares), now_ms);
        if (!shares->oldest->taken.millionths || shares_count(shares) > SHARES_MAX)
            forget(shares, shares->oldest);
    }
}

/* The address' share, which has come now. */
static struct share *find(struct shares *shares, const struct ip *address, uint64_t now_ms)
{
    struct ip network = peers_network(address);
    struct share *share;

    HASH_FIND(hh, shares->by_network, &network, sizeof network, share);
    if (share) {
        DL_DELETE(shares->oldest, share);
    } else {
        share = alloc_zeroed(sizeof *share);
        share->network = network;
        share->taken.at_ms = now_ms;
        HASH_ADD(hh, shares->by_network, network, sizeof network, share);
    }
    DL_APPEND(shares->oldest, share);
    return share;
}

/* The address' share; it and all hold as of now. */
static struct share *settle(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                            uint64_t now_ms)
{
    sweep(shares, rate, now_ms);
    struct share *share = find(shares, address, now_ms);

    give_back(&shares->all, rate->per_second, 1, now_ms);
    give_back(&share->taken, rate->per_second, shares_count(shares), now_ms);
    return share;
}

static uint64_t there_is(const struct bucket_rate *rate)
{
    return 2 * rate->burst * ONE;
}

static void take(struct taken *taken, const struct bucket_rate *rate)
{
    if (taken->millionths + ONE <= there_is(rate)) /* the debt is bounded */
        taken->millionths += ONE;
}

/* Whether there is one for that address; both hold as of now. */
static bool finds(const struct shares *shares, const struct share *share, const struct bucket_rate *rate)
{
    uint64_t all = shares->all.millionths + ONE, own = share->taken.millionths + ONE;
    uint64_t left = there_is(rate) - shares->all.millionths;

    return all <= there_is(rate) && (all <= there_is(rate) / 2 || own <= left);
}

bool shares_try(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                uint64_t now_ms)
{
    if (!rate->per_second)
        return true;
    struct share *share = settle(shares, rate, address, now_ms);
    if (!finds(shares, share, rate))
        return false;
    take(&shares->all, rate);
    take(&share->taken, rate);
    return true;
}

void shares_take(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                 uint64_t now_ms)
{
    if (!rate->per_second)
        return;
    struct share *share = settle(shares, rate, address, now_ms);

    if (finds(shares, share, rate))
        take(&shares->all, rate);
    take(&share->taken, rate);
}

size_t shares_count(const struct shares *shares)
{
    return HASH_COUNT(shares->by_network);
}
