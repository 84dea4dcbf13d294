/*
 * A parcel: bytes to be sent of which the greater part may be shared with others, such as who is aboard a
 * ride: a head and a tail of its own, and a blob between them. It remembers how much of it has been sent.
 * Pure.
 */
#ifndef RIDECAST_GATEWAY_NET_PARCEL_H
#define RIDECAST_GATEWAY_NET_PARCEL_H

#include <stddef.h>

struct blob;
struct budget;
struct parcel;

/* Head and tail are copied, a reference to the blob is taken (NULL: there is none). What it holds counts
 * against `budget` (NULL: nowhere). NULL: no memory. */
struct parcel *parcel_new(struct budget *budget, const void *head, size_t head_len, struct blob *shared,
                          const void *tail, size_t tail_len);
/* NULL is harmless. */
void parcel_free(struct parcel *parcel);

/* What it costs to keep it, as far as the budget knows: its own bytes, and its part of what is shared. */
size_t parcel_cost(const struct parcel *parcel);

size_t parcel_len(const struct parcel *parcel);
/* What has not been sent. */
size_t parcel_left(const struct parcel *parcel);

/* The next bytes that lie together, at most `max`; none are left: 0. Borrowed from the parcel. */
const char *parcel_next(const struct parcel *parcel, size_t max, size_t *n);
/* So many of them have been sent. */
void parcel_sent(struct parcel *parcel, size_t n);

#endif
