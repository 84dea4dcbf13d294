/*
 * Why nobody has answered a question that several were asked, one after the other: of all their reasons the
 * one that tells most, said once until it is another. Owned by value; zeroed at first.
 */
#ifndef RIDECAST_BROKER_REDIS_TROUBLE_H
#define RIDECAST_BROKER_REDIS_TROUBLE_H

#include <stdbool.h>

struct redis_address;

enum { TROUBLE_SIZE = 512 };

struct trouble {
    int rank;                  /* 0: there was none */
    char text[TROUBLE_SIZE];   /* who, and why */
    char reason[TROUBLE_SIZE]; /* the latter alone */
    char told[TROUBLE_SIZE];   /* the reason that was said last; empty: none */
};

/* All are asked anew. */
void trouble_begin(struct trouble *trouble);

/* `who` ("the sentinel") at this address has not answered. What is of a lower rank than before is left out.
 */
void trouble_note(struct trouble *trouble, int rank, const char *who, const struct redis_address *address,
                  const char *reason);

/* Whether it is to be said: nobody has answered, and the reason is another than before. */
bool trouble_is_news(struct trouble *trouble);

/* Somebody has answered. True: there was trouble, and it was said. */
bool trouble_is_over(struct trouble *trouble);

#endif
