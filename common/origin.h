/*
 * Origins of web pages (RFC 6454): which of them may use the server. Pure; any thread.
 *
 * A list holds entries separated by commas or spaces: an origin as browsers send it
 * (`https://app.example.com`, `http://localhost:5173`), or one whose host begins with `*.` and stands for
 * every host below it at any depth, but not for the host itself. Scheme and port must be the same; the port
 * of http or https may be written or not, and so may an IPv6 address in any of its forms. Compared without
 * regard to case. `null` and `file://`, which web views send for pages of their own, stand for themselves.
 * What no browser sends as an origin is no entry: ws:// and wss://, a path or slash behind the host, an IPv4
 * address in another form than four numbers. The list is read anew at every call: it has a few entries.
 */
#ifndef RIDECAST_COMMON_ORIGIN_H
#define RIDECAST_COMMON_ORIGIN_H

#include <stdbool.h>

/* Whether there are entries and each is one. */
bool origin_list_valid(const char *list);

/* Whether an entry of a valid list stands for an origin, of which the text may be anything. */
bool origin_list_has(const char *list, const char *text);

#endif
