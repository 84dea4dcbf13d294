/*
 * IP addresses and networks: whom a proxy's word is believed from. Pure; any thread.
 *
 * An IPv4 address is kept as the IPv6 address it maps to (::ffff:a.b.c.d), so that both kinds compare alike
 * and a client that comes to an IPv6 socket over IPv4 is recognised.
 */
#ifndef RIDECAST_COMMON_IP_H
#define RIDECAST_COMMON_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_TEXT_SIZE = 48 };

struct ip {
    uint8_t bytes[16];
};

bool ip_is_v4(const struct ip *ip);

/* `len` bytes of text: `203.0.113.9` or `2001:db8::1`, and nothing else. 0, or -1. */
int ip_parse(struct ip *ip, const char *text, size_t len);

struct sockaddr;
/* Of a socket address; :: for another family's. */
struct ip ip_of(const struct sockaddr *address);

/* An IPv4 address is printed as one. */
void ip_print(const struct ip *ip, char out[IP_TEXT_SIZE]);

/*
 * Networks, in a list of addresses and CIDRs (`10.0.0.0/8`, `fd00::/8`, `127.0.0.1`) separated by commas or
 * spaces. The list is read anew at every call: it has a few entries and is asked once per session.
 */

/* Whether every entry is one; bits behind the prefix must be 0. An empty list is valid. */
bool ip_list_valid(const char *list);

/* Whether the address is in one of a valid list's networks. */
bool ip_list_has(const char *list, const struct ip *ip);

/*
 * Who is behind trusted proxies: `peer` where that is none of them, else the right-most address of
 * X-Forwarded-For (`forwarded`; NULL: absent) that is none of them. An entry that is no address (a port may
 * follow one) ends the search: then it is the last one before it.
 */
struct ip ip_behind_proxies(const char *trusted, const struct ip *peer, const char *forwarded);

#endif
