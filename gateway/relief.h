/*
 * Relief: what becomes of clients when more is held for them than --memory-budget allows, or when for ten
 * seconds on end less than an eighth of it has been free. First goes what is only kept to save work, then the
 * costliest are cut, one after the other, until an eighth of the budget is free again: whoever holds most
 * pays, not whoever comes next. A scan costs a look at every client; one that has found nobody worth cutting
 * is the last for a second. Gateway thread.
 */
#ifndef RIDECAST_GATEWAY_RELIEF_H
#define RIDECAST_GATEWAY_RELIEF_H

#include <stdint.h>

struct budget;
struct eio;
struct plain_riders;
struct refusals;
struct rides;
struct server;

/* Embedded in the gateway, which fills all but the times, which are clock_ms()'s. */
struct relief {
    struct budget *budget;
    struct rides *rides;
    struct eio *eio;
    struct plain_riders *plain;
    struct server *server;
    struct refusals *refusals;
    uint64_t shed_ms;  /* when what saves work went last */
    uint64_t vain_ms;  /* when nobody was found worth cutting */
    uint64_t tight_ms; /* since when little is left; 0: there is enough */
};

/* Call at the end of each turn, when everything is written. Who was cut is to be reaped. */
void relieve(struct relief *relief);

#endif
