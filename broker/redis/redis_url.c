/*
 * The Redis URL, taken apart from left to right.
 */
#include "broker/redis/redis_url.h"

#include "common/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 6379, SENTINEL_PORT_DEFAULT = 26379, PORT_MAX = 65535, DB_MAX = 999999 };

/* What a URL may have, by its scheme. */
enum { HAS_SOCKET = 1, HAS_SENTINELS = 2, HAS_TLS = 4, HAS_NODES = 8 };

static const struct scheme {
    const char *start;
    unsigned has;
} schemes[] = {
    {"redis://", 0},
    {"rediss://", HAS_TLS},
    {"redis+unix://", HAS_SOCKET},
    {"redis+sentinel://", HAS_SENTINELS},
    {"rediss+sentinel://", HAS_SENTINELS | HAS_TLS},
    {"redis+cluster://", HAS_NODES},
    {"rediss+cluster://", HAS_NODES | HAS_TLS},
};

/* What may follow the question mark, besides the database of a socket. */
static const struct parameter {
    const char *name;
    unsigned with; /* 0: any scheme */
    size_t field;  /* a char * of struct redis_url */
} parameters[] = {
    {"ca", HAS_TLS, offsetof(struct redis_url, tls.ca)},
    {"cert", HAS_TLS, offsetof(struct redis_url, tls.cert)},
    {"key", HAS_TLS, offsetof(struct redis_url, tls.key)},
    {"sni", HAS_TLS, offsetof(struct redis_url, tls.sni)},
    {"password_file", 0, offsetof(struct redis_url, login.password_file)},
    {"sentinel_user", HAS_SENTINELS, offsetof(struct redis_url, sentinel_login.user)},
    {"sentinel_password", HAS_SENTINELS, offsetof(struct redis_url, sentinel_login.password)},
    {"sentinel_password_file", HAS_SENTINELS, offsetof(struct redis_url, sentinel_login.password_file)},
};

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

static const char *read_login(const char *text, size_t len, struct redis_login *login)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon ? (size_t)(colon - text) : len;

    if (user_len > 0) {
        login->user = percent_decoded(text, user_len);
        if (!login->user)
            return "the user has a bad percent escape";
    }
    if (!colon || colon + 1 == text + len)
        return NULL;
    login->password = percent_decoded(colon + 1, len - user_len - 1);
    return login->password ? NULL : "the password has a bad percent escape";
}

static const char *read_address(const char *text, size_t len, long port, struct redis_address *address)
{
    bool bracketed = len > 0 && text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = memchr(text, bracketed ? ']' : ':', len);

    if (bracketed && !end)
        return "an IPv6 address needs a closing bracket";
    if (!end)
        end = text + len;
    const char *after = bracketed ? end + 1 : end;
    if (after < text + len)
        port = *after == ':' ? number(after + 1, (size_t)(text + len - after - 1), PORT_MAX) : -1;
    if (port < 1)
        return "the port must be a number from 1 to 65535 (write /, ? and # in a password as %2F, %3F, %23)";
    if (redis_address_set(address, host, (size_t)(end - host), port) != 0)
        return "a host is missing, too long, or has a character that no host has";
    return NULL;
}

static const char *read_addresses(const char *text, size_t len, long port, struct redis_url *url)
{
    for (const char *end = text + len, *comma; text <= end; text = comma + 1) {
        comma = memchr(text, ',', (size_t)(end - text));
        if (!comma)
            comma = end;
        if (url->address_count == REDIS_URL_ADDRESSES_MAX)
            return "there are more than 16 hosts";
        const char *why =
            read_address(text, (size_t)(comma - text), port, &url->addresses[url->address_count++]);
        if (why)
            return why;
    }
    return NULL;
}

static const char *read_db(const char *text, size_t len, struct redis_url *url)
{
    if (len == 0)
        return NULL;
    long db = number(text, len, DB_MAX);
    if (db < 0)
        return "the database must be a number";
    url->db = (unsigned)db;
    return NULL;
}

/* The kernel takes 107 bytes (unix(7)). */
static const char *read_socket(const char *text, size_t len, struct redis_url *url)
{
    enum { PATH_MAX_BYTES = 107 };
    char *path = percent_decoded(text, len);

    if (!path)
        return "the path of the socket has a bad percent escape";
    size_t path_len = strlen(path);
    bool fits = path_len > 1 && path_len <= PATH_MAX_BYTES;
    if (fits)
        memcpy(url->addresses[0].host, path, path_len);
    free(path);
    url->address_count = 1;
    return fits ? NULL : "the path of the socket is missing or longer than 107 bytes";
}

static const char *read_primary(const char *text, size_t len, struct redis_url *url)
{
    const char *slash = memchr(text, '/', len);
    size_t name_len = slash ? (size_t)(slash - text) : len;

    if (name_len == 0)
        return "the primary's name must follow the sentinels (/name)";
    url->primary = percent_decoded(text, name_len);
    if (!url->primary)
        return "the primary's name has a bad percent escape";
    return slash ? read_db(slash + 1, len - name_len - 1, url) : NULL;
}

/* What stands between the user and password and the question mark. */
static const char *read_place(const char *text, size_t len, unsigned has, struct redis_url *url)
{
    const char *slash = memchr(text, '/', len);
    size_t hosts_len = slash ? (size_t)(slash - text) : len;
    const char *path = slash ? slash + 1 : text + len;
    size_t path_len = (size_t)(text + len - path);
    const char *why;

    if (has & HAS_SOCKET)
        return slash == text ? read_socket(text, len, url) : "the path of the socket must begin with /";
    if (has & HAS_SENTINELS) {
        why = read_addresses(text, hosts_len, SENTINEL_PORT_DEFAULT, url);
        return why ? why : read_primary(path, path_len, url);
    }
    if (has & HAS_NODES) {
        why = read_addresses(text, hosts_len, PORT_DEFAULT, url);
    } else {
        url->address_count = 1;
        why = read_address(text, hosts_len, PORT_DEFAULT, &url->addresses[0]);
    }
    if (!why)
        why = read_db(path, path_len, url);
    if (!why && (has & HAS_NODES) && url->db > 0)
        why = "a Redis Cluster has no database but 0";
    return why;
}

static const char *read_parameter(const char *text, size_t len, unsigned has, struct redis_url *url)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;

    if (value_len == 0)
        return "what follows the question mark must be name=value, joined by &";
    if ((has & HAS_SOCKET) && name_len == 2 && memcmp(text, "db", 2) == 0)
        return read_db(equals + 1, value_len, url);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const struct parameter *parameter = &parameters[i];
        char **field = (char **)((char *)url + parameter->field);

        if ((parameter->with && !(has & parameter->with)) || strlen(parameter->name) != name_len ||
            memcmp(text, parameter->name, name_len) != 0)
            continue;
        if (*field)
            return "something after the question mark is given twice";
        *field = percent_decoded(equals + 1, value_len);
        return *field ? NULL : "something after the question mark has a bad percent escape";
    }
    return "after the question mark there may be password_file, ca, cert, key and sni with TLS, "
           "sentinel_user, "
           "sentinel_password and sentinel_password_file with sentinels, db with a Unix socket";
}

static bool has_password(const struct redis_login *login)
{
    return login->password || login->password_file;
}

static const char *read_parameters(const char *text, unsigned has, struct redis_url *url)
{
    for (size_t len; *text; text += len + (text[len] == '&')) {
        len = strcspn(text, "&");
        const char *why = read_parameter(text, len, has, url);
        if (why)
            return why;
    }
    if (!url->tls.cert != !url->tls.key)
        return "cert and key need each other";
    if (url->login.password && url->login.password_file)
        return "there are a password and a password_file";
    if (url->sentinel_login.password && url->sentinel_login.password_file)
        return "there are a sentinel_password and a sentinel_password_file";
    if (url->login.user && !has_password(&url->login))
        return "a user needs a password (user:password@, or password_file)";
    if (url->sentinel_login.user && !has_password(&url->sentinel_login))
        return "sentinel_user needs a sentinel_password, or a sentinel_password_file";
    return NULL;
}

static const struct scheme *scheme_of(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(text, schemes[i].start, strlen(schemes[i].start)) == 0)
            return &schemes[i];
    return NULL;
}

static const char *read_url(const char *text, struct redis_url *url)
{
    const struct scheme *scheme = scheme_of(text);

    if (!scheme)
        return "it must be \"memory\" or begin with redis://, rediss://, redis+unix://, redis+sentinel:// or "
               "rediss+sentinel://";
    url->tls.on = scheme->has & HAS_TLS;
    url->cluster = scheme->has & HAS_NODES;
    text += strlen(scheme->start);
    if (strchr(text, '#'))
        return "it has a # (write it as %23)";

    size_t len = strcspn(text, "?");
    const char *query = text[len] ? text + len + 1 : "";
    /* The last @: one in a password that should have been escaped harms nobody. A path may have its own. */
    const char *at = memrchr(text, '@', strcspn(text, "/?"));
    if (at) {
        const char *why = read_login(text, (size_t)(at - text), &url->login);

        if (why)
            return why;
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    const char *why = read_place(text, len, scheme->has, url);
    if (!why)
        why = read_parameters(query, scheme->has, url);
    if (!why && scheme->has == HAS_TLS && !url->tls.sni)
        url->tls.sni = alloc_text(url->addresses[0].host, strlen(url->addresses[0].host));
    return why;
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

static void login_deinit(struct redis_login *login)
{
    free(login->user);
    if (login->password)
        explicit_bzero(login->password, strlen(login->password));
    free(login->password);
    free(login->password_file);
}

void redis_url_deinit(struct redis_url *url)
{
    login_deinit(&url->login);
    login_deinit(&url->sentinel_login);
    free(url->primary);
    free(url->tls.ca);
    free(url->tls.cert);
    free(url->tls.key);
    free(url->tls.sni);
    memset(url, 0, sizeof *url);
}
