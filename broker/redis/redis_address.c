/*
 * Addresses of servers.
 */
#include "broker/redis/redis_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

int redis_address_set(struct redis_address *address, const char *host, size_t len, long port)
{
    if (len == 0 || len > REDIS_HOST_MAX || host[0] == '/' || port < 1 || port > PORT_MAX)
        return -1;
    for (size_t i = 0; i < len; i++)
        if (host[i] <= ' ' || host[i] > '~')
            return -1;
    memset(address, 0, sizeof *address);
    memcpy(address->host, host, len);
    address->port = (int)port;
    return 0;
}

bool redis_address_is_socket(const struct redis_address *address)
{
    return address->host[0] == '/';
}

bool redis_address_is_ip(const struct redis_address *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, address->host, bytes) == 1 || inet_pton(AF_INET6, address->host, bytes) == 1;
}

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *redis_address_text(const struct redis_address *address, char *text)
{
    if (redis_address_is_socket(address))
        memcpy(text, address->host, sizeof address->host);
    else if (strchr(address->host, ':'))
        snprintf(text, REDIS_ADDRESS_TEXT_SIZE, "[%s]:%d", address->host, address->port);
    else
        snprintf(text, REDIS_ADDRESS_TEXT_SIZE, "%s:%d", address->host, address->port);
    return text;
}
