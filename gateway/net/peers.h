/*
 * How much each address has: what is open (TCP connections, clients, rides that it had the gateway begin to
 * follow), and a bucket for each thing that costs something. An IPv6 address counts as its /64, which is what
 * one household or phone gets. Pure: the caller brings the time.
 *
 * An entry leaves the table once it has nothing open and its buckets are full again; that is looked for at
 * every call, a few entries at a time, so each call is O(1). Whoever floods from many addresses makes the
 * table hold at most PEERS_IDLE_MAX entries that have nothing open; beyond that the oldest are forgotten.
 * Aborts when out of memory. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_NET_PEERS_H
#define RIDECAST_GATEWAY_NET_PEERS_H

#include "common/ip.h"
#include "gateway/net/bucket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEERS_IDLE_MAX = 16384 };

/* What a peer may have open; each kind is counted by itself. */
enum peer_kind {
    PEER_CONNECTION,
    PEER_LINGERING, /* was one, until its peer has closed as well */
    PEER_CLIENT,
    PEER_RIDE,
    PEER_KINDS
};

/* What a peer may do so much of in a time. */
enum peer_budget {
    PEER_HANDSHAKES,
    PEER_ASKS,
    PEER_NEW_RIDES,
    PEER_RESUMES,
    PEER_REPLAYS,
    PEER_TOKENS,
    PEER_BUDGETS
};

struct peer;
struct peers;

struct peers_options {
    uint64_t max_open[PEER_KINDS]; /* 0: any number */
    struct bucket_rate rates[PEER_BUDGETS];
};

struct peers *peers_new(const struct peers_options *options);
/* Everything must have been closed. NULL is harmless. */
void peers_free(struct peers *peers);

/* Whether an address has as many of that kind as it may. */
bool peers_full(struct peers *peers, const struct ip *ip, enum peer_kind kind);

/* One more of that kind is open at an address, until peer_close(). NULL: it has as many as it may. */
struct peer *peer_open(struct peers *peers, const struct ip *ip, enum peer_kind kind, uint64_t now_ms);
/* NULL is harmless. */
void peer_close(struct peer *peer, enum peer_kind kind, uint64_t now_ms);

/* One that is open is of another kind from now on. False: the address has as many of that as it may, and
 * nothing has changed. */
bool peer_turn(struct peer *peer, enum peer_kind from, enum peer_kind to);

/* What counts as one address: it itself, or the /64 of an IPv6 address. */
struct ip peers_network(const struct ip *ip);

/* Whether an address may have `n` more of a budget, which are taken then. */
bool peers_take(struct peers *peers, const struct ip *ip, enum peer_budget budget, uint64_t n,
                uint64_t now_ms);

/* Whether peers_take() would let it have one. */
bool peers_has(struct peers *peers, const struct ip *ip, enum peer_budget budget, uint64_t now_ms);

size_t peers_count(const struct peers *peers);

#endif
