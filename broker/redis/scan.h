/*
 * A set, hash or sorted set of Redis gone through page by page (scan), and a set of names gone through name
 * by name (walk). One run at a time; each ends with the last page or name, or with `failed`. Broker thread.
 */
#ifndef RIDECAST_BROKER_REDIS_SCAN_H
#define RIDECAST_BROKER_REDIS_SCAN_H

#include "broker/redis/store.h"

/* A cursor of Redis: at most 20 digits. */
enum { SCAN_CURSOR_SIZE = 24 };

/* Reads one. False: it is none, and what was there stays. */
bool scan_read_cursor(const struct redisReply *reply, char cursor[SCAN_CURSOR_SIZE]);

/* Embedded in what scans, which sets all but the last three. */
struct scan {
    struct store *store;
    const char *command;   /* SSCAN, HSCAN or ZSCAN */
    const char *complaint; /* said in the log before a failure; NULL: `failed` says it */
    unsigned page_size;    /* about */
    /* The elements of a page, borrowed for the call; a hash's and a sorted set's come in pairs. */
    void (*page)(const struct redisReply *elements, void *arg);
    void (*failed)(void *arg);
    void *arg;
    struct key_name key; /* of what is gone through */
    char cursor[SCAN_CURSOR_SIZE];
    unsigned pages;      /* so far: a scan that does not come to an end fails */
    const char *failure; /* while `failed` is called: what was answered; NULL: there is no connection; empty:
                            it is to be tried again later */
};

/* Asks for the first page; for the next one. `failed` is called before they return where there is no
 * connection. */
void scan_begin(struct scan *scan);
void scan_next(struct scan *scan);

/* Whether that was the last page. */
bool scan_at_end(const struct scan *scan);

enum { WALK_NAME_MAX = RIDE_NAME_MAX };
_Static_assert((int)RECORD_NODE_MAX <= (int)WALK_NAME_MAX, "names of nodes fit, too");

/* Embedded in what walks, which sets all but the last five. */
struct walk {
    struct scan scan;                                 /* without `page`, `failed` and `arg` */
    int (*parse)(struct json_slice text, char *name); /* record_parse_ride or _node; others are left out */
    const char *but;                                  /* a name that is left out, too; NULL: none */
    void (*reached)(const char *name, void *arg);     /* whose turn it is; NULL: that was all */
    void (*failed)(void *arg);
    void *arg;
    char (*names)[WALK_NAME_MAX + 1]; /* of this page */
    size_t count, at;
    bool reaching, next_due; /* `reached` is called; it has asked for the next one */
};

/* To the first name; to the next one. */
void walk_begin(struct walk *walk);
void walk_next(struct walk *walk);

/* The one whose turn it is; NULL: none. */
const char *walk_name(const struct walk *walk);

/* Ends it, if it goes on. */
void walk_end(struct walk *walk);

#endif
