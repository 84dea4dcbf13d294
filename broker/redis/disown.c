/*
 * One run over this node's rides and the sockets it has there, a page with each answer.
 */
#include "broker/redis/disown.h"

#include "broker/redis/log_entry.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum { PAGE_SIZE = 100 };

/* Where the connection was lost, the next one has it done again. */
static void end_run(struct disown *disown)
{
    names_clear(&disown->page);
    disown->running = false;
}

static void look_at_ride(struct disown *disown);

static void sockets_came(const struct redisReply *sockets, void *arg)
{
    struct disown *disown = arg;
    char socket_id[SOCKET_ID_LEN + 1];

    if (!sockets) {
        end_run(disown);
        return;
    }
    for (size_t i = 0; i < sockets->elements; i++)
        if (record_parse_socket_id(reply_slice(sockets->element[i]), socket_id) == 0)
            transitions_disown(disown->transitions, names_current(&disown->page), socket_id);
    if (!scan_at_end(&disown->sockets)) {
        scan_next(&disown->sockets);
        return;
    }
    disown->page.next++;
    look_at_ride(disown);
}

static void scan_sockets(struct disown *disown, const char *ride)
{
    const struct store *store = disown->sockets.store;
    char what[RECORD_NODE_MAX + 8];

    snprintf(what, sizeof what, "node:%s", store->node);
    key_name_make(&disown->sockets.key, store->setup->prefix, ride, what);
    scan_begin(&disown->sockets);
    scan_next(&disown->sockets);
}

/* The one whose turn it is, else the first of the next page. */
static void look_at_ride(struct disown *disown)
{
    const char *ride = names_current(&disown->page);

    if (ride)
        scan_sockets(disown, ride);
    else if (!scan_at_end(&disown->rides))
        scan_next(&disown->rides);
    else
        end_run(disown);
}

static void rides_came(const struct redisReply *rides, void *arg)
{
    struct disown *disown = arg;

    if (!rides) {
        end_run(disown);
        return;
    }
    names_read(&disown->page, rides, RIDE_NAME_MAX + 1, record_parse_ride);
    look_at_ride(disown);
}

void disown_run(struct disown *disown)
{
    if (!disown->due || disown->running)
        return;
    disown->due = false;
    disown->running = true;
    scan_begin(&disown->rides);
    scan_next(&disown->rides);
}

void disown_init(struct disown *disown, struct store *store, struct transitions *transitions)
{
    const struct scan scan = {
        .store = store,
        .command = "SSCAN",
        .complaint = "cannot go through the sockets of this node",
        .arg = disown,
        .page_size = PAGE_SIZE,
    };

    *disown = (struct disown){.transitions = transitions, .rides = scan, .sockets = scan};
    disown->rides.page = rides_came;
    disown->sockets.page = sockets_came;
    key_name_make_node(&disown->rides.key, store->setup->prefix, store->node, ":rides");
}

void disown_deinit(struct disown *disown)
{
    names_clear(&disown->page);
}
