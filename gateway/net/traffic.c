/* What one client may say: see traffic.h. */
#include "gateway/net/traffic.h"

#include "common/budget.h"
#include "gateway/net/peers.h"

struct traffic_limits traffic_limits(uint64_t messages, uint64_t bytes, uint64_t message_max, uint64_t asks)
{
    uint64_t burst_bytes = bytes * TRAFFIC_BURST_S;

    return (struct traffic_limits){
        .messages = {messages, messages * TRAFFIC_BURST_S},
        .bytes = {bytes, burst_bytes > message_max ? burst_bytes : message_max},
        .asks = {asks, asks * TRAFFIC_BURST_S},
    };
}

struct traffic_verdict traffic_take(struct traffic *traffic, const struct traffic_limits *limits,
                                    size_t bytes, uint64_t now_ms)
{
    enum bucket_verdict by_messages = bucket_take(&traffic->messages, &limits->messages, 1, now_ms);
    enum bucket_verdict by_bytes = bucket_take(&traffic->bytes, &limits->bytes, bytes, now_ms);

    if (by_messages == BUCKET_OK && by_bytes == BUCKET_OK)
        return (struct traffic_verdict){.verdict = BUCKET_OK};
    if (by_bytes > by_messages)
        return (struct traffic_verdict){by_bytes, REFUSED_BYTES, "too many bytes at once; say less"};
    return (struct traffic_verdict){by_messages, REFUSED_MESSAGES, "too many messages at once; slow down"};
}

uint64_t traffic_asks(size_t bytes)
{
    return 1 + bytes / TRAFFIC_ASK_BYTES;
}

struct traffic_verdict traffic_ask(struct traffic *traffic, const struct traffic_limits *limits,
                                   const struct ip *address, size_t bytes, uint64_t now_ms)
{
    uint64_t asks = traffic_asks(bytes);

    if (bytes >= TRAFFIC_ASK_BYTES && budget_is_tight(limits->budget))
        return (struct traffic_verdict){BUCKET_EMPTY, REFUSED_MEMORY,
                                        "the gateway is short of memory; try again"};
    if (!bucket_try(&traffic->asks, &limits->asks, asks, now_ms))
        return (struct traffic_verdict){BUCKET_EMPTY, REFUSED_ASKS,
                                        "too many questions at once; ask less often"};
    if (limits->peers && !peers_take(limits->peers, address, PEER_ASKS, asks, now_ms))
        return (struct traffic_verdict){BUCKET_EMPTY, REFUSED_ASKS,
                                        "too many questions from your address; ask less often"};
    return (struct traffic_verdict){.verdict = BUCKET_OK};
}
