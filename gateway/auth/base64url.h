/*
 * Base64url as JOSE wants it (RFC 7515 section 2): the letters A-Z a-z 0-9 - _, no padding, nothing else; and
 * only the one text that encoding the bytes gives, so that no bytes have two. Pure; any thread.
 */
#ifndef RIDECAST_GATEWAY_AUTH_BASE64URL_H
#define RIDECAST_GATEWAY_AUTH_BASE64URL_H

#include "common/buf.h"

/* Appends the bytes. 0, or -1 with `out` unchanged: it is no base64url, or `out` is full. */
int base64url_decode(const char *text, size_t len, struct buf *out);

#endif
