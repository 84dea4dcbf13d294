/*
 * The gateway's options: one table, and the checks of those whose text has a form.
 */
#include "common/config.h"

#include "common/ip.h"
#include "common/log.h"
#include "common/origin.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_MAX = 65535, HOST_SIZE = 256, NAME_MAX_BYTES = 64 };

/* 1 to 5 digits, up to 65535, or -1. */
static int parse_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = digits >= 1 && digits <= 5 && text[digits] == '\0' ? strtol(text, NULL, 10) : -1;

    return port <= PORT_MAX ? (int)port : -1;
}

/* The length of the host that `address` starts with; 0: none. Brackets belong to it. */
static size_t host_length(const char *address)
{
    if (*address != '[')
        return strcspn(address, ":[]/?#@ ");
    size_t inside = strspn(address + 1, "0123456789abcdefABCDEF:.");

    return inside > 0 && address[1 + inside] == ']' ? inside + 2 : 0;
}

int config_split_address(const char *address, char *host, size_t host_size, int *port)
{
    size_t len = host_length(address);
    bool bracketed = *address == '[';
    size_t copied = bracketed && len > 0 ? len - 2 : len;

    if (len == 0 || address[len] != ':' || copied >= host_size)
        return -1;
    int number = parse_port(address + len + 1);

    if (number < 0)
        return -1;
    memcpy(host, address + bracketed, copied);
    host[copied] = '\0';
    *port = number;
    return 0;
}

bool config_is_loopback(const char *address)
{
    char host[HOST_SIZE];
    struct ip ip;
    int port;

    if (config_split_address(address, host, sizeof host, &port) != 0)
        return false;
    if (ip_parse(&ip, host, strlen(host)) != 0)
        return strcmp(host, "localhost") == 0;
    return ip_list_has("127.0.0.0/8 ::1", &ip);
}

static const char *check_listen(const char *value)
{
    char host[HOST_SIZE];
    int port;

    if (config_split_address(value, host, sizeof host, &port) != 0)
        return "is not HOST:PORT; give an address such as 0.0.0.0:3000 or [::]:3000";
    return NULL;
}

static const char *check_admin_listen(const char *value)
{
    char host[HOST_SIZE];
    int port;

    if (!*value || strcmp(value, "none") == 0 || config_split_address(value, host, sizeof host, &port) == 0)
        return NULL;
    return "is not HOST:PORT; give an address such as 127.0.0.1:9000, or none";
}

/* What follows the scheme is for the broker to judge. */
static const char *check_broker(const char *value)
{
    static const char *const schemes[] = {"redis://",          "rediss://",          "redis+unix://",
                                          "redis+sentinel://", "rediss+sentinel://", "redis+cluster://",
                                          "rediss+cluster://"};

    if (strcmp(value, "memory") == 0)
        return NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
            return NULL;
    return "is no broker; give memory, redis://[user[:password]@]host[:port][/db], rediss://, redis+unix://, "
           "redis+sentinel://, redis+cluster://, rediss+sentinel:// or rediss+cluster://";
}

/* Braces would move the keys' hash tag, white space would break the lines in which keys are listed. */
static const char *check_prefix(const char *value)
{
    size_t len = 0;

    while (isgraph((unsigned char)value[len]) && value[len] != '{' && value[len] != '}')
        len++;
    if (len == 0 || len > NAME_MAX_BYTES || value[len] != '\0')
        return "is no key prefix; give 1 to 64 printable ASCII characters without spaces, { or }";
    return NULL;
}

static const char *check_node_id(const char *value)
{
    size_t len = 0;

    while (isalnum((unsigned char)value[len]) || (value[len] != '\0' && strchr("_.-", value[len])))
        len++;
    if (len > NAME_MAX_BYTES || value[len] != '\0')
        return "is no node id; give at most 64 of A-Z a-z 0-9 _ . -";
    return NULL;
}

enum { BUDGET_PART = 4, BUDGET_DIGITS_MAX = 15, BUDGET_LEAST = 1 << 20 };

static const char *check_memory_budget(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    bool is_number = digits > 0 && digits <= BUDGET_DIGITS_MAX && value[digits] == '\0';

    if (strcmp(value, "auto") == 0 || strcmp(value, "0") == 0 ||
        (is_number && strtoull(value, NULL, 10) >= BUDGET_LEAST))
        return NULL;
    return "is no memory budget; give auto, 0 for none, or at least 1048576 bytes";
}

uint64_t config_memory_budget(const char *value, uint64_t memory)
{
    return strcmp(value, "auto") == 0 ? memory / BUDGET_PART : strtoull(value, NULL, 10);
}

/* Whether a ride's name can match it: gateway/rides/presence.c says which names there are. */
static bool is_ride_pattern(const char *at, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_.~-*";
    const char *slashes = strstr(at, "//");

    return (*at == '/' || *at == '*') && strspn(at, allowed) >= len && (!slashes || slashes >= at + len) &&
           (len == 1 || at[len - 1] != '/');
}

static const char *check_rides(const char *value)
{
    static const char wrong[] =
        "is no list of rides; give names such as /line-7 or patterns such as /line-*, with no / "
        "at their end and no two in a row";
    size_t count = 0, len;

    for (const char *at = value + strspn(value, ", "); *at; at += len + strspn(at + len, ", "), count++) {
        len = strcspn(at, ", ");
        if (!is_ride_pattern(at, len))
            return wrong;
    }
    return count ? NULL : wrong;
}

static const char *check_cors_origin(const char *value)
{
    if (strcmp(value, "*") != 0 && !origin_list_valid(value))
        return "is no list of origins; give * or origins as browsers send them, with nothing behind the host "
               "and its port, such as https://app.example.com:8443, https://*.example.com, "
               "capacitor://localhost, file:// or null";
    return NULL;
}

static const char *check_trusted_proxy(const char *value)
{
    if (!ip_list_valid(value))
        return "is no list of networks; give addresses and CIDRs such as 127.0.0.1, 10.0.0.0/8 or fd00::/8, "
               "with "
               "no bits set behind the prefix";
    return NULL;
}

static const char *const auth_kinds[] = {[AUTH_NONE] = "none", [AUTH_JWT] = "jwt", NULL};

static const char *const log_levels[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
    NULL,
};

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const log_formats[] = {[LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};

#define FIELD(f) .offset = offsetof(struct config, f)
#define UINT(f, default_, min_, max_, unit_)                                                                 \
    .type = OPTION_UINT, FIELD(f), .initial = (default_), .min = (min_), .max = (max_), .unit = (unit_)
#define STRING(f, default_)       .type = OPTION_STRING, FIELD(f), .initial = (default_)
#define CHOICE(f, default_, list) .type = OPTION_CHOICE, FIELD(f), .initial = (default_), .choices = (list)

/* clang-format off */
static const struct option_row rows[] = {
    {"listen", STRING(listen, "0.0.0.0:3000"), .check = check_listen,
     .help = "Address and port to serve clients on; port 0 picks a free one"},
    {"admin-listen", STRING(admin_listen, ""), .check = check_admin_listen,
     .help = "Address and port of /metrics and /api, which clients do not see then; none: they are not served; "
             "empty: they are served to clients"},
    {"broker", STRING(broker, "memory"), .flags = OPTION_SECRET, .check = check_broker,
     .help = "Where riders are kept: memory (this process alone), redis://[user[:password]@]host[:port][/db], "
             "rediss:// (with TLS), redis+unix:///path[?db=N], redis+sentinel://host[:port],host/primary[/db] or "
             "redis+cluster://host[:port],host"},
    {"prefix", STRING(prefix, "ridecast:"), .check = check_prefix,
     .help = "What every Redis key and channel starts with"},
    {"node-id", STRING(node_id, ""), .check = check_node_id,
     .help = "This process' name among the gateways; empty: a random one, new for every start"},
    {"rides", STRING(rides, "*"), .flags = OPTION_COMMON, .check = check_rides,
     .help = "Rides that may be joined, as patterns separated by commas or spaces; * matches any characters"},
    {"max-user-bytes", UINT(max_user_bytes, "4096", 64, 65536, "bytes"), .flags = OPTION_COMMON,
     .help = "Largest user record that is taken"},
    {"ping-interval", UINT(ping_interval_ms, "25000", 10, 3600000, "ms"),
     .help = "How long after a client's last answer it is pinged again"},
    {"ping-timeout", UINT(ping_timeout_ms, "20000", 10, 3600000, "ms"),
     .help = "How long a client may take to answer a ping"},
    {"max-payload", UINT(max_payload_bytes, "1000000", 1024, 104857600, "bytes"),
     .help = "Largest HTTP body or WebSocket message that is taken"},
    {"connect-timeout", UINT(connect_timeout_ms, "45000", 10, 3600000, "ms"),
     .help = "How long a connection may stay without joining a ride"},
    {"upgrade-timeout", UINT(upgrade_timeout_ms, "10000", 10, 3600000, "ms"),
     .help = "How long the upgrade from polling to WebSocket may take"},
    {"recovery-window", UINT(recovery_window_ms, "15000", 0, 3600000, "ms"), .flags = OPTION_COMMON,
     .help = "How long a rider whose connection dropped stays aboard; 0 turns recovery off"},
    {"node-lease", UINT(node_lease_ms, "3000", 100, 600000, "ms"), .flags = OPTION_COMMON,
     .help = "How long the other gateways wait for one that is silent"},
    {"drain-timeout", UINT(drain_timeout_ms, "5000", 0, 3600000, "ms"),
     .help = "How long a stopping gateway on Redis takes to let its clients go to others; 0: all at once"},
    {"backlog-bytes", UINT(backlog_bytes, "1048576", 65536, 1073741824, "bytes"),
     .help = "How far one client may fall behind before it is cut off"},
    {"memory-budget", STRING(memory_budget, "auto"), .check = check_memory_budget,
     .help = "Bytes that may be held for clients in all; past it the costliest are cut; auto: a quarter of the memory "
             "that the machine, or the process' cgroup, has; 0: any amount"},
    {"queue-bytes", UINT(queue_bytes, "16777216", 65536, 1099511627776, "bytes"),
     .help = "How much may wait while the broker is away before it is refused; of a Redis Cluster, for each server"},
    {"max-connections", UINT(max_connections, "16384", 1, 1000000, NULL),
     .help = "Connections served at the same time"},
    {"max-connections-per-address", UINT(max_connections_per_address, "4096", 0, 1000000, NULL),
     .help = "Connections, and clients, of one address (of IPv6: a /64) at the same time; 0: any number"},
    {"handshakes-per-address", UINT(handshakes_per_address, "200", 0, 1000000, "per second"),
     .help = "New clients of one address; it may save up those of 10 seconds; 0: any number"},
    {"messages-per-second", UINT(messages_per_second, "100", 0, 1000000, NULL),
     .help = "Messages of one client; it may save up those of 10 seconds; 0: any number"},
    {"bytes-per-second", UINT(bytes_per_second, "100000", 0, 1000000000, NULL),
     .help = "Bytes of one client's messages; it may save up those of 10 seconds; 0: any number"},
    {"asks-per-second", UINT(asks_per_second, "20", 0, 1000000, NULL),
     .help = "Times that one client may ask who is aboard, each 64 KiB of an answer counted as one, and ten times as "
             "many of one address; it may save up those of 10 seconds; 0: any number"},
    {"transitions-per-second", UINT(transitions_per_second, "5", 0, 1000000, NULL),
     .help = "Boardings of one client; exits count, and are never refused; it may save up those of 10 seconds; 0: any "
             "number"},
    {"events-per-second", UINT(events_per_second, "1000", 0, 1000000, NULL),
     .help = "Boardings on one ride from the clients of one gateway, shared fairly among their addresses; exits count, "
             "and are never refused; an address may save up those of 10 seconds; 0: any number"},
    {"rides-per-address", UINT(rides_per_address, "4096", 0, 1000000, NULL),
     .help = "Rides that one address may have followed at once, of those that nobody was on before it; 0: any number"},
    {"new-rides-per-second", UINT(new_rides_per_second, "200", 0, 1000000, NULL),
     .help = "Rides that one address may begin to have followed; it may save up those of 10 seconds; 0: any number"},
    {"bad-tokens-per-address", UINT(bad_tokens_per_address, "20", 0, 1000000, "per second"),
     .help = "Tokens that are refused to one address before no more are looked at; it may save up those of 10 seconds; "
             "0: any number"},
    {"resumes-per-address", UINT(resumes_per_address, "200", 0, 1000000, "per second"),
     .help = "Connections of one address that are recovered; who comes back beyond joins anew; it may save up those of "
             "10 seconds; 0: any number"},
    {"replay-bytes-per-address", UINT(replay_bytes_per_address, "10000000", 0, 1000000000, "bytes per second"),
     .help = "What recovered connections of one address are sent of what they missed; who comes back beyond is not "
             "recovered; it may save up that of 10 seconds; 0: any amount"},
    {"rides-per-connection", UINT(rides_per_connection, "64", 0, 1000000, NULL), .flags = OPTION_COMMON,
     .help = "Rides that one Socket.IO connection may be on; 0: any number"},
    {"connections-per-user", UINT(connections_per_user, "16", 1, 256, NULL), .flags = OPTION_COMMON,
     .help = "Connections through which one user may be aboard one ride"},
    {"riders-per-ride", UINT(riders_per_ride, "100000", 0, 100000000, NULL), .flags = OPTION_COMMON,
     .help = "Riders aboard one ride, more or less when several gateways board at once; 0: any number"},
    {"roster-bytes", UINT(roster_bytes, "67108864", 0, 1099511627776, "bytes"), .flags = OPTION_COMMON,
     .help = "Memory that the riders aboard one ride may take, each its record and 256 bytes; a ride of which Redis says "
             "that it is twice as large is not read; 0: any number"},
    {"max-header-bytes", UINT(max_header_bytes, "16384", 1024, 1048576, "bytes"),
     .help = "Largest head of an HTTP request"},
    {"header-timeout", UINT(header_timeout_ms, "60000", 10, 3600000, "ms"),
     .help = "How long the head of an HTTP request may take"},
    {"body-timeout", UINT(body_timeout_ms, "300000", 10, 3600000, "ms"),
     .help = "How long the body of an HTTP request, or a message in parts, may take"},
    {"stall-timeout", UINT(stall_timeout_ms, "30000", 10, 3600000, "ms"),
     .help = "How long a client may take nothing of what it is sent, or send nothing of what it has begun"},
    {"send-buffer", UINT(send_buffer_bytes, "65536", 0, 16777216, "bytes"),
     .help = "How much the kernel may hold for one client that reads slowly, about; 0: as much as it sees fit"},
    {"trusted-proxy", STRING(trusted_proxy, ""), .check = check_trusted_proxy,
     .help = "Networks of the proxies whose X-Forwarded-For and X-Ridecast-Session are believed, as addresses or "
             "CIDRs separated by commas or spaces; empty: none"},
    {"cors-origin", STRING(cors_origin, "*"), .flags = OPTION_COMMON, .check = check_cors_origin,
     .help = "Origins of the web pages that may connect, separated by commas or spaces; https://*.example.com for "
             "all hosts below one, * for any"},
    {"cors-credentials", CHOICE(cors_credentials, "no", no_yes), .flags = OPTION_COMMON,
     .help = "Whether pages of the origins listed may send credentials (withCredentials), such as a proxy's cookies"},
    {"auth", CHOICE(auth, "none", auth_kinds), .flags = OPTION_COMMON,
     .help = "Who may connect: anybody, or who shows a JSON Web Token"},
    {"auth-keys-file", STRING(auth_keys_file, ""),
     .help = "File with the public keys that sign tokens (RS256, ES256), as PEM, JWK or JWKS; read anew at SIGHUP"},
    {"auth-secret-file", STRING(auth_secret_file, ""),
     .help = "File with the secret that signs tokens (HS256), at least 32 bytes; read anew at SIGHUP"},
    {"auth-issuer", STRING(auth_issuer, ""), .flags = OPTION_COMMON,
     .help = "What a token's \"iss\" must be; empty: anything"},
    {"auth-audience", STRING(auth_audience, ""), .flags = OPTION_COMMON,
     .help = "What a token's \"aud\" must be or hold; empty: tokens that are for an audience are refused"},
    {"static", STRING(static_folder, ""),
     .help = "Folder of a web client's build, served at / from memory (up to 64 MiB); empty: nothing is served"},
    {"log-level", CHOICE(log_level, "info", log_levels),
     .help = "The least important messages that are logged"},
    {"log-format", CHOICE(log_format, "text", log_formats),
     .help = "Lines to read, or a JSON object per line"},
};
/* clang-format on */

const struct option_program config_program = {
    .name = "ridecast-gateway",
    .summary = "A presence gateway for ride apps: Socket.IO and WebSocket clients share who is aboard.",
    .env = "RIDECAST",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
};
