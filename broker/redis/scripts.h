/*
 * The Lua scripts (broker/redis/scripts/), which come with the program: loaded into Redis on every new
 * connection, called by their digest (EVALSHA), and loaded again when Redis has forgotten them (SCRIPT
 * FLUSH).
 *
 * Also the names of the keys they are called with.
 */
#ifndef RIDECAST_BROKER_REDIS_SCRIPTS_H
#define RIDECAST_BROKER_REDIS_SCRIPTS_H

#include "broker/broker.h"
#include "broker/redis/redis_link.h"

enum script {
    SCRIPT_TRANSITION,
    SCRIPT_SUSPEND,
    SCRIPT_RESUME,
    SCRIPT_RESTORE,
    SCRIPT_REAP,
    SCRIPT_SWEEP,
    SCRIPT_ROSTER,
    SCRIPT_REPLAY,
    SCRIPT_COUNT,
};

enum { SCRIPT_DIGEST_LEN = 40, KEY_NAME_MAX = 512 };

struct scripts {
    struct redis_link *link;
    void (*ready)(void *arg);
    void *arg;
    struct scripts_entry {
        struct scripts *scripts;
        char digest[SCRIPT_DIGEST_LEN + 1]; /* from Redis; empty before the first load */
        bool loading;                       /* SCRIPT LOAD has been sent and not been answered */
    } entries[SCRIPT_COUNT];
    bool starting; /* `ready` is still to be called on this connection */
};

void scripts_init(struct scripts *scripts, struct redis_link *link, void (*ready)(void *arg), void *arg);

/* On a new connection: loads all scripts, then calls `ready`. If Redis refuses, the link fails. */
void scripts_load(struct scripts *scripts);

/* Calls a script: `args` are `key_count` keys and then the arguments. Like redis_link_send() in all else. */
int scripts_call(struct scripts *scripts, enum script script, size_t key_count, const struct redis_arg *args,
                 size_t count, redis_answer *answer, void *arg);

/*
 * Whether the reply says that Redis does not know the script. If so, it is already being sent: a call made
 * from now on finds it.
 */
bool scripts_missing(struct scripts *scripts, enum script script, const struct redisReply *reply);

/* The epoch and offset a script answers. False when they are not what ours answer. */
bool scripts_read_position(const struct redisReply *epoch, const struct redisReply *offset,
                           struct broker_position *position);

/* A key's name, owned by the struct. */
struct key_name {
    char text[KEY_NAME_MAX];
    size_t len;
};

/* `<prefix>{<ride>}:<what>`; the braces keep all keys of a ride in one slot of Redis Cluster. */
void key_name_make(struct key_name *key, const char *prefix, const char *ride, const char *what);

/* `<prefix><what>` and `<prefix>node:<node><detail>`, which belong to no ride. */
void key_name_make_shared(struct key_name *key, const char *prefix, const char *what);
void key_name_make_node(struct key_name *key, const char *prefix, const char *node, const char *detail);

struct redis_arg key_name_arg(const struct key_name *key);

#endif
