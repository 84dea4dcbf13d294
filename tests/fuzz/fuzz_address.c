/*
 * Addresses: of peers, in X-Forwarded-For, in lists of networks, of web pages (origins), to listen on. The
 * input is lines: trusted networks, a peer, X-Forwarded-For, allowed origins, an origin, HOST:PORT. Nobody
 * who is no trusted proxy speaks for another, and what is printed is read as the same.
 */
#include "tests/fuzz/fuzz.h"

#include "common/config.h"
#include "common/ip.h"
#include "common/origin.h"

enum { LINES = 6 };

static bool same(const struct ip *a, const struct ip *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static void check_print(const struct ip *ip)
{
    char text[IP_TEXT_SIZE];
    struct ip again;

    ip_print(ip, text);
    CHECK(!ip_parse(&again, text, strlen(text)) && same(ip, &again));
}

static void check_proxies(const char *trusted, const char *peer_text, const char *forwarded)
{
    struct ip peer;

    if (ip_parse(&peer, peer_text, strlen(peer_text)))
        return;
    check_print(&peer);
    if (!ip_list_valid(trusted))
        return;
    struct ip client = ip_behind_proxies(trusted, &peer, forwarded);

    check_print(&client);
    if (!ip_list_has(trusted, &peer))
        CHECK(same(&client, &peer));
    if (!*forwarded)
        CHECK(same(&client, &peer));
}

static void check_origins(const char *list, const char *origin)
{
    if (!origin_list_valid(list))
        return;
    CHECK(!origin_list_has(list, ""));
    CHECK(!origin_list_has(list, "null") || strcasestr(list, "null"));
    if (!strpbrk(list, " ,*"))
        CHECK(origin_list_has(list, list));
    if (origin_list_has(list, origin))
        CHECK((strstr(origin, "://") || !strcasecmp(origin, "null")) && !strpbrk(origin, " ,*"));
}

static void check_listen(const char *address)
{
    char host[16];
    int port = -1;

    if (!config_split_address(address, host, sizeof host, &port))
        CHECK(strlen(host) < sizeof host && port >= 0 && port <= 65535);
    config_is_loopback(address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct fuzz_input input = fuzz_input((const uint8_t *)text, strlen(text));
    char *lines[LINES];
    size_t len;

    for (size_t i = 0; i < LINES; i++) {
        lines[i] = fuzz_line(&input, &len);
        if (!lines[i])
            lines[i] = fuzz_text("", 0);
    }
    check_proxies(lines[0], lines[1], lines[2]);
    check_origins(lines[3], lines[4]);
    check_listen(lines[5]);
    for (size_t i = 0; i < LINES; i++)
        free(lines[i]);
    free(text);
    return 0;
}
