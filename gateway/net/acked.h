/*
 * What the peer of a TCP connection has acknowledged. A file of its own, as the kernel's header that knows
 * cannot stand beside the library's.
 */
#ifndef RIDECAST_GATEWAY_NET_ACKED_H
#define RIDECAST_GATEWAY_NET_ACKED_H

#include <stdint.h>

/* In bytes, since the connection was made; 0 where the kernel does not say. */
uint64_t acked_bytes(int fd);

#endif
