/*
 * A redis-server of the test's own, on a free port of the loopback address and in a private folder under
 * /tmp, and a synchronous connection to ask it things. It ends with the test's process, whatever happens to
 * that.
 */
#ifndef RIDECAST_TESTS_LIB_REDIS_SERVER_H
#define RIDECAST_TESTS_LIB_REDIS_SERVER_H

#include "tests/lib/deadline.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the server's append-only file keeps over a restart. */
#define NOTHING_KEPT    "no"
#define EVERYTHING_KEPT "yes"

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    char folder[64];
    const char *keeps; /* its append-only file */
    redisContext *control;
    char url[128];
};

static inline int redis_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static inline void redis_server_exec(const struct redis_server *server)
{
    char port[8];
    int nowhere = open("/dev/null", O_WRONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "%d", server->port);
    dup2(nowhere, STDOUT_FILENO);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", server->folder,
           "--save", "", "--appendonly", server->keeps, "--appendfsync", "always", (char *)NULL);
    _exit(127);
}

static inline bool redis_server_answers(redisContext *control)
{
    redisReply *reply = control->err ? NULL : redisCommand(control, "PING");
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;

    freeReplyObject(reply);
    return ok;
}

/* False: it ended at once, most likely because somebody else took the port. */
static inline bool redis_server_ready(struct redis_server *server)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    const struct timespec deadline = deadline_from_now();

    while (!deadline_passed(&deadline)) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            return false;
        server->control = redisConnect("127.0.0.1", server->port);
        if (redis_server_answers(server->control))
            return true;
        redisFree(server->control);
        server->control = NULL;
        nanosleep(&pause, NULL);
    }
    fail_msg("redis-server does not get ready");
    return false;
}

static inline bool redis_server_run(struct redis_server *server)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        redis_server_exec(server);
    if (redis_server_ready(server))
        return true;
    server->pid = 0;
    return false;
}

static inline void redis_server_kill(struct redis_server *server)
{
    redisFree(server->control);
    server->control = NULL;
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

static inline struct redis_server *redis_server_start(const char *keeps)
{
    struct redis_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    server->keeps = keeps;
    strcpy(server->folder, "/tmp/ridecast-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    for (int attempt = 0; attempt < 5; attempt++) {
        server->port = redis_server_free_port();
        if (redis_server_run(server)) {
            snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d", server->port);
            return server;
        }
    }
    rmdir(server->folder);
    free(server);
    fail_msg("redis-server does not start; is it installed?");
    return NULL;
}

static inline int redis_server_remove_entry(const char *path, const struct stat *status, int type,
                                            struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

/* Ends a server in whatever state it is and removes its folder. NULL is harmless. */
static inline void redis_server_free(struct redis_server *server)
{
    if (!server)
        return;
    redis_server_kill(server);
    nftw(server->folder, redis_server_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(server);
}

/* --- asking Redis --- */

static inline redisReply *redis_ask(struct redis_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* hiredis' format (%s, %b), a subset of printf's except for %b, which no test uses. */
static inline redisReply *redis_ask(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = redisvCommand(server->control, format, args);
    va_end(args);
    if (!reply)
        fail_msg("Redis does not answer: %s", server->control->errstr);
    return reply;
}

static inline void redis_run(struct redis_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void redis_run(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = redisvCommand(server->control, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    freeReplyObject(reply);
}

static inline long long redis_integer(redisReply *reply)
{
    long long value = reply->integer;

    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    return value;
}

#endif
