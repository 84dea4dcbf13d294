/*
 * Names, put together.
 */
#include "broker/redis/key_name.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static void print(struct key_name *key, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct key_name *key, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(key->text, sizeof key->text, format, args);
    va_end(args);
    assert(len > 0 && (size_t)len < sizeof key->text);
    key->len = (size_t)len;
}

void key_name_make(struct key_name *key, const char *prefix, const char *ride, const char *what)
{
    print(key, "%s{%s}:%s", prefix, ride, what);
}

void key_name_make_shared(struct key_name *key, const char *prefix, const char *what)
{
    print(key, "%s%s", prefix, what);
}

void key_name_make_node(struct key_name *key, const char *prefix, const char *node, const char *detail)
{
    print(key, "%snode:%s%s", prefix, node, detail);
}
