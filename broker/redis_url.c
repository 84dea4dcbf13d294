/*
 * The Redis URL, taken apart from left to right.
 */
#include "broker/redis_url.h"

#include "broker/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, DB_MAX = 999999, HOST_MAX = 253 };

static const char scheme[] = "redis://";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* NULL for a bad escape. A NUL cannot be part of the result, so %00 is a bad one too. */
static char *percent_decoded(const char *text, size_t len)
{
    char *decoded = alloc_zeroed(len + 1);
    char *out = decoded;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            *out++ = text[i];
            continue;
        }
        int high = i + 1 < len ? hex_digit(text[i + 1]) : -1;
        int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            free(decoded);
            return NULL;
        }
        *out++ = (char)(high * 16 + low);
        i += 2;
    }
    return decoded;
}

/* A decimal number from the whole of `text`, at most `max`; -1 when it is something else. */
static long number(const char *text, size_t len, long max)
{
    long value = 0;

    if (len == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
        if (value > max)
            return -1;
    }
    return value;
}

static const char *read_credentials(const char *text, size_t len, struct redis_url *url)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon ? (size_t)(colon - text) : len;

    if (user_len > 0) {
        url->user = percent_decoded(text, user_len);
        if (!url->user)
            return "the user has a bad percent escape";
    }
    if (!colon || colon + 1 == text + len)
        return user_len > 0 ? "a user needs a password (user:password@)" : NULL;
    url->password = percent_decoded(colon + 1, len - user_len - 1);
    return url->password ? NULL : "the password has a bad percent escape";
}

static const char *read_port(const char *text, size_t len, struct redis_url *url)
{
    url->port = PORT_DEFAULT;
    if (len == 0)
        return NULL;
    long port = text[0] == ':' ? number(text + 1, len - 1, PORT_MAX) : -1;
    if (port < 1)
        return "the port must be a number from 1 to 65535";
    url->port = (int)port;
    return NULL;
}

static const char *read_address(const char *text, size_t len, struct redis_url *url)
{
    bool bracketed = len > 0 && text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = memchr(text, bracketed ? ']' : ':', len);

    if (bracketed && !end)
        return "an IPv6 address needs a closing bracket";
    if (!end)
        end = text + len;
    if (end == host || end - host > HOST_MAX)
        return "the host is missing or too long";
    for (const char *at = host; at < end; at++)
        if (*at <= ' ' || *at > '~')
            return "the host has a character that no host has";
    url->host = alloc_text(host, (size_t)(end - host));
    if (bracketed)
        end++;
    return read_port(end, (size_t)(text + len - end), url);
}

static const char *read_db(const char *text, struct redis_url *url)
{
    if (*text == '\0')
        return NULL;
    long db = number(text, strlen(text), DB_MAX);
    if (db < 0)
        return "the part after the host must be the number of a database";
    url->db = (unsigned)db;
    return NULL;
}

static const char *read_url(const char *text, struct redis_url *url)
{
    if (strncmp(text, "rediss://", 9) == 0)
        return "rediss:// (TLS) is not supported by this build";
    if (strncmp(text, "redis+sentinel://", 17) == 0)
        return "redis+sentinel:// is not supported by this build";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return "it must be \"memory\" or redis://[user[:password]@]host[:port][/db]";
    text += sizeof scheme - 1;

    size_t len = strcspn(text, "/?#");
    const char *slash = text + len;
    if (*slash == '?' || *slash == '#')
        return "nothing may follow the database (write ?, # and / in a password as %3F, %23, %2F)";
    /* The last @: one in a password that should have been escaped harms nobody. */
    const char *at = memrchr(text, '@', len);
    const char *why = at ? read_credentials(text, (size_t)(at - text), url) : NULL;
    if (why)
        return why;
    if (at) {
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    why = read_address(text, len, url);
    if (why)
        return why;
    return *slash ? read_db(slash + 1, url) : NULL;
}

int redis_url_parse(const char *text, struct redis_url *url, char *error, size_t error_size)
{
    memset(url, 0, sizeof *url);
    const char *why = read_url(text, url);
    if (!why)
        return 0;
    snprintf(error, error_size, "bad broker URL: %s", why);
    redis_url_deinit(url);
    return -1;
}

void redis_url_deinit(struct redis_url *url)
{
    free(url->user);
    if (url->password)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    free(url->host);
    memset(url, 0, sizeof *url);
}
