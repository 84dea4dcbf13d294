/* Relief: see relief.h. */
#include "gateway/relief.h"

#include "common/alloc.h"
#include "common/budget.h"
#include "common/clock.h"
#include "gateway/net/peers.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server.h"
#include "gateway/net/slice.h"
#include "gateway/plain_riders.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/ride.h"
#include "gateway/sio_riders.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHED_EVERY_MS = 1000,
    LOOK_EVERY_MS = 100,  /* for whoever has more than a share, when nobody had */
    TIGHT_MAX_MS = 10000, /* then the costliest are cut as if it were over */
    WORTH_BYTES = 1024,   /* whoever costs less is not cut: it would help nobody */
    HOLDERS = 256,        /* there is room for at first */
};

enum holder_kind { SESSION, PLAIN, LINK };

/* Who holds something: a session, a plain client's outlet, or a link. */
struct holder {
    void *who;
    enum holder_kind kind;
    bool due; /* to be cut */
    size_t cost;
    struct ip address, network;
};

/* Those of one address, the costliest first. */
struct crowd {
    struct holder *first;
    size_t count;
    size_t cost; /* of those that are not due */
};

/* A look at all clients. */
struct look {
    struct relief *relief;
    struct holder *holders;
    size_t count, size; /* of them; room for so many */
    size_t excess;      /* to be freed */
};

/* --- who holds what --- */

static void note(struct look *look, enum holder_kind kind, void *who, size_t cost, const struct ip *address)
{
    if (cost < WORTH_BYTES)
        return;
    if (look->count == look->size) {
        look->size *= 2;
        look->holders = reallocarray(look->holders, look->size, sizeof *look->holders);
        if (!look->holders)
            alloc_failed();
    }
    look->holders[look->count++] = (struct holder){
        .who = who, .kind = kind, .cost = cost, .address = *address, .network = peers_network(address)};
}

/* What is given back soon. */
static void expect(struct look *look, size_t cost)
{
    look->excess -= cost < look->excess ? cost : look->excess;
}

static void look_at_session(struct eio_session *session, void *arg)
{
    size_t cost = sio_riders_cost(session);

    if (session->outlet.overflowed)
        expect(arg, cost);
    else
        note(arg, SESSION, session, cost, &session->client);
}

static void look_at_plain(struct outlet *outlet, const struct ip *address, void *arg)
{
    size_t cost = outlet_cost(outlet);

    if (outlet->overflowed)
        expect(arg, cost);
    else
        note(arg, PLAIN, outlet, cost, address);
}

static void look_at_link(struct link *link, void *arg)
{
    struct ip address = link_address(link);

    if (link_gone(link))
        expect(arg, link_cost(link));
    else
        note(arg, LINK, link, link_cost(link), &address);
}

static struct look look_at_all(struct relief *relief)
{
    struct look look = {
        .relief = relief,
        .holders = alloc_zeroed(HOLDERS * sizeof(struct holder)),
        .size = HOLDERS,
        .excess = budget_excess(relief->budget),
    };

    eio_visit(relief->eio, look_at_session, &look);
    plain_visit(relief->plain, look_at_plain, &look);
    server_visit(relief->server, look_at_link, &look);
    return look;
}

static int by_network_and_cost(const void *one, const void *other)
{
    const struct holder *a = one, *b = other;
    int order = memcmp(&a->network, &b->network, sizeof a->network);

    return order ? order : (a->cost < b->cost) - (a->cost > b->cost);
}

static int by_cost(const void *one, const void *other)
{
    const struct crowd *a = one, *b = other;

    return (a->cost < b->cost) - (a->cost > b->cost);
}

/* One for each address, the costliest first. Returns how many. */
static size_t make_crowds(struct look *look, struct crowd *crowds)
{
    size_t count = 0;

    qsort(look->holders, look->count, sizeof *look->holders, by_network_and_cost);
    for (size_t i = 0; i < look->count; i++) {
        struct holder *holder = &look->holders[i];

        if (!i || memcmp(&holder->network, &holder[-1].network, sizeof holder->network) != 0)
            crowds[count++] = (struct crowd){.first = holder};
        crowds[count - 1].count++;
        crowds[count - 1].cost += holder->cost;
    }
    qsort(crowds, count, sizeof *crowds, by_cost);
    return count;
}

/* --- who is cut --- */

/* Picks the costliest of an address until all of it costs no more than so much. */
static void cut_down(struct look *look, struct crowd *crowd, size_t to)
{
    for (size_t i = 0; i < crowd->count && look->excess && crowd->cost > to; i++) {
        struct holder *holder = &crowd->first[i];

        if (holder->due)
            continue;
        holder->due = true;
        crowd->cost -= holder->cost;
        expect(look, holder->cost);
    }
}

/* With `all`, whoever holds most pays, also where that is no more than a share. */
static void pick(struct look *look, bool all)
{
    struct crowd *crowds = alloc_zeroed((look->count + 1) * sizeof *crowds);
    size_t count = make_crowds(look, crowds);

    for (size_t i = 0; i < count; i++)
        cut_down(look, &crowds[i], budget_share_of_one(look->relief->budget));
    for (size_t i = 0; all && i < count; i++)
        cut_down(look, &crowds[i], crowds[i].cost / 2);
    free(crowds);
}

static void cut(const struct relief *relief, const struct holder *holder)
{
    if (holder->kind != LINK)
        refuse(relief->refusals, REFUSED_MEMORY, &holder->address);
    if (holder->kind == LINK)
        link_sacrifice(holder->who);
    else if (holder->kind == SESSION)
        eio_abort(holder->who);
    else
        outlet_overflow(holder->who);
    eio_reap(relief->eio);
}

/* Links last: a plain client goes with its link, and its outlet with it. Whether there was anybody. */
static bool cut_due(const struct look *look)
{
    struct slice *slice = look->relief->slice;
    bool any = false;

    for (int links = 0; links <= 1; links++)
        for (size_t i = 0; i < look->count; i++) {
            if (!look->holders[i].due || (look->holders[i].kind == LINK) != links)
                continue;
            if (!slice_left(slice)) {
                look->relief->cutting = true;
                return true;
            }
            slice_begin(slice);
            cut(look->relief, &look->holders[i]);
            slice_end(slice);
            any = true;
        }
    return any;
}

static bool cut_costliest(struct relief *relief, bool all)
{
    struct look look = look_at_all(relief);

    relief->cutting = false;
    relief->all = all;
    pick(&look, all);
    bool any = cut_due(&look);

    free(look.holders);
    return any;
}

/* Who could stay just below it would keep the gateway from being ready, for as long as they like. */
static bool must_cut(const struct relief *relief, uint64_t now)
{
    return (budget_is_over(relief->budget) || now - relief->tight_ms >= TIGHT_MAX_MS) &&
           now - relief->vain_ms >= SHED_EVERY_MS;
}

void relieve(struct relief *relief)
{
    if (relief->cutting) {
        if (slice_left(relief->slice))
            cut_costliest(relief, relief->all);
        return;
    }
    if (!budget_is_tight(relief->budget)) {
        relief->tight_ms = 0;
        return;
    }
    uint64_t now = clock_ms();

    if (!relief->tight_ms)
        relief->tight_ms = now;
    if (!slice_left(relief->slice))
        return;
    bool all = must_cut(relief, now);

    if (all || now - relief->shed_ms >= SHED_EVERY_MS) {
        relief->shed_ms = now;
        rides_shed(relief->rides);
    }
    if (!budget_is_tight(relief->budget) || (!all && now - relief->look_ms < LOOK_EVERY_MS))
        return;
    if (cut_costliest(relief, all))
        return;
    relief->look_ms = now;
    if (all)
        relief->vain_ms = now;
}
