/*
 * A redis-server, or a sentinel, as a child of the test, with a redis.conf in its folder.
 */
#include "tests/cluster/redis_server.h"

#include "tests/lib/deadline.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether a server can listen there. */
static bool is_free(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    bool free = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return free;
}

int redis_server_free_port(void)
{
    enum { FIRST = 10000, LAST = 32000 }; /* below ip_local_port_range */
    uint16_t chance, port;

    do {
        assert_int_equal(getrandom(&chance, sizeof chance, 0), sizeof chance);
        port = (uint16_t)(FIRST + chance % (LAST - FIRST));
    } while (!is_free(port));
    return port;
}

static void write_conf(const struct redis_server *server, const char *conf)
{
    char whole[4096];
    int len = snprintf(whole, sizeof whole, "port %d\nbind 127.0.0.1\ndir %s\nprotected-mode no\n%s",
                       server->port, server->folder, conf);

    assert_in_range(len, 0, sizeof whole - 1);
    folder_put(server->folder, "redis.conf", whole);
}

static void redis_server_exec(const struct redis_server *server)
{
    const char *named = getenv("RIDECAST_REDIS"), *program = named ? named : "redis-server";

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    if (chdir(server->folder) == 0)
        execlp(program, program, "redis.conf", server->kind == REDIS_SENTINEL ? "--sentinel" : (char *)NULL,
               (char *)NULL);
    _exit(127);
}

static bool redis_server_answers(redisContext *control)
{
    redisReply *reply = control->err ? NULL : redisCommand(control, "PING");
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;

    freeReplyObject(reply);
    return ok;
}

/* False: it ended at once, most likely because somebody else took the port. */
static bool redis_server_ready(struct redis_server *server)
{
    const struct timespec deadline = deadline_from_now();

    while (!deadline_passed(&deadline)) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            return false;
        server->control = redisConnect("127.0.0.1", server->port);
        if (redis_server_answers(server->control))
            return true;
        redisFree(server->control);
        server->control = NULL;
        nap();
    }
    fail_msg("redis-server does not get ready");
    return false;
}

bool redis_server_run(struct redis_server *server)
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

void redis_server_kill(struct redis_server *server)
{
    redisFree(server->control);
    server->control = NULL;
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

struct redis_server *redis_server_start(enum redis_kind kind, const char *conf)
{
    struct redis_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    server->kind = kind;
    folder_make(server->folder, "redis");
    for (int attempt = 0; attempt < 5; attempt++) {
        server->port = redis_server_free_port();
        write_conf(server, conf);
        if (redis_server_run(server)) {
            snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d", server->port);
            return server;
        }
    }
    redis_server_free(server);
    fail_msg("redis-server does not start; is it installed?");
    return NULL;
}

void redis_server_free(struct redis_server *server)
{
    if (!server)
        return;
    redis_server_kill(server);
    folder_remove(server->folder);
    free(server);
}

/* --- asking Redis --- */

redisReply *redis_ask(struct redis_server *server, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    redisReply *reply = redisvCommand(server->control, format, args);
    va_end(args);
    if (!reply)
        fail_msg("Redis does not answer: %s", server->control->errstr);
    return reply;
}

void redis_run(struct redis_server *server, const char *format, ...)
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

long long redis_integer(redisReply *reply)
{
    long long value = reply->integer;

    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    freeReplyObject(reply);
    return value;
}

long long redis_calls(struct redis_server *server, const char *command)
{
    char name[40];

    snprintf(name, sizeof name, "cmdstat_%s:calls=", command);
    redisReply *reply = redis_ask(server, "INFO commandstats");
    const char *found = strstr(reply->str, name);
    long long calls = found ? strtoll(found + strlen(name), NULL, 10) : 0;

    freeReplyObject(reply);
    return calls;
}

void wait_for_integer(struct redis_server *server, long long wanted, const char *format, ...)
{
    const struct timespec deadline = deadline_from_now();

    for (;;) {
        va_list args;

        va_start(args, format);
        redisReply *reply = redisvCommand(server->control, format, args);
        va_end(args);
        assert_non_null(reply);
        long long is = redis_integer(reply);

        if (is == wanted)
            return;
        if (deadline_passed(&deadline))
            fail_msg("%s: %lld instead of %lld", format, is, wanted);
        nap();
    }
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
