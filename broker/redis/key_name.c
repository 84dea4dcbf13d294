/*
 * Names, put together.
 */
#include "broker/redis/key_name.h"

#include <assert.h>
#include <string.h>

static void append(struct key_name *key, const char *text)
{
    size_t len = strlen(text);

    assert(key->len + len < sizeof key->text);
    memcpy(key->text + key->len, text, len + 1);
    key->len += len;
}

void key_name_make(struct key_name *key, const char *prefix, const char *ride, const char *what)
{
    key->len = 0;
    append(key, prefix);
    append(key, "{");
    append(key, ride);
    append(key, "}:");
    append(key, what);
}

void key_name_make_shared(struct key_name *key, const char *prefix, const char *what)
{
    key->len = 0;
    append(key, prefix);
    append(key, what);
}

void key_name_make_node(struct key_name *key, const char *prefix, const char *node, const char *detail)
{
    key->len = 0;
    append(key, prefix);
    append(key, "node:");
    append(key, node);
    append(key, detail);
}
