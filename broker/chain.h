/*
 * The fingerprint that a position carries: of each event, and of all before it.
 *
 * It is the first CHAIN_LEN hexadecimal digits of SHA-1 over the fingerprint before, the operation that
 * brought the event, its kind and its socket. An operation's name is never used again, so two streams that
 * have gone apart do not come together: what follows the first difference differs too, but for one chance in
 * 2^32. Pure.
 */
#ifndef RIDECAST_BROKER_CHAIN_H
#define RIDECAST_BROKER_CHAIN_H

#include "broker/broker.h"

/* Before the first event of an epoch. */
#define CHAIN_START "00000000"

/* Makes the fingerprint before an event into the one of the event. `operation` has at most 64 letters. */
void chain_next(char chain[CHAIN_LEN + 1], const char *operation, enum broker_event_kind kind,
                const char *socket_id);

#endif
