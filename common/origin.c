/* Origins of web pages: see origin.h. */
#include "common/origin.h"

#include "common/ip.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ORIGIN_MAX = 300, PORT_MAX = 65535 };

static const char SEPARATORS[] = ", ";
static const char DIGITS[] = "0123456789", HEX_DIGITS[] = "0123456789abcdefABCDEF";
static const char HOST_BYTES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

struct part {
    const char *at;
    size_t len;
};

struct origin {
    const char *bare; /* of those without a host; NULL: it has one */
    struct part scheme;
    bool wild;        /* `*.` stands before the host */
    struct part host; /* a name or an IPv4 address; NULL: the IPv6 address `ip` */
    struct ip ip;
    unsigned port; /* 0: the scheme's own, written or not */
};

/* Schemes with something of their own; a port of 0: no page has such an origin. */
static const struct {
    const char *name;
    unsigned port;
} schemes[] = {{"http", 80}, {"https", 443}, {"ws", 0}, {"wss", 0}, {"file", 0}};

/* What stands for pages without a host: whoever lists them allows all such pages. */
static const char *const bare_origins[] = {"null", "file://"};

enum { SCHEMES = sizeof schemes / sizeof *schemes };

/* The next entry behind `*at`, and its length; false: there is none. */
static bool next_entry(const char **at, size_t *len)
{
    *at += strspn(*at, SEPARATORS);
    *len = strcspn(*at, SEPARATORS);
    return *len > 0;
}

static bool same(struct part a, struct part b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Which of the schemes it is; SCHEMES: another. */
static size_t find_scheme(struct part scheme)
{
    size_t i = 0;

    while (i < SCHEMES && !same(scheme, (struct part){schemes[i].name, strlen(schemes[i].name)}))
        i++;
    return i;
}

/* These step over what they read. False: it is not there, or not as a browser would send it. */

static bool read_scheme(const char **at, struct part *scheme)
{
    size_t len = 0;

    if (!isalpha((unsigned char)**at))
        return false;
    while (isalnum((unsigned char)(*at)[len]) || ((*at)[len] && strchr("+-.", (*at)[len])))
        len++;
    *scheme = (struct part){*at, len};
    *at += len;
    if (strncmp(*at, "://", 3) != 0)
        return false;
    *at += 3;
    size_t i = find_scheme(*scheme);
    return i == SCHEMES || schemes[i].port > 0;
}

static bool read_ipv6(const char **at, struct ip *ip)
{
    const char *inside = *at + 1;
    size_t len = strspn(inside, "0123456789abcdefABCDEF:.");

    *at = inside + len + 1;
    return inside[len] == ']' && memchr(inside, ':', len) && ip_parse(ip, inside, len) == 0;
}

/* Whether browsers take a host for an IPv4 address: by its last label. */
static bool ends_in_number(struct part host)
{
    size_t end = host.at[host.len - 1] == '.' ? host.len - 1 : host.len;
    size_t start = end;

    while (start > 0 && host.at[start - 1] != '.')
        start--;
    const char *label = host.at + start;
    size_t len = end - start;
    bool hex = len >= 2 && label[0] == '0' && (label[1] | 0x20) == 'x';

    return len > 0 && (strspn(label, DIGITS) >= len || (hex && strspn(label + 2, HEX_DIGITS) >= len - 2));
}

/* Of an IPv4 address browsers know one text only: four numbers without leading zeros. */
static bool read_name(const char **at, bool wild, struct part *host)
{
    struct ip ip;

    *host = (struct part){*at, strspn(*at, HOST_BYTES)};
    *at += host->len;
    if (host->len == 0 || *host->at == '.')
        return false;
    return !ends_in_number(*host) || (!wild && ip_parse(&ip, host->at, host->len) == 0);
}

static bool read_port(const char **at, struct part scheme, unsigned *port)
{
    size_t digits = **at == ':' ? strspn(*at + 1, DIGITS) : 0;
    unsigned long number = digits >= 1 && digits <= 5 ? strtoul(*at + 1, NULL, 10) : 0;
    size_t i = find_scheme(scheme);

    if (**at != ':')
        return true;
    *at += 1 + digits;
    *port = i < SCHEMES && number == schemes[i].port ? 0 : (unsigned)number;
    return number >= 1 && number <= PORT_MAX;
}

static size_t read_bare(const char *text, struct origin *origin)
{
    for (size_t i = 0; i < sizeof bare_origins / sizeof *bare_origins; i++) {
        size_t len = strlen(bare_origins[i]);

        if (strncasecmp(text, bare_origins[i], len) == 0) {
            origin->bare = bare_origins[i];
            return len;
        }
    }
    return 0;
}

/* How much of the text is an origin, or one with `*.`; 0: it begins with none. */
static size_t read_origin(const char *text, struct origin *origin)
{
    const char *at = text;

    *origin = (struct origin){0};
    size_t bare = read_bare(text, origin);
    if (bare)
        return bare;
    if (!read_scheme(&at, &origin->scheme))
        return 0;
    origin->wild = strncmp(at, "*.", 2) == 0;
    at += origin->wild ? 2 : 0;
    if (*at == '[' ? origin->wild || !read_ipv6(&at, &origin->ip)
                   : !read_name(&at, origin->wild, &origin->host))
        return 0;
    return read_port(&at, origin->scheme, &origin->port) ? (size_t)(at - text) : 0;
}

bool origin_list_valid(const char *list)
{
    struct origin origin;
    size_t count = 0, len;

    for (; next_entry(&list, &len); list += len, count++)
        if (len >= ORIGIN_MAX || read_origin(list, &origin) != len)
            return false;
    return count > 0;
}

/* Whether the text is one or more labels, each followed by a dot. */
static bool are_labels(const char *text, size_t len)
{
    if (!len || text[len - 1] != '.' || text[0] == '.')
        return false;
    for (size_t i = 1; i < len; i++)
        if (text[i] == '.' && text[i - 1] == '.')
            return false;
    return true;
}

static bool stands_for(const struct origin *entry, const struct origin *origin)
{
    struct part host = origin->host;

    if (entry->bare || origin->bare)
        return entry->bare == origin->bare;
    if (!same(entry->scheme, origin->scheme) || entry->port != origin->port || !entry->host.at != !host.at)
        return false;
    if (!host.at)
        return memcmp(&entry->ip, &origin->ip, sizeof entry->ip) == 0;
    if (!entry->wild)
        return same(entry->host, host);
    if (host.len <= entry->host.len)
        return false;
    size_t above = host.len - entry->host.len;

    return same(entry->host, (struct part){host.at + above, entry->host.len}) && are_labels(host.at, above);
}

bool origin_list_has(const char *list, const char *text)
{
    struct origin origin, entry;
    size_t len = read_origin(text, &origin);

    if (len == 0 || text[len] != '\0' || origin.wild)
        return false;
    for (; next_entry(&list, &len); list += len)
        if (read_origin(list, &entry) == len && stands_for(&entry, &origin))
            return true;
    return false;
}
