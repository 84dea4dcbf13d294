/*
 * A redis-server of the test's own, or a sentinel, on a free port of the loopback address and in a private
 * folder under /tmp, and a synchronous connection to ask it things. RIDECAST_REDIS in the environment names
 * another program, which is Valkey's. It ends with the test's process, whatever happens to that. What cannot
 * be done fails the test.
 */
#ifndef RIDECAST_TESTS_CLUSTER_REDIS_SERVER_H
#define RIDECAST_TESTS_CLUSTER_REDIS_SERVER_H

#include "tests/lib/folder.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

enum redis_kind { REDIS_SERVER, REDIS_SENTINEL };

/* Configurations: what is left of the data when the server is killed. */
#define NOTHING_KEPT    "save \"\"\n"
#define EVERYTHING_KEPT NOTHING_KEPT "appendonly yes\nappendfsync always\n"

struct redis_server {
    enum redis_kind kind;
    pid_t pid; /* 0: not running */
    int port;
    char folder[FOLDER_SIZE];
    redisContext *control; /* while it runs */
    char url[128];
};

/* `conf`: lines of redis.conf besides port, address and folder; file names in it are relative to the folder.
 * For redis_server_free(). */
struct redis_server *redis_server_start(enum redis_kind kind, const char *conf);

/* Ends it at once; port and folder stay. */
void redis_server_kill(struct redis_server *server);

/* Runs it again after that, with its redis.conf, which it may have rewritten since. False: it ended at once.
 */
bool redis_server_run(struct redis_server *server);

/* A port that is free, and that the system gives to nobody by itself: a server may be away from it for a
 * while. */
int redis_server_free_port(void);

/* Ends a server in whatever state it is and removes its folder. NULL is harmless. */
void redis_server_free(struct redis_server *server);

/* --- asking Redis, in hiredis' format (%s, %b): a subset of printf's except for %b, which no test uses ---
 */

/* Any reply, for freeReplyObject(). */
redisReply *redis_ask(struct redis_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A command whose reply does not matter, as long as it is no error. */
void redis_run(struct redis_server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The integer that the reply must be; frees it. */
long long redis_integer(redisReply *reply);

/* How often the command has been called, by anybody, since CONFIG RESETSTAT. */
long long redis_calls(struct redis_server *server, const char *command);

/* Asks again and again until the answer is that integer. */
void wait_for_integer(struct redis_server *server, long long wanted, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Asks again and again until the reply, as the function tells, is the one waited for. A connection that
 * Sentinel has closed, as it does with those to a server it promotes or demotes, is made anew.
 */
void redis_wait_until(struct redis_server *server, const char *question,
                      bool (*good)(const redisReply *reply));

#endif
