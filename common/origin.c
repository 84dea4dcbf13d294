/* Origins of web pages: see origin.h. */
#include "common/origin.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ORIGIN_MAX = 300, PORT_MAX = 65535 };

static const char SEPARATORS[] = ", ";
static const char HOST_BYTES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

/* The next entry behind `*at`, and its length; false: there is none. */
static bool next_entry(const char **at, size_t *len)
{
    *at += strspn(*at, SEPARATORS);
    *len = strcspn(*at, SEPARATORS);
    return *len > 0;
}

/* What stands before the host, `://` included; 0: no scheme. */
static size_t scheme_length(const char *entry)
{
    size_t len = 0;

    if (!isalpha((unsigned char)*entry))
        return 0;
    while (isalnum((unsigned char)entry[len]) || (entry[len] && strchr("+-.", entry[len])))
        len++;
    return strncmp(entry + len, "://", 3) == 0 ? len + 3 : 0;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = digits >= 1 && digits <= 5 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

    return port >= 1 && port <= PORT_MAX;
}

/* The length of a name, or of an IPv6 address with its brackets; 0: neither. */
static size_t host_length(const char *host)
{
    if (*host != '[')
        return *host == '.' ? 0 : strspn(host, HOST_BYTES);
    size_t inside = strspn(host + 1, "0123456789abcdefABCDEF:.");

    return inside && host[1 + inside] == ']' ? inside + 2 : 0;
}

static bool entry_valid(const char *entry)
{
    size_t scheme = scheme_length(entry);
    const char *host = entry + scheme;
    bool wild = strncmp(host, "*.", 2) == 0;

    host += wild ? 2 : 0;
    size_t len = scheme ? host_length(host) : 0;

    return len && !(wild && *host == '[') &&
           (host[len] == '\0' || (host[len] == ':' && is_port(host + len + 1)));
}

bool origin_list_valid(const char *list)
{
    char entry[ORIGIN_MAX];
    size_t count = 0, len;

    for (; next_entry(&list, &len); list += len) {
        if (len >= sizeof entry)
            return false;
        memcpy(entry, list, len);
        entry[len] = '\0';
        if (!entry_valid(entry))
            return false;
        count++;
    }
    return count > 0;
}

/* Whether the text is one or more labels, each followed by a dot. */
static bool are_labels(const char *text, size_t len)
{
    if (!len || text[len - 1] != '.' || text[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!strchr(HOST_BYTES, text[i]) || (text[i] == '.' && i && text[i - 1] == '.'))
            return false;
    return true;
}

static bool stands_for(const char *entry, size_t len, const char *origin)
{
    size_t origin_len = strlen(origin);
    const char *star = memchr(entry, '*', len);

    if (!star)
        return len == origin_len && strncasecmp(entry, origin, len) == 0;
    size_t before = (size_t)(star - entry);
    size_t after = len - before - 2; /* behind the star and its dot */

    return origin_len > before + after && strncasecmp(entry, origin, before) == 0 &&
           strncasecmp(star + 2, origin + origin_len - after, after) == 0 &&
           are_labels(origin + before, origin_len - before - after);
}

bool origin_list_has(const char *list, const char *origin)
{
    size_t len;

    for (; next_entry(&list, &len); list += len)
        if (stands_for(list, len, origin))
            return true;
    return false;
}
