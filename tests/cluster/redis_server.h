/*
 * A redis-server of the test's own, on a free port of the loopback address and in a private folder under
 * /tmp, and a synchronous connection to ask it things. It ends with the test's process, whatever happens to
 * that. What cannot be done fails the test.
 */
#ifndef RIDECAST_TESTS_CLUSTER_REDIS_SERVER_H
#define RIDECAST_TESTS_CLUSTER_REDIS_SERVER_H

#include "tests/lib/folder.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the server's append-only file keeps over a restart. */
#define NOTHING_KEPT    "no"
#define EVERYTHING_KEPT "yes"

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    char folder[FOLDER_SIZE];
    const char *keeps;     /* its append-only file */
    redisContext *control; /* while it runs */
    char url[128];
};

/* For redis_server_free(). */
struct redis_server *redis_server_start(const char *keeps);

/* Ends it at once; port and folder stay. */
void redis_server_kill(struct redis_server *server);

/* Runs it again after that. False: it ended at once, most likely because somebody else took the port. */
bool redis_server_run(struct redis_server *server);

/* Ends a server in whatever state it is and removes its folder. NULL is harmless. */
void redis_server_free(struct redis_server *server);

/* --- for those that run one themselves --- */

/* A port that was free just now. */
int redis_server_free_port(void);

/* Waits until the process `pid` answers on `port`, and connects `control`. False: it ended. */
bool redis_server_ready(struct redis_server *server);

/* --- asking Redis, in hiredis' format (%s, %b): a subset of printf's except for %b, which no test uses ---
 */

/* Any reply, for freeReplyObject(). */
redisReply *redis_ask(struct redis_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A command whose reply does not matter, as long as it is no error. */
void redis_run(struct redis_server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The integer that the reply must be; frees it. */
long long redis_integer(redisReply *reply);

#endif
