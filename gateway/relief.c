/* Relief: see relief.h. */
#include "gateway/relief.h"

#include "common/budget.h"
#include "common/clock.h"
#include "gateway/net/refusals.h"
#include "gateway/net/server.h"
#include "gateway/plain_riders.h"
#include "gateway/protocol/engineio.h"
#include "gateway/rides/ride.h"
#include "gateway/sio_riders.h"

enum {
    SHED_EVERY_MS = 1000,
    TIGHT_MAX_MS = 10000, /* then the costliest are cut as if it were over */
    WORTH_BYTES = 4096,   /* whoever costs less is not cut: it would help nobody */
};

/* A look at all clients. */
struct look {
    struct relief *relief;
    size_t bar;       /* who costs so much is cut; 0: nobody */
    size_t excess;    /* to be freed */
    size_t costliest; /* of those who are left */
};

/* Whether somebody of that cost is to be cut. */
static bool is_due(struct look *look, size_t cost)
{
    if (look->bar && cost >= look->bar && look->excess) {
        look->excess -= cost < look->excess ? cost : look->excess;
        return true;
    }
    if (cost > look->costliest)
        look->costliest = cost;
    return false;
}

/* One that is ended already gives back what it holds soon; the first look counts that. */
static bool is_ending(struct look *look, const struct outlet *outlet, size_t cost)
{
    if (outlet->overflowed && !look->bar)
        look->excess -= cost < look->excess ? cost : look->excess;
    return outlet->overflowed;
}

static void look_at_session(struct eio_session *session, void *arg)
{
    struct look *look = arg;
    size_t cost = sio_riders_cost(session);

    if (is_ending(look, &session->outlet, cost) || !is_due(look, cost))
        return;
    refuse(look->relief->refusals, REFUSED_MEMORY, &session->client);
    eio_abort(session);
}

static void look_at_plain(struct outlet *outlet, const struct ip *address, void *arg)
{
    struct look *look = arg;
    size_t cost = outlet_cost(outlet);

    if (is_ending(look, outlet, cost) || !is_due(look, cost))
        return;
    refuse(look->relief->refusals, REFUSED_MEMORY, address);
    outlet_overflow(outlet);
}

static bool look_at_link(const struct link *link, void *arg)
{
    return is_due(arg, link_cost(link));
}

static void look_at_all(struct look *look)
{
    struct relief *relief = look->relief;

    eio_visit(relief->eio, look_at_session, look);
    plain_visit(relief->plain, look_at_plain, look);
    server_sacrifice(relief->server, look_at_link, look);
}

/* Whether anybody was worth it. */
static bool cut_costliest(struct relief *relief)
{
    struct look first = {.relief = relief, .excess = budget_excess(relief->budget)};

    look_at_all(&first);
    if (first.costliest < WORTH_BYTES)
        return false;
    struct look second = {.relief = relief, .bar = first.costliest / 2, .excess = first.excess};

    look_at_all(&second);
    return true;
}

/* Who could stay just below it would keep the gateway from being ready, for as long as they like. */
static bool must_cut(const struct relief *relief, uint64_t now)
{
    return (budget_is_over(relief->budget) || now - relief->tight_ms >= TIGHT_MAX_MS) &&
           now - relief->vain_ms >= SHED_EVERY_MS;
}

void relieve(struct relief *relief)
{
    if (!budget_is_tight(relief->budget)) {
        relief->tight_ms = 0;
        return;
    }
    uint64_t now = clock_ms();

    if (!relief->tight_ms)
        relief->tight_ms = now;
    if (must_cut(relief, now) || now - relief->shed_ms >= SHED_EVERY_MS) {
        relief->shed_ms = now;
        rides_shed(relief->rides);
    }
    if (budget_is_tight(relief->budget) && must_cut(relief, now) && !cut_costliest(relief))
        relief->vain_ms = now;
}
