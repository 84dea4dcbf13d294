/*
 * The gateway's options: the table (config.c) and the struct it fills. No default is written anywhere else.
 * Durations are in milliseconds, sizes in bytes.
 */
#ifndef RIDECAST_COMMON_CONFIG_H
#define RIDECAST_COMMON_CONFIG_H

#include "common/option.h"

#include <stdbool.h>

struct config {
    char *listen;       /* HOST:PORT; port 0 lets the kernel pick one; [::]:3000 for IPv6 */
    char *admin_listen; /* the same for operators; "none": nothing is served to them; empty: on `listen` */
    char *broker;       /* "memory" or a URL (broker/redis/redis_url.h) */
    char *prefix;       /* of every Redis key and channel */
    char *node_id;      /* empty: a random one, new for every start */
    char *rides;        /* space- or comma-separated patterns (* matches any run of characters) */
    uint64_t max_user_bytes;
    uint64_t ping_interval_ms;
    uint64_t ping_timeout_ms;
    uint64_t max_payload_bytes; /* of one HTTP body or WebSocket message */
    uint64_t connect_timeout_ms;
    uint64_t upgrade_timeout_ms;
    uint64_t backlog_bytes;      /* how far one client may fall behind */
    char *memory_budget;         /* of what waits for clients, config_memory_budget() */
    uint64_t queue_bytes;        /* transitions kept while the broker is away */
    uint64_t recovery_window_ms; /* how long a rider whose connection dropped stays aboard; 0: no recovery */
    uint64_t node_lease_ms;      /* how long the others wait for a gateway that is silent */
    uint64_t drain_timeout_ms;   /* how long a stopping gateway takes to let its clients go; 0: all at once */
    uint64_t max_connections;
    uint64_t max_connections_per_address; /* and clients; of these limits 0 means none */
    uint64_t handshakes_per_address;      /* a second */
    uint64_t messages_per_second;         /* of one client */
    uint64_t bytes_per_second;
    uint64_t asks_per_second; /* who is aboard */
    uint64_t transitions_per_second;
    uint64_t events_per_second; /* boardings and exits on one ride */
    uint64_t rides_per_address;
    uint64_t new_rides_per_second;
    uint64_t bad_tokens_per_address;
    uint64_t resumes_per_address, replay_bytes_per_address; /* in a second */
    uint64_t rides_per_connection;
    uint64_t connections_per_user; /* of one ride; at least 1 */
    uint64_t riders_per_ride;
    uint64_t roster_bytes;     /* of one ride */
    uint64_t max_header_bytes; /* of a request, its first line included */
    uint64_t header_timeout_ms;
    uint64_t body_timeout_ms;
    uint64_t stall_timeout_ms;  /* without progress of what is sent, or has begun to come */
    uint64_t send_buffer_bytes; /* of a client's socket; 0: the kernel's choice */
    char *trusted_proxy;        /* space- or comma-separated CIDRs (common/ip.h); empty: none */
    char *cors_origin;          /* "*" or a list of origins (common/origin.h) */
    int cors_credentials;       /* 1: pages of the listed origins may send some */
    int auth;                   /* enum config_auth */
    char *auth_keys_file;       /* with AUTH_JWT; empty: none */
    char *auth_secret_file;     /* the same */
    char *auth_issuer;          /* empty: any */
    char *auth_audience;        /* empty: none */
    char *static_folder;        /* of a web client's build; empty: none */
    int log_level;              /* enum log_level */
    int log_format;             /* enum log_format */
};

/* Who may connect. */
enum config_auth { AUTH_NONE, AUTH_JWT };

/* The table, for option_load(), option_print() and option_free(). */
extern const struct option_program config_program;

/* The bytes that --memory-budget stands for where there is so much memory (0: not known). 0: any amount. */
uint64_t config_memory_budget(const char *value, uint64_t memory);

/* Whether only this machine's own processes reach the address. */
bool config_is_loopback(const char *address);

/*
 * Splits HOST:PORT (IPv6 in brackets). 0, or -1 when it is not of that form; `host` gets at most host_size
 * bytes.
 */
int config_split_address(const char *address, char *host, size_t host_size, int *port);

#endif
