/*
 * The files of a web client, and what a request for one is answered with (RFC 9110). Pure: everything is in
 * memory, put there once at the start (static_load.h), so the loop never waits for a disk and no path can
 * lead out of the folder: a path is only ever looked up in a table.
 */
#ifndef RIDECAST_GATEWAY_PAGES_STATIC_FILES_H
#define RIDECAST_GATEWAY_PAGES_STATIC_FILES_H

#include "common/blob.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* What is kept at most. */
enum { STATIC_FILES_MAX = 4096, STATIC_BYTES_MAX = 64 << 20, STATIC_PATH_MAX = 512 };

struct static_files;

/* Aborts when out of memory. Freeing NULL is harmless. */
struct static_files *static_files_new(void);
void static_files_free(struct static_files *files);

/*
 * Adds a file by its path, which begins with a slash and is not there yet; a reference to its bytes is taken.
 * `x.gz` is also the compressed form of `x`, whichever comes first. 0, or -1 when a limit is passed.
 */
int static_files_add(struct static_files *files, const char *path, struct blob *bytes, time_t modified);

/* What is asked for: a path as it came, and header fields (NULL: absent). */
struct static_request {
    const char *path;
    const char *accept;
    const char *accept_encoding;
    const char *if_none_match;
    const char *if_modified_since;
};

struct static_answer {
    int status; /* 200 or 304 */
    const char *content_type;
    char headers[1024]; /* lines ended by CRLF */
    struct blob *body;  /* borrowed from the files; of a 304 it is the one that the client has */
};

/*
 * The answer to a GET or HEAD. False: there is no such file. `/` is /index.html, and so is every path
 * without an extension of a request that accepts text/html, except below the gateway's own paths: a client's
 * routes are its own matter.
 */
bool static_files_answer(const struct static_files *files, const struct static_request *request,
                         struct static_answer *answer);

#endif
