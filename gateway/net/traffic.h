/*
 * What one client may say: messages and bytes in a second, how often it may board and what it may ask, each
 * with a token bucket. What is asked counts for its address as well: whoever connects anew has no more of it.
 *
 * A message beyond is refused; a client that goes on as before is to be cut off (gateway/net/bucket.h says
 * when).
 */
#ifndef RIDECAST_GATEWAY_NET_TRAFFIC_H
#define RIDECAST_GATEWAY_NET_TRAFFIC_H

#include "gateway/net/bucket.h"
#include "gateway/net/refusals.h"

#include <stddef.h>

struct budget;
struct ip;
struct peers;

struct traffic_limits {
    struct bucket_rate messages, bytes, asks;
    struct peers *peers;         /* what all clients of one address may ask; NULL: anything */
    const struct budget *budget; /* of what waits for clients; NULL: there is none */
};

/* Of one client; zeroed, all buckets are full. */
struct traffic {
    struct bucket messages, bytes, asks;
    struct bucket transitions; /* what its riders take (gateway/rides/rider.h) */
};

/* Seconds' worth that a client can save up: apps send what they have queued when they are back. */
enum { TRAFFIC_BURST_S = 10 };

/* Limits of so many messages, bytes and asks a second (0: any number); a bucket holds a message of the
 * largest size. */
struct traffic_limits traffic_limits(uint64_t messages, uint64_t bytes, uint64_t message_max, uint64_t asks);

struct traffic_verdict {
    enum bucket_verdict verdict;
    enum refusal reason;
    const char *message; /* for the client; NULL for BUCKET_OK */
};

/* A message of so many bytes has come. */
struct traffic_verdict traffic_take(struct traffic *traffic, const struct traffic_limits *limits,
                                    size_t bytes, uint64_t now_ms);

/* How many asks an answer of so many bytes counts for: what is asked is a few bytes, what it costs is the
 * answer. */
enum { TRAFFIC_ASK_BYTES = 65536 };
uint64_t traffic_asks(size_t bytes);

/* It asks from that address for an answer of so many bytes. While memory is short there is none that is long.
 */
struct traffic_verdict traffic_ask(struct traffic *traffic, const struct traffic_limits *limits,
                                   const struct ip *address, size_t bytes, uint64_t now_ms);

#endif
