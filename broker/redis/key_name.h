/*
 * The names of keys and channels in Redis. Owned by value; pure.
 */
#ifndef RIDECAST_BROKER_REDIS_KEY_NAME_H
#define RIDECAST_BROKER_REDIS_KEY_NAME_H

#include <stddef.h>

enum { KEY_NAME_MAX = 320 };

struct key_name {
    char text[KEY_NAME_MAX];
    size_t len;
};

/* `<prefix>{<ride>}:<what>`; the braces keep all keys of a ride in one slot of Redis Cluster. */
void key_name_make(struct key_name *key, const char *prefix, const char *ride, const char *what);

/* `<prefix><what>` and `<prefix>node:<node><detail>`, which belong to no ride (store.h). */
void key_name_make_shared(struct key_name *key, const char *prefix, const char *what);
void key_name_make_node(struct key_name *key, const char *prefix, const char *node, const char *detail);

#endif
