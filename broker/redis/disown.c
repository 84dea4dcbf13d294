/*
 * One run over this node's rides and the sockets it has there, a page with each answer.
 */
#include "broker/redis/disown.h"

#include "broker/redis/log_entry.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { PAGE_SIZE = 100 };

/* Where the connection was lost, the next one has it done again. */
static void end_run(void *arg)
{
    struct disown *disown = arg;

    walk_end(&disown->rides);
    disown->running = false;
}

static void sockets_came(const struct redisReply *sockets, void *arg)
{
    struct disown *disown = arg;
    char socket_id[SOCKET_ID_LEN + 1];

    for (size_t i = 0; i < sockets->elements; i++)
        if (record_parse_socket_id(reply_slice(sockets->element[i]), socket_id) == 0)
            transitions_disown(disown->transitions, walk_name(&disown->rides), socket_id);
    if (scan_at_end(&disown->sockets))
        walk_next(&disown->rides);
    else
        scan_next(&disown->sockets);
}

static void look_at_ride(const char *ride, void *arg)
{
    struct disown *disown = arg;
    const struct store *store = disown->sockets.store;
    char what[RECORD_NODE_MAX + 8];

    if (!ride) {
        end_run(disown);
        return;
    }
    snprintf(what, sizeof what, "node:%s", store->node);
    key_name_make(&disown->sockets.key, store->setup->prefix, ride, what);
    scan_begin(&disown->sockets);
}

void disown_run(struct disown *disown)
{
    if (!disown->due || disown->running)
        return;
    disown->due = false;
    disown->running = true;
    walk_begin(&disown->rides);
}

void disown_init(struct disown *disown, struct store *store, struct transitions *transitions)
{
    const struct scan scan = {
        .store = store,
        .command = "SSCAN",
        .complaint = "cannot go through the sockets of this node",
        .page_size = PAGE_SIZE,
        .page = sockets_came,
        .failed = end_run,
        .arg = disown,
    };

    *disown = (struct disown){
        .transitions = transitions,
        .rides = {.scan = scan,
                  .parse = record_parse_ride,
                  .reached = look_at_ride,
                  .failed = end_run,
                  .arg = disown},
        .sockets = scan,
    };
    key_name_make_node(&disown->rides.scan.key, store->setup->prefix, store->node, ":rides");
}

void disown_deinit(struct disown *disown)
{
    walk_end(&disown->rides);
}
