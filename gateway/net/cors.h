/*
 * Cross-origin resource sharing: which pages may use this server, by `cors_origin` of link.h, and how they
 * are told. While a link has a request.
 */
#ifndef RIDECAST_GATEWAY_NET_CORS_H
#define RIDECAST_GATEWAY_NET_CORS_H

#include <stdbool.h>

struct link;

enum { CORS_HEADERS_SIZE = 512 };

/* The lines for the request's Origin, each ended by CRLF. False: that origin may not use the server. */
bool cors_headers(const struct link *link, char out[CORS_HEADERS_SIZE]);

/* Answers a preflight request, which asks whether a page may send what it is about to. */
void cors_preflight(struct link *link);

#endif
