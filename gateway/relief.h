/*
 * Relief: what becomes of clients when less than an eighth of --memory-budget is free. First goes what is
 * only kept to save work. Then whatever the clients of one address hold together, over any number of
 * connections, counts as one: who has more than a share, an eighth of the budget, is cut down to that, the
 * costliest client of the costliest address first, until a quarter of the budget is free. So no address, nor
 * a few, keep the gateway from being ready for the others. When more is held than the budget allows, or for
 * ten seconds on end it could not be freed like that, the costliest address pays, and then the next, whatever
 * it has.
 *
 * Who is cut is cut one by one, as far as a slice reaches (gateway/net/slice.h); what is left to do shows
 * when all are looked at anew. A look costs a visit to every client; one in vain is the last for a while.
 * Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_RELIEF_H
#define RIDECAST_GATEWAY_RELIEF_H

#include <stdbool.h>
#include <stdint.h>

struct budget;
struct eio;
struct plain_riders;
struct refusals;
struct rides;
struct server;
struct slice;

/* Embedded in the gateway, which fills all but the times, which are clock_ms()'s. */
struct relief {
    struct budget *budget;
    struct rides *rides;
    struct eio *eio;
    struct plain_riders *plain;
    struct server *server;
    struct slice *slice;
    struct refusals *refusals;
    bool cutting, all; /* the slice ended before all were cut who were to be; `all`: whatever they have */
    uint64_t shed_ms;  /* when what saves work went last */
    uint64_t look_ms;  /* when nobody was found who had more than a share */
    uint64_t vain_ms;  /* when nobody at all was found worth cutting */
    uint64_t tight_ms; /* since when little is left; 0: there is enough */
};

/* Call at the end of each turn, when everything is written. Sessions that were cut have been reaped. */
void relieve(struct relief *relief);

#endif
