/* Token buckets: see bucket.h. How full one is follows from when it will be full. */
#include "gateway/net/bucket.h"

static const uint64_t NS_PER_MS = 1000000, NS_PER_S = 1000000000;

/* In nanoseconds, what it takes to fill in `n`; far less than what overflows, for any `n` below 2^34. */
static uint64_t worth_ns(const struct bucket_rate *rate, uint64_t n)
{
    return n * NS_PER_S / rate->per_second;
}

enum bucket_verdict bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t n,
                                uint64_t now_ms)
{
    if (!rate->per_second)
        return BUCKET_OK;
    uint64_t now_ns = now_ms * NS_PER_MS;
    uint64_t burst_ns = worth_ns(rate, rate->burst);

    if (bucket->full_at_ns < now_ns)
        bucket->full_at_ns = now_ns;
    uint64_t taken_ns = bucket->full_at_ns - now_ns + worth_ns(rate, n);

    if (taken_ns > 2 * burst_ns)
        return BUCKET_FLOODED; /* the debt is bounded */
    bucket->full_at_ns = now_ns + taken_ns;
    return taken_ns > burst_ns ? BUCKET_EMPTY : BUCKET_OK;
}

/* When it will be full again, once they have been taken. */
static uint64_t full_at_ns(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t n,
                           uint64_t now_ns)
{
    uint64_t from_ns = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;

    return from_ns + worth_ns(rate, n < rate->burst ? n : rate->burst);
}

bool bucket_has(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t n, uint64_t now_ms)
{
    uint64_t now_ns = now_ms * NS_PER_MS;

    return !rate->per_second || full_at_ns(bucket, rate, n, now_ns) <= now_ns + worth_ns(rate, rate->burst);
}

bool bucket_try(struct bucket *bucket, const struct bucket_rate *rate, uint64_t n, uint64_t now_ms)
{
    if (!bucket_has(bucket, rate, n, now_ms))
        return false;
    if (rate->per_second)
        bucket->full_at_ns = full_at_ns(bucket, rate, n, now_ms * NS_PER_MS);
    return true;
}

bool bucket_full(const struct bucket *bucket, uint64_t now_ms)
{
    return bucket->full_at_ns <= now_ms * NS_PER_MS;
}
