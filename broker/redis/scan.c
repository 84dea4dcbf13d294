/*
 * Pages, and the names on them.
 */
#include "broker/redis/scan.h"

#include "broker/redis/call.h"
#include "broker/redis/log_entry.h"
#include "common/alloc.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Of some hundred names each: those of a Redis that comes to an end. */
enum { PAGES_MAX = 100000 };

bool scan_read_cursor(const struct redisReply *reply, char cursor[SCAN_CURSOR_SIZE])
{
    struct json_slice text = reply_slice(reply);

    if (text.len == 0 || text.len > 20)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    memcpy(cursor, text.at, text.len);
    cursor[text.len] = '\0';
    return true;
}

bool scan_at_end(const struct scan *scan)
{
    return strcmp(scan->cursor, "0") == 0;
}

static void fail(struct scan *scan, const char *failure)
{
    if (failure && *failure && scan->complaint)
        store_trouble(scan->store, "%s: %s", scan->complaint, failure);
    scan->failure = failure;
    scan->failed(scan->arg);
}

static void answered(const struct redisReply *reply, void *arg)
{
    struct scan *scan = arg;

    if (!reply) {
        fail(scan, NULL);
    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
               reply->element[1]->type != REDIS_REPLY_ARRAY ||
               !scan_read_cursor(reply->element[0], scan->cursor)) {
        fail(scan, store_defers(scan->store, reply) ? "" : store_complaint(reply));
    } else if (++scan->pages > PAGES_MAX) {
        fail(scan, "it does not come to an end");
    } else {
        scan->page(reply->element[1], scan->arg);
    }
}

void scan_next(struct scan *scan)
{
    struct call call;

    call_command(&call, scan->store, scan->command);
    call_bytes(&call, scan->key.text, scan->key.len);
    call_text(&call, scan->cursor);
    call_text(&call, "COUNT");
    call_number(&call, scan->page_size);
    if (call_send(&call, answered, scan) != 0)
        fail(scan, NULL);
}

void scan_begin(struct scan *scan)
{
    strcpy(scan->cursor, "0");
    scan->pages = 0;
    scan_next(scan);
}

/* --- names --- */

const char *walk_name(const struct walk *walk)
{
    return walk->at < walk->count ? walk->names[walk->at] : NULL;
}

/* Whoever is told of a name may ask for the next one before it returns, as often as there are names: no call
 * in a call. */
static void reach(struct walk *walk)
{
    if (walk->reaching) {
        walk->next_due = true;
        return;
    }
    walk->reaching = true;
    do {
        walk->next_due = false;
        if (walk_name(walk) || scan_at_end(&walk->scan))
            walk->reached(walk_name(walk), walk->arg);
        else
            scan_next(&walk->scan);
    } while (walk->next_due);
    walk->reaching = false;
}

static void page_came(const struct redisReply *elements, void *arg)
{
    struct walk *walk = arg;

    walk_end(walk);
    walk->names = alloc_zeroed((elements->elements + 1) * sizeof *walk->names);
    for (size_t i = 0; i < elements->elements; i++) {
        char *name = walk->names[walk->count];

        if (walk->parse(reply_slice(elements->element[i]), name) == 0 &&
            (!walk->but || strcmp(name, walk->but) != 0))
            walk->count++;
    }
    reach(walk);
}

static void scan_failed(void *arg)
{
    struct walk *walk = arg;

    walk->failed(walk->arg);
}

void walk_begin(struct walk *walk)
{
    walk->scan.page = page_came;
    walk->scan.failed = scan_failed;
    walk->scan.arg = walk;
    scan_begin(&walk->scan);
}

void walk_next(struct walk *walk)
{
    walk->at++;
    reach(walk);
}

void walk_end(struct walk *walk)
{
    free(walk->names);
    walk->names = NULL;
    walk->count = walk->at = 0;
}
