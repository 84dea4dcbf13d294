/*
 * A redis-server, or a sentinel, that reads a redis.conf in its folder.
 */
#include "tests/cluster/redis_configured.h"

#include "tests/lib/deadline.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

static void redis_configured_exec(const struct redis_server *server, enum redis_kind kind)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    if (chdir(server->folder) == 0)
        execlp("redis-server", "redis-server", "redis.conf",
               kind == REDIS_SENTINEL ? "--sentinel" : (char *)NULL, (char *)NULL);
    _exit(127);
}

bool redis_configured_run(struct redis_server *server, enum redis_kind kind)
{
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        redis_configured_exec(server, kind);
    if (redis_server_ready(server))
        return true;
    server->pid = 0;
    return false;
}

static void redis_configured_write(const struct redis_server *server, const char *text)
{
    char whole[4096];
    int len = snprintf(whole, sizeof whole, "port %d\nbind 127.0.0.1\ndir %s\nprotected-mode no\n%s",
                       server->port, server->folder, text);

    assert_in_range(len, 0, sizeof whole - 1);
    folder_put(server->folder, "redis.conf", whole);
}

struct redis_server *redis_configured_start(enum redis_kind kind, const char *text)
{
    struct redis_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    folder_make(server->folder, "redis");
    for (int attempt = 0; attempt < 5; attempt++) {
        server->port = redis_server_free_port();
        redis_configured_write(server, text);
        if (redis_configured_run(server, kind)) {
            snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d", server->port);
            return server;
        }
    }
    redis_server_free(server);
    fail_msg("redis-server does not start with its configuration; is it installed?");
    return NULL;
}

void redis_wait_until(struct redis_server *server, const char *question,
                      bool (*good)(const redisReply *reply))
{
    const struct timespec deadline = deadline_from_now();
    bool done = false;

    while (!done) {
        redisReply *reply = redisCommand(server->control, question);
        if (reply)
            done = good(reply);
        else
            redisReconnect(server->control);
        freeReplyObject(reply);
        if (!done && deadline_passed(&deadline))
            fail_msg("%s does not answer what is waited for", question);
        nap();
    }
}
