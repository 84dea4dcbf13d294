/* IP addresses and networks: see ip.h. */
#include "common/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { BITS = 128, V4_AT = 12, V4_BITS_BEFORE = 96 };

static const char SEPARATORS[] = ", \t";
static const uint8_t MAPPED[V4_AT] = {[10] = 0xff, [11] = 0xff};

bool ip_is_v4(const struct ip *ip)
{
    return !memcmp(ip->bytes, MAPPED, sizeof MAPPED);
}

int ip_parse(struct ip *ip, const char *text, size_t len)
{
    char terminated[IP_TEXT_SIZE];

    if (len >= sizeof terminated)
        return -1;
    memcpy(terminated, text, len);
    terminated[len] = '\0';
    if (inet_pton(AF_INET6, terminated, ip->bytes) == 1)
        return 0;
    memcpy(ip->bytes, MAPPED, sizeof MAPPED);
    return inet_pton(AF_INET, terminated, ip->bytes + V4_AT) == 1 ? 0 : -1;
}

struct ip ip_of(const struct sockaddr *address)
{
    struct ip ip = {{0}};

    if (address->sa_family == AF_INET6) {
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof ip.bytes);
    } else if (address->sa_family == AF_INET) {
        memcpy(ip.bytes, MAPPED, sizeof MAPPED);
        memcpy(ip.bytes + V4_AT, &((const struct sockaddr_in *)address)->sin_addr, sizeof ip.bytes - V4_AT);
    }
    return ip;
}

void ip_print(const struct ip *ip, char out[IP_TEXT_SIZE])
{
    bool v4 = ip_is_v4(ip);

    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + V4_AT : ip->bytes, out, IP_TEXT_SIZE);
}

/* --- networks --- */

struct network {
    struct ip first;
    unsigned prefix; /* bits of the 128 */
};

static bool in_network(const struct network *network, const struct ip *ip)
{
    unsigned whole = network->prefix / 8, rest = network->prefix % 8;
    uint8_t mask = (uint8_t)(0xff00 >> rest);

    return !memcmp(network->first.bytes, ip->bytes, whole) &&
           (!rest || !((network->first.bytes[whole] ^ ip->bytes[whole]) & mask));
}

static bool ends_at_prefix(const struct network *network)
{
    for (unsigned bit = network->prefix; bit < BITS; bit++)
        if (network->first.bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

/* Digits without leading zeros, at most `max`; else -1. */
static int parse_prefix(const char *text, size_t len, unsigned max)
{
    unsigned prefix = 0;

    if (len < 1 || len > 3 || (len > 1 && *text == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        prefix = prefix * 10 + (unsigned)(text[i] - '0');
    }
    return prefix <= max ? (int)prefix : -1;
}

static int parse_network(struct network *network, const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash ? (size_t)(slash - text) : len;

    if (ip_parse(&network->first, text, address_len))
        return -1;
    network->prefix = BITS;
    if (!slash)
        return 0;
    unsigned before = memchr(text, ':', address_len) ? 0 : V4_BITS_BEFORE;
    int prefix = parse_prefix(slash + 1, len - address_len - 1, BITS - before);

    if (prefix < 0)
        return -1;
    network->prefix = before + (unsigned)prefix;
    return ends_at_prefix(network) ? 0 : -1;
}

/* The next entry: 1; 0: there is none; -1: it is no network. */
static int next_network(const char **list, struct network *network)
{
    const char *at = *list + strspn(*list, SEPARATORS);
    size_t len = strcspn(at, SEPARATORS);

    *list = at + len;
    if (!len)
        return 0;
    return parse_network(network, at, len) ? -1 : 1;
}

bool ip_list_valid(const char *list)
{
    struct network network;
    int got;

    while ((got = next_network(&list, &network)) > 0)
        ;
    return got == 0;
}

bool ip_list_has(const char *list, const struct ip *ip)
{
    struct network network;

    while (next_network(&list, &network) > 0)
        if (in_network(&network, ip))
            return true;
    return false;
}

/* --- proxies --- */

/* `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1` or `[2001:db8::1]:4711` */
static int parse_hop(struct ip *ip, const char *text, size_t len)
{
    if (len && *text == '[') {
        const char *end = memchr(text, ']', len);

        return end ? ip_parse(ip, text + 1, (size_t)(end - text - 1)) : -1;
    }
    const char *colon = memchr(text, ':', len);
    bool has_port = colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text));

    return ip_parse(ip, text, has_port ? (size_t)(colon - text) : len);
}

/* The last entry of the first `*len` bytes; they are cut off there. */
static const char *last_entry(const char *text, size_t *len, size_t *entry_len)
{
    size_t end = *len;

    while (end && strchr(SEPARATORS, text[end - 1]))
        end--;
    size_t start = end;

    while (start && !strchr(SEPARATORS, text[start - 1]))
        start--;
    *len = start;
    *entry_len = end - start;
    return text + start;
}

struct ip ip_behind_proxies(const char *trusted, const struct ip *peer, const char *forwarded)
{
    struct ip client = *peer, hop;
    size_t len = forwarded ? strlen(forwarded) : 0, entry_len;

    while (len && ip_list_has(trusted, &client)) {
        const char *entry = last_entry(forwarded, &len, &entry_len);

        if (parse_hop(&hop, entry, entry_len))
            break;
        client = hop;
    }
    return client;
}
