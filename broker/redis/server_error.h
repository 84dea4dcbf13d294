/*
 * Errors of Redis that speak of the server, its memory or its role, and not of the command: the same command
 * will do later, or elsewhere. Pure.
 */
#ifndef RIDECAST_BROKER_REDIS_SERVER_ERROR_H
#define RIDECAST_BROKER_REDIS_SERVER_ERROR_H

#include "broker/redis/redis_address.h"

#include <stdbool.h>

struct redisReply;

/*
 * What the server says of itself, from its code on ("OOM command not allowed …"), whether the command was
 * refused or one inside a script; within the reply. NULL: the reply is no such error.
 */
const char *server_error(const struct redisReply *reply);

/* What a node of a Redis Cluster says of a command that is to be sent again, after a pause. */
enum slot_error {
    SLOT_ERROR_NONE,
    SLOT_ERROR_LATER, /* the slot is on its way, or the cluster is down: ASK, TRYAGAIN, CLUSTERDOWN */
    SLOT_ERROR_MOVED, /* another node has the slot, so the map is to be read: MOVED, READONLY */
};

/*
 * Which of them the reply is. server_error() knows some of these too: ask this one first where there is a
 * cluster. The command has not been done; a script that came upon it may have been begun.
 *
 * `owner` is whom MOVED names: at the host of `from`, who has answered, if it names none. Its port is 0 where
 * nobody is named.
 */
enum slot_error slot_error(const struct redisReply *reply, const struct redis_address *from,
                           struct redis_address *owner);

/* Whether it is one that a script came upon: what that had written by then stays. */
bool slot_error_in_script(const struct redisReply *reply);

#endif
