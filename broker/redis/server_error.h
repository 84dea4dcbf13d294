/*
 * Errors of Redis that speak of the server, its memory or its role, and not of the command: the same command
 * will do later, or elsewhere. Pure.
 */
#ifndef RIDECAST_BROKER_REDIS_SERVER_ERROR_H
#define RIDECAST_BROKER_REDIS_SERVER_ERROR_H

struct redisReply;

/*
 * What the server says of itself, from its code on ("OOM command not allowed …"), whether the command was
 * refused or one inside a script; within the reply. NULL: the reply is no such error.
 */
const char *server_error(const struct redisReply *reply);

#endif
