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

/* The hand goes on before its entry leaves. */
static void leave_queue(struct shares *shares, struct share *share)
{
    if (shares->hand == share)
        shares->hand = share->next;
    DL_DELETE(shares->oldest, share);
}

static void forget(struct shares *shares, struct share *share)
{
    leave_queue(shares, share);
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

/* What has come back to an address; one that has nothing any more is forgotten, which is true. */
static bool still_has(struct shares *shares, struct share *share, const struct bucket_rate *rate,
                      uint64_t now_ms)
{
    give_back(&share->taken, rate->per_second, shares_count(shares), now_ms);
    if (share->taken.millionths)
        return true;
    forget(shares, share);
    return false;
}

/* Goes round, so that one who owes much keeps nobody else known. */
static void sweep(struct shares *shares, const struct bucket_rate *rate, uint64_t now_ms)
{
    for (int i = 0; i < SWEPT_PER_CALL && shares->oldest; i++) {
        struct share *share = shares->hand ? shares->hand : shares->oldest;

        shares->hand = share->next;
        still_has(shares, share, rate, now_ms);
    }
}

/* The address' share, which has come now; NULL: it has nothing. It and all hold as of now. */
static struct share *settle(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                            uint64_t now_ms)
{
    struct ip network = peers_network(address);
    struct share *share;

    sweep(shares, rate, now_ms);
    give_back(&shares->all, rate->per_second, 1, now_ms);
    HASH_FIND(hh, shares->by_network, &network, sizeof network, share);
    if (!share || !still_has(shares, share, rate, now_ms))
        return NULL;
    leave_queue(shares, share);
    DL_APPEND(shares->oldest, share);
    return share;
}

static struct share *add(struct shares *shares, const struct ip *address, uint64_t now_ms)
{
    struct share *share = alloc_zeroed(sizeof *share);

    if (shares_count(shares) == SHARES_MAX)
        forget(shares, shares->oldest);
    share->network = peers_network(address);
    share->taken.at_ms = now_ms;
    HASH_ADD(hh, shares->by_network, network, sizeof share->network, share);
    DL_APPEND(shares->oldest, share);
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

/* Whether there is one for an address that has so many millionths. */
static bool finds(const struct shares *shares, uint64_t has, const struct bucket_rate *rate)
{
    uint64_t all = shares->all.millionths + ONE, own = has + ONE;
    uint64_t left = there_is(rate) - shares->all.millionths;

    return all <= there_is(rate) && (all <= there_is(rate) / 2 || own <= left);
}

/* Takes one if there is one, or in any case. */
static bool take_one(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                     bool in_any_case, uint64_t now_ms)
{
    if (!rate->per_second)
        return true;
    struct share *share = settle(shares, rate, address, now_ms);
    bool found = finds(shares, share ? share->taken.millionths : 0, rate);

    if (found)
        take(&shares->all, rate);
    if (found || in_any_case)
        take(&(share ? share : add(shares, address, now_ms))->taken, rate);
    return found;
}

bool shares_try(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                uint64_t now_ms)
{
    return take_one(shares, rate, address, false, now_ms);
}

void shares_take(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                 uint64_t now_ms)
{
    take_one(shares, rate, address, true, now_ms);
}

size_t shares_count(const struct shares *shares)
{
    return HASH_COUNT(shares->by_network);
}
