/*
 * How much each address has: open TCP connections, clients connected, and buckets of handshakes and asks. An
 * IPv6 address counts as its /64, which is what one household or phone gets. Pure: the caller brings the
 * time.
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
enum peer_kind { PEER_CONNECTION, PEER_CLIENT, PEER_KINDS };

struct peer;
struct peers;

struct peers_options {
    uint64_t max_open; /* of each kind; 0: any number */
    struct bucket_rate handshakes, asks;
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

/* Whether an address may shake hands once more. */
bool peers_handshake(struct peers *peers, const struct ip *ip, uint64_t now_ms);

/* Whether an address may ask for so much. */
bool peers_ask(struct peers *peers, const struct ip *ip, uint64_t asks, uint64_t now_ms);

size_t peers_count(const struct peers *peers);

#endif
