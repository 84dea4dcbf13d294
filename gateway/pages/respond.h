/*
 * How the pages answer: never to be stored, and JSON with what CORS wants. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_PAGES_RESPOND_H
#define RIDECAST_GATEWAY_PAGES_RESPOND_H

#include <stddef.h>

struct blob;
struct link;

void respond_text(struct link *link, int status, const char *text);

void respond_json(struct link *link, int status, const char *json, size_t len);

/* 200 with JSON that others get as well: it is not copied. */
void respond_shared(struct link *link, struct blob *json);

/* `{"error":"<words>"}`; the words need no escaping, and end after 200 bytes. `headers`: lines ended by CRLF,
 * or "". */
void respond_error(struct link *link, int status, const char *headers, const char *words);

#endif
