/*
 * Commands as Redis reads them: https://redis.io/docs/latest/develop/reference/protocol-spec, "sending
 * commands". Pure.
 */
#ifndef RIDECAST_BROKER_REDIS_RESP_H
#define RIDECAST_BROKER_REDIS_RESP_H

#include "common/buf.h"

struct redis_arg {
    const char *at;
    size_t len;
};

/* Appends a command to the buffer. 0, or -1 (ceiling or memory) with the buffer unchanged. */
int resp_append(struct buf *out, const struct redis_arg *args, size_t count);

#endif
