/*
 * The Lua scripts (broker/redis/scripts/), which come with the program: loaded into Redis on every new
 * connection, called by their digest (EVALSHA, see call.h), and loaded again when Redis has forgotten them
 * (SCRIPT FLUSH).
 */
#ifndef RIDECAST_BROKER_REDIS_SCRIPTS_H
#define RIDECAST_BROKER_REDIS_SCRIPTS_H

#include <stdbool.h>

struct redis_link;
struct redisReply;

enum script {
    SCRIPT_TRANSITION,
    SCRIPT_SUSPEND,
    SCRIPT_RESUME,
    SCRIPT_RESTORE,
    SCRIPT_REAP,
    SCRIPT_SWEEP,
    SCRIPT_ROSTER,
    SCRIPT_REPLAY,
    SCRIPT_CHECK,
    SCRIPT_AUDIT,
    SCRIPT_COUNT,
};

enum { SCRIPT_DIGEST_LEN = 40 };

struct scripts {
    struct redis_link *link;
    bool sharded; /* they tell events on channels that lie in slots, as keys do */
    void (*ready)(void *arg);
    void *arg;
    struct scripts_entry {
        struct scripts *scripts;
        char digest[SCRIPT_DIGEST_LEN + 1]; /* from Redis; empty before the first load */
        bool loading;                       /* SCRIPT LOAD has been sent and not been answered */
    } entries[SCRIPT_COUNT];
    bool starting; /* `ready` is still to be called on this connection */
};

/* `sharded`: for a node of a Redis Cluster. */
void scripts_init(struct scripts *scripts, struct redis_link *link, bool sharded, void (*ready)(void *arg),
                  void *arg);

/* On a new connection: loads all scripts, then calls `ready`. If Redis refuses, the link fails. */
void scripts_load(struct scripts *scripts);

/* By which EVALSHA calls it. */
const char *scripts_digest(const struct scripts *scripts, enum script script);

/*
 * Whether the reply says that Redis does not know the script. If so, it is already being sent: a call made
 * from now on finds it.
 */
bool scripts_missing(struct scripts *scripts, enum script script, const struct redisReply *reply);

#endif
