/*
 * What many addresses take from together, so much in a time, and none so much that the others find nothing:
 * an address is refused when it has lately taken more than is left. One alone can so save up, and take at
 * once, as much as the rate's burst; twice as much is there, and of several that take without end each leaves
 * as much as it has. While less than a burst has been taken of it, whoever comes may have what the others do
 * not want.
 *
 * What has been taken comes back with time: so much a second of all of it, divided among the addresses that
 * have some. An address (an IPv6 address' /64) that has none is forgotten, a few being looked at with each
 * call in turn; of more than SHARES_MAX those that have not come for longest are forgotten as well. While
 * nobody comes all are kept, which is some 120 kB at most. Each call is O(1). Pure: the caller brings the
 * time, in milliseconds of a monotonic clock. Aborts when out of memory.
 */
#ifndef RIDECAST_GATEWAY_NET_SHARES_H
#define RIDECAST_GATEWAY_NET_SHARES_H

#include "common/ip.h"
#include "gateway/net/bucket.h"

#include <stddef.h>

enum { SHARES_MAX = 1024 };

struct share;

/* How much has been taken, in millionths, and when that was so. */
struct taken {
    uint64_t millionths;
    uint64_t at_ms;
};

/* Embedded; zeroed, nothing has been taken. */
struct shares {
    struct taken all;
    struct share *by_network;
    struct share *oldest; /* a queue by when they came last */
    struct share *hand;   /* whose turn it is to be looked at; NULL: the oldest's */
};

void shares_deinit(struct shares *shares);

/* Takes one for that address, if it may have one. */
bool shares_try(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                uint64_t now_ms);
/* Takes one in any case. What the address may not have counts for it alone, which waits longer then while
 * others want some; they have no less for it. */
void shares_take(struct shares *shares, const struct bucket_rate *rate, const struct ip *address,
                 uint64_t now_ms);

/* Addresses that have some, as far as they have been looked at. */
size_t shares_count(const struct shares *shares);

#endif
