/*
 * A set, hash or sorted set of Redis, gone through page by page, and the names that come on a page. A scan
 * without a connection, or with an answer that is not a page, ends with a page of NULL, and the log says what
 * it was for. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SCAN_H
#define RIDECAST_BROKER_REDIS_SCAN_H

#include "broker/redis/store.h"

/* The elements of a page, borrowed for the call; a hash's and a sorted set's come in pairs. NULL: the scan
 * has failed. */
typedef void scan_page(const struct redisReply *elements, void *arg);

/* Embedded in what scans, one run at a time. */
struct scan {
    struct store *store;
    const char *command;   /* SSCAN, HSCAN or ZSCAN */
    const char *complaint; /* for the log, when it fails: "cannot find suspended riders" */
    scan_page *page;
    void *arg;
    struct key_name key; /* of what is gone through; set it with key_name_make…() before scan_begin() */
    unsigned page_size;  /* about */
    char cursor[24];
};

/* At the beginning again; nothing is asked yet. */
void scan_begin(struct scan *scan);

/* Asks for the next page. `page` is called before it returns where there is no connection. */
void scan_next(struct scan *scan);

/* Whether that was the last page. */
bool scan_at_end(const struct scan *scan);

/* Names of a page, taken one after the other; zeroed is empty. */
struct names {
    char *at;
    size_t size, count, next;
};

/* Reads those elements that `parse` takes (record_parse_ride, _node), each into `size` bytes. Frees what was
 * there. */
void names_read(struct names *names, const struct redisReply *elements, size_t size,
                int (*parse)(struct json_slice text, char *name));

/* The one whose turn it is; NULL after the last. */
const char *names_current(const struct names *names);

/* Empty again. */
void names_clear(struct names *names);

#endif
