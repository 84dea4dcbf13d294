/*
 * Servers and sentinels with a configuration of their own, on top of tests/lib/redis_server.h: they are
 * asked, killed and freed with its functions.
 */
#ifndef RIDECAST_TESTS_LIB_REDIS_CONFIGURED_H
#define RIDECAST_TESTS_LIB_REDIS_CONFIGURED_H

#include "tests/lib/redis_server.h"

enum redis_kind { REDIS_SERVER, REDIS_SENTINEL };

static inline void redis_configured_exec(const struct redis_server *server, enum redis_kind kind)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    if (chdir(server->folder) == 0)
        execlp("redis-server", "redis-server", "redis.conf",
               kind == REDIS_SENTINEL ? "--sentinel" : (char *)NULL, (char *)NULL);
    _exit(127);
}

/* Runs it with the configuration in its folder, which it may have rewritten since. */
static inline bool redis_configured_run(struct redis_server *server, enum redis_kind kind)
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

static inline void redis_configured_write(const struct redis_server *server, const char *text)
{
    char path[sizeof server->folder + 16];

    snprintf(path, sizeof path, "%s/redis.conf", server->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "port %d\nbind 127.0.0.1\ndir %s\nprotected-mode no\n%s", server->port, server->folder,
            text);
    assert_int_equal(fclose(file), 0);
}

/* `text`: lines of redis.conf besides port, address and folder; file names in it are relative to the folder.
 */
static inline struct redis_server *redis_configured_start(enum redis_kind kind, const char *text)
{
    struct redis_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    strcpy(server->folder, "/tmp/ridecast-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
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

/*
 * Asks again and again until the reply, as the function tells, is the one waited for. Fails after a deadline.
 * A connection that Sentinel has closed, as it does with those to a server it promotes or demotes, is made
 * anew.
 */
static inline void redis_wait_until(struct redis_server *server, const char *question,
                                    bool (*good)(const redisReply *reply))
{
    const struct timespec pause = {.tv_nsec = 10000000};
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
        nanosleep(&pause, NULL);
    }
}

#endif
