/*
 * What each address has: see peers.h.
 *
 *   in use ──(last one closed)──▶ idle, in a queue by when it became so ──(bucket full)──▶ freed
 *      ◀──────(opened again)──────┘
 */
#include "gateway/net/peers.h"

#include "common/alloc.h"
#include "common/hash.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { SWEPT_PER_CALL = 2, V6_NETWORK_BYTES = 8 };

struct peer {
    struct peers *peers;
    struct ip network;
    size_t open[PEER_KINDS];
    struct bucket buckets[PEER_BUDGETS];
    struct peer *idle_prev, *idle_next; /* in the queue while nothing is open */
    UT_hash_handle hh;
};

struct peers {
    struct peers_options options;
    struct peer *by_network;
    struct peer *idle; /* oldest first */
    size_t idle_count;
};

struct peers *peers_new(const struct peers_options *options)
{
    struct peers *peers = alloc_zeroed(sizeof *peers);

    peers->options = *options;
    return peers;
}

static bool in_use(const struct peer *peer)
{
    for (int kind = 0; kind < PEER_KINDS; kind++)
        if (peer->open[kind])
            return true;
    return false;
}

static void leave_queue(struct peer *peer)
{
    DL_DELETE2(peer->peers->idle, peer, idle_prev, idle_next);
    peer->peers->idle_count--;
}

static void join_queue(struct peer *peer)
{
    DL_APPEND2(peer->peers->idle, peer, idle_prev, idle_next);
    peer->peers->idle_count++;
}

static void forget(struct peer *peer)
{
    leave_queue(peer);
    HASH_DEL(peer->peers->by_network, peer);
    free(peer);
}

void peers_free(struct peers *peers)
{
    if (!peers)
        return;
    while (peers->idle)
        forget(peers->idle);
    free(peers);
}

static bool is_rested(const struct peer *peer, uint64_t now_ms)
{
    for (int i = 0; i < PEER_BUDGETS; i++)
        if (!bucket_full(&peer->buckets[i], now_ms))
            return false;
    return true;
}

/* More leave than can come, so the queue does not grow with time. */
static void sweep(struct peers *peers, uint64_t now_ms)
{
    for (int i = 0; i < SWEPT_PER_CALL && peers->idle; i++)
        if (is_rested(peers->idle, now_ms) || peers->idle_count > PEERS_IDLE_MAX)
            forget(peers->idle);
}

struct ip peers_network(const struct ip *ip)
{
    struct ip network = *ip;

    if (!ip_is_v4(ip))
        memset(network.bytes + V6_NETWORK_BYTES, 0, sizeof network.bytes - V6_NETWORK_BYTES);
    return network;
}

/* The address' entry, in the queue if it is new. */
static struct peer *find(struct peers *peers, const struct ip *ip, uint64_t now_ms)
{
    struct ip network = peers_network(ip);
    struct peer *peer;

    sweep(peers, now_ms);
    HASH_FIND(hh, peers->by_network, &network, sizeof network, peer);
    if (peer)
        return peer;
    peer = alloc_zeroed(sizeof *peer);
    peer->peers = peers;
    peer->network = network;
    HASH_ADD(hh, peers->by_network, network, sizeof network, peer);
    join_queue(peer);
    return peer;
}

static bool is_full(const struct peers *peers, const struct peer *peer, enum peer_kind kind)
{
    return peers->options.max_open[kind] && peer->open[kind] >= peers->options.max_open[kind];
}

bool peers_full(struct peers *peers, const struct ip *ip, enum peer_kind kind)
{
    struct ip network = peers_network(ip);
    struct peer *peer;

    HASH_FIND(hh, peers->by_network, &network, sizeof network, peer);
    return peer && is_full(peers, peer, kind);
}

struct peer *peer_open(struct peers *peers, const struct ip *ip, enum peer_kind kind, uint64_t now_ms)
{
    struct peer *peer = find(peers, ip, now_ms);

    if (is_full(peers, peer, kind))
        return NULL;
    if (!in_use(peer))
        leave_queue(peer);
    peer->open[kind]++;
    return peer;
}

void peer_close(struct peer *peer, enum peer_kind kind, uint64_t now_ms)
{
    if (!peer)
        return;
    peer->open[kind]--;
    if (!in_use(peer))
        join_queue(peer);
    sweep(peer->peers, now_ms);
}

bool peer_turn(struct peer *peer, enum peer_kind from, enum peer_kind to)
{
    if (is_full(peer->peers, peer, to))
        return false;
    peer->open[from]--;
    peer->open[to]++;
    return true;
}

bool peers_take(struct peers *peers, const struct ip *ip, enum peer_budget budget, uint64_t n,
                uint64_t now_ms)
{
    return bucket_try(&find(peers, ip, now_ms)->buckets[budget], &peers->options.rates[budget], n, now_ms);
}

bool peers_has(struct peers *peers, const struct ip *ip, enum peer_budget budget, uint64_t now_ms)
{
    return bucket_has(&find(peers, ip, now_ms)->buckets[budget], &peers->options.rates[budget], 1, now_ms);
}

size_t peers_count(const struct peers *peers)
{
    return HASH_COUNT(peers->by_network);
}
