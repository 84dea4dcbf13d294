/*
 * Servers and sentinels with a configuration of their own, on top of tests/cluster/redis_server.h: they are
 * asked, killed and freed with its functions.
 */
#ifndef RIDECAST_TESTS_CLUSTER_REDIS_CONFIGURED_H
#define RIDECAST_TESTS_CLUSTER_REDIS_CONFIGURED_H

#include "tests/cluster/redis_server.h"

enum redis_kind { REDIS_SERVER, REDIS_SENTINEL };

/* `text`: lines of redis.conf besides port, address and folder; file names in it are relative to the folder.
 */
struct redis_server *redis_configured_start(enum redis_kind kind, const char *text);

/* Runs it again with the configuration in its folder, which it may have rewritten since. False: it ended at
 * once. */
bool redis_configured_run(struct redis_server *server, enum redis_kind kind);

/*
 * Asks again and again until the reply, as the function tells, is the one waited for. Fails after a deadline.
 * A connection that Sentinel has closed, as it does with those to a server it promotes or demotes, is made
 * anew.
 */
void redis_wait_until(struct redis_server *server, const char *question,
                      bool (*good)(const redisReply *reply));

#endif
