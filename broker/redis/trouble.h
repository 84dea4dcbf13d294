/*
 * What is said of trouble, and how often; and why nobody has answered a question that several were asked, one
 * after the other: of all their reasons the one that tells most. Owned by value; zeroed at first.
 */
#ifndef RIDECAST_BROKER_REDIS_TROUBLE_H
#define RIDECAST_BROKER_REDIS_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct redis_address;

enum {
    TROUBLE_SIZE = 512,
    TROUBLE_LINES = 5,        /* that may come one upon the other; */
    TROUBLE_EVERY_MS = 60000, /* then one in so long, as a server may word each refusal anew */
};

/* A reason, said once until it is another. */
struct told {
    char reason[TROUBLE_SIZE]; /* that was said last; empty: none */
    unsigned lines;            /* that were said since there was none */
    uint64_t last_ms;          /* when the last one was */
};

/* Whether it is to be said now. */
bool told_is_news(struct told *told, const char *reason, uint64_t now_ms);

/* The trouble is over: whatever comes next is news. */
void told_clear(struct told *told);

struct trouble {
    int rank;                  /* 0: there was none */
    char text[TROUBLE_SIZE];   /* who, and why */
    char reason[TROUBLE_SIZE]; /* the latter alone */
    struct told told;
};

/* All are asked anew. */
void trouble_begin(struct trouble *trouble);

/* `who` ("the sentinel") at this address has not answered. What is of a lower rank than before is left out.
 */
void trouble_note(struct trouble *trouble, int rank, const char *who, const struct redis_address *address,
                  const char *reason);

/* Whether it is to be said: nobody has answered, and the reason is another than before. */
bool trouble_is_news(struct trouble *trouble, uint64_t now_ms);

/* Somebody has answered. True: there was trouble, and it was said. */
bool trouble_is_over(struct trouble *trouble);

#endif
