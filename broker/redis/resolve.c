/*
 * getaddrinfo(3), with its answer as text: the order is that of RFC 6724 and /etc/gai.conf.
 */
#include "broker/redis/resolve.h"

#include "broker/redis/redis_address.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* Puts the address behind the `count` that are there. How many there are then. */
static size_t add(const struct addrinfo *info, int port, struct redis_address *found, size_t count)
{
    char host[NI_MAXHOST];

    if (getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0 ||
        redis_address_set(&found[count], host, strlen(host), port) != 0)
        return count;
    for (size_t i = 0; i < count; i++)
        if (redis_address_equal(&found[i], &found[count]))
            return count;
    return count + 1;
}

size_t resolve(const struct redis_address *address, struct redis_address *found, size_t max,
               const char **error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    size_t count = 0;
    int failure = getaddrinfo(address->host, NULL, &hints, &all);

    if (failure != 0) {
        *error = failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure);
        return 0;
    }
    for (const struct addrinfo *info = all; info && count < max; info = info->ai_next)
        count = add(info, address->port, found, count);
    freeaddrinfo(all);
    if (count == 0)
        *error = "its name has no IP address";
    return count;
}
